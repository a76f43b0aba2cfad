"""The shop that Softline's tests sell in: the store and bill of all provider tests, an account on the test side, a buyer with a name."""

from dataclasses import replace
from typing import Any

from agent.core.model import Environment
from agent.providers.softline import Buyer, Softline, SoftlineSettings
from tests.providers.builders import STORE

ORDER = "5555555"
LINK = f"https://pay.ecommerce.softline.com.demoslweb.com/order/status/{ORDER}/9f8e7d?lang=ru_RU"
PERSON = {"customer.email": 16, "customer.firstName": 4, "customer.lastName": 6}
COMPANY = {
    **PERSON,
    "customer.phone": 11,
    "customer.companyName": 12,
    "customer.vatNumber": 10,
    "customer.kpp": 9,
    "customer.companyBillingAddress": 40,
    "customer.companyDeliveryAddress": 40,
}
AGREED = Buyer("kassa@shop.example", "Покупатель", "Розничный", "79990000000")
PLAIN = SoftlineSettings(Environment.TEST, "CreditCard", "https://shop.example/thanks", "till@shop.example")


def settings(**changes: Any) -> SoftlineSettings:
    return replace(PLAIN, **changes)


def softline(**changes: Any) -> Softline:
    return Softline(settings(**changes))


__all__ = ["AGREED", "COMPANY", "LINK", "ORDER", "PERSON", "PLAIN", "STORE", "settings", "softline"]
