"""Goal: the parts of the status page that need no daemon. Method: values in, values out; time is a number."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any, get_args, get_type_hints

import pytest

from agent.core.answer import Money
from agent.core.duty import Duty
from agent.core.payment import PaymentState
from agent.core.payout.machine import PayoutState
from agent.core.payout.stored import KINDS as PAYOUT_KINDS
from agent.core.stored import KINDS
from agent.edges.keyring import Holder
from agent.edges.link import LinkStatus
from agent.edges.page import deciding, facts, pass_, sale, words
from agent.edges.page.facts import LOOK_S, SHARE, Facts
from agent.edges.page.house import EXAMINED_S, CannotExamine, Doctor, Found, UnderWay
from agent.edges.page.operations import operation_row
from agent.edges.page.pass_ import IDLE_S, MAX_PASSES, Passes
from agent.edges.page.plots import latency, outcomes
from agent.edges.page.pulse import BOUNDS_MS, MAX_ACCOUNTS, SLOT_S, SLOTS, Beat, Pulse
from agent.edges.page.words import Tongue
from agent.edges.telling import facts_of
from agent.web.html import Html
from agent.web.live import region_element
from drivers import operator, payout
from drivers.payout_answers import PayoutAnswer

RUSSIAN, ENGLISH = Tongue("ru", UTC), Tongue("en", UTC)
OPERATOR = Holder("client:web", None, True)


# --- words ---


def test_everything_has_a_name() -> None:
    """Each event, duty, decision, state of a payment, of money and of a link; a word that is younger than the page is shown as it is."""
    assert KINDS.keys() | PAYOUT_KINDS.keys() == words.EVENTS.keys()
    assert set(Duty) == words.DUTIES.keys()
    assert {state.value for states in (PaymentState, PayoutState) for state in states} == words.STATES.keys()
    assert {money.value for money in Money} == words.MONEY.keys()
    assert set(get_args(get_type_hints(PayoutAnswer)["money"])) == words.PAYOUT_MONEY.keys()
    assert {*operator.RESOLUTIONS, *payout.RESOLUTIONS} == deciding.RESOLUTIONS.keys()
    assert set(LinkStatus) == words.LINKS.keys()
    assert (RUSSIAN.event("later_kind"), RUSSIAN.state("later"), RUSSIAN.system("later")) == ("later_kind", "later", "later")


@pytest.mark.parametrize(("seconds", "said"), [(-5, "0 с"), (59.9, "59 с"), (60, "1 мин"), (7200, "2 ч"), (200_000, "2 дн.")])
def test_an_age_has_one_unit(seconds: float, said: str) -> None:
    """A clock that was set back makes no negative one."""
    assert RUSSIAN.age(seconds) == said


def test_a_moment_of_another_day_has_its_date() -> None:
    """In the zone of the tongue."""
    now = datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)
    assert ENGLISH.moment(now - timedelta(seconds=5), now) == "12:00:00"
    assert ENGLISH.moment(now - timedelta(days=1), now) == "30.01.2026 12:00:05"


def test_the_facts_of_an_event_are_in_roubles() -> None:
    """Amounts wherever they stand; the moment and the name are not repeated."""
    event = {"at": "x", "event": "paid", "slip": {"total_amount": 12_345, "kzo": "A1"}, "lines": [{"amount": 5}], "count": 5, "done": True}
    assert facts_of(event) == "slip={total_amount: 123.45, kzo: A1}, lines=[{amount: 0.05}], count=5, done=True"


# --- the pulse ---


class Wall:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.at = SLOT_S * 10_000.0

    def __call__(self) -> float:
        return self.at


def test_half_and_nine_of_ten_are_told_by_their_bounds() -> None:
    """Answers of any kind are timed, what had none is counted; an answer slower than every bound counts as the last."""
    pulse = Pulse(Wall())
    for ms in (8, 8, 8, 8, 8, 8, 45, 45, 45, 400):
        pulse.observe("a", "reply.2xx", ms)
    pulse.observe("a", "unclear.timeout", 10_000)
    pulse.observe("a", "not_sent.dns", 3)
    (beat,) = pulse.day("a")
    assert (beat.median_ms, beat.slow_ms, beat.answered, beat.failures) == (10, 50, 10, 2)
    pulse.observe("b", "reply.5xx", 60_000)
    assert pulse.day("b")[0].median_ms == BOUNDS_MS[-1]
    assert pulse.day("unknown") == []


def test_a_day_is_kept_and_no_more() -> None:
    """However long the agent runs, and whatever accounts there were."""
    wall = Wall()
    pulse = Pulse(wall)
    for _ in range(SLOTS + 20):
        pulse.observe("a", "reply.2xx", 5)
        wall.at += SLOT_S
    assert len(pulse.day("a")) == SLOTS - 1, "the slot that has just begun is empty"
    wall.at += SLOTS * SLOT_S
    assert pulse.day("a") == []
    for number in range(MAX_ACCOUNTS + 5):
        pulse.observe(f"left-{number}", "reply.2xx", 5)
    assert pulse.day(f"left-{MAX_ACCOUNTS + 4}") == []


def test_a_slot_with_failures_alone_has_no_speed() -> None:
    """Nothing is made up for it."""
    pulse = Pulse(Wall())
    pulse.observe("a", "unclear.timeout", 10_000)
    assert [(beat.median_ms, beat.answered, beat.failures) for beat in pulse.day("a")] == [(0, 0, 1)]


# --- the drawings ---


def beat(slot: int, ms: int = 40, failures: int = 0) -> Beat:
    return Beat(slot * SLOT_S, ms, 2 * ms, 3, failures)


def test_a_line_is_not_drawn_over_a_gap() -> None:
    """Two runs of answers with hours between them are two lines, of the median and of the slow ones; a failure is a mark."""
    drawn = latency([beat(6), beat(7), beat(40), beat(41, failures=1)], UTC, "title", "ms")
    assert len(re.findall(r'<polyline [^>]*class="median"', drawn)) == 2
    assert len(re.findall(r'<polyline [^>]*class="slow"', drawn)) == 2
    assert drawn.count('class="failures"') == 1
    assert "<title>title</title>" in drawn


def test_bars_stand_on_one_another() -> None:
    """Their heights together are the hour's share of the scale, and no hour without payments has one."""
    hours = {"paid": [0] * 24, "declined": [0] * 24, "canceled": [0] * 24, "open": [0] * 24}
    hours["paid"][10], hours["declined"][10] = 3, 1
    bars = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" class="(\w+)"', outcomes(hours, "title"))
    (paid, declined) = bars
    assert (paid[3], declined[3], paid[0]) == ("paid", "declined", declined[0])
    assert float(declined[1]) + float(declined[2]) == pytest.approx(float(paid[1]), abs=0.2)
    assert float(paid[2]) == pytest.approx(3 * float(declined[2]), abs=0.3)


