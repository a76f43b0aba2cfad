"""HTTP statuses by what was asked, error bodies, searches; and that whatever comes back from the network is answered and never final."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.verdict import Denied, Found, Garbled, Observed, Operation, Refusal, Refused, Reply, Status
from agent.providers.paycore import PayCore
from agent.providers.paycore.reading import MAX_FOUND
from agent.providers.paycore.words import STATUSES
from tests.providers.paycore.answers import LIVE, REQUEST, TRANSACTION, invoice, paycore, reply

CREATE, READ, REFUND = Operation.CHECKOUT, Operation.STATUS, Operation.REFUND
UUID = "5d1f2a90-7c3b-4e52-9a10-3f7d0c9e8b16"
ERROR = {"request_id": "r-77", "error_type": "validation_error", "error_codes": ["amount_too_small", "service"]}


def config(status: int) -> Refused:
    return Refused("INVALID_REQUEST", Refusal.CONFIGURATION, f"http_{status}")


def unsure(status: int) -> Refused:
    return Refused("INVALID_REQUEST", Refusal.UNKNOWN, f"http_{status}")


def unknown() -> Refused:
    return Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND, "http_404")


HTTP = {
    (CREATE, 200): Garbled("http_200", 7),
    (CREATE, 202): Garbled("http_202", 7),
    (CREATE, 301): Garbled("http_301", 7),
    (CREATE, 400): config(400),
    (CREATE, 401): Denied(401, 7),
    (CREATE, 403): Denied(403, 7),
    (CREATE, 404): config(404),
    (CREATE, 405): Denied(405, 7),
    (CREATE, 408): Garbled("http_408", 7),
    (CREATE, 409): Garbled("http_409", 7),
    (CREATE, 422): config(422),
    (CREATE, 429): Garbled("http_429", 7),  # too many, or a duplicate: the search decides
    (CREATE, 500): Garbled("http_500", 7),
    (CREATE, 502): Garbled("http_502", 7),
    (READ, 201): Garbled("http_201", 7),
    (READ, 401): Denied(401, 7),
    (READ, 403): Denied(403, 7),
    (READ, 404): unknown(),
    (READ, 422): unsure(422),
    (READ, 429): Denied(429, 7),
    (READ, 502): Garbled("http_502", 7),
    (REFUND, 204): Garbled("http_204", 7),
    (REFUND, 400): unsure(400),
    (REFUND, 401): Denied(401, 7),
    (REFUND, 403): Denied(403, 7),
    (REFUND, 404): unknown(),
    (REFUND, 409): Garbled("http_409", 7),
    (REFUND, 422): unsure(422),
    (REFUND, 429): Garbled("http_429", 7),  # read first, then decide
    (REFUND, 500): Garbled("http_500", 7),
    (Operation.AVAILABILITY, 200): Garbled("http_200", 7),  # never asked
}


@pytest.mark.parametrize(("operation", "status"), HTTP)
def test_every_http_status(operation: Operation, status: int) -> None:
    """The code table, by what was asked."""
    assert paycore().read(operation, reply(b"no", status, {"retry-after": "7"})) == HTTP[operation, status]


@pytest.mark.parametrize(("operation", "status"), [(CREATE, 201), (READ, 200), (READ, 202), (REFUND, 200), (REFUND, 201), (REFUND, 202)])
def test_answers_that_hold_the_payment(operation: Operation, status: int) -> None:
    """Only these are read; of a create it is 201 alone."""
    seen = paycore().read(operation, reply({"data": invoice("refund_pending")}, status))
    assert isinstance(seen, Observed)
    assert (seen.status, seen.ref_status, seen.ref_transaction_id) == (Status.REFUNDING, None, None)


def test_a_brand_that_creates_with_another_code() -> None:
    """Configuration, with the same strict reading."""
    brand = paycore(created_statuses=frozenset({200, 201}))
    assert isinstance(brand.read(CREATE, reply({"data": invoice()}, 200)), Observed)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (ERROR, "http_422 request_id=r-77 error_type=validation_error error_codes=amount_too_small,service"),
        ({"errors": [{"amount": ["too small"]}], "error": "bad_request"}, "http_422 errors=amount error=bad_request"),
        ({"errors": {"amount": ["is wrong"]}}, "http_422 errors=amount"),
        ({"error_codes": ["free text with blanks", 7, None], "request_id": 5}, "http_422"),
        ({"error_codes": ["x" * 64] * 9}, ("http_422 error_codes=" + ",".join(["x" * 64] * 9))[:200]),
        (ERROR | {"request_id": UUID}, f"http_422 request_id={UUID} error_type=validation_error error_codes=amount_too_small,service"),
        ({"request_id": "79161234567", "error_type": "4276160012345678"}, "http_422"),
        ({"error_codes": ["card:4276-1600-1234-5678", "phone_79161234567", "x3ds"]}, "http_422 error_codes=x3ds"),
        ({"errors": {"4276160012345678": ["declined"]}, "error": "pan.4276.1600.1234.5678"}, "http_422"),
        ({"errors": ["a4276", "b1600", "c1234", "d5678"], "error": ["42761", "60012"]}, "http_422"),
        ({"request_id": "00000000-0000-4276-1600-123456780000"}, "http_422"),
        ([], "http_422"),
        (b"\xff", "http_422"),
    ],
    ids=str,
)
def test_error_bodies_are_read_tolerantly(body: object, detail: str) -> None:
    """What support asks for, as far as it is codes; nothing of it decides."""
    assert paycore().read(CREATE, reply(body, 422)) == Refused("INVALID_REQUEST", Refusal.CONFIGURATION, detail)


# --- searches ---


def test_what_a_search_finds() -> None:
    """Oldest first, each with id, our key and link; an empty list is a finding, too."""
    newer, older = invoice("created", created=20), invoice("processing", created=10) | {"id": "cpi_older"}
    attributes = {"status": "created", "created": "x", "test_mode": True}
    odd = {"type": "payment-invoices", "id": "cpi_odd", "attributes": attributes | {"reference_id": REQUEST}}
    found = paycore().read_found(reply({"data": [newer, older, odd]}))
    assert isinstance(found, Found)
    assert [one.transaction_id for one in found.matches] == ["cpi_odd", "cpi_older", TRANSACTION]
    assert [one.reference for one in found.matches] == [REQUEST] * 3
    assert found.matches[1].link is not None
    assert paycore().read_found(reply({"data": []})) == Found()
    unproven = paycore().read_found(reply({"data": [older, odd | {"attributes": attributes}]}))
    assert unproven == Garbled("no_reference"), "nothing shows that it is what was searched for"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply({"data": invoice()}), Garbled("no_list")),
        (reply({}), Garbled("no_list")),
        (reply({"data": [invoice(), 7]}), Garbled("bad_data")),
        (reply({"data": [invoice() | {"attributes": 7}]}), Garbled("bad_attributes")),
        (reply({"data": [invoice()] * (MAX_FOUND + 1)}), Garbled("long_list")),
        (reply({"data": []}, 404, {"retry-after": "3"}), Denied(404, 3)),  # a wrong path finds nothing, and proves nothing
        (reply({"data": []}, 429), Denied(429)),
        (reply({"data": []}, 401), Denied(401)),
        (reply({"data": []}, 500), Garbled("http_500")),
        (reply({"data": []}, 422), unsure(422)),
        (reply({"data": []}, 201), Garbled("http_201")),
    ],
)
def test_a_search_that_brings_no_list_proves_nothing(answer: Reply, verdict: object) -> None:
    """Only an understood list may say that there is no payment."""
    assert paycore().read_found(answer) == verdict


# --- totality ---

FINAL = frozenset({Status.ACCEPTED, Status.REJECTED, Status.CANCELED, Status.REFUNDED, Status.PARTIAL_REFUNDED})
SCALARS: list[Any] = [None, True, False, 0, -1, 376.95, 10**30, 1e300, float("nan"), [], {}, [[]], "x", "\ud800", "376.95", *STATUSES]
scalars = st.sampled_from(SCALARS)
NAMES = list(invoice()["attributes"])
documents = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, scalars)).map(
    lambda changed: {"data": {**invoice(), "attributes": {**invoice()["attributes"], **changed}}}
)
bodies = st.one_of(
    st.binary(max_size=100),
    documents.map(lambda document: json.dumps(document).encode()),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", *NAMES]), inner), max_leaves=8).map(
        lambda document: json.dumps({"data": document}).encode()
    ),
)


@settings(max_examples=800, deadline=None)
@given(operation=st.sampled_from([CREATE, READ, REFUND]), status=st.sampled_from([200, 201, 202, 404, 422, 429, 500]), body=bodies)
def test_whatever_comes_is_answered(operation: Operation, status: int, body: bytes) -> None:
    """Never an exception; final only if the body says so in the provider's own words, about our kind of money."""
    for provider, test_mode in ((paycore(), True), (PayCore(LIVE), False)):
        verdict = provider.read(operation, Reply(status, body))
        assert isinstance(provider.read_found(Reply(status, body)), Found | Garbled | Denied | Refused)
        if isinstance(verdict, Observed) and verdict.status in FINAL:
            told = json.loads(body)["data"]["attributes"]
            assert STATUSES[told["status"]] is verdict.status
            assert told["test_mode"] is test_mode
            if verdict.slip is not None and told["status"] == "partially_processed":
                assert verdict.slip.total_amount != round(float(told["amount"]) * 100)
