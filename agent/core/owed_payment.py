"""What a payment under way owes: to be sent, repeated, searched for, read, canceled."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.call import Call, CallState, elapsed_ms
from agent.core.capability import Approval
from agent.core.duty import Duty, Owed
from agent.core.events import CancelCause
from agent.core.model import Stamp
from agent.core.owing import Owing
from agent.core.payment import PaymentState


@dataclass(frozen=True, slots=True)
class OfPayment(Owing):
    """The duties of a payment until its end."""

    def owed(self) -> Iterator[Owed]:
        match self.sale.payment:
            case PaymentState.QUEUED:
                yield from self._queued()
            case PaymentState.UNKNOWN:
                yield from self._unknown()
            case PaymentState.PENDING:
                yield from self._pending()
            case PaymentState.CANCELING:
                yield from self._canceling()
            case _:  # sending: the attempt's end is awaited; all others have ended
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
        yield from self.look_for(due, call)

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
        yield from self._look(self.first_read())

    def _look(self, first: int) -> Iterator[Owed]:
        """The next read of a payment that a customer may make now; of one that he makes by opening our link, a search until he has."""
        if self.sale.transaction_id is not None:
            yield from self.read(first, slow_down_after=None)
        else:
            assert self.sale.call is not None
            yield from self.look_for(first, self.sale.call)

    def _rebooted(self) -> Iterator[Owed]:
        """Cancel. Where there is no cancel call: who paid in the dark must not be told that he has not."""
        if self.caps.cancel or not self.caps.read:
            yield Owed(Duty.BEGIN_CANCEL, self.now.ticks, CancelCause.REBOOTED)
            return
        yield from self._withdraw(self.memory.started.ticks, self.policy.window_after_reachable_ms, CancelCause.REBOOTED)
        yield from self._look(self.now.ticks)

    def _withdraw(self, limit: int, patience_ms: int, cause: CancelCause | None) -> Iterator[Owed]:
        """Take a link back by our word alone, at ``limit``: after a look that was begun then and answered, for he may just have paid; but
        the register does not wait for it longer than ``patience_ms``. No ``cause``: its cancel was wanted before."""
        seen = self.memory.seen
        looked = seen is not None and seen.boot == self.now.boot and seen.ticks >= limit
        end = self.now.ticks if looked else limit + patience_ms
        made = self.sale.transaction_id is not None
        if cause is CancelCause.WAIT_LIMIT and looked and not made:
            cause = CancelCause.NOT_OPENED  # without an answer nobody knows: then it is the limit alone
        yield Owed(Duty.GIVE_UP, end, "WINDOW_CLOSED") if cause is None else Owed(Duty.BEGIN_CANCEL, end, cause)
        if not looked and not self.memory.reading:
            last = self.memory.last_read
            pause_ms = max(self.policy.read_interval_ms, self.memory.read_pause_ms)
            again = last.ticks + pause_ms if last is not None and last.boot == self.now.boot else limit
            yield Owed(Duty.READ if made else Duty.FIND, max(limit, again))

    def _slip_wait(self, seen: Stamp) -> Iterator[Owed]:
        """Accepted without a slip: read on for a while, then a person (money rule 3)."""
        begin = seen.ticks if seen.boot == self.now.boot else self.memory.started.ticks
        yield Owed(Duty.GIVE_UP, begin + self.policy.slip_wait_ms, "SLIP_MISSING")
        yield from self.read(first=self.first_read(), slow_down_after=None)

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
        if self.sale.unoffered:
            yield Owed(Duty.GIVE_UP, self.now.ticks, "WINDOW_CLOSED")
        elif caps.find_by_key and (self.sale.searches < caps.searches or not caps.secret_link):
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
            yield from self.read(first=self.first_read(), slow_down_after=10)
