"""``ports``, ``probe``, ``loopback``: serial lines in a technician's hands."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.common import Context, Exit, say, table
from agent.texts import N_

if TYPE_CHECKING:
    from agent.ops.lines.probe import Tried
    from drivers.serial_port import NoPort

NOTHING_FOUND = 11  # as the doctor's fault

PORTS, NO_PORTS = N_("Serial ports"), N_("This machine has no serial port. Plug the adapter in and look at dmesg.")
NAME, DEVICE, USED_BY = N_("name for the configuration"), N_("now"), N_("used by")
UDEV = N_("A name below /dev/serial stays the same after a restart; ttyUSB0 and the like do not.")
SAID = {
    "json_frames": N_("frames with JSON: this is what the agent speaks"),
    "frames": N_("frames of another dialect: the speed is right, and the register is set to another protocol"),
    "answers": N_("the other side answers as those do who speak frames: the speed is right"),
    "xml": N_("XML without frames: the speed is probably right, and the register is set to another protocol"),
    "text": N_("text without frames: the speed is probably right, and the register is set to another protocol"),
    "noise": N_("bytes without sense: the wrong speed or parity"),
    "silence": N_("nothing"),
}
WRITE = N_('Write into the [[listener]] of this line: baud = {baud}, parity = "{parity}"')
NOTHING = N_(
    "Nothing was heard. Switch the register on, begin a sale while this runs, and check the cable: it must cross over (null modem). "
    "koshelek-agent loopback shows whether this end works."
)
UNCLEAR = N_("Something comes, and nothing proves itself. Exchange the cable, and compare speed and parity with the register's settings.")
PORT_PROBLEM = N_("{problem}. If it is the agent that has the port: sudo systemctl stop koshelek-agent, and start it again afterwards.")
ABSENT = N_("There is no such port: {path}. koshelek-agent ports lists those that are there.")
BUSY = N_(
    "Another program has the port {path}: {holders}. If it is the agent: sudo systemctl stop koshelek-agent, and start it again afterwards."
)
FORBIDDEN = N_("This user may not open the port {path}. Run this as root: sudo koshelek-agent ...")
NAME_PORT = N_("Name the port, for example /dev/ttyUSB0: koshelek-agent ports lists them.")
WHOLE = N_("{baud} baud: everything came back. The port and the cable up to the bridge are good.")
NONE_BACK = N_("{baud} baud: nothing came back. Bridge pins 2 and 3 of the plug; if they are, the port, its driver or the cable is broken.")
PART_BACK = N_(
    "{baud} baud: {returned} of {sent} bytes came back, not as they were sent: a bad contact, a bad cable, or something else is connected."
)


@click.command("ports")
@click.pass_obj
def ports_command(context: Context) -> None:
    """List the serial ports with the names that stay theirs, and who has them."""
    from agent.ops.lines.known import known_ports
    from drivers.serial_port import holders

    found = [
        {"name": str(one.best), "device": str(one.device), "names": [str(name) for name in one.names], "holders": holders(one.device)}
        for one in known_ports()
    ]
    context.show({"ports": found}, lambda: _print_ports(found))


def _print_ports(found: list[dict[str, Any]]) -> None:
    if not found:
        click.echo(say(NO_PORTS))
        return
    table(say(PORTS), [say(NAME), say(DEVICE), say(USED_BY)], [[one["name"], one["device"], ", ".join(one["holders"])] for one in found])
    click.echo(say(UDEV))


@click.command("probe")
@click.argument("port", required=False, type=click.Path(path_type=Path))
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0.1, 60), help="How long to listen with each setting.")
@click.pass_obj
def probe_command(context: Context, port: Path | None, seconds: float) -> None:
    """Find the speed of a serial line, and what is spoken on it. Begin a sale at the register meanwhile.

    Listens; sends nothing that a register could take for a command. The service must not have the port.
    Exit status 11 if nothing was found.
    """
    from agent.ops.lines.hearing import SURE
    from agent.ops.lines.probe import best
    from drivers.serial_port import NoPort

    path = port or _configured(context)
    try:
        tried = asyncio.run(_tried(path, seconds, quiet=context.as_json))
    except NoPort as error:
        context.fail(Exit.UNREACHABLE, "PORT", _problem(path, error))
    found = best(tried)
    sure = found.heard.dialect in SURE
    told = {"port": str(path), "found": sure, "baud": found.speed.baud, "parity": found.speed.parity, "dialect": found.heard.dialect.value}
    told["tried"] = [_told(one) for one in tried]
    context.show(told, lambda: _print_found(found, sure))
    sys.exit(Exit.OK if sure else NOTHING_FOUND)


async def _tried(path: Path, seconds: float, *, quiet: bool) -> "list[Tried]":
    from agent.ops.lines.probe import probe

    tried = []
    async for one in probe(path, seconds):
        tried.append(one)
        if not quiet:
            click.echo(f"{one.speed.baud:>7} {one.speed.parity:<5} {say(SAID[one.heard.dialect.value])}")
    return tried


def _told(one: "Tried") -> dict[str, Any]:
    heard = one.heard
    return {
        "baud": one.speed.baud,
        "parity": one.speed.parity,
        "dialect": heard.dialect.value,
        "bytes": heard.count,
        "frames": heard.frames,
    }


def _print_found(found: "Tried", sure: bool) -> None:
    if sure:
        click.echo(say(WRITE).format(baud=found.speed.baud, parity=found.speed.parity))
    else:
        click.echo(say(UNCLEAR if found.heard.count else NOTHING))


@click.command("loopback")
@click.argument("port", required=False, type=click.Path(path_type=Path))
@click.option("--baud", default=115_200, show_default=True, type=int, help="Speed to try with.")
@click.pass_obj
def loopback_command(context: Context, port: Path | None, baud: int) -> None:
    """Try a serial port whose pins 2 and 3 are bridged: what is sent must come back.

    The service must not have the port, and no register must be connected. Exit status 11 if it does not come back as it was sent.
    """
    from agent.ops.lines.loopback import loopback
    from drivers.line import LineSpeed
    from drivers.serial_port import NoPort

    path = port or _configured(context)
    try:
        echo = asyncio.run(loopback(path, LineSpeed(baud)))
    except NoPort as error:
        context.fail(Exit.UNREACHABLE, "PORT", _problem(path, error))
    text = WHOLE if echo.same else PART_BACK if echo.returned else NONE_BACK
    told = {"port": str(path), "baud": baud, "sent": echo.sent, "returned": echo.returned, "same": echo.same}
    context.show(told, lambda: click.echo(say(text).format(**told)))
    sys.exit(Exit.OK if echo.same else NOTHING_FOUND)


def _problem(path: Path, error: "NoPort") -> str:
    """Why a port cannot be opened, in the person's language; what the kernel says of a rare case stays as it is."""
    from drivers.serial_port import PortAbsent, PortBusy, PortForbidden

    match error:
        case PortAbsent():
            return say(ABSENT).format(path=path)
        case PortBusy():
            return say(BUSY).format(path=path, holders=", ".join(error.holders) or "?")
        case PortForbidden():
            return say(FORBIDDEN).format(path=path)
        case _:
            return say(PORT_PROBLEM).format(problem=error)


def _configured(context: Context) -> Path:
    """The one serial port of the configuration."""
    from agent.settings import SerialListener

    paths = [one.path for one in context.settings().listener if isinstance(one, SerialListener)]
    if len(paths) != 1:
        raise click.UsageError(say(NAME_PORT))
    return paths[0]