# --- passes ---


async def test_a_pass_ends_when_nobody_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Using it keeps it; its two words are not each other; the oldest goes when there are too many."""
    now = 1_000.0
    monkeypatch.setattr(pass_, "_now", lambda: now)
    passes = Passes()
    first = passes.give(OPERATOR)
    assert passes.actor(first.act) is OPERATOR
    assert (passes.actor(first.look), passes.may_look(first.act), passes.actor("")) == (None, False, None)
    now += IDLE_S - 1
    assert passes.may_look(first.look), "it was used"
    assert passes.actor(first.act) is OPERATOR, "so was this"
    now += IDLE_S - 1
    assert passes.actor(first.act) is OPERATOR
    now += IDLE_S
    assert (passes.actor(first.act), passes.may_look(first.look)) == (None, False)
    words_ = [passes.give(OPERATOR) for _ in range(MAX_PASSES + 1)]
    assert (passes.actor(words_[0].act), passes.actor(words_[-1].act)) == (None, OPERATOR)
    passes.end(words_[-1].act)
    assert passes.actor(words_[-1].act) is None


async def test_looking_keeps_no_power_to_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cookie that every port of the machine is shown cannot keep the other word alive; and a sign-out ends it even so."""
    now = 1_000.0
    monkeypatch.setattr(pass_, "_now", lambda: now)
    passes = Passes()
    words_ = passes.give(OPERATOR)
    for _ in range(2):
        now += IDLE_S - 1
        assert passes.may_look(words_.look)
    assert passes.actor(words_.act) is None
    assert passes.stands(words_.look)
    passes.end(words_.act)
    assert not passes.may_look(words_.look)


