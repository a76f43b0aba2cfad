"""Goal: a register sells by a PayCore link without knowing of PayCore. Method: daemon and sandbox as real processes, a real page."""

import json
from typing import Any

from tests.support.stand import STORE, TERMINAL, Plan, Stand, http_request

FAST = "first_read_ms = 500\npoll_interval_ms = 500\n"
ITEM = {"name": "Milk", "article": "1", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}


class PayCoreStand(Stand):
    """A till whose payments go to PayCore. ``more``: further lines of its table."""

    def __init__(self, more: str = "") -> None:
        self.more = more
        super().__init__(Plan(tills={TERMINAL: {"provider": "paycore"}}))

    def configuration(self) -> str:
        root = f"http://127.0.0.1:{self.sandbox_port}/paycore"
        account = f'test_base_url = "{root}/api"\nlogin = "sandbox"\npassword_file = "{self.folder / "password"}"\n'
        return f'{super().configuration()}\n[provider.paycore]\n{account}hpp_base_url = "{root}/hpp/"\n{FAST}{self.more}'

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

    def opens(self, url: str) -> int:
        """The customer opens a link: what his browser hears."""
        return http_request(self.sandbox_port, "GET", url.split(str(self.sandbox_port), 1)[1], None)[0]

    def pay(self, sale: dict[str, Any]) -> None:
        """The customer opens the link of the code and pays there."""
        assert self.opens(sale["paymentUrl"]) == 303
        self.confirm(sale["transactionId"])

    def confirm(self, transaction_id: str) -> None:
        """He pays on the page that he sees."""
        payment = self.control("GET", f"/transactions/{transaction_id}")
        form = {"content-type": "application/x-www-form-urlencoded"}
        status, _ = http_request(self.sandbox_port, "POST", f"/pay/{payment['link_id']}", b"action=confirm", form)
        assert status == 303

    def made(self) -> list[str]:
        """The ids of all payments at PayCore, oldest first."""
        return [one["id"] for one in self.control("GET", "/transactions")]


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


def test_links_of_our_own_and_payments_by_the_public_key() -> None:
    """Nothing is made before the customer opens the link; opened it is found, paid and returned in part; changed on its way it is no sale;
    paid after it was taken back the money goes back. Then, after a reload, the till makes payments with the public key alone."""
    with PayCoreStand('create = "hpp"\npublic_key = "pk_test_1"\n') as stand:
        stand.control("POST", "/customers/default", {"action": "wait"})
        sold_by_a_link_of_ours(stand)
        changed_on_its_way(stand)
        opened_after_it_was_taken_back(stand)
        sold_with_the_public_key(stand)
        assert '"level": "error"' not in stand.log.read_text()


def sold_by_a_link_of_ours(stand: PayCoreStand) -> None:
    sale = stand.sell("k-1")
    assert (sale["state"], "transactionId" in sale, stand.made()) == ("pending", False, [])
    stand.restart()
    again = stand.look("k-1", 0)
    assert (again["state"], again["paymentUrl"]) == ("pending", sale["paymentUrl"])  # it was in the journal before it was shown
    assert stand.opens(sale["paymentUrl"]) == 303
    assert stand.opens(sale["paymentUrl"]) == 429
    (payment,) = stand.made()
    stand.confirm(payment)
    paid = stand.look("k-1", 10)
    assert (paid["state"], paid["transactionId"], paid["money"]) == ("paid", payment, "charged")
    back = stand.call(
        "refund.create", storeId=STORE, terminalId=TERMINAL, key="k-1", refundKey="b-1", wait=10, items=[{"line": 0, "quantity": 1}]
    )
    assert (back["state"], back["amount"]) == ("refunded", 9000)
    story = json.dumps(stand.call("operation.show", socket_name="admin", storeId=STORE, terminalId=TERMINAL, key="k-1", events=True))
    assert '"link_offered"' in story
    assert "public_key" not in story


def changed_on_its_way(stand: PayCoreStand) -> None:
    sale = stand.sell("k-2")
    assert stand.opens(sale["paymentUrl"].replace("amount=270.00", "amount=1.00")) == 303
    stand.confirm(stand.made()[-1])
    looked = stand.look("k-2", 10)
    assert (looked["state"], looked["reason"], looked["next"]) == ("attention", "AMOUNT_MISMATCH", "person")


def opened_after_it_was_taken_back(stand: PayCoreStand) -> None:
    sale = stand.sell("k-3")
    stand.call("checkout.cancel", storeId=STORE, terminalId=TERMINAL, key="k-3")
    canceled = stand.look("k-3", 10)
    assert (canceled["state"], canceled["money"], "paymentUrl" in canceled) == ("canceled", "possible", False)
    assert stand.opens(sale["paymentUrl"]) == 303
    stand.confirm(stand.made()[-1])
    stand.call("operation.retry", socket_name="admin", storeId=STORE, terminalId=TERMINAL, key="k-3")
    for _ in range(100):
        if (now := stand.look("k-3", 0.1))["money"] == "returned":
            break
    assert (now["state"], now["money"]) == ("canceled", "returned")


def sold_with_the_public_key(stand: PayCoreStand) -> None:
    public = f'public_base_url = "http://127.0.0.1:{stand.sandbox_port}/paycore/public-api"\n'
    stand.config.write_text(stand.config.read_text().replace('create = "hpp"\n', 'create = "public"\n' + public))
    assert stand.cli("reload").returncode == 0
    sale = stand.sell("k-4")
    assert sale["transactionId"] == stand.made()[-1]
    stand.pay(sale)
    assert stand.look("k-4", 10)["state"] == "paid"
