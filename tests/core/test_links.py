"""Providers that work with a link: what they owe by capability (money rules 1, 4, 5 and 8, promises P1, P3 and P6).

Three kinds stand for all: one that takes a repeat for the same payment and can be asked by our own key (PayCore), one where a repeat is
a second payment and that can be asked (Softline), and one where neither is possible (PayConnect).
"""

from dataclasses import replace

import pytest

from agent.core import decide_refund, events
from agent.core.alarms import standing
from agent.core.answer import Money
from agent.core.ask_refund import NotRefundable, Wanted
from agent.core.capability import KOSHELEK, PAYCONNECT, PAYCORE, SOFTLINE, Capabilities
from agent.core.decide import SearchResult
from agent.core.duty import WAITING, Duty
from agent.core.events import CancelCause
from agent.core.evidence import RETURN_KEY
from agent.core.machine import IllegalTransition
from agent.core.model import LinkMethod, PaymentLink
from agent.core.obligations import owes
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.verdict import Denied, Found, Garbled, NotSent, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, seen
from tests.core.samples import slip

LINK = PaymentLink("https://pay.example/p/1?lang=ru")
OTHER = PaymentLink("https://pay.example/p/2")
ALL = {"paycore": PAYCORE, "softline": SOFTLINE, "payconnect": PAYCONNECT}
ASKED = {"paycore": PAYCORE, "softline": SOFTLINE}
MINUTE_MS, DAY_MS = 60_000, 86_400_000

each = pytest.mark.parametrize("caps", ALL.values(), ids=ALL)
each_asked = pytest.mark.parametrize("caps", ASKED.values(), ids=ASKED)


def shown(caps: Capabilities) -> Book:
    """The customer has the link before him."""
    book = Book(caps=caps, policy=Policy(wait_limit_ms=180_000))
    book.attempt(seen(Status.PENDING, link=LINK))
    return book


def unclear(caps: Capabilities) -> Book:
    book = Book(caps=caps)
    book.attempt(Unclear("timeout"))
    return book


def duties(book: Book) -> set[Duty]:
    return {one.duty for one in book.owed}


def perform(book: Book, duty: Duty, result: SearchResult | None = None) -> Book:
    """Wait for the duty, and do it."""
    owed = book.owes(duty)
    assert owed is not None, f"{duty} is not owed, but {book.owed}"
    book.until(owed)
    if result is not None:
        book.search(result)
    return book


# --- the link ---


@each
def test_the_link_is_for_the_customer_while_he_may_pay(caps: Capabilities) -> None:
    """It is in the record before any answer can hold it, and in no answer once it was taken back."""
    book = shown(caps)
    known = [event for event, _ in book.history if isinstance(event, events.TransactionKnown)]
    assert [event.link for event in known] == [LINK]
    assert book.answer.link == LINK
    book.cancel()
    assert (book.state, book.answer.link) == (PaymentState.CANCELED, None)


def test_a_sale_has_one_link_for_ever() -> None:
    """A second one for a key would be a second payment (promise P1)."""
    book = shown(PAYCORE)
    book.read(seen(Status.PENDING, link=OTHER))
    assert book.answer.link == LINK
    with pytest.raises(IllegalTransition, match="there is one for ever"):
        book.record([events.LinkKnown(OTHER)])


def test_a_link_needs_a_transaction() -> None:
    """A link of nothing that could be read."""
    with pytest.raises(IllegalTransition, match="known transaction"):
        Book(caps=PAYCORE).record([events.LinkKnown(LINK)])


def test_how_a_link_is_opened_is_kept() -> None:
    """A link that a browser must post to cannot be put into a code; whoever shows it must know."""
    book = Book(caps=PAYCORE)
    book.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/p/1", LinkMethod.POST)))
    assert book.answer.link is not None
    assert book.answer.link.method is LinkMethod.POST


def test_a_link_that_must_not_be_shown_calls_a_technician() -> None:
    """The provider gave one of the other side, test or production: the payment is there, its link is not, and somebody hears why."""
    book = Book(caps=SOFTLINE)
    book.attempt(seen(Status.PENDING, error="LINK_OTHER_SIDE"))
    assert (book.state, book.answer.link, standing(book.sale)) == (PaymentState.PENDING, None, ("LINK_OTHER_SIDE",))