async def test_asking_whether_a_pass_stands_does_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open stream asks so all the time."""
    now = 1_000.0
    monkeypatch.setattr(pass_, "_now", lambda: now)
    passes = Passes()
    words_ = passes.give(OPERATOR)
    now += IDLE_S - 1
    assert passes.stands(words_.look)
    now += 1
    assert (passes.stands(words_.look), passes.may_look(words_.look)) == (False, False)


# --- the doctor ---


async def test_the_doctor_is_not_asked_without_end() -> None:
    """Whoever asks within a minute is given the same answer, a failure too; one who comes meanwhile is told that it is under way."""
    now, asked, go = 1_000.0, 0, asyncio.Event()

    async def examine() -> Sequence[Found]:
        nonlocal asked
        asked += 1
        await go.wait()
        if asked == 2:
            raise CannotExamine("the doctor ended with 1")
        return []

    doctor = Doctor(examine, lambda: now)
    first = asyncio.ensure_future(doctor.examine())
    await asyncio.sleep(0)
    with pytest.raises(UnderWay):
        await doctor.examine()
    go.set()
    assert await first is await doctor.examine()
    assert asked == 1
    now += EXAMINED_S
    for _ in range(2):
        with pytest.raises(CannotExamine):
            await doctor.examine()
    assert asked == 2


# --- looks ---


async def test_all_who_watch_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within its time it is made once, however many ask; a look that took long is followed by a long rest."""
    made: list[float] = []
    now = 100.0

    async def look(self: Facts) -> Any:
        nonlocal now
        made.append(now)
        now += 0.5  # what it took
        return object()

    shown = Facts.__new__(Facts)
    shown._looking, shown._seen, shown._good_until = asyncio.Lock(), None, 0.0
    shown._resting = None
    monkeypatch.setattr(Facts, "_look", look)
    monkeypatch.setattr(facts, "_now_s", lambda: now)
    assert len({id(await shown.overview()) for _ in range(8)}) == 1
    assert shown.next_look_s() == pytest.approx(SHARE * 0.5)
    now += SHARE * 0.5 + 1
    await shown.overview()
    assert len(made) == 2
    assert shown.next_look_s() >= LOOK_S


# --- a payout ---

PAYOUT = {
    "storeId": "S12",
    "terminalId": "till-03",
    "key": "out-1",
    "state": "attention",
    "finished": False,
    "success": None,
    "money": "possible",
    "reason": "NO_ANSWER",
    "message": "<b>",
    "amount": 50_000,
    "currency": "RUB",
    "service": "card",
    "told": False,
    "provider": "paycore",
    "environment": "test",
    "acceptedAt": "2026-01-31T18:09:24.815Z",
    "alarms": ["PAYOUT_SLOW"],
    "fields": ["pan"],
}


NOW = datetime(2026, 1, 31, 19, 0, tzinfo=UTC)
NAMES = {"storeId": "S12", "terminalId": "till-03", "key": "payout:out-1"}
CHOICES = [{"what": "payout", "resolution": word, "message": word} for word in ("paid_out", "not_made", "acknowledge")]


def drawn(names: Mapping[str, str], seen: Mapping[str, Any]) -> str:
    """The page of a sale or a payout."""
    live = {one.id: region_element("div", one) for one in sale.regions(names, seen, NOW, ENGLISH)}
    return "".join(sale.content(names, live, ENGLISH))


