"""Links that we write ourselves (capability ``composes_link``): the customer makes the payment by opening one (money rules 1, 2, 4 and 5).

Nothing is created, so no create can be unclear; what must be told apart is "nobody has opened it" from "nobody knows".
"""

from dataclasses import replace

import pytest

from agent.core import events
from agent.core.answer import CUSTOMER, Money, needed_secrets
from agent.core.capability import PAYCORE
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.evidence import RETURN_KEY
from agent.core.machine import IllegalTransition
from agent.core.model import PaymentLink
from agent.core.obligations import owes
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.sale import CHECKOUT_CALL
from agent.core.verdict import Denied, Found, Garbled, NotSent, Offered, Operation, Refusal, Refused, Status, Unclear
from tests.core.book import Book, seen
from tests.core.samples import request, slip

OURS = PaymentLink("https://pay.example/hpp/?amount=450.00&reference_id=r1")
THEIRS = PaymentLink("https://pay.example/hpp/?cpi=tx-1")
CAPS = replace(PAYCORE, composes_link=True)
WAIT_MS = 180_000
POLICY = Policy(wait_limit_ms=WAIT_MS)


def searching() -> Book:
    """The search is under way that comes before the link."""
    book = Book(caps=CAPS, policy=POLICY)
    book.record([events.AttemptStarted(CHECKOUT_CALL, "r1", request(Operation.FIND))])
    return book


def shown() -> Book:
    """The customer has the link before him."""
    book = searching().after(50)
    book.end(Offered(OURS))
    return book


def duties(book: Book) -> set[Duty]:
    return {one.duty for one in book.owed}


def looked(book: Book, found: Found) -> Book:
    """A search is due, is begun now, and is answered."""
    owed = book.owes(Duty.FIND)
    assert owed is not None, book.owed
    book.until(owed).search(found)
    return book


def taken_back(book: Book) -> Book:
    owed = book.owes(Duty.BEGIN_CANCEL)
    assert owed is not None
    book.until(owed).begin_cancel(CancelCause(owed.why))
    return book


# --- before the link ---


def test_the_link_is_in_the_record_before_any_answer() -> None:
    """One commit holds the answer of the search and the link; there is none before."""
    book = searching()
    assert book.answer.link is None
    assert [type(event) for event in book.end(Offered(OURS))] == [events.AttemptAnswered, events.LinkOffered]
    assert (book.state, book.answer.link, book.answer.money) == (PaymentState.PENDING, OURS, Money.POSSIBLE)


@pytest.mark.parametrize("nothing", [Unclear("timeout"), Garbled("http_502"), Refused("X", Refusal.UNKNOWN)], ids=str)
def test_an_unclear_search_makes_nothing_and_is_repeated(nothing: Unclear | Garbled | Refused) -> None:
    """No link goes out whose money we could not see; the search under the same key is harmless."""
    book = searching()
    first = book.sale.call
    book.end(nothing)
    assert (book.state, book.answer.link) == (PaymentState.UNKNOWN, None)
    looked(book, Found())
    owed = book.owes(Duty.SEND)
    assert owed is not None
    assert first is not None
    assert book.until(owed).start() == first.request_id
    book.end(Offered(OURS))
    assert book.answer.link == OURS


def test_who_is_not_let_in_offers_nothing() -> None:
    """A wrong key is found out before the customer pays where we could not look."""
    book = searching()
    book.end(Denied(401))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.DECLINED, "ACCESS_DENIED", Money.NONE)


def test_without_a_network_nothing_is_offered() -> None:
    """The customer's own telephone may well have one: he could pay, and the till would not know."""
    book = searching()
    book.end(NotSent("refused"))
    assert (book.state, book.answer.link) == (PaymentState.QUEUED, None)


def test_canceled_before_the_link() -> None:
    """Nobody can ever have seen it: not paid, and nothing to watch."""
    book = searching()
    book.cancel()
    book.end(Offered(OURS))
    assert (book.state, book.answer.money, owes(book.tell().sale)) == (PaymentState.CANCELED, Money.NONE, False)


def test_given_up_before_the_link() -> None:
    """The search was never answered: there was no link, so the cashier need not wait, and there is nothing to watch either."""
    book = searching()
    book.end(Unclear("timeout"))
    book.cancel()
    (owed,) = book.owed
    assert (owed.duty, owed.at) == (Duty.GIVE_UP, book.now.ticks)
    book.give_up(owed.why)
    assert (book.state, book.answer.money) == (PaymentState.CANCELED, Money.NONE)


