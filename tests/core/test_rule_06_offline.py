"""Money rule 6 and promise P5: a checkout waits for its link up to the send deadline and is never first sent after it."""

from dataclasses import replace

import pytest

from agent.core import decide_asked
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.model import Deadline
from agent.core.payment import PaymentState
from agent.core.verdict import NotSent, Unclear
from tests.core.book import Book, book_in
from tests.core.samples import ACCEPTED, BOOT, sale_in


def deadline_in(book: Book) -> int:
    return book.sale.deadline.ticks - book.now.ticks


def test_a_fresh_sale_is_sent_at_once_and_expires_at_its_deadline() -> None:
    """First in its lane: send now; whatever happens, the deadline is known."""
    book = Book()
    assert (book.due_in(Duty.SEND), book.due_in(Duty.EXPIRE)) == (0, deadline_in(book))


def test_a_sale_behind_another_waits_for_its_turn() -> None:
    """Not first in its lane: nothing is sent, the deadline runs."""
    book = Book()
    book.memory.head = False
    assert [one.duty for one in book.owed] == [Duty.EXPIRE]


def test_the_link_is_tried_until_the_deadline_and_not_after() -> None:
    """Every SEND that is ever owed lies before the deadline; at the deadline the sale has expired, for the reason it waited."""
    book = Book()
    while (owed := book.owes(Duty.SEND)) is not None:
        assert owed.at < book.sale.deadline.ticks
        book.until(owed).attempt(NotSent("refused"))
    expire = book.owes(Duty.EXPIRE)
    assert expire is not None
    assert (expire.at, expire.why) == (book.sale.deadline.ticks, "OFFLINE")
    book.until(expire).record(decide_asked.expire(book.sale, expire.why))
    assert (book.state, book.answer.reason, book.owed) == (PaymentState.EXPIRED, "OFFLINE", [])


@pytest.mark.parametrize(("spare_ms", "sent"), [(0, False), (1, True)])
def test_the_deadline_itself_is_too_late(spare_ms: int, sent: bool) -> None:
    """A retry that falls on the very tick of the deadline is not owed; a millisecond before it is."""
    free = Book()
    free.attempt(NotSent("refused"))
    retry = free.now.ticks + free.due_in(Duty.SEND)
    tight = Book([replace(ACCEPTED, deadline=Deadline(BOOT, retry + spare_ms))])
    tight.attempt(NotSent("refused"))
    assert (tight.owes(Duty.SEND) is not None) is sent


def test_a_long_sleep_sends_nothing_late() -> None:
    """A till that was suspended past the deadline wakes up to an expired sale, not to a late first sending (and repeat)."""
    book = Book()
    book.attempt(NotSent("refused"))
    book.after(3_600_000)
    assert [(one.duty, one.at) for one in book.owed] == [(Duty.EXPIRE, book.now.ticks)]
    unknown = book_in(PaymentState.UNKNOWN).after(3_600_000)
    assert [one.duty for one in unknown.owed] == [Duty.BEGIN_CANCEL]
    searching = book_in(PaymentState.UNKNOWN)
    searching.cancel()
    assert [one.duty for one in searching.after(3_600_000).owed] == [Duty.GIVE_UP]


@pytest.mark.parametrize(("obstacle", "reason"), [("HELPER_FAILED", "HELPER_FAILED"), ("", "SEND_DEADLINE")])
def test_the_reason_of_an_expired_sale_is_what_held_it_back(obstacle: str, reason: str) -> None:
    """If not the link, then what this process knows; if nothing, then that the time was over."""
    book = Book()
    book.memory.obstacle = obstacle
    owed = book.owes(Duty.EXPIRE)
    assert owed is not None
    assert owed.why == reason


def test_only_a_sale_that_was_never_sent_expires() -> None:
    """In every other state the deadline expires nothing."""
    for state in set(PaymentState) - {PaymentState.QUEUED}:
        assert decide_asked.expire(sale_in(state), "OFFLINE") == []


def test_nothing_is_owed_while_the_first_attempt_is_under_way() -> None:
    """Its end is awaited."""
    book = Book()
    book.start()
    assert (book.state, book.owed) == (PaymentState.SENDING, [])


def test_cancels_have_no_deadline() -> None:
    """What may have been sent is resolved whenever the link returns, long after the deadline."""
    book = book_in(PaymentState.CANCELING)
    book.after(86_400_000)
    assert book.due_in(Duty.CANCEL) == 0


def test_a_maybe_sent_sale_past_its_deadline_is_canceled_not_expired() -> None:
    """Promise P5: the one exception is the bounded repeat, followed by a cancel."""
    book = Book()
    book.attempt(Unclear("timeout"))
    book.after(deadline_in(book))
    assert [(one.duty, one.at, one.why) for one in book.owed] == [(Duty.BEGIN_CANCEL, book.now.ticks, CancelCause.DEADLINE)]
