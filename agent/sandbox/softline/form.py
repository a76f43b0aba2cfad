"""The form of a create: every rule of the vendor's table, with the code that it answers to whoever breaks it.

Codes are collected, as the vendor does; 110, 111 and 6000 stand alone and stop the checking.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from agent.sandbox.shapes import kopecks
from agent.sandbox.softline.knobs import SoftlineKnobs

Error = tuple[int, str]
Document = Mapping[str, Any]

_TEXT = 255
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def _text(most: int = _TEXT, least: int = 1) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def _matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_FIELDS: Mapping[str, tuple[bool, Callable[[object], bool]]] = {  # required, and what it must be
    "currency": (True, _matches("[A-Z]{3}")),
    "amount": (True, lambda value: isinstance(value, str) and _AMOUNT.fullmatch(value) is not None),
    "return_success_url": (True, lambda value: _text()(value) and str(value).startswith(("https://", "http://"))),
    "payment_method": (True, _text()),
    "payment_id": (True, _matches("[0-9A-Za-z_-]{1,64}")),
    "customer": (True, lambda value: isinstance(value, dict)),
    "recurring_indicator": (False, lambda value: isinstance(value, bool)),
    "payment_description": (False, _text()),
    "locale": (False, _text()),
    "additional_data": (False, lambda value: isinstance(value, dict)),
}
_CUSTOMER: Mapping[str, tuple[bool, Callable[[object], bool]]] = {
    "email": (True, lambda value: isinstance(value, str)),  # a bad one has a code of its own
    "first_name": (True, _text()),
    "last_name": (True, _text()),
    "phone": (False, _text()),
    "company_name": (False, _text()),
    "vat_number": (False, _matches("[0-9]{10}|[0-9]{12}")),
    "kpp": (False, _matches("[0-9]{9}")),
    "company_billing_address": (False, _text()),
    "company_delivery_address": (False, _text()),
}
_COMPANY = ("vat_number", "kpp", "company_billing_address", "company_delivery_address")


def errors_of(knobs: SoftlineKnobs, document: Document) -> list[Error]:
    """What is wrong with a create; empty for a good one."""
    customer = document.get("customer")
    found = _fields("", _FIELDS, document)
    if isinstance(customer, dict):
        found += _fields("customer.", _CUSTOMER, customer)
        found += [_invalid(f"customer.{name}") for name in _COMPANY if name in customer and "company_name" not in customer]
        if isinstance(email := customer.get("email"), str) and not _EMAIL.fullmatch(email):
            found.append((6060, "Email field is filled out incorrectly"))
    found += _rules(knobs, document)
    if not found and document["currency"] not in knobs.currencies:
        return [(6000, "Unable to generate payment. Please contact technical support.")]
    return found


def _fields(path: str, known: Mapping[str, tuple[bool, Callable[[object], bool]]], given: Document) -> list[Error]:
    wrong = [name for name, (needed, fits) in known.items() if (not fits(given[name]) if name in given else needed)]
    return [_invalid(path + name) for name in [*wrong, *(str(name) for name in given if name not in known)]]


def _invalid(name: str) -> Error:
    return 6010, f"Invalid field value: {name}"


def _rules(knobs: SoftlineKnobs, document: Document) -> list[Error]:
    """What is well formed and not to be had."""
    found: list[Error] = []
    amount, method = kopecks(document.get("amount")), document.get("payment_method")
    recurring, locale = document.get("recurring_indicator") is True, document.get("locale")
    if isinstance(locale, str) and locale not in knobs.locales:
        found.append((6020, "Locale not found."))
    if amount == 0 and not recurring:
        found.append((6030, "Creation of zero-amount payments is not available"))
    if isinstance(method, str) and not _is_enabled(knobs, method, document):
        found.append((6080, "This payment method is not available"))
    elif isinstance(method, str) and amount is not None and amount > knobs.most.get(method, amount):
        found.append((6090, "This payment method is not available for this payment amount"))
    if recurring and method not in knobs.recurring_methods:
        found.append((6100, "This payment method does not support recurring payments"))
    return found


def _is_enabled(knobs: SoftlineKnobs, method: str, document: Document) -> bool:
    customer = document.get("customer")
    company = isinstance(customer, dict) and "company_name" in customer
    return method in knobs.methods or (method in knobs.company_methods and company)
