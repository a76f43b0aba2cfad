"""The shop that PayConnect's tests sell in: the store and bill of all provider tests, an agreed address, answers as they are assumed."""

import json
from dataclasses import replace
from typing import Any

from agent.core.model import Environment
from agent.core.verdict import Reply
from agent.providers.payconnect import NAMES, Assumptions, PayConnect, PayConnectSettings
from tests.providers.builders import REQUEST

PAYMENT = "pay_8f1c2d"
LINK = f"https://pay.payconnect.com/s/{PAYMENT}"
PLAIN = PayConnectSettings(Environment.TEST, email="kassa@shop.example")
REAL = PayConnectSettings(Environment.PRODUCTION, confirmed=frozenset(NAMES), email="kassa@shop.example")


def payconnect(**changes: Any) -> PayConnect:
    """On the test side; ``changes`` of the settings."""
    return PayConnect(replace(PLAIN, **changes))


def assuming(**changes: Any) -> PayConnect:
    """With other assumptions."""
    return payconnect(assumptions=Assumptions(**changes))


def answer(status: int = 200, headers: dict[str, str] | None = None, /, **fields: Any) -> Reply:
    return Reply(status, json.dumps(fields).encode(), headers or {})


def paid(**changes: Any) -> Reply:
    """A read of a payment that went through."""
    fields = {"id": PAYMENT, "status": "succeeded", "amount": 37695, "currency": "RUB", "description": f"Заказ 1 {REQUEST}"}
    return answer(**(fields | changes))
