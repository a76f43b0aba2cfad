"""Doing what a sale owes: each duty is recorded before it acts and after it, and acts through a port.

A request runs as its own task. The steward does not wait for it: it goes on asking what is owed, and while an attempt is open the machine
owes nothing that would send it twice. The answer, however late, finds its way into the record by ``landed`` (money rule 13).
"""

import asyncio
from collections.abc import Mapping, Sequence

from agent.core import decide, decide_asked, decide_receipt, decide_refund, events, evidence
from agent.core.call import may_start
from agent.core.contract import FindsByKey, Provider, Return
from agent.core.decide import Result, SearchResult
from agent.core.duty import Duty, Owed
from agent.core.events import CancelCause, Event
from agent.core.owing import rereads
from agent.core.payment import PaymentState
from agent.core.ports import HelperFailed
from agent.core.refund import Refund
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, Sale
from agent.core.verdict import (
    Denied,
    Found,
    Garbled,
    NotSent,
    Observed,
    Offered,
    Operation,
    Outcome,
    Reply,
    Request,
    failure_in_words,
)
from agent.engine import identity
from agent.engine.couriers import Courier, Couriers
from agent.engine.offering import offered
from agent.engine.secrets import Missing, checkout_secrets, forget_scan, refund_token
from agent.engine.steward import Steward

HELPER_RETRY_MS = 2_000  # a helper that failed is asked again this much later
NO_PROVIDER_RETRY_MS = 60_000  # a payment system that left the configuration may come back with any reload


