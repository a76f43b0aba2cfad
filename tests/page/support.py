"""A till with a status page, a register that sells through it, and a browser before the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.browser import Browser
from tests.support.stand import STORE, TERMINAL, Stand
from tests.system import lacking

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
AMOUNT = 9_000
SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"

# The violations of one page, as axe finds them. Its own preloading asks for files that the page's policy forbids.
_LOOK = """
const found = await axe.run(document, {preload: false, resultTypes: ["violations"],
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
return found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).slice(0, 3).join(" | ")}`);
"""


def axe() -> str:
    """The script that looks whether everybody can use a page."""
    if not AXE.is_file():
        lacking("needs axe-core: run npm ci in tests/page")
    return AXE.read_text()


@dataclass
class Shop:
    """One daemon, its sandbox and one browser for the module."""

    stand: Stand
    browser: Browser
    number: int = 0
    sold: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stand.ports['web']}"

    def look(self, path: str = "/") -> None:
        """Open a page and wait until it is live. The mark is gone if anything loads the page again."""
        self.browser.open(self.url + path)
        self.is_live()
        self.browser.run("window.mark = 'same page'")

    def look_still(self, path: str) -> None:
        """A page without a stream."""
        self.browser.open(self.url + path)

    def is_live(self) -> None:
        self.browser.wait(lambda: not self.browser.count("body.offline"), "the page is live")

    def never_reloaded(self) -> None:
        assert self.browser.run("return window.mark") == "same page"

    def sell(self, session: str = "FAST", wait: float = 10, order: str = "", **more: Any) -> str:
        """A checkout of the register; its key."""
        self.number += 1
        key = f"sale-{self.number}"
        item = {"name": "Milk", "article": "1", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
        invoice = {"orderId": order or f"order-{self.number}", "totalAmount": AMOUNT, "items": [item]}
        request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "2900001"}, "cardSession": f"{session}{self.number}", "token": "t-1"}
        self.stand.call("checkout.create", **{**request, "storeId": STORE, "terminalId": TERMINAL, "key": key, "wait": wait, **more})
        return key

    def some_sale(self) -> tuple[str, str]:
        """A sale that is paid and told, for tests that need any: its key and its order. Sold for the first of them, whichever that is."""
        self.sold = self.sold or self.sell()
        return self.sold, f"order-{self.sold.removeprefix('sale-')}"

    def path(self, key: str) -> str:
        return f"/page/sale?store={STORE}&terminal={TERMINAL}&key={key}"

    def record(self, key: str) -> dict[str, Any]:
        """Everything that an operator is told of a sale."""
        return self.stand.call("operation.show", "admin", storeId=STORE, terminalId=TERMINAL, key=key, events=True)

    def violations(self, script: str) -> list[str]:
        """What axe objects to on the page as it is."""
        self.browser.run(script)
        found: list[str] = self.browser.run(_LOOK)
        return found
