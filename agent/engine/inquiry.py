"""Asking once for a list of means of payment: the secrets, the request, its one repeat, and the looks at a list that comes later.

Advice, not money (money rule 14): nothing is recorded, and an outcome that is unclear only means that the till does without the list. The
token and the loyalty number live in the task that asks, and nowhere else; the card session of a scanned code also waits for its checkout
(``scans``).
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.availability import PENDING, Advice, Finding, Later, TellsAvailability, advice, unavailable
from agent.core.model import Binding, Deadline, Invoice, SaleId, Stamp
from agent.core.verdict import NotSent, Outcome, Reply, Request, Unclear
from agent.engine.secrets import card_session
from agent.engine.setup import Ports

MAX_LOOKS = 20  # at a list that comes later; 250 ms apart they fill half of the longest limit that can be set
MIN_PAUSE_MS = 250  # between looks: the vendor's rule for reading a status, taken for these too
MAX_ATTEMPTS = 2  # the first one may meet a connection that the other side has closed meanwhile
LANDING_LIMIT_S = 600.0  # the longest an attempt can be set to live: then its place is free whatever became of it

_NOT_SENT = {  # why an attempt was not sent, where it was not the network
    "credentials": "ACCESS_DENIED",
    "secret_invalid": "TOKEN_UNAVAILABLE",
    "deadline": "TOO_SLOW",
    "busy": "BUSY",
    "pool": "BUSY",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a POS wants to know. ``id`` carries store, terminal and the POS's key; ``secrets`` by name."""

    id: SaleId
    invoice: Invoice
    secrets: Mapping[str, str] = field(repr=False)
    provider: str | None = None


@dataclass(slots=True, eq=False)
class Question:
    """One wish and what has come of it. Holds no secret. ``until``: when the till goes on without the list."""

    id: SaleId
    binding: Binding
    digest: str
    asked: Stamp
    until: Deadline
    advice: Advice = PENDING
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Inquiry:
    """The work for one question. ``helper`` is held while the helper command is asked."""

    def __init__(self, ports: Ports, provider: TellsAvailability, needs_token: bool, helper: asyncio.Lock, question: Question) -> None:
        self._ports = ports
        self._provider = provider
        self._needs_token = needs_token
        self._helper = helper
        self._question = question

    async def learn(self, wish: Wish) -> Advice:
        """Returns when no request is under way any more, be the question settled or not. Raises HelperFailed."""
        secrets = await self._secrets(wish)
        if "cardSession" not in secrets:
            return unavailable("CARD_SESSION_UNAVAILABLE")
        request_id = self._ports.chance.request_id()
        found = await self._exchange(self._provider.ask_availability(wish.id, request_id, wish.invoice, frozenset(secrets)), secrets)
        task_id: str | None = None
        for _ in range(MAX_LOOKS):
            if not isinstance(found, Later):
                break
            task_id = found.task_id or task_id
            if task_id is None:  # "later", and no name to ask for it by
                return unavailable("PROVIDER_UNAVAILABLE")
            await self._pause(max(found.after_ms, MIN_PAUSE_MS))
            found = await self._exchange(self._provider.look_at_availability(task_id), {})
        return found if isinstance(found, Advice) else advice(found)

    async def _pause(self, wait_ms: int) -> None:
        """So long, or until nobody wants to know any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1_000):
                await self._question.settled.wait()

    async def _secrets(self, wish: Wish) -> dict[str, str]:
        """The register's secrets, and the helper's for those that are missing; no card session if this card has none."""
        secrets, card = dict(wish.secrets), self._ports.card
        barcode = secrets.pop("barcode", None)
        lacking = "cardSession" not in secrets or (self._needs_token and "token" not in secrets)
        if card is None or not lacking:
            return secrets
        async with self._helper:
            if self._question.settled.is_set():  # it waited here for too long: leave the helper alone
                return secrets
            if "cardSession" not in secrets and barcode is not None:
                session = await card_session(self._ports, card, wish.id, barcode)
                if session is None:
                    return secrets
                secrets["cardSession"] = session
            if self._needs_token and "token" not in secrets:
                secrets["token"] = await card.token()
        return secrets

    async def _exchange(self, request: Request, secrets: Mapping[str, str]) -> Finding | Advice:
        """One request, repeated once if its connection broke: it moves nothing, and its requestId makes it the same one."""
        for _ in range(MAX_ATTEMPTS):
            if self._question.settled.is_set():
                break
            match await self._attempt(request, secrets):
                case Reply() as reply:
                    return self._provider.read_availability(reply)
                case NotSent(reason=reason):
                    return unavailable(_NOT_SENT.get(reason, "OFFLINE"))
                case Unclear(reason="timeout"):
                    return unavailable("TOO_SLOW")
                case Unclear():
                    pass
        return unavailable("PROVIDER_UNAVAILABLE")

    async def _attempt(self, request: Request, secrets: Mapping[str, str]) -> Outcome:
        """One attempt, until it has really ended: a request that hangs keeps its place among the few."""
        landed: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def late(outcome: Outcome) -> None:
            if not landed.done():
                landed.set_result(outcome)

        question = self._question
        outcome = await self._ports.transport.exchange(question.binding, request, secrets, late, question.until)
        if isinstance(outcome, Unclear) and outcome.reason == "timeout":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LANDING_LIMIT_S):
                    return await landed
        return outcome
