"""Planted bugs: each is a mistake somebody could make, put in the place of the real part. The enumeration must find every one.

They change the real modules through a context, so that the bug sits where a real one would; nothing of them exists outside tests.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from agent.core import answer, decide, decide_asked, decide_receipt, decide_refund, events, evidence, fold, fold_operator, owed_payment
from agent.core.call import Call, CallState
from agent.core.capability import Capabilities
from agent.core.decide import Result
from agent.core.duty import Duty, Owed
from agent.core.events import Event
from agent.core.model import PaymentLink, Slip, Stamp
from agent.core.owed_refund import OfRefunds
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import Refund
from agent.core.resolution import Resolution
from agent.core.sale import Sale
from agent.core.verdict import Found, NotSent, Reply, Request, Unclear
from agent.engine import duties, recover
from agent.engine.duties import Duties
from agent.engine.hints import Hints
from agent.engine.operator import Operator
from agent.engine.steward import Steward
from agent.engine.waiting import Entry, Waiting
from agent.providers.softline import Softline
from tests.simulation import systems
from tests.simulation.planted_payouts import PAYOUT_PLANTS

Plant = Callable[[], Any]


@contextmanager
def new_request_id() -> Iterator[None]:
    """A repeat of an unclear checkout goes out under a new requestId."""
    real = Duties._launch

    async def launch(self: Duties, name: str, request_id: str, request: Request, secrets: dict[str, str]) -> None:
        call = self._steward.sale.call
        if name == "checkout" and call is not None and call.lost > 0:
            fresh = self._steward.ports.chance.request_id()
            request = replace(request, body={**request.body, "requestId": fresh})
        await real(self, name, request_id, request, secrets)

    with mock.patch.object(Duties, "_launch", launch):
        yield


@contextmanager
def timeout_is_refusal() -> Iterator[None]:
    """No answer in time is taken for "not sent"."""
    real = duties.Duties._understood

    def understood(self: Duties, request: Request, outcome: Any) -> Result:
        result = real(self, request, outcome)
        return NotSent("timeout") if isinstance(result, Unclear) and result.reason != "restart" else result

    with mock.patch.object(Duties, "_understood", understood):
        yield


@contextmanager
def submit_before_record() -> Iterator[None]:
    """The request leaves before its intent is stored."""
    real = Steward.insist

    async def insist(self: Steward, decider: Any, put_secrets: Any = None) -> Sequence[Event]:
        found = decider(self.sale)
        started = [one for one in found if isinstance(one, events.AttemptStarted) and one.request is not None]
        for one in started:
            secrets = dict(await self.ports.journal.secrets(self.sale.id)) | dict(put_secrets or {})
            if one.request is not None and one.request.secret_names() <= secrets.keys():
                await self.ports.transport.exchange(self.sale.binding, one.request, secrets, lambda _: None)
        return await real(self, decider, put_secrets)

    with mock.patch.object(Steward, "insist", insist):
        yield


@contextmanager
def late_payment_ignored() -> Iterator[None]:
    """Money that shows up after a cancel is not given back."""

    def nothing(sale: Sale, slip: Slip | None, problem: str | None) -> list[Event]:
        return []

    with mock.patch.object(evidence, "_late_money", nothing):
        yield


@contextmanager
def amount_not_compared() -> Iterator[None]:
    """A slip over another amount counts as paid."""

    def no_problem(sale: Sale, slip: Slip) -> None:
        return None

    with mock.patch.object(evidence, "mismatch", no_problem):
        yield


@contextmanager
def last_attempt_decides() -> Iterator[None]:
    """NOT SENT of the last attempt is taken for "never sent", whatever happened to the earlier ones."""
    real = Call.held

    def held(self: Call, now: Stamp, retry_after_ms: int = 0, reached: bool = False) -> Call:
        done = real(self, now, retry_after_ms, reached)
        return replace(done, state=CallState.IDLE, lost=0)

    def failed(sale: Sale, call: Call, failure: Any) -> list[Event]:
        found = decide.attempt_failed(sale, "checkout", call, failure)
        unsent = isinstance(failure, NotSent) and sale.payment.value in ("canceling", "unknown")
        ended: list[Event] = [events.CancelWanted(events.CancelCause.DEADLINE), events.Canceled("OFFLINE")]
        return [*found, *(ended if unsent else [])]

    with mock.patch.object(Call, "held", held), mock.patch.object(decide, "_checkout_failed", failed):
        yield


@contextmanager
def refund_repeated_blindly() -> Iterator[None]:
    """An unclear refund is repeated after ten minutes without reading the payment first."""
    real: Callable[[Steward], Policy] = vars(Steward)["policy"].fget

    def policy(self: Steward) -> Policy:
        return replace(real(self), blind_repeat_ms=10**12)

    with mock.patch.object(Steward, "policy", property(policy)):
        yield


@contextmanager
def secrets_in_events() -> Iterator[None]:
    """The journalled request holds the secrets themselves."""
    real = Steward.insist

    async def insist(self: Steward, decider: Any, put_secrets: Any = None) -> Sequence[Event]:
        known = dict(await self.ports.journal.secrets(self.sale.id)) | dict(put_secrets or {})
        return await real(self, lambda sale: [_filled(one, known) for one in decider(sale)], put_secrets)

    with mock.patch.object(Steward, "insist", insist):
        yield


def _filled(event: Event, secrets: dict[str, str]) -> Event:
    if isinstance(event, events.AttemptStarted) and event.request is not None and event.request.secret_names() <= secrets.keys():
        return replace(event, request=replace(event.request, body=event.request.fill(secrets)))
    return event


@contextmanager
def cancel_not_verified() -> Iterator[None]:
    """The answer to a cancel is believed without a status read."""
    real = decide.cancel_result

    def believe(sale: Sale, request_id: str, result: Result, now: Stamp, policy: Policy, late: bool = False) -> list[Event]:
        found = real(sale, request_id, result, now, policy, late)
        answered = any(isinstance(one, events.CancelAnswered) for one in found)
        return [*found, events.Canceled("CANCELED_BY_CASHIER")] if answered and sale.payment.value == "canceling" else found

    with mock.patch.object(decide, "cancel_result", believe):
        yield


@contextmanager
def refund_id_renewed() -> Iterator[None]:
    """A refund whose answer was lost is tried again under a new id."""
    real = decide_refund.refund_result

    def renewed(sale: Sale, key: str, request_id: str, result: Result, *rest: Any) -> list[Event]:
        one = sale.refund(key)
        if isinstance(result, Unclear) and one is not None and one.call is not None and one.call.open:
            call = decide_refund.refund_call(key)
            return [events.AttemptAnswered(call, request_id, "lost"), events.RefundReopened(key, "lost", busy=True)]
        return real(sale, key, request_id, result, *rest)

    with mock.patch.object(decide_refund, "refund_result", renewed):
        yield


@contextmanager
def receipt_id_renewed() -> Iterator[None]:
    """A receipt whose answer was lost is handed over again under a new id."""
    real = decide_receipt.receipt_result

    def renewed(sale: Sale, key: str, request_id: str, result: Result, *rest: Any) -> list[Event]:
        one = sale.delivery(key)
        if isinstance(result, Unclear) and one is not None and one.call is not None and one.call.open:
            call = decide_receipt.receipt_call(key)
            return [events.AttemptAnswered(call, request_id, "lost"), events.ReceiptReopened(key, "lost")]
        return real(sale, key, request_id, result, *rest)

    with mock.patch.object(decide_receipt, "receipt_result", renewed):
        yield


@contextmanager
def receipt_forgotten() -> Iterator[None]:
    """A restart does not look after the receipts that were on their way."""
    real = recover.interrupted

    def interrupted(sale: Sale) -> list[Event]:
        return [one for one in real(sale) if not (isinstance(one, events.AttemptLost) and one.call.startswith("receipt"))]

    with mock.patch.object(recover, "interrupted", interrupted):
        yield


@contextmanager
def link_shown_early() -> Iterator[None]:
    """The customer is shown the link as soon as the answer is understood, and its record is written afterwards."""
    real = Steward.insist

    async def insist(self: Steward, decider: Any, put_secrets: Any = None) -> Sequence[Event]:
        before = self.sale
        for event in decider(before) if before.link is None else ():
            self.sale = fold.fold(self.sale, event, self.ports.clock.now())
        if self.sale.link is not None and before.link is None:
            self.rouse()
            await asyncio.sleep(2)  # he looks at the code; the disk takes its time
        self.sale = before
        return await real(self, decider, put_secrets)

    with mock.patch.object(Steward, "insist", insist):
        yield


@contextmanager
def told_not_recorded() -> Iterator[None]:
    """A finished answer is handed out without being recorded as told."""
    from agent.engine.engine import Engine

    async def tell(self: Engine, one: Steward, by: str) -> None:
        return None

    with mock.patch.object(Engine, "tell", tell):
        yield


@contextmanager
def given_up_in_words_only() -> Iterator[None]:
    """That an operator gave a refund up is recorded, and changes nothing."""
    real = fold_operator.resolved

    def resolved(sale: Sale, event: events.Resolved, at: Stamp) -> Sale:
        return sale if event.resolution is Resolution.DROP else real(sale, event, at)

    with mock.patch.dict(fold._APPLY, {events.Resolved: resolved}):
        yield


@contextmanager
def hurried_look_believed() -> Iterator[None]:
    """A look that an operator wanted at once is taken for the proof that a refund has not arrived."""
    real = OfRefunds._second_refund

    def second(self: OfRefunds, one: Refund, call: Call) -> Iterator[Owed]:
        if one.checked is None or one.check_first:
            return real(self, one, call)
        return iter([Owed(Duty.REFUND, self.now.ticks, refund=one.key)])

    with mock.patch.object(OfRefunds, "_second_refund", second):
        yield


@contextmanager
def decided_in_memory() -> Iterator[None]:
    """An operator is told that his decision is carried out while it is still on its way to the disk."""
    under_way: set[asyncio.Future[None]] = set()

    async def guarded(self: Operator, work: Any) -> None:
        async def later() -> None:
            try:
                await asyncio.sleep(0.5)  # the disk takes its time
            except asyncio.CancelledError:
                work.close()
                raise
            await work

        under_way.add(asyncio.ensure_future(later()))

    with mock.patch.object(Operator, "_guarded", guarded):
        yield


@contextmanager
def message_believed() -> Iterator[None]:
    """A message of the payment system about a sale is taken for the payment, without a status read."""
    real = Hints._consider

    def consider(self: Hints, entry: Entry, steward: Steward) -> bool:
        sale = steward.sale
        if sale.payment is PaymentState.PENDING:
            slip = Slip(sale.amount, sale.checkout.invoice.order_id)
            steward.spawn(steward.insist(lambda now: [events.Paid(slip)] if now.payment is PaymentState.PENDING else []))
        return real(self, entry, steward)

    with mock.patch.object(Hints, "_consider", consider):
        yield


@contextmanager
def message_forgotten() -> Iterator[None]:
    """What asks for a look at an ended sale is kept in memory alone."""

    async def store(self: Waiting, entry: Entry) -> None:
        return None

    with mock.patch.object(Waiting, "store", store):
        yield


@contextmanager
def not_searched() -> Iterator[None]:
    """A create is repeated without a search for what the first copy may have made."""

    def repeat(self: Any, call: Call, end: int) -> Iterator[Owed]:
        due = max(call.next_try(self.now, self.policy.checkout_backoff), self.now.ticks)
        return iter([Owed(Duty.SEND, due)] if due < end else [])

    with mock.patch.object(owed_payment.OfPayment, "_repeat", repeat):
        yield


@contextmanager
def found_nothing() -> Iterator[None]:
    """Whatever a search brings is taken for an empty list."""

    def read_found(self: Softline, reply: Reply) -> Found:
        return Found()

    with mock.patch.object(Softline, "read_found", read_found):
        yield


@contextmanager
def refund_thought_idempotent() -> Iterator[None]:
    """A refund is repeated at once, at a provider that does not recognise the repeat."""
    caps = systems.provider(systems.PAYCORE).capabilities
    with mock.patch.object(systems.provider(systems.PAYCORE), "capabilities", replace(caps, idempotent_refund=True)):
        yield


@contextmanager
def link_left_on_display() -> Iterator[None]:
    """A link that was taken back is shown all the same."""

    def link(sale: Sale) -> PaymentLink | None:
        return sale.link

    with mock.patch.object(answer, "payable_link", link):
        yield


@contextmanager
def unopened_link_forgotten() -> Iterator[None]:
    """A link of our own that nobody has opened is thought to be dead once it was taken back."""
    real = decide_asked.begin_cancel

    def begin_cancel(sale: Sale, cause: events.CancelCause, caps: Capabilities) -> list[Event]:
        found = real(sale, cause, caps)
        opened = sale.transaction_id is not None
        return found if opened else [replace(one, withdrawn=False) if isinstance(one, events.Canceled) else one for one in found]

    with mock.patch.object(decide_asked, "begin_cancel", begin_cancel):
        yield


PLANTS: dict[str, tuple[Plant, str]] = {
    "new requestId while unclear": (new_request_id, "answer lost"),
    "a time-out taken for a refusal": (timeout_is_refusal, "silent bank"),
    "submit before record": (submit_before_record, "sale"),
    "late payment after cancel ignored": (late_payment_ignored, "late money"),
    "amount not compared": (amount_not_compared, "wrong amount"),
    "NOT SENT of the last attempt taken for never sent": (last_attempt_decides, "lost, then offline"),
    "refund repeated blindly after ten minutes": (refund_repeated_blindly, "forgotten refund"),
    "secrets left in the events": (secrets_in_events, "sale"),
    "cancel not verified by a status read": (cancel_not_verified, "race lost"),
    "new refund id after a lost answer": (refund_id_renewed, "partial refund"),
    "new receipt id after a lost answer": (receipt_id_renewed, "receipt answer lost"),
    "receipt forgotten after a crash": (receipt_forgotten, "receipt"),
    "told without a record": (told_not_recorded, "late money"),
    "a dropped refund is performed": (given_up_in_words_only, "operator: drop"),
    "a decision told before it is recorded": (decided_in_memory, "operator: return"),
    "a retry that makes a second refund": (hurried_look_believed, "operator: retry"),
    "a webhook believed without a read": (message_believed, "a message too early"),
    "a webhook that waits is forgotten by a crash": (message_forgotten, "a message finds late money"),
    "a link shown before it is recorded": (link_shown_early, "paycore: paid"),
    "a link of our own shown before it is recorded": (link_shown_early, "own links: paid late"),
    "a link of our own forgotten because nobody has opened it": (unopened_link_forgotten, "own links: paid late"),
    "a link shown after it was taken back": (link_left_on_display, "payconnect: withdrawn"),
    "a create repeated without a search": (not_searched, "softline: answer lost"),
    "a search taken for an empty one": (found_nothing, "softline: answer lost"),
    "a refund repeated where a repeat is a second refund": (refund_thought_idempotent, "paycore: refunds"),
    **PAYOUT_PLANTS,
}
