"""How a payout ends: by the system's final word with our amount, currency and id in it, or by a person (promises P3, P4, rule 10)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.core import events as shared
from agent.core.decide_operator import NotResolvable, UnderWay
from agent.core.machine import IllegalTransition
from agent.core.payout import asked, decide
from agent.core.payout.answer import row, success
from agent.core.payout.contract import PayoutSeen, PayoutsFound, PayoutStatus
from agent.core.payout.events import PayoutResolution
from agent.core.payout.fold import fold
from agent.core.payout.machine import PayoutState
from agent.core.payout.name import is_payout, key_of
from agent.core.payout.owed import PayoutDuty, owes
from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Unclear
from tests.core.payout_book import ID, POLICY, PayoutBook, seen

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def pending() -> PayoutBook:
    book = PayoutBook().send()
    book.answer(seen(PayoutStatus.PENDING))
    return book


def paid() -> PayoutBook:
    book = pending()
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["paid_out"]
    return book


def disputed() -> PayoutBook:
    """The system shows another currency: a person's, and nothing of it was paid in part."""
    book = pending()
    book.read(replace(seen(PayoutStatus.PENDING), currency="EUR"))
    return book


def attention() -> PayoutBook:
    book = pending()
    book.read(seen(PayoutStatus.PARTIAL))
    return book


def test_it_is_read_until_its_end() -> None:
    """Two seconds after the answer, then every five, more slowly in time, and never while a read is under way."""
    book = pending()
    assert book.duties() == {PayoutDuty.READ: 2_000, PayoutDuty.SLOW: DAY_MS}
    book.memory.last_read, book.memory.reads = book.wait(2_000).now, 1
    assert book.duties()[PayoutDuty.READ] == 5_000
    book.memory.reads = 200
    assert book.duties()[PayoutDuty.READ] == 600_000
    book.memory.reads, book.memory.failures = 1, 2
    assert 20_000 <= book.duties()[PayoutDuty.READ] <= 25_000
    book.memory.hurried = True
    assert book.duties()[PayoutDuty.READ] == 1_000
    book.memory.pause_ms = 30_000
    assert book.duties()[PayoutDuty.READ] == 30_000, "the system has asked for a pause"
    book.memory.reading = True
    assert PayoutDuty.READ not in book.duties()
    assert book.reboot().duties()[PayoutDuty.READ] == 0


@pytest.mark.parametrize("status", [PayoutStatus.NEW, PayoutStatus.PENDING, PayoutStatus.UNKNOWN])
def test_what_is_no_end_changes_nothing(status: PayoutStatus) -> None:
    """A word nobody knows raises an alarm, once, and is no end either."""
    book = pending()
    assert book.read(seen(status)) == (["alarm_raised"] if status is PayoutStatus.UNKNOWN else [])
    assert book.read(seen(status)) == []
    assert (book.payout.state, success(book.payout)) == (PayoutState.PENDING, None)


def test_processed_with_our_amount_currency_and_id_is_paid_out() -> None:
    """And only then: the answer says so, and the register gets it frozen."""
    book = paid()
    assert (book.payout.state, book.payout.resolution, asked.money(book.payout), success(book.payout)) == (
        PayoutState.PAID_OUT,
        "ok",
        "paid_out",
        True,
    )
    assert book.tell() == ["payout_told"]
    assert book.tell() == []
    told = row(book.payout)
    assert (told.told, told.confirmed, told.split, told.open, told.state, told.order_id) == (
        True,
        True,
        True,
        False,
        "paid_out",
        "payout:K1",
    )
    assert asked.told_now(pending().payout, "pos") == []


