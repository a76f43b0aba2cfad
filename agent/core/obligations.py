"""What a sale owes, and when: one pure function over what is recorded, the time, and what only this process remembers.

The engine does nothing on its own account: it asks here what is next, does it, records the result, and asks again. After a crash the same
facts give the same duties, so there is no list of things to resume. ``Memory`` holds what need not survive (when the status was last
read): losing it makes the agent look again sooner, never act differently.

Times are ticks (CLOCK_BOOTTIME milliseconds) of the boot of ``now``. What waits on wall time because it may outlast a boot is converted at
the moment of asking; an overdue or implausible one is due at once, and none of them may decide that a sale is not paid (money rule 9).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from agent.core.call import Call, CallState, elapsed_ms, jitter
from agent.core.capability import Approval, Capabilities, Refunds
from agent.core.delivery import Delivery
from agent.core.events import CancelCause
from agent.core.fold import call_of
from agent.core.model import Stamp
from agent.core.payment import FINISHED, PaymentState
from agent.core.policy import BackOff, Policy, Unclaimed
from agent.core.refund import Refund, RefundState
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, RECEIPT_CALL, REFUND_CALL, Sale


class Duty(StrEnum):
    """Something the engine must do for a sale."""

    SEND = "send"  # the first attempt of the checkout, or its repeat
    EXPIRE = "expire"  # never sent, and its deadline is here
    BEGIN_CANCEL = "begin_cancel"  # record that the sale is to be canceled, and why
    CANCEL = "cancel"  # send (or repeat) the cancel
    READ = "read"  # read the payment's status
    FIND = "find"  # search for the payment by our own key
    GIVE_UP = "give_up"  # no way left to find out: attention
    UNCLAIMED = "unclaimed"  # paid, and told to nobody for too long
    HAND_OVER = "hand_over"  # a return that no call can make: a person must
    REFUND = "refund"  # send (or repeat) the refund at work
    CHECK_REFUND = "check_refund"  # read the payment before the refund may be repeated
    READ_REFUND = "read_refund"  # read the state of a refund transaction
    RECEIPT = "receipt"  # hand over (or hand over again) a fiscal receipt


READS = frozenset({Duty.READ, Duty.FIND, Duty.CHECK_REFUND, Duty.READ_REFUND})
WAITING = READS | {Duty.SEND, Duty.CANCEL, Duty.REFUND, Duty.RECEIPT}  # what waits out a back-off or a watch; the others are decisions


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty and the tick at which it is due. ``why`` is a reason code where the duty needs one; ``refund`` the refund's key; ``receipt``
    the receipt's."""

    duty: Duty
    at: int
    why: str = ""
    refund: str = ""
    receipt: str = ""


@dataclass(slots=True)
class Memory:
    """What this process remembers of a sale beside its record. ``reads``: status reads in a row since the state last changed."""

    started: Stamp
    head: bool = True  # first in its lane, or out of it
    reading: bool = False
    last_read: Stamp | None = None
    seen: Stamp | None = None  # when the last read that brought an answer about the payment was begun
    reads: int = 0
    read_failures: int = 0
    read_pause_ms: int = 0  # the provider has asked (Retry-After) not to be read for so long after the last read
    obstacle: str = ""  # why the first attempt could not even be made, as a reason code
    hurried: set[Duty] = field(default_factory=set)  # an operator wants these done now, once, however long they would wait
    carried: set[str] = field(default_factory=set)  # receipts that are on their way, or wait for their turn


def obligations(sale: Sale, now: Stamp, memory: Memory, policy: Policy, caps: Capabilities) -> list[Owed]:
    """Everything the sale owes, soonest first. Empty: it is settled, as far as this machine can settle it."""
    view = _View(sale, now, memory, policy, caps)
    return sorted(map(view.hurried, (*view.payment(), *view.refunds(), *view.receipts())), key=lambda owed: owed.at)


def owes(sale: Sale) -> bool:
    """Whether a start must load the sale: it is unsettled, something is still to be looked at or told, a person must see to a refund, or a
    receipt is to be delivered."""
    stuck = any(one.state is RefundState.ATTENTION for one in sale.refunds)
    return owes_money(sale) or stuck or any(one.unsettled for one in sale.deliveries)


