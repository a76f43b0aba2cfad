"""Goal: Koshelek's postback proves itself and names a payment, and nothing more is taken from it. Method: the reader alone, any bytes."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.hints import Hint, HookRefused, ReadsHooks, Unheard
from agent.core.money import Kopecks
from agent.providers.koshelek.hook import MAX_AUTHORIZATION_CHARACTERS, KoshelekHook

HOOK = KoshelekHook("acme")
SECRETS = ["one", "пароль: два"]
SLIP = {"orderId": "S12-1", "storeId": "store", "terminalId": "till-1", "totalAmount": 45000, "currency": "RUB"}
PAID = {"requestId": "r-1", "transactionId": "t-1", "status": "accepted", "slip": SLIP}


def shown(login: str = "acme", password: str = SECRETS[0]) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{login}:{password}".encode()).decode()}


def read(body: object, headers: dict[str, str] | None = None) -> Hint | HookRefused:
    return HOOK.read_hook(SECRETS, shown() if headers is None else headers, json.dumps(body).encode())


def test_it_names_the_payment_and_its_slip() -> None:
    """The ids and what rule 11 finds a sale by; neither the status nor the requestId, of which nobody knows whose it is."""
    assert isinstance(HOOK, ReadsHooks)
    assert read(PAID) == Hint("t-1", None, "S12-1", "store", "till-1", Kopecks(45000))
    assert read({**PAID, "slip": None, "status": ""}) == Hint("t-1")
    assert read({"slip": SLIP, "transactionId": None}) == Hint(None, None, "S12-1", "store", "till-1", Kopecks(45000))


def test_either_secret_proves_it() -> None:
    """Two count at a time, of any letters; a colon belongs to the password."""
    assert read(PAID, shown(password="пароль: два")) == read(PAID)
    assert HOOK.read_hook(["one"], shown(password="пароль: два"), b"{}") == HookRefused(Unheard.FORGED)


@pytest.mark.parametrize(
    "slip", [{"totalAmount": "45000"}, {"totalAmount": 450.5}, {"totalAmount": -1}, {"totalAmount": 10**11}, {"orderId": ["x"]}, "slip", 7]
)
def test_a_strange_slip_is_not_told(slip: Any) -> None:
    """What cannot be read of it is left out; the payment is named all the same."""
    given = {**SLIP, **slip} if isinstance(slip, dict) else slip
    found = read({**PAID, "slip": given})
    assert isinstance(found, Hint)
    assert found.transaction_id == "t-1"
    assert found.amount in (None, 45000)
    assert found.order_id in (None, "S12-1")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, Unheard.UNSIGNED),
        ({"authorization": ""}, Unheard.UNSIGNED),
        ({"authorization": "Basic"}, Unheard.FORGED),
        ({"authorization": "Basic é"}, Unheard.UNSIGNED),
        ({"authorization": "Basic abc"}, Unheard.UNSIGNED),
        ({"authorization": "Digest YTpi"}, Unheard.UNSIGNED),
        ({"authorization": "Basic " + "A" * MAX_AUTHORIZATION_CHARACTERS}, Unheard.UNSIGNED),
        (shown(password=""), Unheard.FORGED),
        (shown(login="Acme"), Unheard.FORGED),
        (shown(login="acme:", password="one"), Unheard.FORGED),
    ],
)
def test_who_cannot_prove_it(headers: dict[str, str], reason: Unheard) -> None:
    """Nothing of the body is read."""
    assert HOOK.read_hook(SECRETS, headers, b"not even JSON") == HookRefused(reason)


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_bytes(body: bytes, authorization: str) -> None:
    """No crash, and no hint without the proof."""
    assert isinstance(HOOK.read_hook(SECRETS, {"authorization": authorization}, body), HookRefused)
    HOOK.read_hook(SECRETS, shown(), body)


VALUES = st.none() | st.text(max_size=300) | st.integers() | st.lists(st.text(max_size=3), max_size=2)


@given(st.dictionaries(st.sampled_from(["transactionId", "slip", "status", "orderId"]), VALUES))
def test_any_object(body: dict[str, Any]) -> None:
    """A hint names something that can be stored, or it is none."""
    found = read(body)
    if isinstance(found, Hint):
        assert found.names_something
        assert found.transaction_id is None or found.transaction_id.isprintable()
    else:
        assert found.reason is Unheard.GARBLED
