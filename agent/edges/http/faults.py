"""Refusals over HTTP: problem documents (RFC 9457) with the same word for programs as in JSON-RPC.

A program should go by ``code``; the status is for the libraries, proxies and people in between. Two choices need a word. A path that
does not exist is 404 but INVALID, never NOT_FOUND: that word says that a sale does not exist, and a mistyped path must not make a cashier
take the money a second time. A missing or wrong token is 401 and FORBIDDEN.
"""

import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from drivers.problems import Problem
from drivers.strictjson import NotWritable, dumps

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 1  # after BUSY and LIMIT: what is busy is so for less

STATUSES: Mapping[str, HTTPStatus] = {
    "INVALID": HTTPStatus.UNPROCESSABLE_ENTITY,
    "NOT_REFUNDABLE": HTTPStatus.UNPROCESSABLE_ENTITY,
    "OVER_LIMIT": HTTPStatus.UNPROCESSABLE_ENTITY,
    "UNSUPPORTED": HTTPStatus.UNPROCESSABLE_ENTITY,
    "FORBIDDEN": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "UNKNOWN_TERMINAL": HTTPStatus.NOT_FOUND,
    "CONFLICT": HTTPStatus.CONFLICT,
    "HELD_HERE": HTTPStatus.CONFLICT,
    "KEY_REUSED": HTTPStatus.CONFLICT,
    "ORDER_IN_DOUBT": HTTPStatus.CONFLICT,
    "ORDER_PAID": HTTPStatus.CONFLICT,
    "NOT_PAID": HTTPStatus.CONFLICT,
    "NO_LINK": HTTPStatus.CONFLICT,
    "LINK_NEEDS_POST": HTTPStatus.CONFLICT,
    "LINK_TOO_LONG": HTTPStatus.CONFLICT,
    "LIMIT": HTTPStatus.TOO_MANY_REQUESTS,
    "BUSY": HTTPStatus.SERVICE_UNAVAILABLE,
    "OFFLINE": HTTPStatus.SERVICE_UNAVAILABLE,
    "DISK_FULL": HTTPStatus.INSUFFICIENT_STORAGE,
    "BACKUP_FAILED": HTTPStatus.INTERNAL_SERVER_ERROR,
    "RECORD_DAMAGED": HTTPStatus.INTERNAL_SERVER_ERROR,
    "RECORD_LOST": HTTPStatus.INTERNAL_SERVER_ERROR,
    "INTERNAL": HTTPStatus.INTERNAL_SERVER_ERROR,
}
RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class Fault(Exception):
    """The request is answered with a problem document. ``status`` only where the code's usual one does not fit."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: HTTPStatus | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status or STATUSES.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)
        self.data = dict(data or {})
        self.headers = dict(headers or {})


def invalid(problems: Sequence[Problem], status: HTTPStatus | None = None) -> Fault:
    """The fault that names every wrong place; its text is the first of them."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    text = f"{first.path}: {first.problem}{more}" if first.path else f"{first.problem}{more}"
    return Fault("INVALID", text, status=status, data={"details": [problem.as_data() for problem in problems]})


def internal() -> Fault:
    """A fault of ours: told by a reference to the log, never by its text."""
    reference = secrets.token_hex(4)
    return Fault("INTERNAL", f"Internal error {reference}: the agent's log has the details", data={"reference": reference})


def document(fault: Fault) -> bytes:
    """The body."""
    own = {"type": "about:blank", "title": fault.status.phrase, "status": int(fault.status), "detail": fault.detail, "code": fault.code}
    try:
        return dumps({**fault.data, **own})
    except NotWritable:
        return dumps(own)


def response(fault: Fault) -> Response:
    headers = dict(fault.headers)
    if fault.status in RETRIED:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return Response(document(fault), int(fault.status), headers, PROBLEM_TYPE)


def raw(fault: Fault) -> bytes:
    """A whole answer for a connection that is closed after it: the request could not even be read."""
    body = document(fault)
    retry = [f"Retry-After: {RETRY_SECONDS}"] if fault.status in RETRIED else []
    head = [f"HTTP/1.1 {int(fault.status)} {fault.status.phrase}", f"Content-Type: {PROBLEM_TYPE}", f"Content-Length: {len(body)}", *retry]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("ascii") + body
