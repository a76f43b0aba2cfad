"""What PayCore sends, as its documents show it: one invoice, of which a test changes what it is about."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.core.model import Checkout, SaleId
from agent.core.verdict import Observed, Operation, Reply
from agent.providers.paycore import PayCore, PayCoreSettings
from tests.providers import builders

REQUEST = builders.REQUEST
SALE = SaleId("store-1", "till-1", "key-1")
TRANSACTION = "cpi_QmKXb2JzP1nXp4Yj"
TOTAL_KOPECKS = 37_695
TEST = PayCoreSettings(test_mode=True)
LIVE = PayCoreSettings(test_mode=False)
ABSENT = object()


def paycore(**changes: Any) -> PayCore:
    """The provider of a till in test mode."""
    return PayCore(replace(TEST, **changes))


def checkout() -> Checkout:
    """A bill of 376.95 roubles."""
    return builders.checkout()


def invoice(status: str = "created", **changes: Any) -> dict[str, Any]:
    """``data`` of an answer. A change of ABSENT leaves the attribute out."""
    attributes: dict[str, Any] = {
        "status": status,
        "resolution": "ok",
        "serial_number": "QmKXb2JzP1nXp4Yj",
        "reference_id": REQUEST,
        "amount": 376.95,
        "payment_amount": 376.95,
        "currency": "RUB",
        "test_mode": True,
        "refunded_amount": None,
        "processed_amount": 376.95 if status in ("processed", "refunding", "partially_refunded", "refunded") else None,
        "processed": 1_769_881_800 if status == "processed" else None,
        "flow": "hpp",
        "flow_data": [],
        "payload": [],
        "metadata": [],
        "created": 1_769_881_700,
        "updated": 1_769_881_800,
        **changes,
    }
    return {
        "type": "payment-invoices",
        "id": TRANSACTION,
        "attributes": {name: value for name, value in attributes.items() if value is not ABSENT},
    }


def reply(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, document if isinstance(document, bytes) else json.dumps(document).encode(), headers or {})


def read(status: str = "created", provider: PayCore | None = None, **changes: Any) -> Observed:
    """What a status read of such an invoice says."""
    verdict = (provider or paycore()).read(Operation.STATUS, reply({"data": invoice(status, **changes)}))
    assert isinstance(verdict, Observed), verdict
    return verdict
