"""Doing what a payout owes: recorded before it acts and after it.

A payout's requests never take a sale's place on the wire: few are at work at a time, and each keeps its place until it has truly ended.
Its one sending begins only when there is such a place, so that no time passes between the record and the first byte. While it waited the
configuration may have been exchanged: whether it may leave, and how, is asked anew in its place, and once more as the attempt is recorded.
"""

import asyncio

from agent.core import events as shared
from agent.core.payout import asked, decide
from agent.core.payout.contract import PayoutSeen, PayoutsFound, PaysOut, recipient_secret
from agent.core.payout.events import PAYOUT_CALL
from agent.core.payout.machine import PayoutState
from agent.core.payout.owed import PayoutDuty, PayoutOwed
from agent.core.payout.payout import Payout
from agent.core.payout.policy import PayoutPolicy
from agent.core.verdict import Denied, Garbled, NotSent, Outcome, Reply, Request, Unclear, failure_in_words
from agent.engine.payout_places import PayoutPlaces, Question
from agent.engine.payout_steward import PayoutSteward
from agent.engine.setup import PayoutTerms

MAX_LOOKS_FOR_A_MESSAGE = 5  # that bring nothing, one after another, ever more slowly: about three minutes
NOT_ALLOWED_RETRY_MS = 5_000  # payouts may be switched on again, until the deadline


