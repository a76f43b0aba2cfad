"""The description of the HTTP API as OpenAPI 3.1, made from what the agent runs on: the table of routes, the messages, the answers.

It describes the strict form of every message: what is left out is left out (never null), numbers are plain.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from agent import __version__
from agent.edges.http.faults import PROBLEM_TYPE, RETRIED, STATUSES
from agent.edges.http.routes import Route, Verb, by_path
from agent.edges.http.shapes import request_schemas, shape
from drivers.answers import CheckoutAnswer
from drivers.validation import example_of

JSON = "application/json"
SCHEME = "token"
PROBLEM = "Problem"

_MEANINGS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read: no JSON, no proper query.",
    HTTPStatus.UNAUTHORIZED: "The token is missing, or no client has it.",
    HTTPStatus.FORBIDDEN: "This client may not do this, or a browser's page may not call at all.",
    HTTPStatus.NOT_FOUND: "There is no such sale, refund or receipt. `NOT_FOUND` of a sale: it was not accepted so far; believe it when it "
    "was asked twice, 5 seconds apart. `UNKNOWN_TERMINAL`: the terminal is not in the configuration, and nothing is known of a sale. "
    "`INVALID`: there is no such path. Go by `code`.",
    HTTPStatus.CONFLICT: "`CONFLICT`, `KEY_REUSED`, `ORDER_IN_DOUBT`, `ORDER_PAID`, `NOT_PAID`, `HELD_HERE`: nothing was done; `code` says "
    "why. "
    "`NO_LINK`, `LINK_NEEDS_POST`, `LINK_TOO_LONG`: there is nothing to draw.",
    HTTPStatus.REQUEST_TIMEOUT: "The request was not complete in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "`INVALID`: the body is too long. `LIMIT`: the answer would be; ask for less.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not plain JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "`INVALID`, `NOT_REFUNDABLE`: the request breaks the protocol or a rule of the payment system; "
    "`details` names every wrong place. `UNSUPPORTED`, `OVER_LIMIT`: it will not be done later either.",
    HTTPStatus.TOO_MANY_REQUESTS: "A limit was met: `Retry-After` says when to come back.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "`INTERNAL`: a fault of the agent, and it is open whether the request was carried out; repeat it "
    "with the same key. `RECORD_DAMAGED`, `RECORD_LOST`: the record of this sale is not used, or may be lost; do not take the money "
    "(again), do not repeat the request, call the technician. `BACKUP_FAILED`: no backup was made.",
    HTTPStatus.SERVICE_UNAVAILABLE: "`BUSY`: repeat the request with the same key. "
    "`OFFLINE`: there is no connection to the payment system, nothing was stored.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The disk is full; nothing was stored.",
}
_EXAMPLES: Mapping[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: ("INVALID", "a body is a JSON object"),
    HTTPStatus.UNAUTHORIZED: ("FORBIDDEN", "no client of this agent has this token"),
    HTTPStatus.FORBIDDEN: ("FORBIDDEN", "this user may not act for terminal 'till-99' of store 'S12'"),
    HTTPStatus.NOT_FOUND: ("NOT_FOUND", "no sale '20260131-9999' of terminal 'till-03' was accepted here"),
    HTTPStatus.CONFLICT: ("CONFLICT", "key '20260131-0345' was used with another body; use a new key for a new checkout"),
    HTTPStatus.REQUEST_TIMEOUT: ("LIMIT", "a request must be complete within 5 seconds"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("INVALID", "a body has at most 65536 bytes"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("INVALID", "a body must be plain application/json"),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("INVALID", "checkoutInvoice.totalAmount: must be the sum of the totals of all lines"),
    HTTPStatus.TOO_MANY_REQUESTS: ("LIMIT", "at most 50 requests a second of one client"),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("INTERNAL", "Internal error 1f2e3d4c: the agent's log has the details"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("BUSY", "the agent is starting or stopping; ask again in a moment"),
    HTTPStatus.INSUFFICIENT_STORAGE: ("DISK_FULL", "the disk of this till is full; the checkout was not stored"),
}
"""A code that really comes with the status, and what it says."""
_ONLY_WITH_A_BODY = {HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
_ONLY_WHERE_SOMETHING_IS_STORED = {HTTPStatus.INSUFFICIENT_STORAGE}


def document() -> dict[str, Any]:
    """The whole document."""
    schemas: dict[str, Any] = {PROBLEM: _problem()}
    paths = {path: {route.verb.lower(): _operation(route, schemas) for route in routes} for path, routes in by_path()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "koshelek-agent",
            "version": __version__,
            "summary": "Payments of a till, for the register software beside it.",
            "description": "The rules that keep money safe are those of the POS protocol: choose a key, store it, and after any doubt "
            "repeat the same request with the same key.",
        },
        "servers": [{"url": "/"}],
        "security": [{SCHEME: []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": dict(_responses()),
            "securitySchemes": {SCHEME: {"type": "http", "scheme": "bearer", "description": "The token of a configured client."}},
        },
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    whole = request_schemas(route.request, schemas)
    answer = _drawing(route.media) if route.media else _state(shape(route.answer, schemas))
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": (route.request.__doc__ or "").split("\n", 1)[0],
        "tags": [route.method.split(".")[0]],
        "parameters": [*_parameters(route, whole, "path", route.in_path), *_parameters(route, whole, "query", route.in_query)],
        "responses": {
            "200": answer if route.verb is not Verb.PUT else {**answer, "description": "A repeat: what became of it."},
            **({"201": {**answer, "description": "It is new, and on disk."}} if route.verb is Verb.PUT else {}),
            **{str(int(status)): {"$ref": f"#/components/responses/{_name(status)}"} for status in _statuses(route)},
        },
    }
    if route.verb is not Verb.GET:
        found["requestBody"] = _body(route, whole)
    return found


def _state(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "The state of things, as in JSON-RPC.", "content": {JSON: {"schema": schema}}}


def _drawing(media: str) -> dict[str, Any]:
    """A file. Text has a schema; of bytes the type says everything. A type stands here without its parameters: generated clients compare
    it to the letter."""
    kind = media.partition(";")[0]
    return {"description": "The drawing.", "content": {kind: {"schema": {"type": "string"}} if kind.startswith("text/") else {}}}


def _statuses(route: Route) -> Iterator[HTTPStatus]:
    for status in _MEANINGS:
        if (status in _ONLY_WITH_A_BODY and route.verb is Verb.GET) or (
            status in _ONLY_WHERE_SOMETHING_IS_STORED and not route.request.outlives_caller
        ):
            continue
        yield status


def _parameters(route: Route, whole: Mapping[str, Any], place: str, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name in names:
        schema = dict(whole["properties"][name])
        description = schema.pop("description", "")
        required = place == "path" or name in whole.get("required", ())
        yield {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _body(route: Route, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that stand neither in the path nor in the query."""
    required = [name for name in whole.get("required", ()) if name in route.in_body]
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: whole["properties"][name] for name in route.in_body},
        **({"required": required} if required else {}),
    }
    if "customer" in route.in_body:  # which of them is needed depends on the payment system
        schema["not"] = {"required": ["cardSession", "barcode"]}
    elif {"cardSession", "barcode"} <= set(route.in_body):
        schema["oneOf"] = [{"required": ["cardSession"]}, {"required": ["barcode"]}]
    example = {name: value for name, value in example_of(route.request).items() if name in route.in_body}
    return {"required": bool(required), "content": {JSON: {"schema": schema, "example": example}}}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    detail = {"type": "object", "properties": {"path": text, "problem": text, "example": {}}, "required": ["path", "problem"]}
    return {
        "type": "object",
        "description": "A problem document (RFC 9457). Programs go by `code`.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For the programmer."},
            "code": {"type": "string", "examples": sorted(STATUSES), "description": "The same word as JSON-RPC's `error.data.code`."},
            "message": {"type": "string", "description": "For the cashier, in the agent's language."},
            "details": {"type": "array", "items": detail, "description": "Every wrong place of a request that is INVALID."},
            "path": {"type": "string", "description": "The field at fault, where it is one."},
            "key": {"type": "string", "description": "The sale, or another one that is in the way."},
            "terminalId": {"type": "string", "description": "With `key`: where that sale is."},
            "amount": {"type": "integer", "description": "Of ORDER_PAID, ORDER_IN_DOUBT: kopecks of the sale that is in the way."},
            "refundKey": {"type": "string", "description": "Of CONFLICT: the refund."},
            "receiptId": {"type": "string", "description": "Of CONFLICT: the receipt."},
            "state": {"type": "string", "description": "Of NOT_PAID: how it stands with the sale or the refund."},
            "limit": {"type": "integer", "description": "Of OVER_LIMIT: the most there may be, in kopecks."},
            "answer": {"$ref": f"#/components/schemas/{CheckoutAnswer.__name__}", "description": "Of KEY_REUSED: the old sale."},
            "reason": {"type": "string", "description": "Why, where a code has several reasons; `message` is its sentence."},
            "possible": {"type": "array", "items": text, "description": "Of a decision that makes no sense: those that do."},
            "restored": {"type": "string", "description": "Of RECORD_LOST: since when the journal is another one."},
            "reference": {"type": "string", "description": "Names the fault in the agent's log."},
        },
        "required": ["type", "title", "status", "detail", "code"],
    }


def _responses() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = {"$ref": f"#/components/schemas/{PROBLEM}"}
    for status, meaning in _MEANINGS.items():
        code, detail = _EXAMPLES[status]
        example = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, "code": code}
        headers: dict[str, Any] = {}
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = {"required": True, "schema": {"type": "string"}}
        if status in RETRIED:
            headers["Retry-After"] = {"required": True, "schema": {"type": "string"}, "description": "Seconds."}
        yield (
            _name(status),
            {
                "description": meaning,
                **({"headers": headers} if headers else {}),
                "content": {PROBLEM_TYPE: {"schema": schema, "example": example}},
            },
        )


def _name(status: HTTPStatus) -> str:
    return status.phrase.replace(" ", "").replace("-", "")
