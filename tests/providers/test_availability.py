"""What an answer about the means of payment says, and that nothing else in it counts. The requests are among those of ``test_requests``."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.availability import Advice, AvailabilityState, Finding, Later, Means, MeansList, TellsAvailability, advice, unavailable
from agent.core.capability import TABLE
from agent.core.contract import Provider
from agent.core.verdict import Denied, Garbled, Refused, Reply
from agent.providers.koshelek import KoshelekSettings
from agent.providers.koshelek.availability import DEFAULT_WAIT_MS, MAX_MEANS, MAX_MESSAGE_CHARACTERS, MAX_WAIT_MS
from agent.providers.koshelek.codes import REFUSALS
from tests.providers.builders import koshelek
from tests.providers.test_read_is_total import SCALARS, bodies, headers, statuses

TASK = "ecda679e-f5ab-4250-b622-2a429d714b21"
SBP = {"paymentType": "SBP", "available": True, "message": ""}
DOLYAME = {"paymentType": "DOLYAME", "available": False, "message": "Недоступно"}
LIST = {"koshelekPayIsDefault": True, "paymentTypeAvailabilityInfoList": [SBP, DOLYAME]}


def read(fields: Any, status: int = 200, head: dict[str, str] | None = None) -> Finding:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return koshelek().read_availability(Reply(status, body, head or {}))


def test_the_list_is_read() -> None:
    """As it is, unknown fields ignored, an empty message left out."""
    expected = MeansList(True, (Means("SBP", True), Means("DOLYAME", False, "Недоступно")))
    assert read(LIST) == expected
    assert read(LIST | {"trace": [1, None], "paymentTypeAvailabilityInfoList": [SBP | {"new": {}}, DOLYAME]}) == expected
    assert read(LIST | {"availabilityInfoId": TASK, "computationComplete": True, "pollingTimeout": 350}) == expected


def test_a_default_with_nothing_available_starts_no_payment() -> None:
    """Against the contract: the till must not begin by itself what cannot be paid."""
    found = read(LIST | {"paymentTypeAvailabilityInfoList": [DOLYAME]})
    assert found == MeansList(False, (Means("DOLYAME", False, "Недоступно"),))
    assert isinstance(found, MeansList)
    assert not found.usable


def test_a_message_becomes_one_short_line() -> None:
    """It is the provider's free text: no control characters, no endless lines, nothing but text."""
    texts: list[tuple[Any, str | None]] = [
        ("два\nслова\x1b[2J", "два слова [2J"),
        ("x" * 1_000, "x" * MAX_MESSAGE_CHARACTERS),
        (" \t", None),
        (None, None),
        (7, None),
        ("\ud800", None),
    ]
    for text, shown in texts:
        found = read(LIST | {"paymentTypeAvailabilityInfoList": [SBP | {"message": text}]})
        assert isinstance(found, MeansList)
        assert found.means[0].message == shown


@pytest.mark.parametrize(
    ("status", "fields", "found"),
    [
        (201, {"availabilityInfoId": TASK, "timeout": 350}, Later(TASK, 350)),
        (201, {"availabilityInfoId": TASK}, Later(TASK, DEFAULT_WAIT_MS)),
        (201, {"availabilityInfoId": TASK, "timeout": 350.9}, Later(TASK, 350)),
        (201, {"availabilityInfoId": TASK, "timeout": 10**9}, Later(TASK, MAX_WAIT_MS)),
        (200, {"availabilityInfoId": TASK, "computationComplete": False, "pollingTimeout": 200}, Later(None, 200)),
        (200, {"computationComplete": False, "pollingTimeout": None}, Later(None, DEFAULT_WAIT_MS)),
    ],
)
def test_a_list_that_comes_later(status: int, fields: dict[str, Any], found: Finding) -> None:
    """The older way: the name of the task and when to look; waits are whole, bounded, and have a default."""
    assert read(fields, status) == found


BAD_LISTS: list[Any] = [None, {}, [], [SBP] * (MAX_MEANS + 1), [1], [{}], [{"paymentType": ""}]]
BAD_LISTS += [[SBP | {"available": "true"}], [{"paymentType": "SBP"}], [SBP | {"paymentType": "S\nBP"}]]


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        *((200, LIST | {"paymentTypeAvailabilityInfoList": wrong}) for wrong in BAD_LISTS),
        *((200, LIST | {"koshelekPayIsDefault": wrong}) for wrong in (None, 1, "true")),
        *((200, LIST | {"computationComplete": wrong}) for wrong in (None, 0, "false")),
        *((201, {"availabilityInfoId": wrong, "timeout": 1}) for wrong in (None, 7, "", ".", "..", "../x", "a/b", "a?b", "%2e", "x" * 65)),
        *((201, {"availabilityInfoId": TASK, "timeout": wrong}) for wrong in (-1, True, "350", [])),
        (200, []),
        (200, b""),
        (201, b"{"),
        (422, {"details": "no code"}),
        (302, LIST),
        (500, LIST),
    ],
)
def test_what_cannot_be_understood_is_no_answer(status: int, fields: Any) -> None:
    """Neither half a list nor an id that could lead to another address."""
    assert isinstance(read(fields, status), Garbled)