@pytest.mark.parametrize(
    "other",
    [{"amount": 49_999}, {"currency": "EUR"}, {"reference": "r2"}],
    ids=str,
)
@pytest.mark.parametrize("status", [PayoutStatus.PENDING, PayoutStatus.PROCESSED, PayoutStatus.FAILED])
def test_another_amount_currency_or_id_is_never_believed(status: PayoutStatus, other: dict[str, object]) -> None:
    """Whatever the status says: a person must look. Later the right words may still come."""
    book = pending()
    assert book.read(replace(seen(status), **other)) == ["attention_needed", "alarm_raised"]  # type: ignore[arg-type]  # by name
    assert (book.payout.state, book.payout.reason, asked.money(book.payout)) == (PayoutState.ATTENTION, "PAYOUT_MISMATCH", "possible")
    assert book.read(replace(seen(status), **other)) == []  # type: ignore[arg-type]  # by name
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["paid_out"]


@pytest.mark.parametrize("missing", ["amount", "currency", "reference"])
def test_what_is_not_told_is_no_proof(missing: str) -> None:
    """Processed, over nobody knows what."""
    book = pending()
    assert book.read(replace(seen(PayoutStatus.PROCESSED), **{missing: None})) == ["attention_needed", "alarm_raised"]  # type: ignore[arg-type]  # by name
    assert book.payout.reason == "PAYOUT_UNPROVEN"


def test_failed_and_canceled_are_ends() -> None:
    """The system's final words that nothing is paid."""
    book = pending()
    assert book.read(seen(PayoutStatus.FAILED)) == ["payout_failed"]
    assert (book.payout.state, book.payout.reason, success(book.payout)) == (PayoutState.FAILED, "PAYOUT_FAILED", False)
    book = pending()
    assert book.read(seen(PayoutStatus.CANCELED)) == ["canceled"]
    assert book.payout.reason == "PAYOUT_CANCELED"
    assert book.read(seen(PayoutStatus.FAILED)) == []


def test_a_part_is_a_persons_whatever_comes_after_it() -> None:
    """Part of the money has gone: "failed" does not bring it back. The whole payout still ends it well."""
    book = attention()
    assert (book.payout.reason, book.payout.partly) == ("PAYOUT_PARTLY", True)
    assert book.read(seen(PayoutStatus.PARTIAL)) == book.read(seen(PayoutStatus.FAILED)) == book.read(seen(PayoutStatus.CANCELED)) == []
    assert book.payout.state is PayoutState.ATTENTION
    assert book.read(seen(PayoutStatus.PENDING)) == []
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["paid_out"]
    book = pending()
    book.read(replace(seen(PayoutStatus.PENDING), currency="EUR"))
    assert book.read(seen(PayoutStatus.PARTIAL)) == ["attention_needed", "alarm_raised"], "more is known of what is wrong"


def test_an_id_that_the_system_does_not_know_any_more() -> None:
    """For some minutes a lagging copy; then a person. 404 says the same."""
    book = pending()
    absent = [PayoutSeen(PayoutStatus.ABSENT), Denied(404), Refused("X", Refusal.NOT_FOUND)]
    assert [book.read(one) for one in absent] == [[], [], []]
    book.wait(POLICY.absent_ms)
    assert book.read(absent[1]) == ["attention_needed", "alarm_raised"]
    assert book.payout.reason == "UNKNOWN_TRANSACTION_ID"


def test_reads_that_say_nothing() -> None:
    """Silence changes nothing; a shut door and an answer about another payout call a technician."""
    book = pending()
    for result in (NotSent("dns"), Unclear("reset"), Garbled("not_json"), Denied(429), Refused("X", Refusal.UNKNOWN)):
        assert book.read(result) == []
    assert book.read(Denied(403)) == ["alarm_raised"]
    assert book.read(seen(PayoutStatus.PROCESSED, "cpoi_2")) == ["alarm_raised"]
    assert book.payout.state is PayoutState.PENDING


def test_a_payout_that_takes_long_is_told_of_once() -> None:
    """In work for a day: an alarm, and an operator may decide. One that cannot even be searched for becomes a person's."""
    book = pending().wait(DAY_MS)
    assert book.duties()[PayoutDuty.SLOW] == 0
    assert asked.choices(book.payout) == ()
    assert book.record(asked.slow(book.payout)) == ["alarm_raised"]
    assert PayoutDuty.SLOW not in book.duties()
    assert asked.choices(book.payout) == tuple(PayoutResolution)
    book = PayoutBook().send()
    book.answer(Unclear("timeout"))
    assert book.wait(DAY_MS).duties()[PayoutDuty.SLOW] == 0
    assert book.record(asked.slow(book.payout)) == ["attention_needed", "alarm_raised"]
    assert asked.slow(book.payout) == []
    assert book.wait(-2 * DAY_MS).duties() == {PayoutDuty.FIND: 2 * DAY_MS + HOUR_MS}