def test_after_a_restore_nobody_knows_what_was_shown() -> None:
    """The journal that was lost may hold a link that is out: a person finds out."""
    book = searching()
    book.record([events.Restored("x")])
    book.cancel()
    book.end(Offered(OURS))
    assert book.state is PaymentState.CANCELING
    for _ in range(2):
        owed = book.owes(Duty.GIVE_UP)
        if owed is not None and book.state is PaymentState.CANCELING:
            book.until(owed).give_up(owed.why)
    assert book.state is PaymentState.ATTENTION


def test_a_search_that_is_answered_late_offers_nothing() -> None:
    """The repeat will."""
    book = searching()
    book.end(Unclear("timeout"))
    assert book.end(Offered(OURS), late=True) == []


def test_what_the_search_finds_is_ours() -> None:
    """An earlier link of this sale was opened: the payment is adopted."""
    book = searching()
    book.end(seen(Status.PENDING, link=THEIRS))
    assert (book.state, book.sale.transaction_id, book.answer.link) == (PaymentState.PENDING, "tx-1", THEIRS)


# --- while the link is shown ---


def test_until_it_is_opened_it_is_searched_for() -> None:
    """There is nothing to be read; searches that find nothing are not written down, however many."""
    book = shown()
    assert duties(book) == {Duty.FIND, Duty.BEGIN_CANCEL}
    assert book.due_in(Duty.FIND) == POLICY.first_read_ms
    for _ in range(3):
        before = len(book.history)
        looked(book, Found())
        assert len(book.history) == before
    assert book.state is PaymentState.PENDING


def test_once_opened_it_is_read_and_keeps_our_link() -> None:
    """A sale has one link for ever (promise P1)."""
    book = looked(shown(), Found((seen(Status.PENDING, link=THEIRS),)))
    assert (book.state, book.sale.transaction_id, book.answer.link) == (PaymentState.PENDING, "tx-1", OURS)
    assert duties(book) == {Duty.READ, Duty.BEGIN_CANCEL}
    book.read(seen(Status.ACCEPTED, slip()))
    assert (book.state, book.answer.success) == (PaymentState.PAID, True)


def test_what_is_found_paid_is_paid() -> None:
    """He was faster than the search."""
    book = looked(shown(), Found((seen(Status.ACCEPTED, slip()),)))
    assert book.state is PaymentState.PAID


def test_a_bill_that_was_changed_on_its_way_is_no_sale() -> None:
    """It travels through the customer's hands: a person looks, and no goods go out."""
    book = looked(shown(), Found((seen(Status.ACCEPTED, slip(total=1)),)))
    assert (book.state, book.answer.reason, book.answer.success) == (PaymentState.ATTENTION, "AMOUNT_MISMATCH", None)


def test_two_payments_call_a_person() -> None:
    """There can be one under a key; whatever made the second, somebody must look."""
    book = looked(shown(), Found((seen(Status.PENDING), seen(Status.PENDING, tx="tx-2"))))
    assert "SECOND_TRANSACTION" in book.sale.alarms


def test_secrets_are_not_kept_for_a_link_that_is_out() -> None:
    """Nothing will be sent again (promise P21)."""
    assert needed_secrets(searching().sale, needs_token=False) >= set(CUSTOMER)
    assert needed_secrets(shown().sale, needs_token=False) == frozenset()


# --- taking it back ---


def test_nobody_opened_it() -> None:
    """A search that was begun after the limit found nothing: that is told. The link is watched all the same, it can be opened yet."""
    book = shown().after(WAIT_MS)
    assert book.due_in(Duty.BEGIN_CANCEL) == POLICY.link_wait_ms
    taken_back(looked(book, Found()))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "LINK_NOT_OPENED", Money.POSSIBLE)
    assert book.answer.link is None
    assert duties(book) == {Duty.FIND}


def test_nobody_knows_whether_it_was_opened() -> None:
    """No answer within the register's patience: the limit alone is told."""
    book = shown().after(WAIT_MS)
    book.search(Unclear("timeout"))
    taken_back(book)
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "WAIT_LIMIT", Money.POSSIBLE)


def test_it_was_opened_and_not_paid() -> None:
    """Read once more, as every link."""
    book = looked(shown(), Found((seen(Status.PENDING),))).after(WAIT_MS)
    book.read(seen(Status.PENDING))
    taken_back(book)
    assert book.answer.reason == "WAIT_LIMIT"
    assert duties(book) == {Duty.READ}


