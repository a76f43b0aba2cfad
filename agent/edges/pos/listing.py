"""``operation.list`` as a query of the journal. The one place where the wire's filters and the journal's meet: they have the same names."""

import base64
import binascii
import json
from dataclasses import fields
from typing import Any

from agent.core.model import SaleId
from agent.core.ports import Parked, Query
from agent.edges.replies import time_text
from agent.engine.errors import Refusal
from drivers.messages import OperationList

_NAMES = frozenset(field.name for field in fields(Query)) - {"before", "limit", "request_id"}  # the last is no business of a register
NAME_PARTS = 3  # storeId, terminalId, key


def query_of(request: OperationList) -> Query:
    """The query; one row more than asked for, to know whether there are more. Raises Refusal INVALID for a cursor of no list."""
    given = {name: getattr(request, name) for name in _NAMES}
    before = read_cursor(request.before) if request.before is not None else None
    return Query(**given, before=before, limit=request.limit + 1)


def cursor(sale_id: SaleId) -> str:
    """A sale's name as a word for the wire: opaque, so that nobody takes it apart."""
    name = json.dumps([sale_id.store_id, sale_id.terminal_id, sale_id.key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def read_cursor(text: str) -> SaleId:
    """Raises Refusal INVALID."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _no_cursor() from error
    if not isinstance(parts, list) or len(parts) != NAME_PARTS or not all(isinstance(part, str) for part in parts):
        raise _no_cursor()
    return SaleId(*parts)


def _no_cursor() -> Refusal:
    return Refusal("INVALID", "before: must be what an earlier list gave as next", path="before")


def parked_reply(parked: Parked) -> dict[str, Any]:
    """A sale whose record is not used."""
    found = {
        "storeId": parked.id.store_id,
        "terminalId": parked.id.terminal_id,
        "key": parked.id.key,
        "reason": parked.reason,
        "at": time_text(parked.at),
    }
    return found | ({"released": parked.released} if parked.released is not None else {})
