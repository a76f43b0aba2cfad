"""Which services pay out, as the payment system tells it: advice for the till, like the lists of means of payment (money rule 14).

Kept in memory for a while by what was asked, asked anew afterwards. A payment system that hangs holds up nothing: few questions are at work
at a time, and a register is answered "pending" at once.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field

from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.payout.contract import AdvisesPayouts, PayoutAdvice, PayoutServices
from agent.core.verdict import Denied, NotSent, Refused, Reply, Unclear
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.payout_counter import PayoutCounter
from agent.engine.payout_places import Question

LIFE_MS = 300_000  # services change from month to month
MAX_KEPT = 16  # questions; beyond this the oldest answer is forgotten


@dataclass(slots=True, eq=False)
class PayoutQuestion:
    """One question and what has come of it. ``found`` and ``reason`` are empty until it is settled; then one of them is there."""

    provider: str
    amount: Kopecks
    asked: int
    found: PayoutServices | None = None
    reason: str | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class PayoutAdvisor:
    """Asks, remembers for a while, and forgets."""

    def __init__(self, engine: Engine, counter: PayoutCounter) -> None:
        self._engine, self._counter = engine, counter
        self._kept: dict[tuple[str, Kopecks], PayoutQuestion] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, till: SaleId, amount: Kopecks, provider: str | None) -> PayoutQuestion:
        """Begin to ask, or find what was asked lately. Returns at once. Raises Refusal UNSUPPORTED UNKNOWN_TERMINAL LIMIT."""
        name, terms = self._counter.terms(till, provider)
        now = self._engine.ports.clock.now().ticks
        known = self._kept.get((name, amount))
        if known is not None and now - known.asked < LIFE_MS and known.reason is None:
            return known
        adviser = terms.provider
        request = adviser.ask_payout_services(amount) if isinstance(adviser, AdvisesPayouts) else None
        if request is None or not isinstance(adviser, AdvisesPayouts):
            raise Refusal("UNSUPPORTED", f"provider {name!r} cannot be asked: no public key is configured", path="provider")
        if len(self._tasks) >= MAX_KEPT:
            raise Refusal("LIMIT", "too many lists are being asked for; ask again in a moment")
        question = self._kept[name, amount] = PayoutQuestion(name, amount, now)
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

        async def work() -> None:
            places = self._engine.payouts.places.asking
            async with places:
                binding = self._engine.setup.bindings.get(name)
                if binding is None or places.closed:  # it left the configuration meanwhile, or the agent stops
                    _settle(question, NotSent("stopped"))
                    return
                asked = Question(places)
                outcome = await asked.ask(self._engine.ports, binding, request)
                _settle(question, adviser.read_payout_services(outcome) if isinstance(outcome, Reply) else outcome)
                await asked.ended()

        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return question

    async def wait(self, question: PayoutQuestion, seconds: float) -> None:
        """Until the question is settled, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await question.settled.wait()


def _settle(question: PayoutQuestion, answer: PayoutAdvice | NotSent | Unclear) -> None:
    match answer:
        case PayoutServices():
            question.found = answer
        case Denied():
            question.reason = "ACCESS_DENIED"
        case Refused():
            question.reason = answer.code
        case _:
            question.reason = "PROVIDER_UNAVAILABLE"
    question.settled.set()
