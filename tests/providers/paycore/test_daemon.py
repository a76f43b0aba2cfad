"""Goal: a register sells by a PayCore link without knowing of PayCore. Method: daemon and sandbox as real processes, a real page."""

from typing import Any

from tests.support.stand import STORE, TERMINAL, Plan, Stand, http_request

FAST = "first_read_ms = 500\npoll_interval_ms = 500\n"
ITEM = {"name": "Milk", "article": "1", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}


class PayCoreStand(Stand):
    """A till whose payments go to PayCore."""

    def __init__(self) -> None:
        super().__init__(Plan(tills={TERMINAL: {"provider": "paycore"}}))

    def configuration(self) -> str:
        root = f"http://127.0.0.1:{self.sandbox_port}/paycore"
        account = f'test_base_url = "{root}/api"\nlogin = "sandbox"\npassword_file = "{self.folder / "password"}"\n'
        return f'{super().configuration()}\n[provider.paycore]\n{account}hpp_base_url = "{root}/hpp/"\n{FAST}'

    def sell(self, key: str) -> dict[str, Any]:
        """A checkout of 270 roubles whose link is known."""
        invoice = {"orderId": key, "totalAmount": 27000, "items": [ITEM]}
        sale = self.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key=key, checkoutInvoice=invoice, wait=0)
        for _ in range(100):
            if "paymentUrl" in sale:
                return sale
            sale = self.look(key, 0.1)
        raise AssertionError(f"no link came: {sale}")

    def look(self, key: str, wait: float) -> dict[str, Any]:
        return self.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=key, wait=wait)

    def pay(self, sale: dict[str, Any]) -> None:
        """The customer opens the link of the code and pays there."""
        path = sale["paymentUrl"].split(str(self.sandbox_port), 1)[1]
        status, _ = http_request(self.sandbox_port, "GET", path, None)
        assert status == 303
        payment = self.control("GET", f"/transactions/{sale['transactionId']}")
        form = {"content-type": "application/x-www-form-urlencoded"}
        status, _ = http_request(self.sandbox_port, "POST", f"/pay/{payment['link_id']}", b"action=confirm", form)
        assert status == 303


def test_sold_by_a_link_and_returned_in_parts() -> None:
    """Link, page, paid, receipt; a part goes back, then the rest; the bank's book and the journal close."""
    with PayCoreStand() as stand:
        stand.control("POST", "/customers/default", {"action": "wait"})
        sale = stand.sell("k-1")
        assert (sale["state"], sale["finished"], sale["test"]) == ("pending", False, True)
        stand.pay(sale)
        paid = stand.look("k-1", 10)
        assert (paid["state"], paid["money"], paid["paymentType"]) == ("paid", "charged", "512381******0000")
        assert paid["slip"]["operationId"] in paid["slip"]["text"]["42"]
        some = [{"line": 0, "quantity": 1}]
        for key, items, amount in (("b-1", some, 9000), ("b-2", None, 18000)):
            asked: dict[str, Any] = {"items": items} if items else {}
            back = stand.call("refund.create", storeId=STORE, terminalId=TERMINAL, key="k-1", refundKey=key, wait=10, **asked)
            assert (back["state"], back["amount"]) == ("refunded", amount)
        canceled = stand.sell("k-2")
        stand.call("checkout.cancel", storeId=STORE, terminalId=TERMINAL, key=canceled["key"])
        withdrawn = stand.look("k-2", 10)
        assert (withdrawn["state"], withdrawn["money"], "paymentUrl" in withdrawn) == ("canceled", "possible", False)
        books = stand.control("GET", "/ledger")
        assert (books["charged"], books["refunded"], books["violations"]) == (27000, 27000, [])
        assert '"level": "error"' not in stand.log.read_text()