@each
def test_without_a_link_nobody_can_pay(caps: Capabilities) -> None:
    """An answer that names the payment and no link: it is read for one, and taken back when there is none."""
    book = Book(caps=caps)
    book.attempt(seen(Status.PENDING))
    assert duties(book) == {Duty.BEGIN_CANCEL, Duty.READ}
    found = Book(caps=caps)
    found.attempt(seen(Status.PENDING))
    found.read(seen(Status.PENDING, link=LINK))
    assert found.answer.link == LINK
    owed = book.owes(Duty.BEGIN_CANCEL)
    assert owed is not None
    assert (owed.at - book.now.ticks, owed.why) == (Policy().link_wait_ms, CancelCause.LINK_LOST)
    book.until(owed).begin_cancel(CancelCause(owed.why))
    assert (book.state, book.answer.reason) == (PaymentState.CANCELED, "LINK_LOST")


@each
def test_who_paid_in_the_dark_is_not_told_otherwise(caps: Capabilities) -> None:
    """The power was cut while the link was out: one look before it is taken back; one that is not answered does not keep the register
    waiting."""
    paid = shown(caps).reboot()
    assert (paid.due_in(Duty.READ), paid.due_in(Duty.BEGIN_CANCEL)) == (0, Policy().window_after_reachable_ms)
    paid.read(seen(Status.ACCEPTED, slip()))
    assert paid.state is PaymentState.PAID
    waiting = shown(caps).reboot()
    waiting.read(Unclear("timeout"))
    assert 0 < waiting.due_in(Duty.READ) <= 1_000
    assert waiting.due_in(Duty.BEGIN_CANCEL) == Policy().window_after_reachable_ms
    waiting.after(1_000).read(seen(Status.PENDING))
    assert waiting.due_in(Duty.BEGIN_CANCEL) == 0


# --- an unclear create ---


@each_asked
def test_an_unclear_create_is_searched_for_before_it_is_repeated(caps: Capabilities) -> None:
    """As often as the provider's word must be heard, a pause apart; then the same request goes out again."""
    book = unclear(caps)
    for _ in range(caps.searches):
        assert Duty.SEND not in duties(book)
        assert book.due_in(Duty.FIND) == caps.search_pause_ms
        perform(book, Duty.FIND, Found())
    assert Duty.FIND not in duties(book)
    first = book.sale.call
    assert first is not None
    perform(book, Duty.SEND)
    assert book.start() == first.request_id


@each_asked
def test_a_further_lost_attempt_is_searched_for_anew(caps: Capabilities) -> None:
    """What was searched for before it left proves nothing about it."""
    book = unclear(caps)
    for _ in range(caps.searches):
        perform(book, Duty.FIND, Found())
    book.attempt(Unclear("reset"))
    assert Duty.SEND not in duties(book)
    assert Duty.FIND in duties(book)


@pytest.mark.parametrize("nothing", [NotSent("refused"), Unclear("timeout"), Garbled("http_500"), Denied(429, 7)], ids=str)
def test_a_search_without_an_answer_proves_nothing(nothing: SearchResult) -> None:
    """It is asked again, later, and not before the provider wants to be asked."""
    book = perform(unclear(SOFTLINE), Duty.FIND, nothing)
    assert book.sale.searches == 0
    assert Duty.SEND not in duties(book)
    assert book.due_in(Duty.FIND) >= (7_000 if isinstance(nothing, Denied) else 300)


def test_a_shut_door_is_told() -> None:
    """The login is wrong: nothing can be found out until a technician comes."""
    book = perform(unclear(SOFTLINE), Duty.FIND, Denied(401))
    assert standing(book.sale) == ("ACCESS_DENIED",)


def test_a_refused_search_proves_nothing() -> None:
    """A code instead of a list."""
    assert perform(unclear(SOFTLINE), Duty.FIND, Refused("6010", Refusal.UNKNOWN)).sale.searches == 0