# --- after the end ---


def test_what_was_paid_out_is_looked_at_again() -> None:
    """An hour, a day and a week after the end; then it is over."""
    book = paid()
    assert book.duties() == {PayoutDuty.READ: HOUR_MS}
    assert book.wait(HOUR_MS).read(seen(PayoutStatus.PROCESSED)) == ["reread"]
    assert book.read(seen(PayoutStatus.PROCESSED)) == []
    assert book.duties() == {PayoutDuty.READ: DAY_MS - HOUR_MS}
    assert book.reboot(7 * DAY_MS).duties() == {PayoutDuty.READ: 0}
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["reread"]
    assert (book.payout.watch_over, book.owed(), owes(book.payout)) == (True, [], False)
    assert book.read(seen(PayoutStatus.PENDING)) == []


def test_a_clock_that_went_back_makes_a_look_due_now() -> None:
    """Overdue or implausible: done at once, and nothing is decided by it."""
    book = paid()
    book.now = replace(book.reboot().now, wall=book.now.wall.replace(year=2020))
    assert book.duties() == {PayoutDuty.READ: 0}


def test_a_payout_taken_back_before_anybody_was_told() -> None:
    """The answer will be "returned", and a person is called."""
    book = paid()
    assert book.read(seen(PayoutStatus.CANCELED)) == ["payout_returned", "alarm_raised"]
    assert (book.payout.state, success(book.payout), asked.money(book.payout)) == (PayoutState.RETURNED, False, "returned")
    assert row(book.payout).attention
    assert book.owed() == []
    assert book.resolve(PayoutResolution.ACKNOWLEDGE) == ["payout_resolved"]
    assert not row(book.payout).attention
    assert book.read(seen(PayoutStatus.PARTIAL)) == ["alarm_raised"]


def test_a_payout_taken_back_after_it_was_told() -> None:
    """What was handed out stays; where the money is does not."""
    book = paid()
    book.tell()
    assert book.read(seen(PayoutStatus.CANCELED)) == ["payout_returned", "alarm_raised"]
    assert (book.payout.state, success(book.payout), asked.money(book.payout)) == (PayoutState.PAID_OUT, True, "returned")
    assert book.read(seen(PayoutStatus.CANCELED)) == []
    assert book.read(replace(seen(PayoutStatus.PROCESSED), currency="EUR")) == ["alarm_raised"]


# --- the operator ---


def test_an_operator_decides_what_nothing_else_can() -> None:
    """Paid out or not made, with a reason; what he names is kept; nothing else may be decided, and nothing while a request is under way."""
    book = PayoutBook().send()
    with pytest.raises(NotResolvable):
        book.resolve(PayoutResolution.PAID_OUT)
    book.answer(Unclear("timeout"))
    book.record(decide.attention(book.payout, decide.NOT_FOUND))
    assert book.resolve(PayoutResolution.PAID_OUT, "cpoi_7") == ["payout_resolved"]
    assert (book.payout.state, book.payout.reason, book.payout.transaction_id) == (PayoutState.PAID_OUT, "OPERATOR", "cpoi_7")
    book = disputed()
    with pytest.raises(NotResolvable, match="has the transaction cpoi_1"):
        book.resolve(PayoutResolution.NOT_MADE, "cpoi_7")
    assert book.resolve(PayoutResolution.NOT_MADE) == ["payout_resolved"]
    assert (book.payout.state, asked.money(book.payout), success(book.payout)) == (PayoutState.FAILED, "none", False)
    with pytest.raises(IllegalTransition, match="cannot happen in failed"):
        fold(book.payout, shared.AttentionNeeded("X"), book.now)


