"""Payments that are made without the secret key: by a link that holds the bill, by the public API, by a form. Pure.

A till with the Private API needs none of this. It is for whoever may hold only the public key: a page, a printed code. What all three have
in common: the bill travels through the buyer's hands and he can change it, so a payment made this way is compared with the bill when it is
read, as every other one (``invoice``), and found by its ``reference_id``. The account must not forbid public creation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from agent.core.model import PaymentLink
from agent.core.money import Kopecks
from agent.core.verdict import Observed, Operation, Reply
from agent.providers.paycore.money import major_units
from agent.providers.paycore.reading import read_reply
from agent.providers.paycore.settings import PayCoreSettings

FORM_SUFFIX: Final = "/process"  # the form is posted there, and the buyer is led straight to the service
LOCALES: Final = frozenset({"en", "uk", "ru"})


@dataclass(frozen=True, slots=True)
class PublicPayment:
    """What is to be paid. ``expires_s``: Unix seconds, UTC; only a link can say it. ``customer``: ``reference_id`` is required if there is
    anything; ``fields``: what the service asks for. Raises ValueError."""

    reference_id: str
    amount: Kopecks
    description: str = ""
    service: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    return_url: str | None = None
    expires_s: int | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        if not self.reference_id or self.amount < 1:
            raise ValueError("a payment has a reference and an amount")
        if self.customer and not self.customer.get("reference_id"):
            raise ValueError("a customer needs a reference_id")
        if self.locale is not None and self.locale not in LOCALES:
            raise ValueError(f"locale must be one of {', '.join(sorted(LOCALES))}")


def page_link(settings: PayCoreSettings, public_key: str, payment: PublicPayment) -> PaymentLink:
    """The payment page with the bill in the link; brackets of nested names are percent-encoded. The address for callbacks cannot be given.
    How the values of a service are nested is INFERRED from the other names. Raises ValueError without a page, and for a link that is too
    long to be opened everywhere."""
    if not settings.hpp_base_url:
        raise ValueError("there is no payment page")
    given = {
        **_plain(settings, public_key, payment),
        "expires": None if payment.expires_s is None else str(payment.expires_s),
        "locale": payment.locale,
        **_nested("service_fields", payment.fields),
        **_nested("customer", payment.customer),
        **_nested("metadata", payment.metadata),
    }
    known = {name: value for name, value in given.items() if value}
    url = f"{settings.hpp_base_url}?{urlencode(known, quote_via=quote)}"
    if len(url) > settings.limits.link_characters:
        raise ValueError(f"the link has more than {settings.limits.link_characters} characters")
    return PaymentLink(url)


def create_body(settings: PayCoreSettings, public_key: str, payment: PublicPayment) -> Mapping[str, Any]:
    """The body of a create at the public API, always flat; its path is ``invoices_path`` (sources print it in the singular, too)."""
    given: dict[str, Any] = {
        **_plain(settings, public_key, payment),
        "amount": major_units(payment.amount),
        "fields": dict(payment.fields),
        "customer": dict(payment.customer),
        "metadata": dict(payment.metadata),
    }
    return {name: value for name, value in given.items() if value}


def form_fields(settings: PayCoreSettings, public_key: str, payment: PublicPayment) -> Mapping[str, str]:
    """The fields of the form that leads the buyer straight to the service; a browser posts it to ``invoices_path`` and ``FORM_SUFFIX``."""
    names = ("public_key", "amount", "currency", "reference_id", "service")
    given = _plain(settings, public_key, payment)
    return {name: value for name in names if (value := given[name])}


def read_created(settings: PayCoreSettings, reply: Reply, reference_id: str) -> Observed | None:
    """The payment that a public create has made; None if the answer does not prove one of ours. Then it may have been made all the same:
    it is searched for by its reference, with the secret key."""
    verdict = read_reply(settings, Operation.CHECKOUT, reply)
    return verdict if isinstance(verdict, Observed) and verdict.reference == reference_id else None


def _plain(settings: PayCoreSettings, public_key: str, payment: PublicPayment) -> dict[str, str | None]:
    return {
        "public_key": public_key,
        "amount": f"{major_units(payment.amount):f}",
        "currency": settings.currency,
        "reference_id": payment.reference_id,
        "description": payment.description,
        "service": payment.service,
        "return_url": payment.return_url,
    }


def _nested(name: str, values: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}[{key}]": value for key, value in values.items()}