def owes_money(sale: Sale) -> bool:
    """``owes``, but for the receipts: whether the payment or a refund is unsettled, or to be looked at or told."""
    return (
        not sale.finished
        or sale.active_refund() is not None
        or (sale.payment is PaymentState.CANCELED and _can_be_paid(sale) and not sale.late_money and not sale.watch_over)
        or (sale.payment is PaymentState.PAID and sale.told is None and "UNCLAIMED" not in sale.alarms)
    )


def _can_be_paid(sale: Sale) -> bool:
    return sale.transaction_id is not None or sale.withdrawn


def least_pause_ms(memory: Memory, policy: Policy) -> int:
    """Milliseconds from a read to one in a hurry: an interval longer than the shortest that is allowed may be cut short, a pause that the
    payment system asked for may not."""
    return max(min(policy.read_interval_ms, HURRIED_READ_MS), memory.read_pause_ms)


@dataclass(frozen=True, slots=True)
class _View:
    sale: Sale
    now: Stamp
    memory: Memory
    policy: Policy
    caps: Capabilities

    def hurried(self, owed: Owed) -> Owed:
        """What an operator wants now is due now: neither sooner than the provider allows reads to follow each other, nor before the time it
        has itself asked us to wait (``Retry-After``)."""
        if owed.duty not in self.memory.hurried:
            return owed
        return replace(owed, at=min(owed.at, max(self._earliest(owed), self.now.ticks)))

    def _earliest(self, owed: Owed) -> int:
        if owed.duty in READS:
            if self.memory.last_read is None and self.sale.payment is PaymentState.PENDING:
                return self._first_read()
            last, pause_ms = self.memory.last_read, least_pause_ms(self.memory, self.policy)
        else:
            names = {Duty.SEND: CHECKOUT_CALL, Duty.CANCEL: CANCEL_CALL, Duty.REFUND: f"{REFUND_CALL}:{owed.refund}"}
            call = call_of(self.sale, names.get(owed.duty, f"{RECEIPT_CALL}:{owed.receipt}"))
            last, pause_ms = (call.last, call.retry_after_ms) if call is not None else (None, 0)
        return last.ticks + pause_ms if last is not None and last.boot == self.now.boot else self.now.ticks

    # --- payment ---

    def payment(self) -> Iterator[Owed]:
        match self.sale.payment:
            case PaymentState.QUEUED:
                yield from self._queued()
            case PaymentState.UNKNOWN:
                yield from self._unknown()
            case PaymentState.PENDING:
                yield from self._pending()
            case PaymentState.CANCELING:
                yield from self._canceling()
            case PaymentState.ATTENTION | PaymentState.CANCELED:
                yield from self._watch()
            case PaymentState.PAID:
                yield from self._unclaimed()
            case _:  # sending: the attempt's end is awaited; declined, expired, reversed, elsewhere: nothing is owed but refunds
                return

    def _queued(self) -> Iterator[Owed]:
        sale, deadline = self.sale, self.sale.deadline
        expires = self.now.ticks if deadline.passed(self.now) else deadline.ticks
        yield Owed(Duty.EXPIRE, expires, sale.reason or self.memory.obstacle or CancelCause.DEADLINE)
        if not self.memory.head or deadline.passed(self.now):
            return
        due = sale.call.next_try(self.now, self.policy.checkout_backoff) if sale.call else self.now.ticks
        if due < expires:
            yield Owed(Duty.SEND, due)

    def _unknown(self) -> Iterator[Owed]:
        call, deadline = self.sale.call, self.sale.deadline
        assert call is not None
        if call.lost >= self.policy.unanswered_attempts:
            yield Owed(Duty.BEGIN_CANCEL, self.now.ticks, CancelCause.NO_ANSWER)
            return
        if deadline.boot != self.now.boot:
            yield Owed(Duty.BEGIN_CANCEL, self.now.ticks, CancelCause.REBOOTED)
            return
        yield Owed(Duty.BEGIN_CANCEL, max(deadline.ticks, self.now.ticks), CancelCause.DEADLINE)
        if call.state is CallState.LOST:
            yield from self._repeat(call, deadline.ticks)

    def _repeat(self, call: Call, end: int) -> Iterator[Owed]:
        """The same request again, before ``end`` and not after it, however long nobody could look at the clock; of a provider that can be
        asked for the first copy only when it has been asked. Where a repeat would be a second payment, only a late answer can help."""
        if self.sale.searches < self.caps.searches:
            yield from self._find(call)
            return
        due = max(call.next_try(self.now, self.policy.checkout_backoff), self.now.ticks)
        repeatable = self.caps.idempotent_create or (self.caps.find_by_key and self.caps.secret_link)
        if due < end and repeatable:
            yield Owed(Duty.SEND, due)
        elif self.caps.find_by_key and not repeatable:  # what was made may be paid without its link: only what is found counts
            yield from self._find(call)

    def _find(self, call: Call) -> Iterator[Owed]:
        """The next search: a copy that is still under way, or not to be seen yet, must have time to appear."""
        since = self.sale.searched or call.last
        assert since is not None
        due = since.ticks + self.caps.search_pause_ms if since.boot == self.now.boot else self.now.ticks
        yield from self._look_for(due, call)

    def _look_for(self, due: int, call: Call) -> Iterator[Owed]:
        last = self.memory.last_read
        if self.memory.reading:
            return
        if last is not None and last.boot == self.now.boot:
            due = max(due, last.ticks + self._pause(0))
        yield Owed(Duty.FIND, self._unless_silenced(due, call))

    def _pending(self) -> Iterator[Owed]:
        sale = self.sale
        assert sale.answered is not None
        if sale.charge_seen is not None:
            yield from self._slip_wait(sale.charge_seen)
            return
        if sale.answered.boot != self.now.boot:
            yield from self._rebooted()
            return
        if self.caps.approval is Approval.LINK and sale.link is None:
            yield Owed(Duty.BEGIN_CANCEL, sale.answered.ticks + self.policy.link_wait_ms, CancelCause.LINK_LOST)
        limit = sale.answered.ticks + min(self.policy.wait_limit_ms, self.caps.wait_limit_ms)
        if self.caps.cancel or not self.caps.read:
            yield Owed(Duty.BEGIN_CANCEL, limit, CancelCause.WAIT_LIMIT)
        else:
            yield from self._withdraw(limit, self.policy.link_wait_ms, CancelCause.WAIT_LIMIT)
        yield from self._read(first=self._first_read(), slow_down_after=None)

    def _rebooted(self) -> Iterator[Owed]:
        """Cancel. Where there is no cancel call: who paid in the dark must not be told that he has not."""
        if self.caps.cancel or not self.caps.read:
            yield Owed(Duty.BEGIN_CANCEL, self.now.ticks, CancelCause.REBOOTED)
            return
        yield from self._withdraw(self.memory.started.ticks, self.policy.window_after_reachable_ms, CancelCause.REBOOTED)
        yield from self._read(first=self.now.ticks, slow_down_after=None)

    def _withdraw(self, limit: int, patience_ms: int, cause: CancelCause | None) -> Iterator[Owed]:
        """Take a link back by our word alone, at ``limit``: after a look that was begun then and answered, for he may just have paid; but
        the register does not wait for it longer than ``patience_ms``. No ``cause``: its cancel was wanted before."""
        seen = self.memory.seen
        looked = seen is not None and seen.boot == self.now.boot and seen.ticks >= limit
        end = self.now.ticks if looked else limit + patience_ms
        yield Owed(Duty.GIVE_UP, end, "WINDOW_CLOSED") if cause is None else Owed(Duty.BEGIN_CANCEL, end, cause)
        if not looked and not self.memory.reading:
            last = self.memory.last_read
            pause_ms = max(self.policy.read_interval_ms, self.memory.read_pause_ms)
            again = last.ticks + pause_ms if last is not None and last.boot == self.now.boot else limit
            yield Owed(Duty.READ, max(limit, again))

    def _slip_wait(self, seen: Stamp) -> Iterator[Owed]:
        """Accepted without a slip: read on for a while, then a person (money rule 3)."""
        begin = seen.ticks if seen.boot == self.now.boot else self.memory.started.ticks
        yield Owed(Duty.GIVE_UP, begin + self.policy.slip_wait_ms, "SLIP_MISSING")
        yield from self._read(first=self._first_read(), slow_down_after=None)

    def _first_read(self) -> int:
        """Never sooner after the provider's first answer than it allows, however much of a hurry there is."""
        answered = self.sale.answered
        assert answered is not None
        if answered.boot != self.now.boot:
            return self.now.ticks
        return max(self.now.ticks, answered.ticks + self.policy.first_read_ms)

    def _canceling(self) -> Iterator[Owed]:
        sale = self.sale
        if sale.charge_seen is not None:
            yield from self._slip_wait(sale.charge_seen)
        elif sale.transaction_id is None:
            yield from self._search()
        else:
            yield from self._cancel()

    def _search(self) -> Iterator[Owed]:
        """The transaction is not known, so it cannot be canceled: repeat the checkout inside the window, for its answer names it (rule 4).
        A provider that can be asked is asked, and nothing new is made; of one where neither is possible nothing more can be learned."""
        call, caps = self.sale.call, self.caps
        assert call is not None
        if call.open:
            return
        if caps.find_by_key and (self.sale.searches < caps.searches or not caps.secret_link):
            yield Owed(Duty.GIVE_UP, self._window_end(), "WINDOW_CLOSED")
            yield from self._find(call)
        elif caps.find_by_key or not caps.idempotent_create:
            yield Owed(Duty.GIVE_UP, self.now.ticks, "WINDOW_CLOSED")
        else:
            end = self._window_end()
            yield Owed(Duty.GIVE_UP, end, "WINDOW_CLOSED")
            yield from self._repeat(call, end)

    def _window_end(self) -> int:
        """Ticks at which repeating must end: the later of a minute after the deadline and a minute after the provider is first reachable
        again, but never later than ten minutes after the first sending."""
        sale, call, now, policy = self.sale, self.sale.call, self.now, self.policy
        assert call is not None
        assert call.first_sent is not None
        age = elapsed_ms(call.first_sent, now)
        if age is None or age >= policy.window_limit_ms:
            return now.ticks
        cap = now.ticks + policy.window_limit_ms - age
        reached = self._reachable_since(call)
        if reached is None:
            return cap
        after_deadline = sale.deadline.ticks + policy.window_after_deadline_ms if sale.deadline.boot == now.boot else now.ticks
        return min(cap, max(after_deadline, reached + policy.window_after_reachable_ms))

    def _reachable_since(self, call: Call) -> int | None:
        """Ticks since which this process has known the provider to be reachable. None: not since it was last out of reach, or no attempt
        has ended since this process began. One that was reachable before and is so now was found so at the beginning."""
        since, last, started = call.reachable_since, call.last, self.memory.started.ticks
        assert last is not None
        if since is None or last.boot != self.now.boot or last.ticks < started:
            return None
        return max(since.ticks, started) if since.boot == self.now.boot else started

    def _cancel(self) -> Iterator[Owed]:
        sale, call = self.sale, self.sale.cancel_call
        if not self.caps.cancel:  # found only after its cancel was wanted: nobody has seen its link, and nobody will
            if self.caps.secret_link or not self.caps.read:
                yield Owed(Duty.GIVE_UP, self.now.ticks, "WINDOW_CLOSED")
            else:
                assert sale.answered is not None
                known = sale.answered.ticks if sale.answered.boot == self.now.boot else self.memory.started.ticks
                yield from self._withdraw(known, self.policy.link_wait_ms, None)
            return
        if call is None:
            yield Owed(Duty.CANCEL, self.now.ticks)
            return
        if not call.open and not call.settled:
            yield Owed(Duty.CANCEL, call.next_try(self.now, self.policy.settle_backoff))
        if call.settled and sale.cancel_answered is not None:
            # The provider answered, yet its status still waits: ask again with a new id, ever more slowly.
            wait = self.policy.settle_backoff.after(sale.cancels_closed + 2)
            since = sale.cancel_answered
            yield Owed(Duty.CANCEL, since.ticks + wait if since.boot == self.now.boot else self.now.ticks)
        turned_away = call.proven_unsent and call.reachable_since is not None  # the door of the cancel is shut, the payment goes on
        if call.settled or call.state is CallState.LOST or turned_away:
            yield from self._read(first=self._first_read(), slow_down_after=10)

    def _watch(self) -> Iterator[Owed]:
        """Look again after a not-paid end: late money must not go unnoticed (money rule 5). In attention: evidence may still come."""
        sale = self.sale
        searchable = sale.withdrawn and self.caps.find_by_key
        if sale.late_money or sale.ended is None or not (sale.transaction_id is not None or searchable):
            return
        plan = self.plan()
        if sale.rereads >= len(plan) or sale.watch_over:
            yield from self._beyond_the_plan(plan)
            return
        age = elapsed_ms(sale.ended, self.now)
        wait = 0 if age is None else plan[sale.rereads] - age
        due = self.now.ticks + max(wait, 0)
        last = self.memory.last_read
        if self.memory.read_failures >= WATCH_PATIENCE_READS and last is not None and last.boot == self.now.boot:
            due = max(due, last.ticks + _HOUR_MS)  # a door that stays shut: nobody waits, and a shop has many such sales
        if sale.transaction_id is not None:
            yield from self._read(first=due, slow_down_after=0)
        else:
            assert sale.call is not None, "what was withdrawn was sent"
            yield from self._look_for(due, sale.call)

    def _beyond_the_plan(self, plan: tuple[int, ...]) -> Iterator[Owed]:
        """Nothing, unless the payment can still be made (an operator said "not paid", a link was taken back): the plan's last interval is
        kept up."""
        last = self.memory.last_read
        if self.sale.transaction_id is None:
            return
        if Duty.READ in self.memory.hurried:
            yield from self._read(first=self.now.ticks, slow_down_after=0)
        elif not self.sale.watch_over and self.sale.payment is PaymentState.CANCELED:
            last_interval = plan[-1] - (plan[-2] if len(plan) > 1 else 0)
            wait = last_interval if last is not None and last.boot == self.now.boot else 0
            yield from self._read(first=(last.ticks if last is not None and wait else self.now.ticks) + wait, slow_down_after=0)

    def plan(self) -> tuple[int, ...]:
        """When to look again, in milliseconds after the end: the policy's for providers with a cancel, else the provider's own."""
        return self.policy.rereads_ms if self.caps.cancel else self.caps.rereads_ms

    def _unclaimed(self) -> Iterator[Owed]:
        sale = self.sale
        if sale.told is not None or "UNCLAIMED" in sale.alarms or sale.ended is None:
            return
        begin = max(sale.ended.ticks, self.memory.started.ticks) if sale.ended.boot == self.now.boot else self.memory.started.ticks
        back = (sale.cancel_by_pos or self.policy.unclaimed is Unclaimed.RETURN) and sale.decided is None and not sale.restored
        yield Owed(Duty.UNCLAIMED, begin + self.policy.unclaimed_ms, "return" if back else "keep")

    def _read(self, first: int, slow_down_after: int | None) -> Iterator[Owed]:
        """The next status read: at ``first``, then at the interval; slower after failures, and after some reads where nobody waits."""
        memory = self.memory
        if not self.caps.read or memory.reading:
            return
        due = first
        if memory.last_read is not None and memory.last_read.boot == self.now.boot:
            due = max(first, memory.last_read.ticks + self._pause(0 if slow_down_after is None else memory.reads - slow_down_after))
        yield Owed(Duty.READ, self._unless_silenced(due, self.sale.cancel_call))

    def _unless_silenced(self, due: int, call: Call | None) -> int:
        """Not before the silence is over that the provider asked for in its answer to that call: it means reads, too (promise P19)."""
        return max(due, call.next_try(self.now, _AS_ASKED)) if call is not None and call.retry_after_ms else due

    def _pause(self, slow: int) -> int:
        """Milliseconds from a read to the next: while reads fail ever longer and different from till to till, and never shorter than the
        provider has asked for (promise P19)."""
        memory, policy = self.memory, self.policy
        doublings = min(max(slow, memory.read_failures, 0), 12)
        cap_ms = policy.read_cap_ms if self.caps.cancel or slow else min(policy.read_cap_ms, _LINK_CAP_MS)
        wait = max(min(policy.read_interval_ms << doublings, cap_ms), policy.read_interval_ms, memory.read_pause_ms)
        spread = jitter(f"{self.sale.id}/{self.sale.transaction_id}", memory.read_failures) if memory.read_failures else 0
        return wait + int(wait * spread)

    # --- refunds ---

    def refunds(self) -> Iterator[Owed]:
        one = self.sale.active_refund()
        if one is None or self.sale.payment not in FINISHED:
            return
        match one.state:
            case RefundState.QUEUED:
                if self.caps.refunds is Refunds.NONE:
                    yield Owed(Duty.HAND_OVER, self.now.ticks, refund=one.key)
                elif one.check_first:
                    yield from self._refund_read(Duty.CHECK_REFUND, one)
                else:
                    yield Owed(Duty.REFUND, self._refund_due(one), refund=one.key)
            case RefundState.UNKNOWN:
                yield from self._unclear_refund(one)
            case RefundState.PENDING:
                yield from self._refund_read(Duty.READ_REFUND, one)
            case RefundState.REQUESTED:
                yield from self._refund_read(Duty.READ_REFUND, one, daily=True)
            case _:
                return

    def _refund_due(self, one: Refund) -> int:
        if one.call is None:
            return self.now.ticks
        if not one.call.settled:
            return one.call.next_try(self.now, self.policy.settle_backoff)
        if one.closed_at is None or one.closed_at.boot != self.now.boot:
            return self.now.ticks
        return one.closed_at.ticks + self.policy.settle_backoff.after(one.closed + 2)

    def _unclear_refund(self, one: Refund) -> Iterator[Owed]:
        call = one.call
        assert call is not None
        if call.open:
            return
        if not self.caps.idempotent_refund:
            yield from self._second_refund(one, call)
            return
        assert call.first_sent is not None
        age = elapsed_ms(call.first_sent, self.now)
        late = age is None or age >= self.policy.blind_repeat_ms
        if one.check_first or (late and one.checked is None):
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        else:
            yield Owed(Duty.REFUND, call.next_try(self.now, self.policy.settle_backoff), refund=one.key)

    def _second_refund(self, one: Refund, call: Call) -> Iterator[Owed]:
        """A repeat would be a second refund: wait until the first copy has surely arrived or died, look, and only then repeat. The wait is
        counted by a clock that nobody sets; of another boot nobody knows how long it lasted, so it counts anew. A hurried look
        proves nothing about a copy that was still under way."""
        assert call.last is not None
        begun = call.last if call.last.boot == self.now.boot else self.memory.started
        arrived = begun.ticks + self.policy.blind_repeat_ms
        looked = one.checked is not None and one.checked.boot == self.now.boot and one.checked.ticks >= arrived
        if one.check_first:
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        elif self.now.ticks < arrived:
            yield Owed(Duty.CHECK_REFUND, arrived, refund=one.key)
        elif not looked:
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        else:
            yield Owed(Duty.REFUND, call.next_try(self.now, self.policy.settle_backoff), refund=one.key)

    def _refund_read(self, duty: Duty, one: Refund, daily: bool = False) -> Iterator[Owed]:
        memory = self.memory
        if memory.reading:
            return
        due = self.now.ticks
        if memory.last_read is not None and memory.last_read.boot == self.now.boot:
            due = max(due, memory.last_read.ticks + (_DAY_MS if daily else self._pause(memory.reads - 10)))
        yield Owed(duty, self._unless_silenced(due, one.call), refund=one.key)

    # --- receipts ---

    def receipts(self) -> Iterator[Owed]:
        """Each on its own: one that cannot be delivered does not hold up the others, and none waits for money or is waited for by it."""
        for one in self.sale.deliveries:
            under_way = one.key in self.memory.carried or (one.call is not None and one.call.open)
            if one.unsettled and not under_way:
                yield Owed(Duty.RECEIPT, self._receipt_due(one), receipt=one.key)

    def _receipt_due(self, one: Delivery) -> int:
        if one.call is None:
            return self.now.ticks
        call = replace(one.call, failures=one.closed) if one.call.settled else one.call
        settle = self.policy.settle_backoff
        doublings = min(max(call.failures - RECEIPT_PATIENCE_TRIES, 0), RECEIPT_PATIENCE_DOUBLINGS)
        return call.next_try(self.now, BackOff(settle.base_ms, settle.cap_ms << doublings))


# Every sale has a receipt, no customer waits for one, and each try is two records on the disk: what was not taken for minutes (a service
# that is not there) is tried ever more rarely, with the default back-off once an hour: hundreds of them must not fill the till's disk.
RECEIPT_PATIENCE_TRIES = 10
RECEIPT_PATIENCE_DOUBLINGS = 7
HURRIED_READ_MS = 1_000  # four times what the strictest of the four systems allows
WATCH_PATIENCE_READS = 10  # that fail in a row at a planned look; then one an hour
_HOUR_MS = 3_600_000
_AS_ASKED = BackOff(0, 0)  # no wait of our own beside the provider's
_DAY_MS = 86_400_000
_LINK_CAP_MS = 5_000  # between reads that fail while a customer has a link before him: the limit must not find us asleep
