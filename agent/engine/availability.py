"""Lists of means of payment: asked beside the sales, kept in memory, never in their way (money rule 14).

Such a list moves no money, so nothing of it is recorded: after a restart the POS asks again. It is had quickly or not at all, for a
customer stands at the till: after ``Policy.availability_limit_ms`` the answer is "unavailable", and stays so. The request itself is not
cut off then (money rule 13). It keeps its place among the few that may be at work, so a payment system that hangs costs the sales neither
connections nor calls of the helper, however often a register asks.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from agent.core import canonical
from agent.core.availability import Advice, TellsAvailability, unavailable
from agent.core.contract import Unacceptable
from agent.core.model import Binding, Checkout, Deadline, SaleId
from agent.core.ports import HelperFailed
from agent.engine.errors import Refusal, Stopped, unknown_terminal
from agent.engine.inquiry import Inquiry, Question, Wish
from agent.engine.setup import Ports, Setup

MAX_AT_WORK = 6  # per account: the transport carries sixteen requests at a time, and ten of them always remain for sales
MAX_AT_WORK_PER_TERMINAL = 3  # so that one register cannot take the places of all others
MAX_KEPT_PER_TERMINAL = 16  # a till serves one customer at a time; beyond this the oldest answer is forgotten
LIFE_MS = 600_000  # ten minutes after the question its customer has paid or left, and the list is stale
STOP_LIMIT_S = 2.0  # for tasks to notice that they are cancelled

Till = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request at work counts."""

    account: str
    till: Till


