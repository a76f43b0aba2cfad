"""What the wire does with one request: the seam between the model and whatever carries requests to it.

A carrier (the HTTP server, or a transport in memory) acts a ``Delivery`` out in this order:

1. ``bank.meet(now, method, path)``, once per request that arrives. ``refuse``: the connection is refused, nothing else happens.
2. Wait ``before_ms``, then ``bank.act(now, delivery, ...)``: it executes the request as often as planned, keeps late copies for
   their time, and returns the answer that goes on the wire (None: none).
3. Wait ``after_ms``. Then ``wire`` says how the answer goes out: FULL; NONE - the connection drops; TRUNCATED - the first
   ``percent`` of the body, then it drops; DRIP - byte after byte, ``drip_ms`` apart.
4. ``bank.tick(now)`` whenever time passes (every call into the bank does it as well): the customer decides, late copies are executed.
   ``bank.next_due()`` names the next such moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.sandbox.faults import Fault, FaultBook, FaultKind
from agent.sandbox.words import JSON_TYPE, Answer, Operation, json_answer, refusal

WORDED = frozenset({FaultKind.UNAUTHORIZED, FaultKind.TOO_MANY, FaultKind.REFUSE_422})  # every system has words of its own for these


class Wire(StrEnum):
    """How much of the answer the client gets to read."""

    FULL = "full"
    NONE = "none"
    TRUNCATED = "truncated"
    DRIP = "drip"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A plan for one request. Times in milliseconds. ``fault``: what shaped it, besides delays; None for a clean delivery.

    ``execute``: how often the bank executes it after ``before_ms``. ``late_ms``: one more execution, so long after that moment.
    ``instead``: what the client reads in place of the bank's answer.
    """

    refuse: bool = False
    before_ms: int = 0
    execute: int = 1
    late_ms: int | None = None
    instead: Answer | None = None
    wire: Wire = Wire.FULL
    after_ms: int = 0
    percent: int = 100
    drip_ms: int = 0
    fault: FaultKind | None = None

    @property
    def complete(self) -> bool:
        """Does a patient client read a whole answer? (A dripping one, too.)"""
        return not self.refuse and self.wire in (Wire.FULL, Wire.DRIP)

    def visible(self, answer: Answer) -> bytes:
        """The part of the body that reaches the client."""
        match self.wire:
            case Wire.FULL | Wire.DRIP:
                return answer.body
            case Wire.TRUNCATED:
                return answer.body[: len(answer.body) * self.percent // 100]
            case Wire.NONE:
                return b""

    def reading_ms(self, answer: Answer) -> int:
        """How long the answer takes from its execution to its last byte."""
        return self.after_ms + (self.drip_ms * len(answer.body) if self.wire is Wire.DRIP else 0)


def plan(book: FaultBook, now_ms: int, operation: Operation | None, system: str, say: Callable[[Fault], Answer | None]) -> Delivery:
    """Take the faults that hit this request of a system: all delays, and the first of the others. ``say``: how the system words a refusal
    of its own, None for the usual one."""
    if book.out(now_ms):
        return Delivery(refuse=True, execute=0, wire=Wire.NONE, fault=FaultKind.OUTAGE)
    delays = book.take_all(operation, FaultKind.DELAY, system=system, strict=True)
    before = sum(fault.number("ms") for fault in delays if fault.params["before"])
    after = sum(fault.number("ms") for fault in delays if not fault.params["before"])
    fault = book.take(operation, *_SHAPES, system=system, strict=True)
    if fault is None:
        return Delivery(before_ms=before, after_ms=after)
    own = say(fault) if fault.kind in WORDED else None
    if own is not None:
        return Delivery(before_ms=before, after_ms=after, execute=0, instead=own, fault=fault.kind)
    return _SHAPES[fault.kind](fault, before, after)


def _silence(fault: Fault, before: int, after: int) -> Delivery:
    return Delivery(
        before_ms=before,
        execute=1 if fault.kind is FaultKind.LOSE_ANSWER else 0,
        late_ms=fault.number("ms") if fault.kind is FaultKind.LATE_FIRST_COPY else None,
        wire=Wire.NONE,
        after_ms=after + fault.number("hang_ms"),
        fault=fault.kind,
    )


def _duplicate(fault: Fault, before: int, after: int) -> Delivery:
    late_ms = fault.number("after_ms")
    return Delivery(before_ms=before, after_ms=after, execute=1 if late_ms else 2, late_ms=late_ms or None, fault=fault.kind)


def _instead(answer: Callable[[Fault], Answer]) -> Callable[[Fault, int, int], Delivery]:
    def shape(fault: Fault, before: int, after: int) -> Delivery:
        execute = 1 if fault.params.get("executed", False) else 0
        return Delivery(before_ms=before, after_ms=after, execute=execute, instead=answer(fault), fault=fault.kind)

    return shape


def _truncated(fault: Fault, before: int, after: int) -> Delivery:
    return Delivery(before_ms=before, after_ms=after, wire=Wire.TRUNCATED, percent=fault.number("percent"), fault=fault.kind)


def _drip(fault: Fault, before: int, after: int) -> Delivery:
    return Delivery(before_ms=before, after_ms=after, wire=Wire.DRIP, drip_ms=fault.number("ms"), fault=fault.kind)


def _error(fault: Fault) -> Answer:
    seconds = fault.number("retry_after_s")
    headers = {"content-type": "text/plain", **({"retry-after": str(seconds)} if seconds else {})}
    return Answer(fault.number("status"), b"upstream failure", headers)


_GARBAGE = b"\x00\xff{]:nul\x80"


def _garbage(fault: Fault) -> Answer:
    size = fault.number("size_bytes")
    return Answer(200, (_GARBAGE * (size // len(_GARBAGE) + 1))[:size], {"content-type": JSON_TYPE})


def _html(_: Fault) -> Answer:
    page = b"<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>"
    return Answer(200, page, {"content-type": "text/html; charset=utf-8"})


def _denied(fault: Fault) -> Answer:
    return denied(fault.number("status"))


def denied(status: int) -> Answer:
    """401 or 403."""
    return json_answer(status, {"code": "SANDBOX_DENIED"}, {"www-authenticate": 'Basic realm="sandbox"'} if status == 401 else None)


def _too_many(fault: Fault) -> Answer:
    return json_answer(429, {"code": "SANDBOX_TOO_MANY"}, {"retry-after": fault.word("retry_after_s")})


def _refused(fault: Fault) -> Answer:
    return refusal(fault.word("code"))


_SHAPES: Mapping[FaultKind, Callable[[Fault, int, int], Delivery]] = {
    FaultKind.LOSE_REQUEST: _silence,
    FaultKind.LOSE_ANSWER: _silence,
    FaultKind.LATE_FIRST_COPY: _silence,
    FaultKind.DUPLICATE: _duplicate,
    FaultKind.TRUNCATED: _truncated,
    FaultKind.DRIP: _drip,
    FaultKind.ERROR_5XX: _instead(_error),
    FaultKind.GARBAGE: _instead(_garbage),
    FaultKind.HTML: _instead(_html),
    FaultKind.UNAUTHORIZED: _instead(_denied),
    FaultKind.TOO_MANY: _instead(_too_many),
    FaultKind.REFUSE_422: _instead(_refused),
}