@each_asked
def test_what_is_found_is_adopted(caps: Capabilities) -> None:
    """One payment: it is ours, with the link that the provider tells, or that a read tells."""
    book = perform(unclear(caps), Duty.FIND, Found((seen(Status.PENDING, link=LINK),)))
    assert (book.state, book.answer.link, book.sale.transaction_id) == (PaymentState.PENDING, LINK, "tx-1")
    bare = perform(unclear(caps), Duty.FIND, Found((seen(Status.PENDING),)))
    assert Duty.SEND not in duties(bare)
    bare.read(seen(Status.PENDING, link=OTHER))
    assert bare.answer.link == OTHER


def test_of_several_the_oldest_is_adopted_and_a_person_is_called() -> None:
    """Nobody was shown the links of the others."""
    book = perform(unclear(SOFTLINE), Duty.FIND, Found((seen(Status.PENDING), seen(Status.PENDING, tx="tx-2"))))
    assert book.sale.transaction_id == "tx-1"
    assert standing(book.sale) == ("SECOND_TRANSACTION",)


def test_a_search_that_is_late_changes_nothing() -> None:
    """The answer of the create came meanwhile, or another attempt is under way."""
    known = unclear(SOFTLINE)
    known.end(seen(Status.PENDING, link=LINK), late=True)
    assert known.search(Found((seen(Status.PENDING, tx="tx-2"),))) == []
    flying = unclear(PAYCORE)
    flying.start()
    assert flying.search(Found((seen(Status.PENDING),))) == []
    assert flying.record(()) == ()


def test_only_what_may_exist_is_searched_for() -> None:
    """The record takes no search of a sale of which nothing was sent."""
    with pytest.raises(IllegalTransition, match="only a checkout whose transaction is not known"):
        Book(caps=SOFTLINE).record([events.Searched("r1")])


# --- canceled before anything is known ---


@each_asked
def test_a_canceled_sale_that_is_not_found_was_never_shown(caps: Capabilities) -> None:
    """Nothing new is made to find it. It is searched for, and then not paid, for nobody had its link; later it is searched for again."""
    book = unclear(caps)
    book.cancel()
    for _ in range(caps.searches):
        assert Duty.SEND not in duties(book)
        perform(book, Duty.FIND, Found())
    owed = book.owes(Duty.GIVE_UP)
    assert owed is not None
    book.until(owed).give_up(owed.why)
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER", Money.POSSIBLE)
    assert duties(book) == {Duty.FIND}
    assert owes(book.sale)
    for _ in caps.rereads_ms:
        perform(book, Duty.FIND, Found())
    assert (book.owed, book.answer.money, owes(book.sale)) == ([], Money.NONE, False)


def test_the_window_ends_a_search_that_is_not_answered() -> None:
    """A network that stays silent: not for ever."""
    book = unclear(SOFTLINE)
    book.cancel()
    owed = book.owes(Duty.GIVE_UP)
    assert owed is not None
    assert 0 < owed.at - book.now.ticks <= Policy().window_limit_ms
    book.until(owed).give_up(owed.why)
    assert book.state is PaymentState.CANCELED


def test_where_nothing_can_be_asked_it_ends_at_once() -> None:
    """The link was shown to nobody, so nobody can have paid. A late answer names it after all: then it is watched."""
    book = unclear(PAYCONNECT)
    book.cancel()
    owed = book.owes(Duty.GIVE_UP)
    assert owed is not None
    assert owed.at <= book.now.ticks
    book.give_up(owed.why)
    assert (book.state, book.answer.money, book.owed) == (PaymentState.CANCELED, Money.NONE, [])
    book.tell()
    book.end(seen(Status.PENDING, link=LINK), late=True)
    assert (book.state, book.answer.money, book.answer.link) == (PaymentState.CANCELED, Money.POSSIBLE, None)
    assert duties(book) == {Duty.READ}


@pytest.mark.parametrize("caps", [replace(PAYCONNECT, secret_link=False), KOSHELEK], ids=["payconnect", "koshelek"])
def test_where_a_payment_needs_no_link_a_person_must_look(caps: Capabilities) -> None:
    """A bill that is sent by mail, a customer who confirms in his application: "not found" is not "not paid"."""
    book = unclear(caps)
    book.cancel()
    owed = book.owes(Duty.GIVE_UP)
    assert owed is not None
    book.until(owed).give_up(owed.why)
    assert book.state is PaymentState.ATTENTION