def test_what_was_paid_cannot_be_decided_as_not_made() -> None:
    """A part of the money has gone, or the system says "processed" over nobody knows what: only that the recipient has it can be proven."""
    unproven = pending()
    unproven.read(replace(seen(PayoutStatus.PROCESSED), amount=None))
    partly = pending()
    partly.read(seen(PayoutStatus.PARTIAL))
    partly.read(replace(seen(PayoutStatus.PENDING), currency="EUR"))
    assert partly.payout.reason == "PAYOUT_MISMATCH"
    for book in (attention(), unproven, partly):
        assert asked.choices(book.payout) == (PayoutResolution.PAID_OUT, PayoutResolution.ACKNOWLEDGE)
        with pytest.raises(NotResolvable):
            book.resolve(PayoutResolution.NOT_MADE)
        assert book.resolve(PayoutResolution.PAID_OUT) == ["payout_resolved"]


def test_what_cannot_be_searched_for_can_be_decided() -> None:
    """The door is shut to searches: a person may decide at once, and it is searched for until then. Not before a search was turned away."""
    book = PayoutBook().send()
    book.answer(NotSent("credentials"))
    book.wait(5_000).send().answer(Unclear("timeout"))
    assert ("ACCESS_DENIED" in asked.standing(book.payout), asked.choices(book.payout)) == (True, (PayoutResolution.ACKNOWLEDGE,))
    assert book.wait(10_000).found(Denied(404)) == ["alarm_raised"]
    assert book.found(Denied(404)) == []
    assert asked.choices(book.payout) == tuple(PayoutResolution)
    assert PayoutDuty.FIND in book.duties()
    assert book.wait(10_000).found(PayoutsFound()) == ["searched"]
    assert asked.choices(book.payout) == (PayoutResolution.ACKNOWLEDGE,)
    book.found(Denied(403))
    assert book.resolve(PayoutResolution.NOT_MADE) == ["payout_resolved"]
    assert (book.payout.state, book.payout.ended, book.duties()) == (PayoutState.FAILED, book.now, {PayoutDuty.FIND: HOUR_MS})
    assert book.wait(HOUR_MS).found(PayoutsFound((seen(PayoutStatus.PROCESSED),)))[-2:] == ["alarm_raised", "alarm_raised"]
    assert asked.money(book.payout) == "paid_out"


def test_nothing_is_decided_while_the_attempt_is_under_way() -> None:
    """Neither asked nor recorded."""
    book = disputed()
    assert book.payout.call is not None
    flying = replace(book.payout, call=replace(book.payout.call, state=type(book.payout.call.state).FLYING))
    decision = asked.Decision(PayoutResolution.NOT_MADE, "why", "who")
    with pytest.raises(UnderWay):
        asked.resolved(flying, decision)
    (event,) = asked.resolved(book.payout, decision)
    with pytest.raises(IllegalTransition, match="under way"):
        fold(flying, event, book.now)


def test_what_contradicts_an_operator_calls_for_one_again() -> None:
    """His word stands. "Not made" that was paid, "paid out" that was taken back: an alarm each time, and the money is where it is."""
    book = disputed()
    book.resolve(PayoutResolution.NOT_MADE)
    assert book.duties() == {PayoutDuty.READ: HOUR_MS}
    assert book.read(seen(PayoutStatus.FAILED)) == book.read(seen(PayoutStatus.PENDING)) == []
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["alarm_raised", "alarm_raised"]
    standing = ("OPERATOR_CONTRADICTED", "PAYOUT_LATE", "PAYOUT_MISMATCH")
    assert (book.payout.state, asked.standing(book.payout), asked.money(book.payout)) == (PayoutState.FAILED, standing, "paid_out")
    assert book.wait(HOUR_MS).read(seen(PayoutStatus.PROCESSED)) == ["reread"]
    assert book.read(seen(PayoutStatus.CANCELED)) == ["payout_returned", "alarm_raised"]
    assert (book.payout.state, asked.money(book.payout)) == (PayoutState.FAILED, "returned")
    assert book.read(seen(PayoutStatus.CANCELED)) == []
    book = disputed()
    book.resolve(PayoutResolution.NOT_MADE)
    assert book.read(seen(PayoutStatus.PARTIAL)) == ["alarm_raised"]
    assert asked.money(book.payout) == "possible"
    book = attention()
    book.resolve(PayoutResolution.PAID_OUT)
    assert book.read(seen(PayoutStatus.PROCESSED)) == []
    assert book.read(seen(PayoutStatus.FAILED)) == ["payout_returned", "alarm_raised"]
    assert book.read(seen(PayoutStatus.FAILED)) == []
    assert (book.payout.state, asked.money(book.payout)) == (PayoutState.PAID_OUT, "returned")