def forms(html: str) -> list[tuple[str, dict[str, str], list[str]]]:
    """What each form of the page would ask of the desk: method, parameters, fields that a person fills in."""
    found = re.findall(r'<form [^>]*data-method="([^"]+)" data-params="([^"]+)">(.*?)</form>', html, re.DOTALL)
    return [(method, json.loads(unescape(params)), re.findall(r'<input name="([^"]+)"', inner)) for method, params, inner in found]


def test_a_payout_is_shown_in_its_own_words() -> None:
    """Its state, its alarms, its story, where the money is; neither there nor in a list it is said that a customer paid."""
    events = [{"at": "2026-01-31T18:09:24.815000+00:00", "event": "payout_accepted"}]
    seen = {"done": False, "payout": PAYOUT, "alarms": ["PAYOUT_SLOW"], "events": events, "choices": CHOICES}
    html = drawn(NAMES, seen)
    for words_ in ("Payout", "₽500.00", "NEED A PERSON", "PAYOUT_SLOW", "The register handed the payout over", "&lt;b&gt;"):
        assert words_ in html
    listed = operation_row({**PAYOUT, "key": "payout:out-1", "orderId": "", "refundedAmount": 0}, NOW, ENGLISH).html
    assert "PAYOUT" in listed
    for one in (html, listed):
        assert "money may have been paid out" in one
        assert "money may have been taken" not in one


def test_a_payout_is_decided_as_a_sale_is() -> None:
    """A form for each choice of the desk and no other, by the register's own key; a transaction is asked for where proof is; "now" is not
    for one payout, and for a sale it is."""
    html = drawn(NAMES, {"done": False, "payout": PAYOUT, "alarms": [], "events": [], "choices": CHOICES})
    known = {**NAMES, "key": "out-1"}
    asked = {
        "paid_out": ["reason", "who", "transactionId"],
        "not_made": ["reason", "who", "transactionId"],
        "acknowledge": ["reason", "who"],
    }
    assert forms(html) == [("payout.resolve", {**known, "resolution": word}, fields) for word, fields in asked.items()]
    for title in ("It was paid out", "It was not paid out", "The alarms have been seen"):
        assert title in html
    settled = drawn(NAMES, {"done": False, "payout": {**PAYOUT, "state": "failed"}, "alarms": [], "events": [], "choices": []})
    assert forms(settled) == []
    assert "There is nothing to decide." in settled
    (region,) = deciding.step_region({**NAMES, "key": "s-1"}, Html(""), ENGLISH)[2:3]
    assert forms(region) == [("operation.retry", {**NAMES, "key": "s-1"}, [])]


def test_the_second_step_of_a_payout_says_where_its_money_would_be() -> None:
    """The same request once more with the word, to the same method."""
    params = {**NAMES, "key": "out-1", "resolution": "not_made", "reason": "x"}
    after = {**PAYOUT, "state": "failed", "money": "none", "message": "Not made."}
    html = deciding.shown(deciding.PAYOUT, params, {"after": after, "confirmation": "BCDFGH", "validS": 180}, ENGLISH)
    assert "It would become: Not made, no money has left. Not made." in html
    assert forms(html) == [("payout.resolve", {**params, "confirmation": "BCDFGH"}, [])]


def test_a_payout_that_is_set_aside_can_be_taken_over() -> None:
    """Why its record is not used, and the one choice that is left."""
    parked = {"sale": "S12/till-03/payout:out-1", "reason": "damaged", "at": "2026-01-31T18:09:24.815Z"}
    html = drawn(NAMES, {"done": False, "parked": parked, "choices": [{"what": "record", "resolution": "release", "message": "x"}]})
    assert "This record is not used: damaged" in html
    assert forms(html) == [("payout.resolve", {**NAMES, "key": "out-1", "resolution": "release"}, ["reason", "who"])]