class Availability:
    """Asks, remembers for a while, and forgets. One for the whole agent."""

    def __init__(self, ports: Ports, setup: Callable[[], Setup]) -> None:
        self._ports = ports
        self._setup = setup
        self._kept: dict[Till, dict[str, Question]] = {}
        self._places: dict[asyncio.Task[None], _Place] = {}
        self._timers: dict[Question, asyncio.TimerHandle] = {}
        self._helper = asyncio.Lock()  # one call at a time: the helper's other place is for sales
        self._closed = False

    @property
    def at_work(self) -> int:
        """Requests under way, those included that nobody waits for any more."""
        return len(self._places)

    @property
    def kept(self) -> int:
        """Questions in memory."""
        return sum(len(of_till) for of_till in self._kept.values())

    # --- for the POS ---

    def ask(self, wish: Wish) -> tuple[Question, bool]:
        """Begin to ask, or recognise a question that was asked before. Returns at once; True: it is new.

        Raises Refusal: UNKNOWN_TERMINAL INVALID UNSUPPORTED CONFLICT; Stopped.
        """
        if self._closed:
            raise Stopped("the agent is stopping; ask again in a moment")
        binding, provider = self._provider(wish)
        digest = self._digest(wish, binding.provider)
        kept = self._recent(wish.id)
        known = kept.get(wish.id.key)
        if known is not None:
            if known.digest != digest:
                raise Refusal("CONFLICT", f"key {wish.id.key!r} was used to ask for another list; use a new key", key=wish.id.key)
            return known, False
        self._check(wish, binding.provider)
        now = self._ports.clock.now()
        until = Deadline(now.boot, now.ticks + self._limit_ms(wish.id, binding.provider))
        question = kept[wish.id.key] = Question(wish.id, binding, digest, now, until)
        if len(kept) > MAX_KEPT_PER_TERMINAL:
            del kept[next(iter(kept))]
        self._begin(question, provider, wish)
        return question, True

    def get(self, question_id: SaleId) -> Question:
        """A question that was asked here lately. Raises Refusal NOT_FOUND."""
        question = self._recent(question_id).get(question_id.key)
        if question is None:
            raise Refusal("NOT_FOUND", f"no list is known under key {question_id.key!r}: lists are forgotten after a while; ask anew")
        return question

    async def wait(self, question: Question, seconds: float) -> None:
        """Until the question is settled, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await question.settled.wait()

    async def stop(self) -> None:
        """Ask nothing more, let nobody wait, leave no task behind."""
        self._closed = True
        for question in tuple(self._timers):
            self._settle(question, unavailable("BUSY"))
        tasks = tuple(self._places)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_LIMIT_S)

    # --- taking a question ---

    def _provider(self, wish: Wish) -> tuple[Binding, TellsAvailability]:
        setup, till = self._setup(), wish.id
        terminal = setup.terminals.get((till.store_id, till.terminal_id))
        if terminal is None:
            raise unknown_terminal(till.store_id, till.terminal_id)
        name = wish.provider or terminal.provider
        binding, provider = setup.bindings.get(name), setup.providers.get(name)
        if binding is None or provider is None:
            raise Refusal("INVALID", f"provider {name!r} is not configured", path="provider")
        if not provider.capabilities.availability or not isinstance(provider, TellsAvailability):
            raise Refusal("UNSUPPORTED", f"the payment system {name!r} has no list of means of payment", path="provider")
        return binding, provider

    def _digest(self, wish: Wish, provider: str) -> str:
        """What must be equal for two questions to be the same one: bill, provider, card and buyer; not the token."""
        card = wish.secrets.get("cardSession") or wish.secrets.get("barcode") or ""
        body = [provider, asdict(wish.invoice), card, wish.secrets.get("loyaltyId", "")]
        return canonical.digest(body, self._ports.journal.digest_key)

    def _recent(self, question_id: SaleId) -> dict[str, Question]:
        """The questions of a till that are not too old."""
        till, now = (question_id.store_id, question_id.terminal_id), self._ports.clock.now()
        kept = self._kept.get(till, {})
        fresh = {key: one for key, one in kept.items() if not Deadline(one.asked.boot, one.asked.ticks + LIFE_MS).passed(now)}
        if till in self._setup().terminals:  # only these are as few as the configuration says
            self._kept[till] = fresh
        return fresh

    def _check(self, wish: Wish, name: str) -> None:
        """What the provider would refuse, and what nobody but the register can supply. Raises Refusal INVALID with every problem."""
        problems = [*self._absent(wish, name), *self._unacceptable(wish, name)]
        if problems:
            details = [{"path": path, "problem": problem} for path, problem in problems]
            raise Refusal("INVALID", "; ".join(f"{path}: {problem}" for path, problem in problems), details=details)

    def _absent(self, wish: Wish, name: str) -> Sequence[tuple[str, str]]:
        if self._ports.card is not None:
            return ()
        needed = ("token", "cardSession") if self._setup().capabilities(name).needs_token else ("cardSession",)
        return [(one, "must come from the register: no [helper] is configured") for one in needed if one not in wish.secrets]

    def _unacceptable(self, wish: Wish, name: str) -> Sequence[tuple[str, str]]:
        lengths = {secret: len(value) for secret, value in wish.secrets.items()}
        lengths.setdefault("cardSession", 1)  # a barcode becomes a card session only when the helper has read it
        try:
            self._setup().provider(name).check(wish.id, Checkout(wish.invoice, (), ""), lengths)
        except Unacceptable as error:
            return error.problems
        return ()

    def _limit_ms(self, question_id: SaleId, provider: str) -> int:
        return self._setup().policy(question_id.store_id, question_id.terminal_id, provider).availability_limit_ms

    # --- asking ---

    def _begin(self, question: Question, provider: TellsAvailability, wish: Wish) -> None:
        place = _Place(question.binding.account, (wish.id.store_id, wish.id.terminal_id))
        if not self._ports.transport.reachable(place.account):
            self._settle(question, unavailable("OFFLINE"))
        elif not self._has_room(place):
            self._settle(question, unavailable("BUSY"))
        else:
            loop = asyncio.get_running_loop()
            self._timers[question] = loop.call_later(
                self._limit_ms(wish.id, question.binding.provider) / 1_000, self._settle, question, unavailable("TOO_SLOW")
            )
            task = loop.create_task(self._work(question, provider, wish))
            self._places[task] = place
            task.add_done_callback(self._places.pop)

    def _has_room(self, place: _Place) -> bool:
        taken = self._places.values()
        of_account = sum(1 for one in taken if one.account == place.account)
        of_till = sum(1 for one in taken if one.till == place.till)
        return of_account < MAX_AT_WORK and of_till < MAX_AT_WORK_PER_TERMINAL

    def _settle(self, question: Question, found: Advice) -> None:
        """The first word counts: what a till was told about its customer does not change."""
        timer = self._timers.pop(question, None)
        if timer is not None:
            timer.cancel()
        if question.settled.is_set():
            return
        question.advice = found
        question.settled.set()
        means = [one.payment_type for one in found.listed.means if one.available] if found.listed else []
        self._ports.notice(f"availability.{found.state.value}", None, key=str(question.id), reason=found.reason, means=means)

    async def _work(self, question: Question, provider: TellsAvailability, wish: Wish) -> None:
        needs_token = self._setup().capabilities(question.binding.provider).needs_token
        try:
            found = await Inquiry(self._ports, provider, needs_token, self._helper, question).learn(wish)
        except HelperFailed as error:
            self._ports.notice("helper.failed", None, key=str(question.id), problem=str(error))
            found = unavailable("HELPER_FAILED")
        except Exception as error:  # noqa: BLE001 - the task's boundary: advice that fails must harm nothing else
            self._ports.notice("availability.failed", None, key=str(question.id), problem=type(error).__name__)
            found = unavailable("PROVIDER_UNAVAILABLE")
        self._settle(question, found)