def test_the_cashier_takes_it_back() -> None:
    """At once; what is made by it later is watched."""
    book = shown()
    book.cancel()
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER", Money.POSSIBLE)


def test_after_a_power_cut_it_is_searched_for_once_more() -> None:
    """Who paid in the dark is not told otherwise."""
    paid = looked(shown().reboot(), Found((seen(Status.ACCEPTED, slip()),)))
    assert paid.state is PaymentState.PAID
    waiting = looked(shown().reboot(), Found())
    assert waiting.due_in(Duty.BEGIN_CANCEL) == 0
    assert taken_back(waiting).answer.reason == "REBOOTED"


def test_a_restart_goes_on_waiting() -> None:
    """The link is still before the customer."""
    book = shown().restart()
    assert (book.state, book.answer.link, duties(book)) == (PaymentState.PENDING, OURS, {Duty.FIND, Duty.BEGIN_CANCEL})


# --- afterwards ---


def test_opened_and_paid_afterwards_the_money_goes_back() -> None:
    """It was told as not paid: found by a look, it is returned without anybody asking (money rule 5)."""
    book = taken_back(looked(shown().after(WAIT_MS), Found())).tell()
    looked(book, Found())
    assert book.state is PaymentState.CANCELED
    looked(book, Found((seen(Status.ACCEPTED, slip()),)))
    back = book.sale.refund(RETURN_KEY)
    assert back is not None
    assert (book.state, back.amount, book.answer.money) == (PaymentState.CANCELED, book.sale.amount, Money.RETURNING)


def test_opened_afterwards_it_is_watched_until_its_end() -> None:
    """From the moment it is there, by its own plan."""
    book = taken_back(looked(shown().after(WAIT_MS), Found())).tell()
    looked(book, Found((seen(Status.PENDING, link=THEIRS),)))
    assert (book.sale.transaction_id, book.sale.rereads, duties(book)) == ("tx-1", 0, {Duty.READ})
    owed = book.owes(Duty.READ)
    assert owed is not None
    book.until(owed).read(seen(Status.REJECTED, error="LINK_EXPIRED"))
    assert (book.answer.money, owes(book.sale)) == (Money.NONE, False)


def test_the_watch_ends() -> None:
    """Nobody opened it as long as the plan looks."""
    book = taken_back(looked(shown().after(WAIT_MS), Found())).tell()
    for _ in CAPS.rereads_ms:
        assert owes(book.sale)
        looked(book, Found())
    assert (book.answer.money, owes(book.sale), book.owed) == (Money.NONE, False, [])


# --- the record ---


def test_a_link_is_offered_once_and_after_its_search() -> None:
    """A record that says otherwise is not used."""
    with pytest.raises(IllegalTransition, match="offered once"):
        searching().record([events.LinkOffered(OURS)])
    with pytest.raises(IllegalTransition, match="offered once"):
        shown().record([events.LinkOffered(OURS)])
    with pytest.raises(IllegalTransition, match="offered once"):
        Book(caps=CAPS).record([events.LinkOffered(OURS)])


def test_a_transaction_is_known_once() -> None:
    """By a link of ours or by an answer."""
    book = looked(shown(), Found((seen(Status.PENDING),)))
    with pytest.raises(IllegalTransition, match="known once"):
        book.record([events.TransactionKnown("tx-2")])


# --- more than one payment under our key ---


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_several_the_one_with_money_in_it_counts(order: tuple[int, ...]) -> None:
    """However they are listed: a refused one beside a paid one does not make the sale unpaid, and a person is called."""
    all_of_them = (
        seen(Status.ACCEPTED, slip(), tx="tx-paid"),
        seen(Status.PENDING, tx="tx-open"),
        seen(Status.REJECTED, tx="tx-refused"),
    )
    book = shown()
    looked(book, Found(tuple(all_of_them[place] for place in order)))
    assert (book.state, book.sale.transaction_id, book.alarms) == (PaymentState.PAID, "tx-paid", {"SECOND_TRANSACTION"})


def test_a_search_that_shows_others_ends_its_watch_in_time() -> None:
    """Its answers prove nothing, and are looks of the plan all the same: not one every moment for ever (promise P19)."""
    book = taken_back(shown()).tell()
    count = 0
    while (owed := book.owes(Duty.FIND)) is not None:
        book.until(owed).search(Found((replace(seen(Status.PENDING), reference="r-other"),)))
        count += 1
        assert count <= 2 * len(book.plan)
    assert (book.state, book.alarms, book.sale.watch_over) == (PaymentState.CANCELED, {"OTHER_TRANSACTION"}, True)
