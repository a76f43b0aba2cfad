"""Whatever comes back from the network, Softline's readers answer, and nothing but a clear word is ever final."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.contract import Token
from agent.core.hints import Hint, HookRefused
from agent.core.verdict import Denied, Found, Garbled, Observed, Operation, RefStatus, Refused, Reply, Status
from tests.providers.softline.shop import softline

SHOP = softline()
FINAL = frozenset({Status.ACCEPTED, Status.REJECTED, Status.REFUNDED, Status.GONE})
FIELDS = [
    "order_id",
    "status",
    "external_id",
    "payment_url",
    "order_detail_url",
    "currency",
    "pay_date",
    "product",
    "errors",
    "ids",
    "token",
]
WORDS = ["paid", "not paid", "deleted", "terminated", "6010", "https://a.demoslweb.com/order/status/5/h", "100.00", "\ud800", "\x00"]
SCALARS: list[Any] = [None, True, 0, -1, 5, 10**30, 0.5, 1e300, float("nan"), [], {}, [5], {"amount": "100.00"}, [{"error": 6010}], *WORDS]
pieces = st.lists(st.sampled_from([*'{}[]:,"', *(json.dumps(value) for value in SCALARS), *(f'"{name}":' for name in FIELDS)]), max_size=20)
bodies = st.one_of(
    st.binary(max_size=200),
    st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, st.sampled_from(SCALARS))).map(lambda value: json.dumps(value).encode()),
    pieces.map(lambda texts: "".join(texts).encode()),
)
statuses = st.sampled_from([200, 400, 401]) | st.integers(-1, 999)


@settings(max_examples=1_500, deadline=None)
@given(operation=st.sampled_from(Operation), status=statuses, body=bodies)
@example(operation=Operation.STATUS, status=200, body=b"[" * 65_536)
@example(operation=Operation.STATUS, status=200, body=b'{"order_id":5,"status":"paid","product":{"amount":1e-999999999}}')
def test_every_answer_is_read(operation: Operation, status: int, body: bytes) -> None:
    """No bytes break a reader; a payment ends only by the vendor's own word in a 200, and is never "returned" by a refund's answer."""
    reply = Reply(status, body)
    verdict = SHOP.read(operation, reply)
    assert isinstance(verdict, Observed | Refused | Denied | Garbled)
    if isinstance(verdict, Observed) and verdict.status in FINAL:
        assert status == 200
        assert json.loads(body)["status"] in {"paid", "deleted", "terminated"}
    if isinstance(verdict, Observed) and operation is Operation.REFUND:
        assert verdict.ref_status is RefStatus.REQUESTED
    assert isinstance(SHOP.read_found(reply), Found | Refused | Denied | Garbled)
    assert isinstance(SHOP.read_token(reply), Token | Refused | Denied | Garbled)
    assert SHOP.stale_token(reply) in (True, False)
    assert isinstance(SHOP.read_hook(["key"], {"signature": "0" * 128}, body), Hint | HookRefused)
