"""Which means of payment an account has, what each asks for, and within which limits: for a technician who sets up a till. Pure.

Codes of services differ from document to document, so they are never built in: they come from here into the configuration. The question
goes to the public API, with the public key of the account. The answer's maps stand directly under ``data`` in newer samples and under
``data.attributes`` in older ones; both are read. It is advice: no sale waits for it, and the provider alone knows what it will take.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agent.core.money import Kopecks
from agent.core.verdict import Reply
from agent.providers.common import wire
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.invoice import mapping
from agent.providers.paycore.money import amount_of, major_units
from agent.providers.paycore.reading import MAX_BODY_BYTES
from agent.providers.paycore.settings import PayCoreSettings

PATH: Final = "/payment-prerequest"
AVAILABLE: Final = "available"  # the only status that a source shows
MAX_SERVICES: Final = 200
MAX_FIELDS: Final = 50
MAX_PATTERN_CHARACTERS: Final = 200  # a pattern of a stranger is only tried on short values


@dataclass(frozen=True, slots=True)
class ServiceField:
    """A value that a service asks for. ``pattern``: what it must match as a whole, None if nothing usable is told."""

    key: str
    required: bool
    pattern: str | None
    label: str
    example: str


@dataclass(frozen=True, slots=True)
class Service:
    """A means of payment. Limits in kopecks; None where none is told."""

    code: str
    method: str
    currency: str
    status: str
    fields: tuple[ServiceField, ...]
    least: Kopecks | None
    most: Kopecks | None


class Fault(StrEnum):
    """What does not fit between the configuration and what the account offers."""

    OTHER_SIDE = "other_side"  # a test key in production, or the reverse
    NOT_CHOSEN = "not_chosen"  # no service is configured; detail: the codes that are offered
    NOT_OFFERED = "not_offered"  # detail: the codes that are
    NOT_AVAILABLE = "not_available"  # detail: the service's status
    OTHER_CURRENCY = "other_currency"  # detail: the service's currency
    FIELD_MISSING = "field_missing"  # detail: the field's key
    FIELD_FORM = "field_form"  # likewise
    TOO_SMALL = "too_small"  # detail: the service's limit in kopecks
    TOO_LARGE = "too_large"  # likewise


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. ``setting``: where."""

    fault: Fault
    setting: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an account offers. ``test_mode``: of the key that asked, None if it is not told."""

    test_mode: bool | None
    services: tuple[Service, ...]


def question(public_key: str, currency: str, amount: Kopecks | None = None) -> Mapping[str, Any]:
    """The body of the question, a JSON object. ``amount`` narrows the answer to what can pay it."""
    body: dict[str, Any] = {"public_key": public_key, "currency": currency}
    return body if amount is None else {**body, "amount": major_units(amount)}


def read_offer(reply: Reply) -> Offer:
    """Raises Unreadable for an answer that is none; a service of which a part is strange is left out of what is checked, not refused."""
    if reply.status != 200:
        raise Unreadable(f"http_{reply.status}")
    data = mapping(wire.read_object(reply.body, MAX_BODY_BYTES).get("data"), "data")
    fields = mapping(data.get("attributes"), "attributes") or data
    listed = mapping(fields.get("services"), "services")
    if len(listed) > MAX_SERVICES:
        raise Unreadable("long_list")
    told = fields.get("test_mode")
    services = tuple(_service(code, mapping(service, "service")) for code, service in listed.items())
    return Offer(told if isinstance(told, bool) else None, services)


def findings(settings: PayCoreSettings, offer: Offer) -> list[Finding]:
    """What will not work, in the order in which it is to be mended. Values of fields are never echoed."""
    found: list[Finding] = []
    if offer.test_mode is not None and offer.test_mode is not settings.test_mode:
        found.append(Finding(Fault.OTHER_SIDE, "public_key"))
    chosen = next((one for one in offer.services if one.code == settings.service), None)
    if chosen is None:
        fault = Fault.NOT_CHOSEN if settings.service is None else Fault.NOT_OFFERED
        return [*found, Finding(fault, "service", ", ".join(one.code for one in offer.services))]
    if chosen.status not in ("", AVAILABLE):
        found.append(Finding(Fault.NOT_AVAILABLE, "service", chosen.status))
    if chosen.currency not in ("", settings.currency):
        found.append(Finding(Fault.OTHER_CURRENCY, "service", chosen.currency))
    found += [finding for one in chosen.fields if (finding := _field_finding(settings, one))]
    limits = settings.limits
    if chosen.least is not None and chosen.least > limits.least:
        found.append(Finding(Fault.TOO_SMALL, "least_amount", str(chosen.least)))
    if chosen.most is not None and chosen.most < limits.most:
        found.append(Finding(Fault.TOO_LARGE, "most_amount", str(chosen.most)))
    return found


def undoubled(pattern: str) -> str:
    r"""A regular expression as it was meant: they arrive with each backslash twice (``\\d`` for ``\d``), and perhaps one day without."""
    runs = re.findall(r"\\+", pattern)
    return pattern.replace("\\\\", "\\") if runs and all(len(run) % 2 == 0 for run in runs) else pattern


def _field_finding(settings: PayCoreSettings, wanted: ServiceField) -> Finding | None:
    given = settings.fields.get(wanted.key)
    if given is None:
        asked = wanted.required and wanted.key not in settings.buyer_fields
        return Finding(Fault.FIELD_MISSING, "fields", wanted.key) if asked else None
    if wanted.pattern is not None and re.fullmatch(wanted.pattern, given) is None:
        return Finding(Fault.FIELD_FORM, "fields", wanted.key)
    return None


def _service(code: str, fields: Mapping[str, Any]) -> Service:
    listed = fields.get("fields") or []
    if not isinstance(listed, list) or len(listed) > MAX_FIELDS:
        raise Unreadable("bad_fields")
    return Service(
        code=wire.loose_text(fields, "code") or code,
        method=wire.loose_text(fields, "method") or "",
        currency=wire.loose_text(fields, "currency") or "",
        status=wire.loose_text(fields, "status") or "",
        fields=tuple(_field(mapping(one, "field")) for one in listed),
        least=amount_of(fields, "amount_min"),
        most=amount_of(fields, "amount_max"),
    )


def _field(fields: Mapping[str, Any]) -> ServiceField:
    key = wire.loose_text(fields, "key")
    if key is None:
        raise Unreadable("no_key")
    label = fields.get("label")
    texts = label if isinstance(label, Mapping) else {"ru": label}
    return ServiceField(
        key=key,
        required=fields.get("required") is True,
        pattern=_pattern(fields.get("regexp")),
        label=wire.loose_text(texts, "ru") or wire.loose_text(texts, "en") or "",
        example=wire.loose_text(fields, "example") or "",
    )


def _pattern(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PATTERN_CHARACTERS:
        return None
    bare = undoubled(value)
    if len(bare) > 1 and bare.startswith("/") and bare.endswith("/"):
        bare = bare[1:-1]
    try:
        re.compile(bare)
    except (re.error, OverflowError, RecursionError):  # another dialect of regular expressions: the provider checks it itself
        return None
    return bare
