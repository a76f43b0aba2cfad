"""Whatever comes back from the network, PayConnect's readers answer, and nothing but a configured word is ever final."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.contract import Token
from agent.core.hints import Hint, HookRefused
from agent.core.verdict import Denied, Garbled, Observed, Operation, Refused, Reply, Status
from agent.providers.payconnect import Assumptions, hook
from tests.providers.payconnect.shop import LINK, payconnect

SHOP = payconnect()
FINAL = frozenset({Status.ACCEPTED, Status.REJECTED, Status.REFUNDED})
FIELDS = ["id", "status", "amount", "currency", "description", "payment_url", "error", "access_token", "expires_in", "type", "data"]
WORDS = ["succeeded", "failed", "expired", "refunded", "pending", LINK, "RUB", "\ud800", "\x00"]
SCALARS: list[Any] = [None, True, 0, -1, 5, 10**30, 0.5, 1e300, float("nan"), [], {}, [5], {"id": "5"}, {"code": "x"}, *WORDS]
pieces = st.lists(st.sampled_from([*'{}[]:,"', *(json.dumps(value) for value in SCALARS), *(f'"{name}":' for name in FIELDS)]), max_size=20)
bodies = st.one_of(
    st.binary(max_size=200),
    st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, st.sampled_from(SCALARS))).map(lambda value: json.dumps(value).encode()),
    pieces.map(lambda texts: "".join(texts).encode()),
)
statuses = st.sampled_from([200, 201, 400, 401]) | st.integers(-1, 999)


@settings(max_examples=1_500, deadline=None)
@given(operation=st.sampled_from(Operation), status=statuses, body=bodies)
@example(operation=Operation.STATUS, status=200, body=b"[" * 65_536)
@example(operation=Operation.STATUS, status=200, body=b'{"id":"5","status":"succeeded","amount":1e-999999999,"currency":"RUB"}')
@example(operation=Operation.STATUS, status=200, body=b'{"id":"5","status":"succeeded","amount":1e999999999,"currency":"RUB"}')
def test_every_answer_is_read(operation: Operation, status: int, body: bytes) -> None:
    """No bytes break a reader; a payment ends only by a configured word in a 2xx."""
    reply = Reply(status, body)
    verdict = SHOP.read(operation, reply)
    assert isinstance(verdict, Observed | Refused | Denied | Garbled)
    if isinstance(verdict, Observed) and verdict.status in FINAL:
        assert 200 <= status < 300
        assert json.loads(body)["status"] in WORDS[:4]
    if isinstance(verdict, Observed) and verdict.slip is not None:
        assert json.loads(body)["status"] == "succeeded"
    assert isinstance(SHOP.read_token(reply), Token | Refused | Denied | Garbled)
    assert SHOP.stale_token(reply) is (status == 401)
    assert SHOP.read_hook(["key"], {hook.HEADER: "0" * 64}, body) == HookRefused(hook.Unheard.FORGED)
    signed = {hook.HEADER: hook.signature(Assumptions(), "key", body)}
    assert isinstance(SHOP.read_hook(["key"], signed, body), Hint | HookRefused)
