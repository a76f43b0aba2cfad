"""JSON-RPC 2.0, one message per frame. No input or output here: a frame becomes a call or a failure, an answer becomes a frame.

Two parts of the standard are left out on purpose. *Batches* are refused: a batch has one answer, so a long poll in it would hold
up the answer to a payment. *Notifications* (requests without ``id``) are never executed: nothing could be answered, and a
checkout whose state nobody is told is the one thing this agent exists to prevent. ``params`` are named, never positional.

Every error carries ``data.code``, a word for programs, beside JSON-RPC's number, and ``data.details`` where single fields are at fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from drivers.problems import Problem, collect, did_you_mean, shorten
from drivers.strictjson import BadJson, dumps, loads

VERSION = "2.0"
MAX_ID_CHARACTERS = 128  # a GUID with room; it is repeated in every answer
MAX_METHOD_CHARACTERS = 64  # the longest of ours has 16
_MEMBERS = ("jsonrpc", "id", "method", "params")

Id = str | int


class ErrorNumber(IntEnum):
    """The numbers of the JSON-RPC standard, and the one for everything the agent itself refuses."""

    NOT_JSON = -32700
    NOT_A_REQUEST = -32600
    NO_SUCH_METHOD = -32601
    BAD_PARAMS = -32602
    INTERNAL = -32603
    REFUSED = -32000


@dataclass(frozen=True, slots=True)
class Call:
    """A request that must be answered. ``params`` stay out of the repr: they may carry secrets."""

    id: Id
    method: str
    params: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """A request without ``id``: not executed, not answered, worth a line in the log."""

    method: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error object. ``id`` is None when the request's could not be read."""

    id: Id | None
    number: int
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call, as a client receives it."""

    id: Id
    result: Any


def read(payload: bytes) -> Call | Notification | Failure:
    """Read one request. Never raises: what cannot be read is the Failure to answer with."""
    try:
        message = loads(payload)
    except BadJson as error:
        return Failure(None, ErrorNumber.NOT_JSON, f"Parse error: {error}", {"code": "INVALID"})
    if isinstance(message, list):
        return invalid(None, ErrorNumber.NOT_A_REQUEST, [Problem("", "batches are not supported: send one request per line")])
    if not isinstance(message, dict):
        return invalid(None, ErrorNumber.NOT_A_REQUEST, [Problem("", "a request is a JSON object", _example("agent.status"))])
    return _read_object(message)


def _read_object(message: dict[str, Any]) -> Call | Notification | Failure:
    call_id = message.get("id")
    known_id = call_id if _is_id(call_id) else None
    problems = _check_envelope(message)
    if problems:
        return invalid(known_id, ErrorNumber.NOT_A_REQUEST, problems)
    if "id" not in message:
        return Notification(message["method"])
    if known_id is None:
        problem = Problem("id", f"a whole number, or text of 1 to {MAX_ID_CHARACTERS} characters", 1)
        return invalid(None, ErrorNumber.NOT_A_REQUEST, [problem])
    params = message.get("params", {})
    if not isinstance(params, dict):
        problem = Problem("params", "an object: parameters have names", {"storeId": "S12", "terminalId": "till-03"})
        return invalid(known_id, ErrorNumber.BAD_PARAMS, [problem])
    return Call(known_id, message["method"], params)


def _check_envelope(message: dict[str, Any]) -> list[Problem]:
    unknown = [name for name in message if name not in _MEMBERS]
    problems = collect(unknown, lambda name: Problem(shorten(name), f"no member of a request{did_you_mean(name, _MEMBERS)}"))
    if message.get("jsonrpc") != VERSION:
        problems.append(Problem("jsonrpc", f'the text "{VERSION}"', VERSION))
    method = message.get("method")
    if not isinstance(method, str) or not 1 <= len(method) <= MAX_METHOD_CHARACTERS:
        problems.append(Problem("method", f"text of 1 to {MAX_METHOD_CHARACTERS} characters", "agent.status"))
    return problems


def _is_id(value: object) -> bool:
    match value:
        case bool():
            return False
        case int():
            return True
        case str():
            return 1 <= len(value) <= MAX_ID_CHARACTERS
        case _:
            return False


def _example(method: str) -> dict[str, object]:
    return {"jsonrpc": VERSION, "id": 1, "method": method, "params": {}}


def invalid(call_id: Id | None, number: ErrorNumber, problems: list[Problem]) -> Failure:
    """The failure that names every wrong place; its message is the first of them, for people who read only that."""
    first = f"{problems[0].path}: {problems[0].problem}" if problems[0].path else problems[0].problem
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Failure(
        call_id, number, f"{_TITLES[number]}: {first}{more}", {"code": "INVALID", "details": [problem.as_data() for problem in problems]}
    )


_TITLES = {
    ErrorNumber.NOT_A_REQUEST: "Invalid request",
    ErrorNumber.NO_SUCH_METHOD: "Method not found",
    ErrorNumber.BAD_PARAMS: "Invalid params",
}


def write_request(call_id: Id, method: str, params: Mapping[str, Any]) -> bytes:
    """A request, as a client sends it. Raises NotWritable."""
    return dumps({"jsonrpc": VERSION, "id": call_id, "method": method, "params": params})


def write_result(call_id: Id, result: Mapping[str, Any]) -> bytes:
    """The answer to a call that went well. Raises NotWritable."""
    return dumps({"jsonrpc": VERSION, "id": call_id, "result": result})


def write_failure(failure: Failure) -> bytes:
    """The answer to a call that did not go well. Raises NotWritable."""
    error = {"code": int(failure.number), "message": failure.message, "data": failure.data}
    return dumps({"jsonrpc": VERSION, "id": failure.id, "error": error})


def read_answer(payload: bytes) -> Answer | Failure:
    """Read what came back, as a client. Raises BadJson when it is no answer."""
    match loads(payload):
        case {"jsonrpc": "2.0", "id": str() | int() as call_id, "result": result}:
            return Answer(call_id, result)
        case {"jsonrpc": "2.0", "id": (str() | int() | None) as call_id, "error": {"code": int() as number, "message": str(text), **rest}}:
            data = rest.get("data")
            return Failure(call_id, number, text, data if isinstance(data, dict) else {})
        case _:
            raise BadJson("the line is no JSON-RPC answer")
