"""Whatever comes back from the network, ``read`` answers, and nothing but a clear word of the provider is ever final."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.verdict import Denied, Garbled, Observed, Operation, RefStatus, Refused, Reply, Status
from agent.providers.koshelek.codes import REF_STATUSES, REFUSALS, STATUSES
from tests.providers.builders import REF_TRANSACTION, REQUEST, TRANSACTION, koshelek

SHOP = koshelek()
OPERATIONS = st.sampled_from([operation for operation in Operation if operation is not Operation.RECEIPT])
FINAL = frozenset({Status.ACCEPTED, Status.REJECTED, Status.CANCELED, Status.REFUNDED, Status.PARTIAL_REFUNDED})
FIELDS = ["transactionId", "refTransactionId", "status", "refStatus", "errorCode", "slip", "code", "totalAmount", "orderId", "requestId"]
WORDS = [*STATUSES, *REF_STATUSES, *REFUSALS, "RUB", "0", "-1", "1e5", "\ud800", "\x00"]

SCALARS: list[Any] = [None, True, False, 0, -1, 37_695, 10**30, 0.5, -0.0, 1e300, float("nan"), float("inf"), [], {}, [[]], *WORDS]
scalars = st.sampled_from(SCALARS)
slips = st.fixed_dictionaries({}, optional=dict.fromkeys(["orderId", "totalAmount", "currency", "kzo", "storeId"], scalars))
likely_answers = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, scalars) | {"slip": scalars | slips})
pieces = st.lists(st.sampled_from([*'{}[]:,"', *(json.dumps(value) for value in SCALARS), *(f'"{name}":' for name in FIELDS)]), max_size=20)
bodies = st.one_of(
    st.binary(max_size=200),
    likely_answers.map(lambda value: json.dumps(value).encode()),
    pieces.map(lambda texts: "".join(texts).encode()),
)
statuses = st.sampled_from([200, 422]) | st.integers(-1, 999)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "content-type"]), st.sampled_from(["5", "-5", "1e3", "", "٣", "9" * 30, "Sat, 04 Mar 2023"]), max_size=1
)

ACCEPTED = json.dumps(
    {
        "requestId": REQUEST,
        "transactionId": TRANSACTION,
        "refTransactionId": REF_TRANSACTION,
        "refStatus": "accepted",
        "status": "accepted",
        "slip": {"orderId": "S07-000042", "totalAmount": 37_695, "kzo": "KZO-19"},
    }
).encode()


def _object(body: bytes) -> dict[str, Any] | None:
    """What a plain reader makes of a body: an independent, more tolerant opinion."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@settings(max_examples=3000, deadline=None)
@given(operation=st.sampled_from(Operation), status=statuses, body=bodies, head=headers)
@example(operation=Operation.STATUS, status=200, body=b"[" * 65_536, head={})
@example(
    operation=Operation.STATUS, status=200, body=b'{"slip":{"orderId":"o","totalAmount":1e999999999}}', head={"retry-after": "9" * 400}
)
@example(operation=Operation.CHECKOUT, status=200, body=b'"' + b'\\"' * 32_000, head={})
@example(operation=Operation.REFUND, status=200, body=b'{"a":1e99999999999999999999}', head={})
def test_read_never_raises_and_never_invents(operation: Operation, status: int, body: bytes, head: dict[str, str]) -> None:
    """Any status, headers and bytes give a verdict, and each kind of verdict has its ground in the answer."""
    verdict = SHOP.read(operation, Reply(status, body, head))
    fields = _object(body)
    match verdict:
        case Observed(status=seen):
            assert status == 200
            if operation is Operation.RECEIPT:
                assert seen is Status.UNKNOWN
            else:
                assert fields is not None
                assert STATUSES.get(fields["status"] or "", Status.UNKNOWN) is seen or operation is Operation.CHECKOUT
                assert seen not in FINAL or (fields["status"] == seen.value and fields["transactionId"] == verdict.transaction_id)
                assert verdict.ref_status in (None, RefStatus.UNKNOWN) or fields["refStatus"] == verdict.ref_status.value
                for text in (verdict.transaction_id, verdict.ref_transaction_id, verdict.error_code):
                    (text or "").encode()  # storable: no half of a surrogate pair
        case Refused(code=code):
            assert status == 422
            assert fields is not None
            assert fields["code"] == code
        case Denied():
            assert status in {401, 403, 404, 405, 429}
        case Garbled(reason=reason):
            assert status not in {401, 403, 404, 405, 429}
            assert 0 < len(reason) <= 40
            assert reason.isascii()


@settings(max_examples=1000, deadline=None)
@given(operation=OPERATIONS, body=st.binary(max_size=400))
def test_noise_is_never_an_answer(operation: Operation, body: bytes) -> None:
    """Random bytes under a 200 are no state of any payment."""
    assert isinstance(SHOP.read(operation, Reply(200, body)), Garbled)


def test_a_cut_answer_is_no_answer() -> None:
    """An accepted answer cut off anywhere is garbled, for every operation; whole, it is read."""
    for operation in (Operation.CHECKOUT, Operation.STATUS, Operation.CANCEL, Operation.REFUND):
        assert isinstance(SHOP.read(operation, Reply(200, ACCEPTED)), Observed)
        for length in range(len(ACCEPTED)):
            assert isinstance(SHOP.read(operation, Reply(200, ACCEPTED[:length])), Garbled), length


@settings(max_examples=1000, deadline=None)
@given(place=st.integers(0, len(ACCEPTED) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_makes_no_other_final_state(place: int, byte: int) -> None:
    """One changed byte leaves "accepted", makes it unknown, or spoils the answer; it never becomes another final word."""
    body = ACCEPTED[:place] + bytes([byte]) + ACCEPTED[place + 1 :]
    verdict = SHOP.read(Operation.STATUS, Reply(200, body))
    assert isinstance(verdict, Garbled) or (isinstance(verdict, Observed) and verdict.status in {Status.ACCEPTED, Status.UNKNOWN})


@settings(max_examples=500, deadline=None)
@given(operation=OPERATIONS, status=st.sampled_from([100, 201, 202, 204, 301, 302, 307, 400, 402, 409, 418, 500, 502, 503, 504]))
def test_only_a_200_describes_a_payment(operation: Operation, status: int) -> None:
    """A perfect body under any other status proves nothing."""
    assert SHOP.read(operation, Reply(status, ACCEPTED)) == Garbled(f"http_{status}")