def test_a_late_answer_after_an_operators_word() -> None:
    """The transaction becomes known and is compared; another one than he named is a second payout."""
    for named, kinds in ((None, ["attempt_answered", "transaction_known"]), ("cpoi_1", ["attempt_answered"])):
        book = PayoutBook().send()
        book.answer(Unclear("timeout"))
        book.record(decide.attention(book.payout, decide.NOT_FOUND))
        book.resolve(PayoutResolution.NOT_MADE, named)
        assert book.answer(seen(PayoutStatus.PENDING), late=True) == kinds
        assert book.payout.state is PayoutState.FAILED
    book = PayoutBook().send()
    book.answer(Unclear("timeout"))
    book.record(decide.attention(book.payout, decide.NOT_FOUND))
    book.resolve(PayoutResolution.PAID_OUT, "cpoi_2")
    assert book.answer(seen(PayoutStatus.PENDING), late=True) == ["attempt_answered", "alarm_raised"]


# --- a restore ---


def test_after_a_restore_what_was_queued_is_a_persons() -> None:
    """It may have been sent since the backup, with an id that nobody knows."""
    book = PayoutBook()
    assert book.record(asked.marked(book.payout, "yesterday", book.now)) == ["restored", "attention_needed", "alarm_raised"]
    assert (book.payout.state, book.payout.reason, book.owed()) == (PayoutState.ATTENTION, "RESTORED", [])
    assert asked.marked(book.payout, "yesterday", book.now) == []
    assert book.record(asked.marked(book.payout, "today", book.now)) == ["restored"]
    book.resolve(PayoutResolution.PAID_OUT, "cpoi_1")
    assert book.owed() == []
    assert book.read(replace(seen(PayoutStatus.PROCESSED), reference="r9")) == []


def test_after_a_restore_what_has_an_id_is_searched_for() -> None:
    """It was held back before the backup; since then it may have been sent with the same id. It is not sent again."""
    book = PayoutBook().send()
    book.answer(NotSent("dns"))
    assert book.record(asked.marked(book.payout, "yesterday", book.now)) == ["restored"]
    assert (book.payout.state, book.payout.never_sent) == (PayoutState.UNKNOWN, False)
    assert book.duties().keys() == {PayoutDuty.FIND, PayoutDuty.SLOW}
    assert book.wait(10_000).found(PayoutsFound((seen(PayoutStatus.PROCESSED),))) == ["transaction_known", "paid_out"]
    assert book.payout.frozen, "before the backup it may have been told"


def test_a_start_records_what_the_last_process_left_open() -> None:
    """The attempt may have been sent: lost, then searched for; restored or not."""
    book = PayoutBook().send()
    assert book.record(asked.marked(book.payout, "yesterday", book.now)) == ["attempt_lost", "restored"]
    book = PayoutBook().send()
    assert book.record(asked.marked(book.payout, None, book.now)) == ["attempt_lost"]
    assert asked.marked(book.payout, None, book.now) == []
    told = paid()
    told.tell()
    assert asked.marked(told.payout, "yesterday", told.now) == []
    failed = pending()
    failed.read(seen(PayoutStatus.FAILED))
    assert asked.marked(failed.payout, "yesterday", failed.now) == []


def test_names_of_payouts() -> None:
    """They are told from sales by a sign that no register's key has."""
    assert (is_payout(ID), key_of(ID), ID.key) == (True, "K1", "payout:K1")
    assert not is_payout(replace(ID, key="payout-K1"))
    assert PayoutBook().payout.key == "K1"


