"""How a customer is going to pay, and what a register hands over for it beside the bill. The payment system decides, not the till."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.sandbox.words import Method

TOKEN = "000000"  # noqa: S105 - the bank of play money takes any


@dataclass(frozen=True, slots=True)
class App:
    """In the application whose card he has shown at the till."""

    method: Method = Method.SBP

    def beside(self, key: str) -> dict[str, Any]:
        """Of a checkout: who pays, and what with."""
        return {
            "user": {"loyaltyId": "0"},
            "cardSession": key.replace("-", ""),
            "paymentMethods": [{"type": self.method}],
            **self.beside_refund(),
        }

    def beside_refund(self) -> dict[str, Any]:
        return {"token": TOKEN}


@dataclass(frozen=True, slots=True)
class Page:
    """On a page behind a link. ``told``: what the register says of the buyer, or which system it wants."""

    told: Mapping[str, Any] = field(default_factory=dict)

    def beside(self, key: str) -> dict[str, Any]:
        """The same for every key: nobody is known before he has opened the page."""
        return dict(self.told)

    def beside_refund(self) -> dict[str, Any]:
        return {}


Means = App | Page
