"""The registers: when was each one heard, and what came over the serial lines?"""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.lines import FORBIDDEN, JOIN, LISTEN
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.texts import N_, Message, message

REGISTER, LINE = "register", "line"
SILENT_WARNING_S = 24 * 3_600  # a shop that is open sells every day
S_PER_MINUTE, S_PER_HOUR = 60, 3_600
FEW_DAMAGED = 10  # what pulling a plug can cause

HEARD = N_("The register of till {till} was heard {age} ago.")
SECONDS, MINUTES, HOURS = N_("{count} s"), N_("{count} min"), N_("{count} h")
NEVER = N_("The register of till {till} has not been heard since the agent started.")
LONG_AGO = N_("The register of till {till} was last heard {age} ago.")
NEVER_MEANS = N_("Either nobody has sold yet, or the register does not reach the agent: then nobody can pay.")
NEVER_REMEDY = N_(
    "Begin a sale at the register. If it stays so, compare its settings with the [[listener]] of this till: socket, port or line, storeId "
    "and terminalId. On a serial line: koshelek-agent probe."
)
LINE_STATES = {
    "unplugged": N_("Line {line}: there is no such port."),
    "busy": N_("Line {line}: another program has the port."),
    "failed": N_("Line {line}: the port cannot be used ({problem})."),
}
LINE_MEANS = N_("The register on this line does not reach the agent.")
LINE_REMEDY = N_("See the line about this port.")
LINE_HEARD = N_("Line {line}: a register was heard {age} ago.")
LINE_SILENT = N_("Line {line}: open, and nothing was heard since.")
LINE_SILENT_MEANS = N_("The register is off, its cable is not plugged in, or is the wrong one, or it uses another port or speed.")
GARBLED = N_("Line {line}: something comes, and nothing of it makes sense (damaged frames: {count}).")
GARBLED_MEANS = N_("The speed or parity of the two ends differ, or the cable is bad.")
GARBLED_REMEDY = N_(
    "Stop the service and find the speed: koshelek-agent probe {path}. Write it into baud of this [[listener]], and into the register."
)
DAMAGED = N_("Line {line}: {count} frames came damaged.")
DAMAGED_MEANS = N_("What is damaged is sent again, which takes time; a sale could be held up.")
DAMAGED_REMEDY = N_("Exchange the cable, keep it away from power lines, or use a lower speed at both ends.")


async def register(case: Case) -> list[Finding]:
    """When each till's register was heard, as the running agent says."""
    return [_register(one) for one in (case.status or {}).get("registers", ())]


async def line(case: Case) -> list[Finding]:
    """What the running agent says of its serial lines."""
    return [finding for one in case.details.get("lines", ()) for finding in _line(one)]


def _register(one: Mapping[str, Any]) -> Finding:
    till, seconds = f"{one['storeId']}/{one['terminalId']}", one["heardSecondsAgo"]
    if seconds is None:
        return warning(REGISTER, message(NEVER, till=till), message(NEVER_MEANS), message(NEVER_REMEDY))
    if seconds > SILENT_WARNING_S:
        return warning(REGISTER, message(LONG_AGO, till=till, age=age(seconds)), message(NEVER_MEANS), message(NEVER_REMEDY))
    return ok(REGISTER, message(HEARD, till=till, age=age(seconds)))


def _line(one: Mapping[str, Any]) -> Iterator[Finding]:
    name, state, damaged = one["name"], one["state"], one["damagedFrames"]
    path = name.partition(":")[2]
    if one.get("forbidden"):
        yield fault(LINE, message(FORBIDDEN, path=path), message(LINE_MEANS), message(JOIN))
    elif state in LINE_STATES:
        what = message(LINE_STATES[state], line=name, problem=one.get("problem", ""))
        yield fault(LINE, what, message(LINE_MEANS), message(LINE_REMEDY))
    elif state == "waiting" and damaged:
        yield fault(LINE, message(GARBLED, line=name, count=damaged), message(GARBLED_MEANS), message(GARBLED_REMEDY, path=path))
    elif state == "waiting":
        yield warning(LINE, message(LINE_SILENT, line=name), message(LINE_SILENT_MEANS), message(LISTEN, path=path))
    else:
        yield ok(LINE, message(LINE_HEARD, line=name, age=age(one.get("heardSecondsAgo", 0))))
        if damaged >= FEW_DAMAGED:
            yield warning(LINE, message(DAMAGED, line=name, count=damaged), message(DAMAGED_MEANS), message(DAMAGED_REMEDY))


def age(seconds: int) -> Message:
    """A length of time for people."""
    if seconds < 2 * S_PER_MINUTE:
        return message(SECONDS, count=seconds)
    if seconds < 2 * S_PER_HOUR:
        return message(MINUTES, count=seconds // S_PER_MINUTE)
    return message(HOURS, count=seconds // S_PER_HOUR)
