"""From an HTTP request to a request of the POS protocol: path, query and body become the same parameters that JSON-RPC carries."""

import re
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from agent.edges.http.faults import Fault, invalid
from agent.edges.http.routes import Route
from drivers.limits import MAX_LINE_BYTES
from drivers.messages import Request
from drivers.problems import Problem, collect, did_you_mean, shorten
from drivers.strictjson import BadJson, loads
from drivers.validation import Invalid, parse, wire_types

MAX_BODY_BYTES = MAX_LINE_BYTES  # the same bill as on a line
MAX_QUERY_FIELDS = 32  # the longest list of filters has nine

_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
_JSON_TYPE = re.compile(r'application/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)


async def body_of(headers: Headers, stream: AsyncIterator[bytes]) -> bytes:
    """The whole body. Raises Fault; starlette's ClientDisconnect."""
    too_long = Fault(
        "INVALID",  # as of a line: LIMIT means that the same may be taken later
        f"a body has at most {MAX_BODY_BYTES} bytes",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        headers={"Connection": "close"},  # what is left of it is not read
    )
    if (announced := headers.get("content-length", "0")).isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
        raise too_long
    body = bytearray()
    async for piece in stream:
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise too_long
    return bytes(body)


def request_of(route: Route, in_path: Mapping[str, str], query: bytes, headers: Headers, body: bytes) -> Request:
    """Raises Fault INVALID, with every wrong place named."""
    given, problems = _body(route, headers, body)
    asked, more = _query(route, query)
    problems += more
    if problems:
        raise invalid(problems)
    try:
        return parse(route.method, {**given, **asked, **in_path, **route.fixed})
    except Invalid as error:
        raise invalid(error.problems) from None  # the cause names nothing more


def _body(route: Route, headers: Headers, body: bytes) -> tuple[dict[str, Any], list[Problem]]:
    """The members of the body, none for an empty one. Raises Fault when it is no JSON object."""
    if not body:
        return {}, []
    if not _JSON_TYPE.fullmatch(headers.get("content-type", "").strip()) or headers.get("content-encoding", "identity") != "identity":
        text = "a body must be plain application/json"
        raise Fault("INVALID", text, status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        members = loads(body)
    except BadJson as error:
        raise Fault("INVALID", str(error), status=HTTPStatus.BAD_REQUEST) from None  # the cause may hold the text
    if not isinstance(members, dict):
        raise Fault("INVALID", "a body is a JSON object", status=HTTPStatus.BAD_REQUEST)
    elsewhere = [name for name in members if name in route.in_path or name in route.in_query or name in route.fixed]
    return members, collect(elsewhere, lambda name: Problem(name, _place(route, name)))


def _query(route: Route, query: bytes) -> tuple[dict[str, Any], list[Problem]]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS, errors="strict")
    except ValueError:  # too many fields, bytes that are no UTF-8
        text = f"the query must be name=value pairs in UTF-8, at most {MAX_QUERY_FIELDS}"
        raise Fault("INVALID", text, status=HTTPStatus.BAD_REQUEST) from None  # the cause quotes the value
    names = [name for name, _ in pairs]
    twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    problems = collect(twice, lambda name: Problem(shorten(name), "stands twice in the query"))
    wrong = [name for name in dict.fromkeys(names) if name not in route.in_query]
    problems += collect(wrong, lambda name: Problem(shorten(name), _place(route, name)))
    types = wire_types(route.request)
    return {name: _value(types[name], text) for name, text in pairs if name in route.in_query}, problems


def _place(route: Route, name: str) -> str:
    """Where a parameter belongs that stands in the wrong place."""
    if name in route.in_path:
        return "belongs in the path only"
    if name in route.fixed:
        return "is said by the end of the path"
    if name in route.in_query:
        return f"belongs in the query: ?{name}="
    if name in route.in_body:
        return "belongs in the body"
    return f"no such parameter in the query{did_you_mean(name, route.in_query)}"


def _value(kind: object, text: str) -> object:
    """The JSON value that a text in a query stands for. What does not look like one stays text, and the field's own rule refuses it."""
    if kind in (int, float) and _NUMBER.fullmatch(text):
        return loads(_without_zeros(text).encode("ascii"))
    if kind is bool and text in ("true", "false"):
        return text == "true"
    return text


def _without_zeros(text: str) -> str:
    """007 is no JSON number."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits.lstrip("0") if re.match(r"0*[1-9]", digits) else re.sub(r"^0+", "0", digits))