class Duties:
    """Performs duties of one sale."""

    def __init__(self, steward: Steward, couriers: Couriers) -> None:
        self._steward = steward
        self._couriers = couriers
        self._asked: Provider | None = None

    @property
    def _provider(self) -> Provider:
        """The sale's provider as it is configured now; an answer that was under way while it left the configuration is still read as it
        was asked for. Raises KeyError for one that was never there."""
        setup, name = self._steward.setup, self._steward.sale.binding.provider
        if name in setup.providers or self._asked is None:
            self._asked = setup.provider(name)
        return self._asked

    async def perform(self, owed: Owed) -> None:
        """Do one duty. Raises what the journal raises; everything else ends in the record."""
        if self._steward.sale.binding.provider not in self._steward.setup.providers:
            # A configuration that takes out what is owed to is refused (money rule 10); an operator may have made it owe anew since.
            self._steward.ports.notice("provider.missing", self._steward.sale.id, provider=self._steward.sale.binding.provider)
            self._steward.hold(owed.duty, NO_PROVIDER_RETRY_MS)
            return
        if identity.waits(self._steward, owed):
            return
        self._steward.memory.hurried.discard(owed.duty)
        match owed.duty:
            case Duty.SEND:
                await self._send_checkout()
            case Duty.CANCEL:
                await self._send_cancel()
            case Duty.REFUND:
                await self._send_refund(owed.refund)
            case Duty.READ | Duty.FIND | Duty.CHECK_REFUND | Duty.READ_REFUND:
                self._read(owed)
            case Duty.RECEIPT:
                # made for the way: kept here it would be a cycle, and a cycle keeps a settled sale in memory
                Courier(self._steward, self._couriers, self._landed).carry(owed.receipt)
            case _:
                await self._decide(owed)

    async def _decide(self, owed: Owed) -> None:
        caps = self._provider.capabilities
        match owed.duty:
            case Duty.EXPIRE:
                await self._steward.insist(lambda sale: decide_asked.expire(sale, owed.why))
            case Duty.BEGIN_CANCEL:
                cause = CancelCause(owed.why)
                waiting = (PaymentState.UNKNOWN, PaymentState.PENDING)
                await self._steward.insist(lambda sale: decide_asked.begin_cancel(sale, cause, caps) if sale.payment in waiting else [])
            case Duty.GIVE_UP:
                await self._steward.insist(lambda sale: decide_asked.give_up(sale, owed.why, caps))
            case Duty.HAND_OVER:
                await self._steward.insist(lambda sale: decide_refund.hand_over(sale, owed.refund))
            case Duty.UNCLAIMED:
                await self._steward.insist(lambda sale: decide_asked.unclaimed(sale, owed.why == "return"))
            case _:
                raise AssertionError(f"{owed.duty} is no decision")

    # --- sending ---

    async def _send_checkout(self) -> None:
        steward, sale = self._steward, self._steward.sale
        if sale.call is None and not self._bound():
            steward.ports.notice("provider.changed", sale.id, provider=sale.binding.provider)
            steward.hold(Duty.SEND, NO_PROVIDER_RETRY_MS)
            return
        try:
            async with asyncio.timeout(self._time_left_s(sale)):  # a helper that hangs must not keep the sale in its lane
                secrets, fresh = await checkout_secrets(steward.ports, self._provider.capabilities, sale)
        except (HelperFailed, TimeoutError) as error:
            steward.ports.notice("helper.failed", sale.id, problem=str(error) or "no answer before the send deadline")
            steward.hold(Duty.SEND, HELPER_RETRY_MS)
            steward.memory.obstacle = "HELPER_FAILED"
            return
        except Missing as missing:
            reason = str(missing)
            await steward.insist(lambda now: _cannot_send(now, reason))
            return
        first = sale.call is None
        request_id = steward.ports.chance.request_id() if sale.call is None else sale.call.request_id
        request = (
            self._provider.checkout(sale.id, request_id, sale.checkout, frozenset(secrets)) if sale.call is None else sale.call.request
        )
        start = events.AttemptStarted(CHECKOUT_CALL, request_id, request if first else None)
        if await steward.insist(lambda now: [start] if self._may_send(now, request_id) else [], fresh):
            forget_scan(steward.ports, sale, secrets)
            await self._launch(CHECKOUT_CALL, request_id, request, secrets)

    def _may_send(self, sale: Sale, request_id: str) -> bool:
        """The state may have moved on while the helper was asked or the disk was slow: a first sending never comes after its deadline."""
        if not may_start(sale.call, request_id):
            return False
        if sale.payment is PaymentState.QUEUED:
            in_time = not sale.deadline.passed(self._steward.ports.clock.now())
            return in_time and (sale.call is not None or self._bound())
        repeatable = sale.payment in (PaymentState.UNKNOWN, PaymentState.CANCELING)
        return repeatable and sale.transaction_id is None and sale.call is not None

    def _bound(self) -> bool:
        """Whether the configuration in force is the one the sale was taken under. The first request is built from it, and would carry
        what was taken as play money over to the side of real money, or the reverse (money rule 10)."""
        binding = self._steward.sale.binding
        return self._steward.setup.bindings.get(binding.provider) == binding

    def _time_left_s(self, sale: Sale) -> float | None:
        """Until the send deadline, for a sale of which nothing was sent; its secrets are still to be had. None: no limit."""
        left_ms = sale.deadline.ticks - self._steward.ports.clock.now().ticks
        return max(left_ms, 0) / 1000 if sale.call is None else None

    async def _send_cancel(self) -> None:
        steward, sale, call = self._steward, self._steward.sale, self._steward.sale.cancel_call
        assert sale.transaction_id is not None
        if call is None or call.settled:
            request_id = steward.ports.chance.request_id()
            request = self._provider.cancel(sale.id, request_id, sale.transaction_id)
            start = events.AttemptStarted(CANCEL_CALL, request_id, request)
        else:
            request_id, request = call.request_id, call.request
            start = events.AttemptStarted(CANCEL_CALL, request_id)
        if await steward.insist(
            lambda now: [start] if now.payment is PaymentState.CANCELING and may_start(now.cancel_call, request_id) else []
        ):
            await self._launch(CANCEL_CALL, request_id, request, {})

    async def _send_refund(self, key: str) -> None:
        steward, sale = self._steward, self._steward.sale
        one = sale.refund(key)
        assert one is not None
        try:
            token_name, secrets = await refund_token(steward.ports, self._provider.capabilities, sale, one)
        except (HelperFailed, Missing) as error:
            steward.ports.notice("refund.token_unavailable", sale.id, refund=key, problem=str(error))
            await steward.insist(lambda now: evidence.alarm(now, "TOKEN_UNAVAILABLE"))
            steward.hold(Duty.REFUND, HELPER_RETRY_MS)
            return
        name = decide_refund.refund_call(key)
        if one.call is None or one.call.settled:
            request_id = steward.ports.chance.request_id()
            request = self._refund_request(sale, one, request_id, token_name)
            start = events.AttemptStarted(name, request_id, request)
        else:
            request_id, request = one.call.request_id, one.call.request
            start = events.AttemptStarted(name, request_id)
        fresh = {token_name: secrets[token_name]} if token_name in secrets and token_name not in steward.secret_names else {}
        if await steward.insist(lambda now: [start] if _may_refund(now, key, request_id) else [], fresh):
            await self._launch(name, request_id, request, secrets)

    def _refund_request(self, sale: Sale, one: Refund, request_id: str, token_name: str) -> Request:
        assert sale.transaction_id is not None
        back = Return(sale.id, request_id, sale.transaction_id, sale.checkout, one.lines, one.amount, token_name)
        return self._provider.refund(back)

    # --- requests under way ---

    async def _launch(self, name: str, request_id: str, request: Request, secrets: Mapping[str, str]) -> None:
        steward = self._steward
        if name == CHECKOUT_CALL and steward.sale.call is not None and steward.sale.call.lost == 0 and self._too_late():
            await self._landed(name, request_id, request, NotSent("too_late"), late=False)  # our own slowness: no word about the link
            return
        self._steward.spawn(self._fly(name, request_id, request, secrets))

    def _too_late(self) -> bool:
        return self._steward.sale.deadline.passed(self._steward.ports.clock.now())

    async def _fly(self, name: str, request_id: str, request: Request, secrets: Mapping[str, str]) -> None:
        def late(outcome: Outcome) -> None:
            self._steward.spawn(self._landed(name, request_id, request, outcome, late=True))

        steward, sale = self._steward, self._steward.sale
        first = name == CHECKOUT_CALL and sale.call is not None and sale.call.lost == 0
        outcome = await steward.ports.transport.exchange(sale.binding, request, secrets, late, sale.deadline if first else None)
        await self._landed(name, request_id, request, outcome, late=False)

    async def _landed(self, name: str, request_id: str, request: Request, outcome: Outcome, late: bool) -> None:
        """Record the end of an attempt."""
        steward = self._steward
        result: Result | Offered
        if request.operation is Operation.FIND:  # in place of a create
            result = offered(self._provider, steward.sale, request_id, outcome, steward.ports.clock.now().wall)
        else:
            result = self._understood(request, outcome)
        identity.remember(steward, name, result)
        steward.ports.notice("attempt.ended", steward.sale.id, call=name, request_id=request_id, result=describe(result), late=late)
        await steward.insist(lambda sale: self._meaning(sale, name, request_id, result, late))

    def _meaning(self, sale: Sale, name: str, request_id: str, result: Result | Offered, late: bool) -> Sequence[Event]:
        now, policy = self._steward.ports.clock.now(), self._steward.policy
        kind, _, key = name.partition(":")
        if kind == CHECKOUT_CALL:
            return decide.checkout_result(sale, request_id, result, now, policy, late)
        assert not isinstance(result, Offered), "links are made for checkouts"
        match kind:
            case "cancel":
                return decide.cancel_result(sale, request_id, result, now, policy, late)
            case "receipt":
                return decide_receipt.receipt_result(sale, key, request_id, result, late)
            case _:
                return decide_refund.refund_result(sale, key, request_id, result, now, policy, late, self._provider.capabilities.refunds)

    def _understood(self, request: Request, outcome: Outcome) -> Result:
        return self._provider.read(request.operation, outcome) if isinstance(outcome, Reply) else outcome

    # --- reading ---

    def _read(self, owed: Owed) -> None:
        self._steward.memory.reading = True
        self._steward.spawn(self._find() if owed.duty is Duty.FIND else self._look(owed))

    async def _find(self) -> None:
        """Search for the payment that an unclear checkout may have made."""
        steward, sale, provider = self._steward, self._steward.sale, self._provider
        assert sale.call is not None
        assert isinstance(provider, FindsByKey)
        request_id, since = sale.call.request_id, sale.call.first_sent or sale.accepted
        request = provider.find(sale.id, request_id, since.wall)
        begun = steward.ports.clock.now()
        try:
            outcome = await steward.ports.transport.exchange(sale.binding, request, {}, lambda _: None)
            result = provider.read_found(outcome) if isinstance(outcome, Reply) else outcome
            steward.ports.notice("search.ended", sale.id, request_id=request_id, result=describe(result))
            clock = steward.ports.clock
            await steward.insist(lambda now: decide.search_result(now, request_id, result, clock.now(), self._plan, steward.policy))
            self._remember(result)
            if isinstance(result, Found) and not result.matches:  # what was found has a state of its own, which is read next
                steward.memory.seen = begun
        finally:
            steward.memory.reading = False

    @property
    def _plan(self) -> tuple[int, ...]:
        return rereads(self._steward.policy, self._provider.capabilities)

    async def _look(self, owed: Owed) -> None:
        steward, sale = self._steward, self._steward.sale
        one = sale.refund(owed.refund)
        ref = one.ref_transaction_id if owed.duty is Duty.READ_REFUND and one is not None else None
        transaction = sale.transaction_id if ref is None else None  # one of the two (vendor)
        request = self._provider.status(sale.id, steward.ports.chance.request_id(), transaction, ref)
        begun = steward.ports.clock.now()
        try:
            outcome = await steward.ports.transport.exchange(sale.binding, request, {}, lambda _: None)
            result = self._understood(request, outcome)
            await steward.insist(lambda now: self._seen(now, owed, result))
            self._remember(result)
            if isinstance(result, Observed):
                steward.memory.seen = begun
        finally:
            steward.memory.reading = False

    def _remember(self, result: Result | SearchResult) -> None:
        memory = self._steward.memory
        memory.last_read = self._steward.ports.clock.now()
        memory.reads += 1
        memory.read_failures = 0 if isinstance(result, Observed | Found) else memory.read_failures + 1
        memory.read_pause_ms = (result.retry_after_s or 0) * 1_000 if isinstance(result, Denied | Garbled) else 0

    def _seen(self, sale: Sale, owed: Owed, result: Result) -> Sequence[Event]:
        now, policy = self._steward.ports.clock.now(), self._steward.policy
        match owed.duty:
            case Duty.READ:
                return decide.status_result(sale, result, now, policy, self._plan)
            case Duty.CHECK_REFUND:
                kind = self._provider.capabilities.refunds
                return decide_refund.refund_checked(sale, owed.refund, result, now, policy, kind)
            case _:
                return decide_refund.refund_read(sale, owed.refund, result, now, policy)


def _cannot_send(sale: Sale, reason: str) -> list[Event]:
    """What the request needs is gone or was never there: nothing was sent, so it is a refusal; something may have been, so a person."""
    if sale.payment is PaymentState.QUEUED and sale.never_sent:
        return [events.Declined(reason)]
    if sale.payment in (PaymentState.UNKNOWN, PaymentState.CANCELING):
        return evidence.attention(sale, reason)
    return []


def _may_refund(sale: Sale, key: str, request_id: str) -> bool:
    """The state may have moved on while the token was fetched or the disk was slow."""
    one = sale.refund(key)
    return one is not None and one is sale.active_refund() and not one.check_first and may_start(one.call, request_id)


def describe(result: Result | SearchResult | Offered) -> str:
    """A result in a few words, for logs."""
    match result:
        case Observed():
            parts = [result.status.value, result.ref_status and result.ref_status.value, result.error_code]
            return " ".join(part for part in parts if part)
        case Found():
            return f"found {len(result.matches)}"
        case Offered():
            return "offered"
        case _:
            return failure_in_words(result)