class PayoutDuties:
    """Performs duties of one payout."""

    def __init__(self, steward: PayoutSteward, places: PayoutPlaces) -> None:
        self._steward, self._places = steward, places

    async def perform(self, owed: PayoutOwed) -> None:
        """Do one duty. Raises what the journal raises; everything else ends in the record."""
        steward = self._steward
        match owed.duty:
            case PayoutDuty.SEND:
                steward.memory.leaving = True
                steward.spawn(self._leave())
            case PayoutDuty.EXPIRE:
                await steward.insist(lambda payout: asked.expire(payout, owed.why))
            case PayoutDuty.SLOW:
                await steward.insist(asked.slow)
            case PayoutDuty.FIND | PayoutDuty.READ:
                steward.memory.reading = True
                steward.memory.hurried = False
                heard, steward.memory.heard = steward.memory.heard, False
                steward.spawn(self._look(owed.duty, heard))

    # --- the one sending ---

    async def _leave(self) -> None:
        steward = self._steward
        try:
            async with self._places.sending:
                if not self._places.sending.closed:
                    await self._send()
        finally:
            steward.memory.leaving = False
            steward.wake.set()

    async def _send(self) -> None:
        steward, payout, terms = self._steward, self._steward.payout, self._steward.terms
        if terms is None or not self._allowed(payout):  # switched off, or exchanged, since it was taken: it is not sent, and expires
            steward.hold(PayoutDuty.SEND, NOT_ALLOWED_RETRY_MS)
            return
        names = {recipient_secret(one) for one in payout.fields}
        secrets = {name: value for name, value in (await steward.ports.journal.secrets(payout.id)).items() if name in names}
        if secrets.keys() != names:
            await steward.insist(lambda now: asked.cannot_send(now, "SECRET_LOST"))
            return
        first = payout.call is None
        request_id = steward.ports.chance.request_id() if payout.call is None else payout.call.request_id
        request = terms.provider.payout(request_id, payout.order, payout.fields) if payout.call is None else payout.call.request
        start = shared.AttemptStarted(PAYOUT_CALL, request_id, request if first else None)
        if await steward.insist(lambda now: [start] if self._may_send(now) else []):
            await self._fly(request_id, request, secrets, terms.provider)

    def _may_send(self, payout: Payout) -> bool:
        """The state may have moved on while the disk was slow; nothing is first sent after its deadline (promise P5)."""
        may = payout.state is PayoutState.QUEUED and payout.never_sent and self._allowed(payout)
        return may and not payout.deadline.passed(self._steward.ports.clock.now())

    def _allowed(self, payout: Payout) -> bool:
        """Whether the configuration in force lets it leave: payouts are switched on, and a first request, which is built from it, would go
        to the account and the side that the payout was taken for. Play money must not leave as real money (money rule 10)."""
        terms, bindings = self._steward.terms, self._steward.setup.bindings
        bound = payout.call is not None or bindings.get(payout.binding.provider) == payout.binding
        return terms is not None and terms.policy.enabled and bound

    async def _fly(self, request_id: str, request: Request, secrets: dict[str, str], provider: PaysOut) -> None:
        steward, payout, ended = self._steward, self._steward.payout, asyncio.Event()

        def late(outcome: Outcome) -> None:
            ended.set()
            steward.spawn(self._landed(request_id, request, outcome, provider, late=True))

        if payout.deadline.passed(steward.ports.clock.now()):  # our own slowness: no word about the link
            outcome: Outcome = NotSent("too_late")
        else:
            outcome = await steward.ports.transport.exchange(payout.binding, request, secrets, late, payout.deadline)
        await self._landed(request_id, request, outcome, provider, late=False)
        if isinstance(outcome, Unclear) and outcome.reason == "timeout":
            await self._places.sending.wait(ended)

    async def _landed(self, request_id: str, request: Request, outcome: Outcome, provider: PaysOut, late: bool) -> None:
        """Record the end of the attempt."""
        steward = self._steward
        result = _understood(provider, request, outcome)
        steward.ports.notice("payout.attempt_ended", steward.id, request_id=request_id, result=describe(result), late=late)
        policy = self._policy
        await steward.insist(
            lambda payout: decide.payout_result(payout, request_id, result, steward.ports.clock.now(), policy, late),
        )

    @property
    def _policy(self) -> PayoutPolicy:
        terms = self._steward.terms
        return terms.policy if terms is not None else PayoutPolicy()

    # --- looks ---

    async def _look(self, duty: PayoutDuty, heard: bool) -> None:
        """``heard``: for a message of the system. If it brings nothing, it is made again a few times: perhaps no other look is owed."""
        steward, memory = self._steward, self._steward.memory
        try:
            async with self._places.looking:
                terms = steward.terms
                if terms is None or self._places.looking.closed:
                    return
                question = Question(self._places.looking)
                result = await (self._find(question, terms) if duty is PayoutDuty.FIND else self._read(question, terms))
                memory.last_read = steward.ports.clock.now()
                memory.reads += 1
                memory.failures = 0 if isinstance(result, PayoutSeen | PayoutsFound) else memory.failures + 1
                memory.heard |= heard and 0 < memory.failures < MAX_LOOKS_FOR_A_MESSAGE
                memory.pause_ms = (result.retry_after_s or 0) * 1_000 if isinstance(result, Denied | Garbled) else 0
                await question.ended()
        finally:
            memory.reading = False
            steward.wake.set()

    async def _find(self, question: Question, terms: PayoutTerms) -> decide.SearchResult:
        steward, payout, provider = self._steward, self._steward.payout, terms.provider
        assert payout.call is not None, "only what was begun is searched for"
        request_id, begun, clock = payout.call.request_id, steward.ports.clock.now(), steward.ports.clock
        outcome = await question.ask(steward.ports, payout.binding, provider.find_payout(request_id))
        result = provider.read_found_payouts(outcome) if isinstance(outcome, Reply) else outcome
        steward.ports.notice("payout.search_ended", steward.id, request_id=request_id, result=describe(result))
        plan = decide.SearchPlan(provider.payout_searches, provider.payout_search_pause_ms)
        await steward.insist(lambda now: decide.search_result(now, request_id, result, begun, clock.now(), terms.policy, plan))
        return result

    async def _read(self, question: Question, terms: PayoutTerms) -> decide.Result:
        steward, payout, provider = self._steward, self._steward.payout, terms.provider
        assert payout.transaction_id is not None, "only what is known is read"
        request = provider.payout_status(payout.transaction_id)
        outcome = await question.ask(steward.ports, payout.binding, request)
        result = _understood(provider, request, outcome)
        await steward.insist(lambda now: decide.status_result(now, result, steward.ports.clock.now(), terms.policy))
        return result


def _understood(provider: PaysOut, request: Request, outcome: Outcome) -> decide.Result:
    return provider.read_payout(request.operation, outcome) if isinstance(outcome, Reply) else outcome


def describe(result: decide.Result | decide.SearchResult) -> str:
    """A result in a few words, for logs."""
    match result:
        case PayoutSeen():
            return " ".join(part for part in (result.status.value, result.resolution) if part)
        case PayoutsFound():
            return f"found {len(result.matches)}"
        case _:
            return failure_in_words(result)
