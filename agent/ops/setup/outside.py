"""A look at what an answer names: is the address there, is the password right, is the port alive? It changes nothing and moves no money.

Payment systems are looked at by the doctor's own checks, so that the setup and the doctor can never disagree.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.ops.aside import aside
from agent.ops.doctor import shelf
from agent.ops.doctor.addresses import PORT_FORBIDDEN, PORT_FREE, PORT_HELD, first_free, holder_of
from agent.ops.doctor.case import Case, look_around
from agent.ops.doctor.finding import Finding, Grade, fault, ok, warning
from agent.ops.doctor.network import CONNECTION, CREDENTIALS, clock, connection, credentials, name
from agent.ops.doctor.ports import port
from agent.ops.lines.hearing import Dialect
from agent.ops.lines.probe import probe
from agent.secrets import Secret
from agent.settings.model import Settings
from agent.settings.places import Place
from agent.settings.providers import SYSTEMS
from agent.settings.tables import Data, tables
from agent.texts import N_, message
from drivers.serial_port import NoPort

MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
LOOK_LIMIT_S = 40.0  # the doctor's own limits for a name, a door and two requests are below it
LISTEN_S = 2.0  # registers that speak by themselves do so every second
PORT, LINE, STORE = "port", "line", "store"
ACCOUNT_DIGITS = 20  # of a Russian bank, by the central bank's plan of accounts
HERE = "127.0.0.1"  # where registers come in by a port

TOO_LONG = N_("No answer came within {seconds} s.")
NOT_KNOWN = N_("Whether the answer is right was not found out.")
LATER = N_("Go on, and run koshelek-agent doctor when the setup is done.")
AGAIN = N_("Compare address, login and password with what the payment system gave the shop, and answer again.")
PORT_OURS = N_("The running agent listens at the port {port}.")
CANNOT_LISTEN = N_("The agent could not listen there.")
OTHER_PORT = N_("Choose another port, or stop that program.")
A_PORT = N_("Choose a port from {first} to 65535.")
FOLDER_GOOD = N_("The folder {folder} is there, and the agent can put copies into it.")
FOLDER_UNSEEN = N_("The folder {folder} cannot be looked at: {problem}.")
ACCOUNT_ODD = N_("A settlement account has {digits} digits; this one has {count} characters, or not digits alone.")
ACCOUNT_MEANS = N_("With a wrong account the bank refuses the shop's payments, or the money goes astray.")
ACCOUNT_REMEDY = N_("Compare it with the bank's papers, and answer again.")
LINE_HEARD = N_("The register is heard on {path}, and it speaks as it should.")
LINE_SILENT = N_("Nothing was heard on {path} within {seconds} s, as from most registers until a payment.")
LINE_NOISE = N_("Something is heard on {path}, and nothing of it makes sense.")
NOISE_MEANS = N_("The speed or parity of the two ends differ, or another device is at the other end.")
NOISE_REMEDY = N_("Answer with another speed. It can be found out: koshelek-agent probe {path}")

STAND_IN = {"environment": "test", "password_file": "/dev/null", "login": "setup", "payment_method": "setup"}
STAND_IN |= {"return_success_url": "https://setup.example", "refund_email": "setup@setup.example"}
SHOP = dict.fromkeys(("store_id", "brand_name", "legal_name", "legal_id", "merchant_id", "account", "member_id"), "setup")
TILL = {"store_id": "setup", "terminal_id": "setup"}
WAY_IN = {"kind": "unix", "path": "/run/setup.sock", "users": ["root"], "terminals": ["*/*"]}
ANY_SYSTEM = {"koshelek": {"login": "setup", "password_file": "/dev/null"}}
WHOLE = {"environment": "test", "provider": ANY_SYSTEM, "store": [SHOP], "terminal": [TILL]}


async def look(
    place: Place, data: Data, present: Data, secrets: Mapping[str, Secret], file: Path, user: int | None = None
) -> list[Finding]:
    """What is found where the answer at ``place`` points; nothing for most of them. ``data``: the configuration so far; ``present``: the
    one in force, of the file ``file``, whose ports the running agent holds; ``secrets``: passwords by their systems; ``user``: whom the
    agent will run as, if not whoever asks."""
    try:
        async with asyncio.timeout(LOOK_LIMIT_S):
            match place:
                case (str(system), "address") if system in SYSTEMS:
                    return await _system(system, data, None)
                case (str(system), "password") if system in SYSTEMS and system in secrets:
                    return await _system(system, data, secrets[system])
                case ("connection", int(index), "port"):
                    return [await _port(_listener(data, index), present, file, os.geteuid() if user is None else user)]
                case ("connection", int(index), "path") if _listener(data, index)["kind"] == "serial":
                    return await _lines(_listener(data, index), file)
                case ("connection", int(index), "baud"):
                    return await _heard(_listener(data, index))
                case ("store", int(index), "account"):
                    return _account(tables(data, "store")[index][1]["account"])
                case ("backups",) if isinstance(folder := (data.get("backup") or {}).get("directory"), str):
                    return await _folder(Path(folder), file, os.geteuid() if user is None else user)
                case _:
                    return []
    except TimeoutError:
        return [warning(_check_of(place), message(TOO_LONG, seconds=int(LOOK_LIMIT_S)), message(NOT_KNOWN), message(LATER))]


def _check_of(place: Place) -> str:
    """The check that an answer is a matter of."""
    match place[-1]:
        case "address":
            return CONNECTION
        case "password":
            return CREDENTIALS
        case "baud":
            return LINE
        case "backups":
            return shelf.BACKUP
        case "account":
            return STORE
        case _:
            return PORT


async def _system(system: str, data: Data, secret: Secret | None) -> list[Finding]:
    """Without a password: is it there, and is it who it says? With one: are we let in?"""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None  # a disk would keep traces of it
    with tempfile.TemporaryDirectory(prefix="koshelek-agent-setup-", dir=memory) as folder:  # readable by us alone, and gone at once
        file = Path(folder) / "password"
        file.touch(0o600)
        file.write_text(secret.reveal() if secret else "", encoding="utf-8")
        case = Case(Path(folder), environment={})
        try:
            case.settings = _settings(system, data, file)
        except ValidationError:
            return []  # the form is wrong: told already
        try:
            found = [*await name(case), *await connection(case)] if secret is None else await credentials(case)
            if secret is None and all(one.grade is Grade.OK for one in found):
                found += await clock(case)
        finally:
            await case.close()
    return [_with_our_remedy(one) for one in found] if secret else found


def _with_our_remedy(found: Finding) -> Finding:
    """The doctor's speaks of files that are not written yet."""
    return found if found.grade is Grade.OK else Finding(found.check, found.grade, found.what, found.means, message(AGAIN))


