"""Money rule 9 and promise P16: deadlines are of one boot; what outlasts a boot is wall time; a wrong clock never decides "not paid"."""

import pytest

from agent.core.answer import Money
from agent.core.call import elapsed_ms
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.model import Deadline
from agent.core.payment import PaymentState
from agent.core.verdict import NotSent, Status
from tests.core.book import Book, book_in, seen
from tests.core.samples import BOOT, stamp

NONSENSE_MS = [-86_400_000, 0, 10 * 365 * 86_400_000]  # where the wall clock may stand after a reboot


def test_a_deadline_belongs_to_its_boot() -> None:
    """In its own boot it passes at its tick, in another one it has passed: nobody can say how long the power was off."""
    deadline = Deadline(BOOT, stamp(1_000).ticks)
    assert [deadline.passed(stamp(ms)) for ms in (0, 999, 1_000, 5_000)] == [False, False, True, True]
    assert deadline.passed(stamp(0, "boot-b"))


def test_elapsed_time_is_boot_time_or_plausible_wall_time() -> None:
    """Within a boot the wall clock may jump as it likes; across boots it is believed unless it went back."""
    assert elapsed_ms(stamp(0), stamp(700)) == 700
    assert elapsed_ms(stamp(0), stamp(700, "boot-b")) == 700
    assert elapsed_ms(stamp(0), stamp(0, "boot-b")) == 0
    assert elapsed_ms(stamp(700), stamp(0, "boot-b")) is None


@pytest.mark.parametrize("wall_ms", NONSENSE_MS)
@pytest.mark.parametrize("held", [False, True])
def test_after_a_reboot_what_was_never_sent_expires(held: bool, wall_ms: int) -> None:
    """Whatever the clock says: it expires now and is not sent."""
    book = Book()
    if held:
        book.attempt(NotSent("refused"))
    book.reboot(wall_ms=wall_ms)
    assert [(one.duty, one.at - book.now.ticks) for one in book.owed] == [(Duty.EXPIRE, 0)]


@pytest.mark.parametrize("wall_ms", NONSENSE_MS)
@pytest.mark.parametrize("state", [PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING])
def test_after_a_reboot_what_may_have_been_sent_is_canceled(state: PaymentState, wall_ms: int) -> None:
    """Whatever the clock says: cancel now, and only the provider's word ends it."""
    book = book_in(state)
    book.reboot(wall_ms=wall_ms)
    assert [(one.duty, one.at - book.now.ticks, one.why) for one in book.owed] == [(Duty.BEGIN_CANCEL, 0, CancelCause.REBOOTED)]
    book.begin_cancel(CancelCause.REBOOTED)
    assert (book.state, book.answer.money) == (PaymentState.CANCELING, Money.POSSIBLE)
    assert book.owed, "something is owed for it at once"


def test_back_off_of_another_boot_is_over() -> None:
    """A retry that was planned before the reboot is due at the start; within the boot it keeps its time."""
    book = book_in(PaymentState.CANCELING)
    book.attempt(NotSent("refused"), "cancel")
    assert book.due_in(Duty.CANCEL) >= 1_000
    book.reboot()
    assert book.due_in(Duty.CANCEL) == 0


def test_a_read_of_another_boot_delays_nothing() -> None:
    """Ticks of two boots cannot be compared: read at once."""
    book = book_in(PaymentState.CANCELING)
    book.start("cancel")
    book.read(seen(Status.PENDING))
    last = book.memory.last_read
    book.reboot()
    book.memory.last_read = last
    assert book.due_in(Duty.READ) == 0


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.CANCELING])
def test_the_wait_for_a_slip_begins_anew_after_a_reboot(state: PaymentState) -> None:
    """Rule 3 grants five seconds of reading; the dark is none of them."""
    book = book_in(state)
    book.read(seen(Status.ACCEPTED))
    book.reboot()
    assert (book.due_in(Duty.GIVE_UP), book.due_in(Duty.READ)) == (5_000, 0)


@pytest.mark.parametrize("wall_ms", NONSENSE_MS)
def test_a_watch_with_an_implausible_clock_looks_at_once_or_later_but_decides_nothing(wall_ms: int) -> None:
    """Overdue or implausible looks are made at the start; what they see may only find money, never decide "not paid"."""
    book = book_in(PaymentState.CANCELED).tell()
    book.reboot(wall_ms=wall_ms)
    assert book.due_in(Duty.READ) <= 60_000
    attention = book_in(PaymentState.ATTENTION)
    attention.reboot(wall_ms=wall_ms)
    attention.read(seen(Status.PENDING))
    assert (attention.state, attention.answer.finished) == (PaymentState.ATTENTION, False)
