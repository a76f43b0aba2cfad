"""Goal: promise P14 at the daemon - a changed byte in a stored record is found before the record is used. Method: the file of a stopped
daemon is changed by one bit, and the daemon started on it."""

from typing import Any

import pytest

from tests.support.pos import Failed, Pos
from tests.support.stand import STORE, TERMINAL, Stand

NAMES = {"storeId": STORE, "terminalId": TERMINAL}


def sell(pos: Pos, key: str, card: str) -> dict[str, Any]:
    item = {"name": f"Milk of {key}", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": card, "token": "t-1", "wait": 15}
    return pos.call("checkout.create", **NAMES, key=key, **request)


def test_a_record_with_a_changed_bit_is_parked_and_nobody_else_notices() -> None:
    """One bit of one event of a paid sale: its register hears RECORD_DAMAGED, for the sale, for its repeat and for a refund; the operator
    sees it parked, now and after another start; the sale beside it and a new one are as ever, and no money moves for the damaged one."""
    with Stand() as stand:
        with stand.connect() as pos:
            sell(pos, "good", "PAY001")
            sell(pos, "bad", "PAY002")
        stand.stop()
        data = bytearray(stand.journal.read_bytes())
        place = data.index(b"Milk of bad")
        data[place] ^= 1
        stand.journal.write_bytes(data)
        stand.start()
        moved = stand.control("GET", "/transactions")
        with stand.connect() as pos:
            for method, more in (("checkout.get", {}), ("checkout.cancel", {}), ("refund.create", {"refundKey": "r1", "token": "t-1"})):
                with pytest.raises(Failed) as refused:
                    pos.call(method, **NAMES, key="bad", **more)
                assert refused.value.code == "RECORD_DAMAGED"
            with pytest.raises(Failed) as refused:
                sell(pos, "bad", "PAY002")
            assert refused.value.code == "RECORD_DAMAGED"
            assert pos.call("checkout.get", **NAMES, key="good")["state"] == "paid"
            assert stand.control("GET", "/transactions") == moved
            assert sell(pos, "new", "PAY003")["state"] == "paid"
        for _ in range(2):
            (parked,) = stand.call("agent.status", "admin")["details"]["parked"]
            assert parked["sale"].endswith("bad")
            stand.restart()