def _settings(system: str, data: Data, password: Path) -> Settings:
    """Just enough of a configuration to reach one payment system. Raises ValidationError."""
    given = {key: value for key, value in data["provider"][system].items() if key != "password_credential"}
    fields = SYSTEMS[system].model_fields
    needed = {key: value for key, value in STAND_IN.items() if key in fields and fields[key].is_required()}
    table = {**needed, **given, "password_file": str(password)}
    return Settings.model_validate({**WHOLE, "environment": data.get("environment"), "provider": {system: table}, "listener": [WAY_IN]})


def _listener(data: Data, index: int) -> Mapping[str, Any]:
    return tables(data, "listener")[index][1]


async def _port(listener: Mapping[str, Any], present: Data, file: Path, user: int) -> Finding:
    """A port that is taken is no hindrance if the running agent has it, by the configuration in force."""
    number, first = listener["port"], await first_free(user)
    if number < first:
        what = message(PORT_FORBIDDEN, port=number, first=first)
        return fault(PORT, what, message(CANNOT_LISTEN), message(A_PORT, first=first))
    holder = await aside(lambda: holder_of(HERE, number))
    if holder is None:
        return ok(PORT, message(PORT_FREE, port=number))
    if any(one.get("port") == number for _, one in tables(present, "listener")):
        case = Case(file, environment={})
        await look_around(case)
        if case.own is not None:
            return ok(PORT, message(PORT_OURS, port=number))
    return fault(PORT, message(PORT_HELD, port=number, holder=holder.told), message(CANNOT_LISTEN), message(OTHER_PORT))


def _account(number: str) -> list[Finding]:
    """A typing error in it is noticed at the first payment, if at all. Nothing published says that another form is refused."""
    if re.fullmatch(rf"[0-9]{{{ACCOUNT_DIGITS}}}", number):
        return []
    what = message(ACCOUNT_ODD, digits=ACCOUNT_DIGITS, count=len(number))
    return [warning(STORE, what, message(ACCOUNT_MEANS), message(ACCOUNT_REMEDY))]


async def _folder(folder: Path, file: Path, user: int) -> list[Finding]:
    """The folder for copies of the journal. That the service may not write there yet is no mistake: how to allow it is said at the end."""
    allowed = await shelf.unit_of(folder, file, Grade.WARNING)
    try:
        unfit = await aside(lambda: shelf.place_of(folder, user))
    except OSError as error:
        what = message(FOLDER_UNSEEN, folder=folder, problem=error.strerror)
        return [warning(shelf.BACKUP, what, message(NOT_KNOWN), message(LATER))]
    found = [one for one in (unfit, allowed) if one is not None]
    return found or [ok(shelf.BACKUP, message(FOLDER_GOOD, folder=folder))]


async def _lines(listener: Mapping[str, Any], file: Path) -> list[Finding]:
    """The doctor's look at a serial port. ``file``: by it the running agent is known, which may well have the port."""
    case = Case(file, environment={})
    await look_around(case)
    try:
        case.settings = Settings.model_validate({**WHOLE, "listener": [listener]})
    except ValidationError:
        return []
    return await port(case)


async def _heard(listener: Mapping[str, Any]) -> list[Finding]:
    """A moment of listening at this speed, with the one question that no register takes for a command."""
    path, seconds = Path(listener["path"]), int(LISTEN_S)
    try:
        async with aclosing(probe(path, LISTEN_S, [int(listener["baud"])])) as trials:
            first = await anext(trials)
    except NoPort:
        return []  # told already, or the running agent has it
    match first.heard.dialect:
        case Dialect.JSON_FRAMES | Dialect.FRAMES | Dialect.ANSWERS:
            return [ok(LINE, message(LINE_HEARD, path=path))]
        case Dialect.SILENCE:
            return [ok(LINE, message(LINE_SILENT, path=path, seconds=seconds))]
        case _:
            return [warning(LINE, message(LINE_NOISE, path=path), message(NOISE_MEANS), message(NOISE_REMEDY, path=path))]
