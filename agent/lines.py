"""The doors at the end of a serial line or a pseudo-terminal, and what is said of them to people."""

from collections.abc import Mapping
from typing import Any, assert_never

import structlog

from agent.settings import PtyListener, SerialListener, owner_ids
from drivers.caller import Caller
from drivers.framing import MessageFraming
from drivers.line import LineSpeed, LineState, LineStatus, line_limits
from drivers.observer import Observer
from drivers.rules import Rules
from drivers.serial_link import LineListener, Place, Pty, Tty
from drivers.session import Handler, Session

MS_PER_S = 1000


def line_door(
    listener: SerialListener | PtyListener, tills: frozenset[tuple[str, str]], handler: Handler, observer: Observer
) -> LineListener:
    """The door, still shut. Whoever is at the other end of the line is the register, for these tills and no others (promise P22)."""
    name = f"{listener.kind}:{listener.path}"
    limits = line_limits(listener.requests_per_s)
    rules = Rules(
        part_bytes=listener.part_bytes,
        max_message_bytes=limits.line_bytes,
        ack_seconds=listener.ack_limit_ms / MS_PER_S,
        repeats=listener.repeats,
    )
    place: Place
    match listener:
        case SerialListener():
            speed = LineSpeed(listener.baud, listener.parity, listener.stop_bits, listener.flow_control == "rts_cts")
            place, rules = Tty(listener.path, speed), rules.paced(listener.baud)
        case PtyListener():
            place = Pty(listener.path, *owner_ids(listener))
        case _:
            assert_never(listener)

    def admit() -> Session:
        return Session(Caller(name, tills=tills), handler, limits, observer, MessageFraming(limits.line_bytes))

    return LineListener(name, place, admit, limits=limits, rules=rules, observer=observer)


def line_facts(status: LineStatus) -> dict[str, Any]:
    """One line for ``agent.status``."""
    found: dict[str, Any] = {"name": status.name, "state": status.state.value, "damagedFrames": status.damaged_frames}
    if status.heard_seconds is not None:
        found["heardSecondsAgo"] = int(status.heard_seconds)
    if status.problem:
        found["problem"] = status.problem
    return found


def log_line(status: LineStatus) -> None:
    """A line was opened, lost, found busy or unusable."""
    log = structlog.get_logger().bind(**_plain(status))
    match status.state:
        case LineState.WAITING | LineState.HEARD:
            log.info("line.opened")
        case LineState.UNPLUGGED:
            log.warning("line.unplugged")
        case LineState.BUSY:
            log.warning("line.busy")
        case LineState.FAILED:
            log.error("line.failed")
        case _:
            assert_never(status.state)


def _plain(status: LineStatus) -> Mapping[str, Any]:
    return {"line": status.name} | ({"problem": status.problem} if status.problem else {})