def test_after_a_restore_nobody_knows_what_was_shown() -> None:
    """The backup is older than the link (money rule 10)."""
    book = unclear(PAYCONNECT)
    book.record([events.Restored("now")])
    book.cancel()
    book.give_up("WINDOW_CLOSED")
    assert book.state is PaymentState.ATTENTION


@each_asked
def test_what_is_found_after_the_cancel_is_taken_back(caps: Capabilities) -> None:
    """Its link was never shown and never will be: canceled, and watched to its end; nothing is sent, for there is no cancel call."""
    book = unclear(caps)
    book.cancel()
    perform(book, Duty.FIND, Found((seen(Status.PENDING, link=LINK),)))
    assert duties(book) == {Duty.GIVE_UP}
    book.give_up("WINDOW_CLOSED")
    assert (book.state, book.answer.money, book.answer.link) == (PaymentState.CANCELED, Money.POSSIBLE, None)
    assert duties(book) == {Duty.READ}


@each_asked
def test_money_found_by_a_late_search_goes_back(caps: Capabilities) -> None:
    """The worst that can happen: paid although nobody was shown the link. It was told as not paid, so it is returned."""
    book = unclear(caps)
    book.cancel()
    book.until(book.owed[-1]).give_up("WINDOW_CLOSED")
    book.tell()
    perform(book, Duty.FIND, Found((seen(Status.ACCEPTED, slip()),)))
    assert (book.state, book.answer.state, book.answer.money) == (PaymentState.CANCELED, PaymentState.CANCELED, Money.RETURNING)
    assert book.sale.refund(RETURN_KEY) is not None


def test_one_search_at_a_time() -> None:
    """While one is under way no other is owed."""
    book = unclear(SOFTLINE)
    book.memory.reading = True
    assert Duty.FIND not in duties(book)


def test_nothing_is_given_up_that_has_ended_or_can_be_canceled() -> None:
    """The state has moved on meanwhile; and where there is a cancel call a known payment is a person's when the machine is at its end."""
    done = paid(PAYCORE)
    assert done.give_up("WINDOW_CLOSED") == []
    book = Book()
    book.attempt(seen(Status.PENDING))
    book.cancel()
    book.give_up("SLIP_MISSING")
    assert book.state is PaymentState.ATTENTION
    charged = shown(PAYCORE)
    charged.read(seen(Status.ACCEPTED))
    charged.cancel()
    charged.give_up("SLIP_MISSING")
    assert charged.state is PaymentState.ATTENTION


def test_a_refusal_that_may_be_the_echo_of_our_own_copy_is_looked_into_at_once() -> None:
    """Another refund is at work, says the provider of a repeat: it may be our first copy."""
    book = returning(PAYCORE, Wanted(1, 1))
    perform(book, Duty.CHECK_REFUND).check(seen(Status.ACCEPTED, slip(), refunded=0))
    perform(book, Duty.REFUND).attempt(Refused("BUSY", Refusal.BUSY), "refund:back-1")
    assert (duties(book), book.due_in(Duty.CHECK_REFUND) < 1_000) == ({Duty.CHECK_REFUND}, True)


# --- the watch ---


@each
@pytest.mark.parametrize("status", [Status.CANCELED, Status.REJECTED, Status.GONE])
def test_a_final_word_ends_the_watch(caps: Capabilities, status: Status) -> None:
    """It can be paid no more: money was possible, and is none."""
    book = shown(caps)
    book.cancel()
    assert book.answer.money is Money.POSSIBLE
    book.after(MINUTE_MS).read(seen(status))
    assert (book.state, book.answer.money, book.owed, owes(book.sale)) == (PaymentState.CANCELED, Money.NONE, [], False)
    assert book.read(seen(status)) == []


def test_softline_is_watched_for_ninety_days_once_a_day() -> None:
    """Its links live so long; and the watch does not end before the link does."""
    book = shown(SOFTLINE)
    book.cancel()
    book.tell()
    for minutes in (1, 9, 50):  # at 1, 10 and 60 minutes, for he may have paid just when the link was taken back
        assert abs(book.due_in(Duty.READ) - minutes * MINUTE_MS) < 1_000
        perform(book, Duty.READ).read(seen(Status.PENDING))
    perform(book, Duty.READ).read(seen(Status.PENDING))
    for _ in range(94):
        assert DAY_MS - MINUTE_MS < book.due_in(Duty.READ) <= DAY_MS
        perform(book, Duty.READ).read(seen(Status.PENDING))
    assert book.answer.money is Money.POSSIBLE
    perform(book, Duty.READ).read(seen(Status.GONE))
    assert (book.owed, book.answer.money) == ([], Money.NONE)


