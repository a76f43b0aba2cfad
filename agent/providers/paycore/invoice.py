"""A payment as PayCore describes it becomes what the machines know. Here stands which of its amounts is compared, and what a link is.

Three amounts stand in an answer. ``amount`` is what we asked for. ``payment_amount`` is what the customer has to pay: more, where he bears
a fee. ``processed_amount`` is what he has paid, and null before that. A payment is whole if ``processed_amount`` reaches the larger of the
other two; only then does its slip show ``amount``, which the core compares with the bill. What is more than the larger of the two is paid
all the same, and people are told (``surplus``): the customer may want it back. Of one that falls short the slip shows what came, and if
that happens to be the sum of the bill (the fee is missing), or nothing is told, there is no slip: a person looks. The status
``partially_processed`` never makes a whole payment, whatever its amounts say.

An answer that is about the other kind of money (``test_mode``) says nothing that could decide anything: it has no status for us, and a test
payment is never paid in production. Empty maps arrive as ``[]``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from agent.core.model import LinkMethod, PaymentLink, Slip
from agent.core.money import Kopecks
from agent.core.verdict import Observed, RefStatus, Status
from agent.providers.common import wire
from agent.providers.common.answers import code_of
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.money import amount_of
from agent.providers.paycore.settings import LinkSource, PayCoreSettings
from agent.providers.paycore.words import CHARGED_BACK, OK, PARTIALLY_PROCESSED, PROCESSED, REASONS, REFUND_FAILED, STATUSES

UNREADABLE_REASON: Final = "UNREADABLE_CODE"  # stands for a resolution that is no code: free text must not reach logs or the till
MAX_FORM_FIELDS: Final = 50  # of a hand-over by a form: those of card schemes have three
MAX_FORM_CHARACTERS: Final = 16_384  # one of them is long
MAX_UNIX_S: Final = 253_402_300_799  # the last second of the year 9999: later ones are no times, and have no spelling

_AMOUNTS: Final = ("amount", "payment_amount", "processed_amount")
_TYPE: Final = re.compile(r"payment-invoices?")
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LINK: Final = re.compile(r"https?://[A-Za-z0-9._~!$&'()*+,;=:@%/?#\[\]-]+")
_MASKED_CARD: Final = re.compile(r"[0-9]{4,8}[*xX•. -]{2,14}[0-9]{2,4}")


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """An object; an empty one arrives as ``[]`` or null. Raises Unreadable."""
    if value is None or value == []:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable(f"bad_{name}")
    return value


def described(data: object, wanted: re.Pattern[str]) -> tuple[Mapping[str, Any], str, str]:
    """Of a document its attributes, its id and its status. ``wanted``: what its type may be, where it is told. Raises Unreadable."""
    outer = mapping(data, "data")
    fields = mapping(outer.get("attributes"), "attributes")
    kind, identifier, word = wire.word(outer, "type"), wire.identifier(outer, "id"), wire.word(fields, "status")
    if kind is not None and not wanted.fullmatch(kind):
        raise Unreadable("other_type")
    if identifier is None:
        raise Unreadable("no_id")
    if not word:
        raise Unreadable("no_status")
    return fields, identifier, word


def observed(settings: PayCoreSettings, data: object) -> Observed:
    """One payment, as it stands in ``data`` of an answer. Raises Unreadable."""
    fields, transaction_id, word = described(data, _TYPE)
    reference = wire.identifier(fields, "reference_id")
    if not our_money(settings, fields):
        return Observed(Status.UNKNOWN, transaction_id, error_code="TEST_MODE_MISMATCH", reference=reference)
    status = STATUSES.get(word, Status.UNKNOWN)
    open_yet = status in (Status.NEW, Status.PENDING)
    amount, currency = _over(fields)
    return Observed(
        status=status,
        transaction_id=transaction_id,
        ref_status=RefStatus.REJECTED if word == REFUND_FAILED else None,
        slip=_slip(word, transaction_id, fields) if status is Status.ACCEPTED else None,
        error_code=None if open_yet else REASONS.get(word) or reason_of(fields),  # while it is open it is that of a single try
        refunded=_refunded(word, fields),
        link=_link(settings, transaction_id, fields) if open_yet else None,
        reference=reference,
        amount=amount,
        currency=currency,
        surplus=_surplus(fields) if status is Status.ACCEPTED else None,
    )


def _over(fields: Mapping[str, Any]) -> tuple[Kopecks | None, str | None]:
    """What a payment is over, whatever its status. What is malformed is not told here; where it is compared it is read strictly."""
    try:
        return amount_of(fields, "amount"), wire.identifier(fields, "currency")
    except Unreadable:
        return None, None


def _surplus(fields: Mapping[str, Any]) -> Kopecks | None:
    """What came beyond what the customer had to pay; None if nothing did. Raises Unreadable."""
    asked, due, paid = (amount_of(fields, name) for name in _AMOUNTS)
    more = 0 if asked is None or paid is None else paid - max(asked, due or asked)
    return Kopecks(more) if more > 0 else None


def our_money(settings: PayCoreSettings, fields: Mapping[str, Any]) -> bool:
    """Whether an answer is about the side that this till is on."""
    told = fields.get("test_mode")
    return not settings.test_mode_required if told is None else told is settings.test_mode


def reason_of(fields: Mapping[str, Any]) -> str | None:
    """The resolution as a code; None of the normal course."""
    value = fields.get("resolution")
    if value in (None, "", OK):
        return None
    return (code_of(value) or UNREADABLE_REASON).upper()


def _refunded(word: str, fields: Mapping[str, Any]) -> Kopecks | None:
    """What went back by our refunds; not what a bank has taken back, of which the same sum might be told. None: it is not told."""
    if word in CHARGED_BACK:
        return None
    told = amount_of(fields, "refunded_amount")
    return Kopecks(0) if told is None and word in (PROCESSED, REFUND_FAILED) else told


def _slip(word: str, transaction_id: str, fields: Mapping[str, Any]) -> Slip | None:
    total, currency = _compared(word, fields), wire.identifier(fields, "currency")
    if total is None or currency is None:
        return None
    return Slip(
        total_amount=total,
        currency=currency,
        reference=wire.identifier(fields, "reference_id"),
        id=wire.loose_text(fields, "approval_code"),
        payment_type=_masked_card(mapping(fields.get("payload"), "payload")),
        payment_transaction_id=transaction_id,
        operation_date_time=_moment(fields.get("processed")),
        operation_id=wire.loose_text(fields, "rrn"),
    )


def _compared(word: str, fields: Mapping[str, Any]) -> Kopecks | None:
    """The amount that the core compares with the bill; None proves nothing."""
    asked, due, paid = (amount_of(fields, name) for name in _AMOUNTS)
    if asked is None or paid is None:
        return None
    if word == PARTIALLY_PROCESSED or paid < max(asked, due or asked):
        return None if paid == asked else paid
    return asked


def _masked_card(payload: Mapping[str, Any]) -> str | None:
    """The customer's card, if it is shown masked. The name of its field is published nowhere, hence the look at the values; a number that
    is not masked is never taken."""
    return next((text for _, text in sorted(payload.items()) if isinstance(text, str) and _MASKED_CARD.fullmatch(text)), None)


def _moment(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_UNIX_S:
        return None
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the link ---


def _link(settings: PayCoreSettings, transaction_id: str, fields: Mapping[str, Any]) -> PaymentLink | None:
    """The next step that the provider names, if a plain link can do it; else the payment page. A step that must be posted cannot be put
    into a code: it is named, as such and with its form, only where there is no page."""
    flow = mapping(fields.get("flow_data"), "flow_data")
    action, method, params = flow.get("action"), flow.get("method"), mapping(flow.get("params"), "params")
    opens = isinstance(action, str) and _is_link(settings, action)
    if opens and method == "GET" and not params and settings.link_source is LinkSource.FLOW_DATA:
        return PaymentLink(str(action))
    page = page_of(settings, transaction_id)
    if page is not None:
        return PaymentLink(page)
    form = _form(params)
    return PaymentLink(str(action), LinkMethod.POST, form) if opens and method == "POST" and form is not None else None


def _form(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """The fields of a form, in the provider's order; None if it is not made of plain values, or is larger than any such form."""
    plain = all(isinstance(value, str | int) and not isinstance(value, bool) for value in params.values())
    fields = tuple((name, str(value)) for name, value in params.items()) if plain else ()
    fits = len(fields) <= MAX_FORM_FIELDS and sum(len(name) + len(value) for name, value in fields) <= MAX_FORM_CHARACTERS
    return fields if plain and fits else None


def page_of(settings: PayCoreSettings, transaction_id: str) -> str | None:
    """The payment page of a payment; None without a page, or of an id that would need to be spelled otherwise in a link."""
    if not settings.hpp_base_url or not _PLAIN_ID.fullmatch(transaction_id):
        return None
    return f"{settings.hpp_base_url}?cpi={transaction_id}"


def _is_link(settings: PayCoreSettings, text: str) -> bool:
    """Money is paid behind it: encrypted, unless it is test money (the sandbox has no certificate)."""
    safe = text.startswith("https://") or settings.test_mode
    return safe and len(text) <= settings.limits.link_characters and _LINK.fullmatch(text) is not None
