"""The doors at the end of a serial line or a pseudo-terminal, and what is said of them to people."""

from collections.abc import Mapping
from typing import Any, assert_never

import structlog

from agent.settings import PtyListener, SerialListener, owner_ids
from agent.texts import N_, Message, message
from drivers.caller import Caller
from drivers.framing import MessageFraming, RemoteError
from drivers.line import LineSpeed, LineState, LineStatus, line_limits
from drivers.observer import Observer
from drivers.rules import Rules
from drivers.serial_link import LineListener, Place, Pty, Tty
from drivers.session import Handler, Session

MS_PER_S = 1000
S_PER_MINUTE = 60

NO_PORT = N_("There is no port {path}.")
PLUG_IN = N_("Plug the cable in, and compare the name with those of koshelek-agent ports. The agent opens the port as soon as it is there.")
HELD = N_("Another program has the port {path}: {holders}.")
HIDDEN = N_("which one, the agent may not see (sudo koshelek-agent ports)")
LET_GO = N_("End that program, or take the port out of its settings; the agent opens the port by itself then.")
FORBIDDEN = N_("The agent's user may not open the port {path}.")
JOIN = N_("Put it into the port's group: sudo usermod -aG dialout koshelek-agent, then: sudo systemctl restart koshelek-agent.")
UNUSABLE = N_("The port cannot be used ({problem}).")
SILENT = N_("The line has been open for {minutes} min, and no register was heard on it.")
UNHEARD = N_("No register was heard on the line since it was opened.")
NOISE = N_("What comes on the line makes no sense.")
LISTEN = N_(
    "Switch the register on and begin a sale. Check the cable (a null-modem cable, both ends), then look what the line brings with the "
    "service stopped: koshelek-agent probe {path}"
)
COMPARE = N_(
    "If it goes on: the speed or parity of the two ends differ, or the cable is bad. With the service stopped, koshelek-agent probe {path} "
    "finds the speed."
)


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
        return Session(Caller(name, tills=tills, payouts=listener.payouts), handler, limits, observer, MessageFraming(limits.line_bytes))

    return LineListener(name, place, admit, limits=limits, rules=rules, observer=observer)


def line_facts(status: LineStatus) -> dict[str, Any]:
    """One line for ``agent.status``."""
    found: dict[str, Any] = {"name": status.name, "state": status.state.value, "damagedFrames": status.damaged_frames}
    if status.heard_seconds is not None:
        found["heardSecondsAgo"] = int(status.heard_seconds)
    if status.problem:
        found["problem"] = status.problem
    return found | ({"forbidden": True} if status.forbidden else {})


def log_line(status: LineStatus) -> None:
    """A line was opened, lost, found busy or unusable."""
    log = structlog.get_logger().bind(line=status.name, **told(status))
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


def told(status: LineStatus) -> Mapping[str, Message]:
    """What is wrong with a line and what to do, for people: ``problem`` and ``remedy``; nothing if nothing is."""
    path, holders = status.name.partition(":")[2], ", ".join(status.holders)
    match status.state:
        case LineState.UNPLUGGED:
            return {"problem": message(NO_PORT, path=path), "remedy": message(PLUG_IN)}
        case LineState.BUSY:
            return {"problem": message(HELD, path=path, holders=holders or message(HIDDEN)), "remedy": message(LET_GO)}
        case LineState.FAILED if status.forbidden:
            return {"problem": message(FORBIDDEN, path=path), "remedy": message(JOIN)}
        case LineState.FAILED:
            return {"problem": message(UNUSABLE, problem=status.problem), "remedy": message(PLUG_IN)}
        case _:
            return {}


def faults_of(status: LineStatus) -> Mapping[str, Message]:
    """As ``told``; and of a line that is open and brings nothing, which is no fault in the moment of its opening, why that may be."""
    path = status.name.partition(":")[2]
    if status.state is not LineState.WAITING:
        return told(status)
    if status.damaged_frames:
        return {"problem": message(NOISE), "remedy": message(COMPARE, path=path)}
    return {"problem": message(UNHEARD), "remedy": message(LISTEN, path=path)}


def log_damage(name: str, frames: int, error: RemoteError) -> None:
    """Frames came damaged, and this is no news of the last minute."""
    remedy = message(COMPARE, path=name.partition(":")[2])
    structlog.get_logger().warning("line.damaged", line=name, frames=frames, problem=error.explanation, remedy=remedy)


def log_silence(name: str, seconds: float) -> None:
    """A line is open for long, and no register was heard on it."""
    remedy = message(LISTEN, path=name.partition(":")[2])
    problem = message(SILENT, minutes=round(seconds / S_PER_MINUTE))
    structlog.get_logger().warning("line.silent", line=name, problem=problem, remedy=remedy)
