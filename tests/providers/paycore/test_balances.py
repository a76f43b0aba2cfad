"""Balances: whatever the account is said to have is shown by the provider's names, digit for digit; what is no such answer is none."""

import json
from typing import Any

import pytest

from agent.core.verdict import Reply
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.balances import MAX_ACCOUNTS, MAX_AMOUNTS, Balance, read_balances

RUB = {"currency": "RUB", "balance": "0.00", "available": "-12.50000000", "created": 1_769_881_800, "note": "x", "id": "7.1"}
AMOUNTS = {"balance": "0.00", "available": "-12.50000000"}


def told(data: Any) -> Reply:
    return Reply(200, json.dumps({"data": data}).encode())


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ([{"type": "currency-accounts", "id": "comca_1", "attributes": RUB}], "comca_1"),
        ({"type": "currency-accounts", "id": "comca_1", "attributes": RUB}, "comca_1"),
        ([RUB], "7.1"),
        ({"type": "accounts", "id": "coma_1", "attributes": {"balances": [RUB]}}, "7.1"),
        ({"balances": [RUB]}, "7.1"),
    ],
    ids=["a list", "one", "flat", "inside an account", "inside, flat"],
)
def test_the_shapes_it_may_have(data: Any, name: str) -> None:
    """None is published, so each that the same API uses elsewhere is read."""
    assert read_balances(told(data)) == (Balance(name, "RUB", AMOUNTS),)


def test_digits_are_nobodys_to_change() -> None:
    """A number that no binary float holds, and more digits than money here has."""
    reply = Reply(200, b'{"data": [{"id": "a", "currency": "USDT", "balance": 0.10000000000000000055, "total": "100.10"}]}')
    assert read_balances(reply) == (Balance("a", "USDT", {"balance": "0.10000000000000000055", "total": "100.10"}),)


def test_an_account_without_balances_has_none() -> None:
    """An empty list."""
    assert read_balances(told([])) == ()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404, b"{}"), "http_404"),
        (Reply(200, b"<html>"), "not_json"),
        (Reply(200, b"{}"), "no_data"),
        (told(None), "no_list"),
        (told("x"), "no_list"),
        (told({"balances": "x"}), "no_list"),
        (told(["x"]), "bad_account"),
        (told([{}]), "no_currency"),
        (told([{"currency": "рубль", "balance": "0.00"}]), "no_currency"),
        (told([{"currency": "RUB", "balance": 100, "other": "1,00"}]), "no_amounts"),
        (told([{"currency": "RUB", **{f"a{place}": "0.00" for place in range(MAX_AMOUNTS + 1)}}]), "no_amounts"),
        (told([RUB] * (MAX_ACCOUNTS + 1)), "long_list"),
    ],
    ids=str,
)
def test_what_is_no_answer(reply: Reply, reason: str) -> None:
    """Said, and nothing of it shown."""
    with pytest.raises(Unreadable, match=reason):
        read_balances(reply)