@pytest.mark.parametrize("final", [PayoutStatus.FAILED, PayoutStatus.CANCELED])
def test_what_was_not_made_is_looked_at_again(final: PayoutStatus) -> None:
    """An hour, a day and a week later: if it was made after all a person is called, the money has gone, and what was told stands."""
    book = pending()
    book.read(seen(final))
    state = book.payout.state
    assert owes(book.payout)
    assert set(book.duties()) == {PayoutDuty.READ}
    book.wait(HOUR_MS)
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["alarm_raised"]
    assert (book.payout.state, asked.money(book.payout), asked.standing(book.payout)) == (state, "paid_out", ("PAYOUT_LATE",))
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["reread"], "the plan goes on"
    assert book.read(seen(final)) == ["payout_returned", "alarm_raised"]
    assert (book.payout.state, asked.money(book.payout), row(book.payout).owes) == (state, "returned", False)
    assert book.read(seen(final)) == []


def refused() -> PayoutBook:
    book = PayoutBook().send()
    book.answer(Refused("INVALID_REQUEST", Refusal.WRONG_STATE))
    return book


def expired() -> PayoutBook:
    book = PayoutBook().send()
    book.answer(NotSent("dns"))
    book.wait(60_000).record(asked.expire(book.payout, "SEND_DEADLINE"))
    return book


@pytest.mark.parametrize("ended", [refused, expired])
def test_what_the_system_never_had_is_searched_for_once(ended: Callable[[], PayoutBook]) -> None:
    """After an hour: a refusal, or our proof that nothing left, may have been wrong. One that never had a request is not looked at."""
    book = ended()
    assert (owes(book.payout), book.duties()) == (True, {PayoutDuty.FIND: HOUR_MS})
    assert book.wait(HOUR_MS).found(PayoutsFound()) == ["reread"]
    assert (owes(book.payout), book.duties()) == (False, {})
    never = PayoutBook().wait(60_000)
    never.record(asked.expire(never.payout, "SEND_DEADLINE"))
    assert (owes(never.payout), never.duties()) == (False, {})


@pytest.mark.parametrize("ended", [refused, expired])
def test_what_ended_as_not_made_and_is_shown_all_the_same_calls_a_person(ended: Callable[[], PayoutBook]) -> None:
    """Also when the looks are over. It is read from then on: made after all, taken back. What was told stands."""
    book = ended()
    state = book.payout.state
    book.wait(HOUR_MS).found(PayoutsFound())
    assert book.found(PayoutsFound((seen(PayoutStatus.PENDING),))) == ["transaction_known", "alarm_raised"]
    assert (book.payout.state, asked.money(book.payout), asked.standing(book.payout)) == (state, "possible", ("PAYOUT_FOUND",))
    assert (owes(book.payout), book.duties()) == (True, {PayoutDuty.READ: HOUR_MS})
    assert book.read(seen(PayoutStatus.PROCESSED)) == ["alarm_raised"]
    assert (book.payout.state, asked.money(book.payout), success(book.payout)) == (state, "paid_out", False)
    assert book.read(seen(PayoutStatus.FAILED)) == ["payout_returned", "alarm_raised"]
    assert asked.money(book.payout) == "returned"


def test_a_message_makes_a_look_due_whatever_has_become_of_it() -> None:
    """Over or not: by its transaction if there is one, else by its reference; not while its request is open, nor if there was none."""
    book = paid()
    book.reboot(7 * DAY_MS).read(seen(PayoutStatus.PROCESSED))
    assert book.duties() == {}
    book.memory.heard = True
    assert book.duties() == {PayoutDuty.READ: 0}
    book = refused()
    book.wait(HOUR_MS).found(PayoutsFound())
    book.memory.heard = True
    assert book.duties() == {PayoutDuty.FIND: 0}
    book = PayoutBook()
    book.memory.heard = True
    assert PayoutDuty.FIND not in book.duties()
    assert book.send().duties() == {}