@pytest.mark.parametrize("status", [Status.NEW, Status.PENDING, Status.UNKNOWN])
def test_a_link_that_can_still_be_paid_is_watched_on(status: Status) -> None:
    """After the planned looks as often as at their end, whatever word the provider has for "not yet"."""
    book = shown(PAYCORE)
    book.cancel()
    book.tell()
    for _ in PAYCORE.rereads_ms:
        perform(book, Duty.READ).read(seen(status))
    assert owes(book.sale)
    assert 0 < book.due_in(Duty.READ) <= PAYCORE.rereads_ms[-1] - PAYCORE.rereads_ms[-2]
    perform(book, Duty.READ).read(seen(Status.ACCEPTED, slip()))
    assert book.answer.money is Money.RETURNING


def test_a_photographed_link_paid_next_month_goes_back() -> None:
    """Softline returns money by people: asked for, and not said to be returned before it is."""
    book = shown(SOFTLINE)
    book.cancel()
    book.tell()
    for _ in range(30):
        perform(book, Duty.READ).read(seen(Status.PENDING))
    perform(book, Duty.READ).read(seen(Status.ACCEPTED, slip()))
    assert book.answer.money is Money.RETURNING
    book.attempt(seen(Status.ACCEPTED, ref=RefStatus.REQUESTED), f"refund:{RETURN_KEY}")
    assert (book.refund(RETURN_KEY).state, book.answer.money) == (RefundState.REQUESTED, Money.RETURNING)
    perform(book, Duty.READ_REFUND).read_refund(seen(Status.ACCEPTED, slip()), RETURN_KEY)
    assert book.due_in(Duty.READ_REFUND) == DAY_MS
    book.read_refund(seen(Status.GONE), RETURN_KEY)
    assert (book.refund(RETURN_KEY).state, book.answer.money) == (RefundState.REFUNDED, Money.RETURNED)


def test_gone_before_anybody_paid() -> None:
    """The link has died under the customer's eyes."""
    book = shown(SOFTLINE)
    book.read(seen(Status.GONE))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "LINK_EXPIRED", Money.NONE)


# --- returns ---


