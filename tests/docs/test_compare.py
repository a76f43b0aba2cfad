"""Goal: the tests of the pages can fail. Method: the comparison itself is shown what is right and what is wrong."""

from typing import Any

import pytest

from tests.docs.compare import Likeness

ONE, OTHER = "c97ab48a-b906-4826-adb9-b64faf905962", "602561cd-cfec-43ce-8554-b590638fc11e"

ALIKE: list[tuple[Any, Any]] = [
    ({"state": "paid", "amount": 1}, {"amount": 1, "state": "paid"}),
    ({"at": "2026-01-31T18:09:24.815Z"}, {"at": "2027-12-01T00:00:00Z"}),
    ([ONE, OTHER, ONE], [OTHER, ONE, OTHER]),
    ("http://…/acme", "http://127.0.0.1:8099/acme"),
    ({"deadline": "…"}, {"deadline": {"ticks": 1}}),
    ([1, "…"], [1, 2, 3]),
    ("0.1.0", "12.0.7"),
]
DIFFERENT: list[tuple[Any, Any, str]] = [
    ({"state": "paid"}, {"state": "declined"}, ".state"),
    ({"state": "paid"}, {"state": "paid", "next": "poll"}, ".next"),
    ({"state": "paid", "next": "poll"}, {"state": "paid"}, ".next"),
    ({"finished": True}, {"finished": 1}, ".finished"),
    ({"amount": 100}, {"amount": 100.0}, ".amount"),
    ({"success": None}, {"success": False}, ".success"),
    ({"at": "2026-01-31T18:09:24.815Z"}, {"at": "yesterday"}, ".at"),
    ([ONE, ONE], [OTHER, ONE], "[1]"),
    ("http://…/acme", "http://127.0.0.1:8099/other", ""),
    ([1, 2], [1], ""),
    ([1, 2], [1, 3], "[1]"),
    ([1, "…"], [2, 2], "[0]"),
    ({"id": None}, None, ""),
]


@pytest.mark.parametrize(("documented", "actual"), ALIKE)
def test_what_is_alike_passes(documented: Any, actual: Any) -> None:
    """Order, ids, times and what is left open do not count."""
    assert Likeness().differences(documented, actual) == []


@pytest.mark.parametrize(("documented", "actual", "place"), DIFFERENT)
def test_what_differs_is_named_with_its_place(documented: Any, actual: Any, place: str) -> None:
    """Values, kinds, missing and surplus fields, and an id that stands for two."""
    (difference,) = Likeness().differences(documented, actual)
    assert difference.startswith(place)


def test_ids_of_the_page_are_replaced_in_requests() -> None:
    """What was learned from an answer goes into the next request."""
    likeness = Likeness()
    likeness.differences({"transactionId": ONE}, {"transactionId": OTHER})
    assert likeness.put_in({"params": [{"transactionId": ONE, "key": "k"}]}) == {"params": [{"transactionId": OTHER, "key": "k"}]}
