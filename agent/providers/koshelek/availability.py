"""The list of means of payment: its two requests and what an answer to either says.

Since v1.2.0 a new integration is answered at once (200). The older way - 201 with the name of a task, then looking until it is done - is
understood too, in case a server still goes it. Its ``Location`` header is not: it lacks the partner's part of the path, so the address is
built from the account's own URL, of an id that cannot lead anywhere else.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from agent.core.availability import Finding, Later, Means, MeansList
from agent.core.model import Invoice, SaleId
from agent.core.verdict import Denied, Garbled, Operation, Reply, Request, secret
from agent.providers.common import wire
from agent.providers.common.answers import retry_after_seconds
from agent.providers.common.wire import Unreadable
from agent.providers.koshelek.reading import refused
from agent.providers.koshelek.request import CARD_SESSION, LOYALTY_ID, TILL_FINGERPRINT, invoice_body
from agent.providers.koshelek.settings import KoshelekSettings

MAX_MEANS: Final = 32  # the API knows two; a list of thousands is no answer
MAX_MESSAGE_CHARACTERS: Final = 256  # what fits on a cashier's screen; it is for reading, so the rest is cut off
MAX_WAIT_MS: Final = 60_000  # a longer wait is no customer's; the engine gives up long before
DEFAULT_WAIT_MS: Final = 350  # the vendor's example, where a list that is not ready does not say when to look again

_TASK_ID: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}")  # one step of a path: no slash, no "..", nothing to escape


def ask_request(settings: KoshelekSettings, sale_id: SaleId, request_id: str, invoice: Invoice, secret_names: frozenset[str]) -> Request:
    """Ask for the list. ``user`` goes out when the buyer's loyalty number is among the secrets."""
    body: dict[str, Any] = {
        "requestId": request_id,
        settings.availability_card_session_name: secret(CARD_SESSION),
        "storeId": sale_id.store_id,
        "terminalId": sale_id.terminal_id,
        "checkoutInvoice": invoice_body(settings, invoice),
    }
    if LOYALTY_ID in secret_names:
        body["user"] = {"loyaltyId": secret(LOYALTY_ID)}
    return Request(
        Operation.AVAILABILITY, "POST", f"{settings.path_prefix}/availability-info/task", body, {TILL_FINGERPRINT: TILL_FINGERPRINT}
    )


def look_request(settings: KoshelekSettings, task_id: str) -> Request:
    """Look whether the list is ready."""
    return Request(Operation.AVAILABILITY, "GET", f"{settings.path_prefix}/availability-info/{task_id}", {})


def read_finding(settings: KoshelekSettings, reply: Reply) -> Finding:
    """What an answer to either request says. Never raises."""
    retry_after_s = retry_after_seconds(reply.headers)
    if reply.status in settings.denied_statuses:
        return Denied(reply.status, retry_after_s)
    try:
        match reply.status:
            case 200:
                return _list(wire.read_object(reply.body))
            case 201:
                fields = wire.read_object(reply.body)
                return Later(_task_id(fields), _wait_ms(fields, "timeout"))
            case 422:
                return refused(wire.read_object(reply.body))
            case other:
                return Garbled(f"http_{other}", retry_after_s)
    except Unreadable as problem:
        return Garbled(str(problem), retry_after_s)


def _list(fields: Mapping[str, Any]) -> MeansList | Later:
    complete = fields.get("computationComplete", True)  # only the older way has this field
    if not isinstance(complete, bool):
        raise Unreadable("bad_computationComplete")
    if not complete:
        return Later(None, _wait_ms(fields, "pollingTimeout"))
    entries = fields.get("paymentTypeAvailabilityInfoList")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_MEANS:
        raise Unreadable("bad_paymentTypeAvailabilityInfoList")
    found = MeansList(_flag(fields, "koshelekPayIsDefault"), tuple(_means(entry) for entry in entries))
    # By contract the default comes with something available; without it the till must not start a payment by itself.
    return found if found.usable else MeansList(False, found.means)


def _means(entry: object) -> Means:
    if not isinstance(entry, Mapping):
        raise Unreadable("bad_paymentTypeAvailabilityInfoList")
    payment_type = wire.identifier(entry, "paymentType")
    if payment_type is None:
        raise Unreadable("no_paymentType")
    return Means(payment_type, _flag(entry, "available"), _message(entry.get("message")))


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"bad_{name}")
    return value


def _message(value: object) -> str | None:
    """A text for the cashier, in one line; None when there is nothing to read."""
    if not isinstance(value, str):
        return None
    text = "".join(character if character.isprintable() else " " for character in value[:MAX_MESSAGE_CHARACTERS])
    return text.strip() or None


def _task_id(fields: Mapping[str, Any]) -> str:
    value = fields.get("availabilityInfoId")
    if not isinstance(value, str) or not _TASK_ID.fullmatch(value):
        raise Unreadable("bad_availabilityInfoId")
    return value


def _wait_ms(fields: Mapping[str, Any], name: str) -> int:
    """Milliseconds (INFERRED for ``timeout``, whose unit no document states), whole, from 0 to MAX_WAIT_MS."""
    value = fields.get(name)
    if value is None:
        return DEFAULT_WAIT_MS
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not value >= 0:
        raise Unreadable(f"bad_{name}")
    return MAX_WAIT_MS if value >= MAX_WAIT_MS else int(value)