def paid(caps: Capabilities) -> Book:
    book = shown(caps)
    book.read(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID
    return book.tell()


def test_what_no_call_can_return_needs_a_person_at_once() -> None:
    """PayConnect documents no refund: late money goes to attention, and a register is told so instead of waiting."""
    late = shown(PAYCONNECT)
    late.cancel()
    late.tell()
    late.read(seen(Status.ACCEPTED, slip()))
    assert duties(late) == {Duty.HAND_OVER}
    late.record(decide_refund.hand_over(late.sale, RETURN_KEY))
    assert (late.refund(RETURN_KEY).state, late.answer.money) == (RefundState.ATTENTION, Money.STUCK)
    assert "NO_REFUND_CALL" in standing(late.sale)
    assert decide_refund.hand_over(late.sale, RETURN_KEY) == []
    with pytest.raises(NotRefundable, match="cabinet") as error:
        paid(PAYCONNECT).ask_refund()
    assert error.value.reason == "NO_REFUND_CALL"


def test_people_return_only_the_whole_sum() -> None:
    """Softline's request has no amount."""
    book = paid(SOFTLINE)
    with pytest.raises(NotRefundable, match="whole sum") as error:
        book.ask_refund(Wanted(0, 1))
    assert error.value.reason == "WHOLE_ONLY"
    whole = [Wanted(place, item.quantity) for place, item in enumerate(book.sale.checkout.invoice.items)]
    assert book.ask_refund(*whole).amount == book.sale.amount


def returning(caps: Capabilities, *wanted: Wanted) -> Book:
    """A refund whose answer was lost."""
    book = paid(caps)
    book.ask_refund(*wanted)
    book.attempt(Unclear("timeout"), "refund:back-1")
    return book


def test_the_sum_that_was_returned_tells_whether_a_refund_was_made() -> None:
    """PayCore says how much it has returned: compared with the record, nothing has to be guessed."""
    made = returning(PAYCORE, Wanted(1, 1))
    amount = made.refund().amount
    made.check(seen(Status.PARTIAL_REFUNDED, refunded=amount))
    assert made.refund().state is RefundState.REFUNDED
    unmade = returning(PAYCORE, Wanted(1, 1))
    unmade.check(seen(Status.ACCEPTED, slip(), refunded=0))
    assert (unmade.refund().state, unmade.refund().checked) == (RefundState.UNKNOWN, unmade.now)
    at_work = returning(PAYCORE, Wanted(1, 1))
    assert at_work.check(seen(Status.REFUNDING, refunded=0)) == []
    strange = returning(PAYCORE, Wanted(1, 1))
    strange.check(seen(Status.PARTIAL_REFUNDED, refunded=amount + 1))
    assert strange.refund().state is RefundState.ATTENTION


def test_no_clock_that_was_set_makes_a_second_refund() -> None:
    """The answer of a refund is lost, the power goes, and the clock is wrong afterwards: the wait counts anew, from the start."""
    for wall_ms in (-DAY_MS, 3 * 3_600_000, 10 * DAY_MS):
        book = returning(PAYCORE, Wanted(1, 1)).reboot(31_000, wall_ms)
        assert duties(book) == {Duty.CHECK_REFUND}
        assert book.due_in(Duty.CHECK_REFUND) == Policy().blind_repeat_ms
        assert duties(perform(book, Duty.CHECK_REFUND)) == {Duty.CHECK_REFUND}
        book.check(seen(Status.ACCEPTED, slip(), refunded=0))
        assert duties(book) == {Duty.REFUND}


def test_a_sum_is_not_believed_while_the_refund_is_at_work() -> None:
    """It may be what is to be returned; and of a refund that failed it proves nothing."""
    amount = returning(PAYCORE, Wanted(1, 1)).refund().amount
    book = returning(PAYCORE, Wanted(1, 1))
    assert book.check(seen(Status.REFUNDING, refunded=amount)) == []
    at_once = paid(PAYCORE)
    at_once.ask_refund(Wanted(1, 1))
    at_once.attempt(seen(Status.REFUNDING, refunded=amount), "refund:back-1")
    assert at_once.refund().state is RefundState.UNKNOWN
    book.check(seen(Status.REFUNDING, ref=RefStatus.REJECTED, refunded=amount))
    assert book.refund().state is RefundState.ATTENTION


def test_a_payment_that_needs_no_link_is_never_made_twice() -> None:
    """Configured so, because a bill is mailed: what a search has not found may still be paid, so it is searched for, and then a person."""
    mailed = replace(SOFTLINE, secret_link=False)
    book = unclear(mailed)
    for _ in range(4):
        perform(book, Duty.FIND, Found())
        assert Duty.SEND not in duties(book)
    book.cancel()
    assert duties(book) == {Duty.FIND, Duty.GIVE_UP}
    found = perform(unclear(mailed), Duty.FIND, Found((seen(Status.PENDING),)))
    found.cancel()
    late = unclear(mailed)
    late.cancel()
    perform(late, Duty.FIND, Found((seen(Status.PENDING),)))
    assert late.due_in(Duty.GIVE_UP) > 0, "one look before it is said to be over"
    perform(late, Duty.READ).read(seen(Status.ACCEPTED, slip()))
    assert late.state is PaymentState.PAID


def test_a_watch_before_a_shut_door_knocks_once_an_hour() -> None:
    """Hundreds of links of a shop, and a provider that answers 404 to each: nobody waits for them."""
    book = shown(SOFTLINE)
    book.cancel()
    book.tell()
    for _ in range(10):
        perform(book, Duty.READ).read(Denied(404))
    assert book.due_in(Duty.READ) == 3_600_000


def test_a_refund_that_may_not_be_repeated_is_looked_for_when_its_copy_must_have_arrived() -> None:
    """A look that somebody hurried proves nothing about a copy that was still under way: there is another one before the repeat."""
    book = returning(PAYCORE, Wanted(1, 1))
    assert book.due_in(Duty.CHECK_REFUND) == Policy().blind_repeat_ms
    book.memory.hurried |= WAITING
    assert book.due_in(Duty.CHECK_REFUND) < 1_000
    book.after(1_000).check(seen(Status.ACCEPTED, slip(), refunded=0))
    book.memory.hurried.clear()
    assert duties(book) == {Duty.CHECK_REFUND}
    perform(book, Duty.CHECK_REFUND).check(seen(Status.ACCEPTED, slip(), refunded=0))
    assert duties(book) == {Duty.REFUND}


def test_a_payment_returned_in_full_outside_ends_an_unclear_refund_of_all() -> None:
    """Softline has one word for "returned": of a payment that was paid it means that the money is back."""
    book = returning(SOFTLINE)
    book.check(seen(Status.GONE))
    assert book.refund().state is RefundState.REFUNDED


def test_a_refund_in_the_sum_of_the_answer_is_made() -> None:
    """The answer of the refund itself tells the sum, so nothing has to be read; one that tells less is looked at."""
    book = paid(PAYCORE)
    book.ask_refund(Wanted(1, 1))
    amount = book.refund().amount
    book.attempt(seen(Status.PARTIAL_REFUNDED, refunded=amount), "refund:back-1")
    assert book.refund().state is RefundState.REFUNDED
    waiting = paid(PAYCORE)
    waiting.ask_refund(Wanted(1, 1))
    waiting.attempt(seen(Status.REFUNDING, refunded=0), "refund:back-1")
    assert (waiting.refund().state, duties(waiting)) == (RefundState.UNKNOWN, {Duty.CHECK_REFUND})


def test_a_return_that_the_provider_gave_up_needs_a_person() -> None:
    """Which attempt failed nobody can tell, so none is made before somebody has looked (promise P7)."""
    book = returning(PAYCORE, Wanted(1, 1))
    book.check(seen(Status.REFUNDING, ref=RefStatus.REJECTED, refunded=0))
    assert (book.refund().state, standing(book.sale)) == (RefundState.ATTENTION, ("RETURN_REFUSED",))


# --- what proves that a payment is ours ---


def test_what_bears_another_reference_is_not_ours() -> None:
    """A search that does not search shows other people's payments, and what it leaves out may exist all the same."""
    other = replace(seen(Status.PENDING, link=LINK), reference="another")
    book = unclear(PAYCORE)
    perform(book, Duty.FIND, Found((other,)))
    assert (book.sale.transaction_id, book.sale.searches, standing(book.sale)) == (None, 0, ("OTHER_TRANSACTION",))
    made = Book(caps=PAYCORE)
    made.attempt(other)
    assert (made.state, made.sale.transaction_id) == (PaymentState.UNKNOWN, None)
    ours = Book(caps=PAYCORE)
    ours.end(replace(seen(Status.PENDING, link=LINK), reference=ours.start()))
    assert ours.answer.link == LINK


def test_the_reference_of_a_slip_must_be_ours() -> None:
    """A provider that knows no order repeats the id that we gave the payment."""
    book = shown(PAYCORE)
    request_id = book.sale.call and book.sale.call.request_id
    foreign = replace(slip(), order_id=None, reference="another")
    book.read(seen(Status.ACCEPTED, foreign))
    assert (book.state, book.answer.reason) == (PaymentState.ATTENTION, "ORDER_MISMATCH")
    ours = shown(PAYCORE)
    ours.read(seen(Status.ACCEPTED, replace(slip(), order_id=None, reference=request_id)))
    assert ours.state is PaymentState.PAID
    assert ("orderId", ours.sale.checkout.invoice.order_id) in ours.answer.rows


def test_the_receipt_of_a_card_shows_the_banks_number() -> None:
    """With it the bank finds the payment; a code of the SBP it does not have."""
    book = shown(PAYCORE)
    request_id = book.sale.call and book.sale.call.request_id
    card = replace(
        slip(), order_id=None, reference=request_id, payment_type="512381******0000", qrc_id=None, kzo=None, operation_id="rrn-1"
    )
    book.read(seen(Status.ACCEPTED, card))
    assert ("operationId", "rrn-1") in book.answer.rows
    assert [label for label, _ in book.answer.rows if label in ("qrcId", "kzo")] == []
