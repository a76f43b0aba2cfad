"""The documented shapes of answers: written out once, checked by the type checker, and carried by the codec unchanged."""

from drivers.answers import CheckoutAnswer, OperationListAnswer, RefundAnswer, SlipAnswer
from drivers.status_answers import StatusAnswer
from drivers.strictjson import dumps, loads

SLIP: SlipAnswer = {
    "id": "8f4c",
    "qrcId": "AS10003",
    "kzo": "1B2C",
    "operationId": "A1",
    "operationDateTime": "2026-01-31T10:15:00.000Z",
    "totalAmount": 45000,
    "text": {"32": "ОПЛАТА", "42": "ОПЛАТА", "48": "ОПЛАТА"},
}
REFUND: RefundAnswer = {
    "refundKey": "r1",
    "state": "refunded",
    "finished": True,
    "success": True,
    "amount": 40,
    "message": "Возврат выполнен",
    "reason": None,
    "items": [{"line": 0, "quantity": 1, "totalAmount": 40}],
}
CHECKOUT: CheckoutAnswer = {
    "storeId": "S12",
    "terminalId": "till-03",
    "key": "k",
    "orderId": "S12-000345",
    "state": "paid",
    "finished": True,
    "success": True,
    "money": "charged",
    "reason": None,
    "message": "Оплачено",
    "amount": 45000,
    "currency": "RUB",
    "provider": "koshelek",
    "environment": "test",
    "test": True,
    "slip": SLIP,
    "refunds": [REFUND],
    "acceptedAt": "2026-01-31T10:14:58.120Z",
    "told": True,
    "confirmed": False,
}
LISTED: OperationListAnswer = {"operations": [CHECKOUT], "more": False}
STATUS: StatusAnswer = {
    "ready": True,
    "version": "0.1.0",
    "environment": "test",
    "providers": {"koshelek": {"reachable": True}},
    "configuration": {"loadedAt": "2026-01-31T10:14:58.120Z", "problem": None},
    "disk": {"full": False},
}


def test_answers_survive_the_wire() -> None:
    """Every documented answer is JSON as it stands and comes back equal."""
    for answer in (CHECKOUT, LISTED, STATUS):
        assert loads(dumps(answer)) == answer
    assert CheckoutAnswer.__required_keys__ <= set(CHECKOUT)
    assert StatusAnswer.__required_keys__ <= set(STATUS)