def test_refusals_are_those_of_every_request() -> None:
    """422 with its code, a closed door with its Retry-After; which statuses close it is configuration."""
    for code, meaning in REFUSALS.items():
        assert read({"code": code, "details": "Описание"}, 422) == Refused(code, meaning)
    assert read(b"", 429, {"retry-after": "5"}) == Denied(429, 5)
    assert read(b"", 500, {"retry-after": "5"}) == Garbled("http_500", 5)
    open_door = koshelek(KoshelekSettings(denied_statuses=frozenset({404})))
    assert open_door.read_availability(Reply(403, b"")) == Garbled("http_403")


likely = st.fixed_dictionaries(
    {},
    optional={
        "koshelekPayIsDefault": st.booleans() | st.sampled_from(SCALARS),
        "paymentTypeAvailabilityInfoList": st.lists(
            st.fixed_dictionaries({}, optional={name: st.sampled_from(SCALARS) for name in SBP}) | st.sampled_from([SBP, DOLYAME]),
            max_size=3,
        )
        | st.sampled_from(SCALARS),
        **{name: st.sampled_from(SCALARS) for name in ("availabilityInfoId", "timeout", "computationComplete", "pollingTimeout", "code")},
    },
).map(lambda fields: json.dumps(fields).encode())


@settings(max_examples=1_500, deadline=None)
@given(status=st.sampled_from([200, 201, 422]) | statuses, body=likely | bodies, head=headers)
@example(status=201, body=b'{"availabilityInfoId":"a","timeout":1e999999999}', head={})
@example(status=201, body=b'{"availabilityInfoId":"a","timeout":-0.0}', head={})
@example(status=200, body=b"[" * 65_536, head={})
def test_reading_never_raises_and_never_invents(status: int, body: bytes, head: dict[str, str]) -> None:
    """Any status, headers and bytes give a finding, and each kind has its ground in the answer."""
    found = koshelek().read_availability(Reply(status, body, head))
    match found:
        case MeansList():
            assert status == 200
            assert 1 <= len(found.means) <= MAX_MEANS
            assert not found.is_default or found.usable
            json.dumps([one.message for one in found.means], ensure_ascii=False).encode()  # no half of a surrogate pair
        case Later(task_id=task_id, after_ms=after_ms):
            assert status == (201 if task_id is not None else 200)
            assert 0 <= after_ms <= MAX_WAIT_MS
            koshelek().look_at_availability(task_id or TASK)
        case Refused():
            assert status == 422
        case Denied():
            assert status in {401, 403, 404, 405, 429}
        case Garbled(reason=reason):
            assert reason.isascii()


def test_every_finding_becomes_advice() -> None:
    """What the till is told: only a list with something available is a yes; what was put off too often is a no."""
    listed = MeansList(False, (Means("SBP", True),))
    assert advice(listed) == Advice(AvailabilityState.READY, listed)
    assert advice(listed).success is True
    assert advice(MeansList(False, (Means("SBP", False),))).success is False
    reasons = {
        "UNKNOWN_SESSION_ID": Refused("UNKNOWN_SESSION_ID", REFUSALS["UNKNOWN_SESSION_ID"]),
        "ACCESS_DENIED": Denied(401),
        "PROVIDER_UNAVAILABLE": Denied(429, 5),
        "TOO_SLOW": Later("x", 1),
    }
    for reason, finding in reasons.items():
        assert advice(finding) == unavailable(reason)
        assert (advice(finding).finished, advice(finding).success) == (True, False)
    assert advice(Garbled("not_json")) == unavailable("PROVIDER_UNAVAILABLE")


def test_the_capability_is_what_the_provider_can_do() -> None:
    """Koshelek alone has the list, and its provider keeps both contracts."""
    assert {name for name, caps in TABLE.items() if caps.availability} == {"koshelek"}
    shop = koshelek()
    provider: Provider = shop
    tells: TellsAvailability = shop
    assert isinstance(provider, TellsAvailability)
    assert tells is provider
    assert provider.capabilities.availability


def test_only_the_two_spellings_are_known() -> None:
    """A third one would be refused by every server."""
    with pytest.raises(ValueError, match="availability_card_session_name must be one of cardsession, cardSession"):
        KoshelekSettings(availability_card_session_name="card_session")
