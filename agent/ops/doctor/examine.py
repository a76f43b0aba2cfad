"""The examination: every check by its name, each with its own time, none able to stop the others."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.ops.doctor import configuration, copies, network, ports, record, registers, service, storage, surroundings, work
from agent.ops.doctor.case import Case, case_of
from agent.ops.doctor.finding import Finding, warning
from agent.texts import N_, message

QUICK_S = 8.0  # what looks at this machine alone
VISIT_S = 40.0  # a name that is not found, a door that does not open, two requests: each at its worst, for every payment system at once
READING_S = 30.0  # a large journal

BROKEN = N_("This check could not be made: {problem}.")
OVERDUE = N_("This check did not end within {seconds} s.")
NOT_MADE = N_("What it looks for is not known. The other checks are not affected.")
AGAIN = N_("Run the doctor again. If it stays so, send the archive of koshelek-agent bundle to support.")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it is called, how long it may take, and the work."""

    name: str
    limit_s: float
    look: Callable[[Case], Awaitable[Sequence[Finding]]]


CHECKS = (
    Check("configuration", QUICK_S, configuration.configuration),
    Check("agent", QUICK_S, service.agent),
    Check("versions", QUICK_S, service.versions),
    Check("watchdog", QUICK_S, service.watchdog),
    Check("rights", QUICK_S, storage.rights),
    Check("disk", QUICK_S, storage.disk),
    Check("sqlite", QUICK_S, record.sqlite),
    Check("journal", READING_S, record.journal),
    Check("backup", QUICK_S, copies.backup),
    Check("work", QUICK_S, work.work),
    Check("proxy", QUICK_S, surroundings.proxy),
    Check("name", VISIT_S, network.name),
    Check("connection", VISIT_S, network.connection),
    Check("clock", VISIT_S, network.clock),
    Check("credentials", VISIT_S, network.credentials),
    Check("port", QUICK_S, ports.port),
    Check("line", QUICK_S, registers.line),
    Check("register", QUICK_S, registers.register),
)
NAMES = tuple(one.name for one in CHECKS)


async def examine(file: Path, names: Collection[str] = NAMES) -> Sequence[Finding]:
    """What is found at the till that ``file`` (an absolute path) configures, in the order of ``CHECKS``. ``names``: only these checks.
    Moves no money, writes nothing; takes a minute at worst, and some two seconds at a till that is well."""
    case = await case_of(file)
    try:
        found = await asyncio.gather(*(_made(one, case) for one in CHECKS if one.name in names))
    finally:
        await case.close()
    return service.journal_first([finding for findings in found for finding in findings])


async def _made(check: Check, case: Case) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.look(case)
    except TimeoutError:
        what = message(OVERDUE, seconds=round(check.limit_s))
    except Exception as error:  # noqa: BLE001 - boundary of a check: whatever is wrong with one, the others are made
        what = message(BROKEN, problem=f"{type(error).__name__}: {error}")
    return [warning(check.name, what, message(NOT_MADE), message(AGAIN))]
