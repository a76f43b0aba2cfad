"""Where things go on this machine: the configuration, the secrets, and whose they are."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.ops.lines.known import known_ports
from agent.ops.setup.script import PASSWORD_NAMES, Known
from agent.secrets import SERVICE_USER, BadSecret, Secret, read_file
from agent.settings.load import SYSTEM_FILE
from agent.settings.places import Place
from agent.settings.tables import Data, accounts

UNITS = tuple(
    Path(folder) / "koshelek-agent.service" for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
)
RUN_FOLDER = "/run/koshelek-agent"  # made by the unit at each start
BACKUPS = Path("/var/backups/koshelek-agent")  # made by the package, and open to the service
LOCAL_TIME = Path("/etc/localtime")
ZONES = "/zoneinfo/"


@dataclass(frozen=True, slots=True)
class Machine:
    """``config``: the file to write, absolute. ``unit``: the text of the installed unit, empty without one. ``service``: number and group
    of the user whom the agent runs as, if secrets have to be made his."""

    config: Path
    unit: str = ""
    service: tuple[int, int] | None = None

    def locate(self, name: str) -> Mapping[str, str]:
        """Where a secret belongs, as the end of a setting's name: the systemd credential that the unit loads from beside the configuration,
        else a file there."""
        place = self.config.parent / name
        return {"credential": name} if f"\nLoadCredential={name}:{place}\n" in self.unit else {"file": str(place)}

    def file_of(self, where: str) -> Path:
        """The file behind the value of such a setting. Of a credential it is the one that the unit loads."""
        return Path(where) if where.startswith("/") else self.config.parent / where


def this_machine(config: Path) -> Machine:
    """As it is. Only root can make files of others, so for anybody else the agent runs as whoever sets it up."""
    if os.geteuid() != 0:
        return Machine(config)
    unit = next((path.read_text(encoding="utf-8") for path in UNITS if path.is_file()), "")
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return Machine(config, unit)
    return Machine(config, unit, (user.pw_uid, user.pw_gid))


def known(machine: Machine, present: Data, answers: Mapping[Place, object], language: str) -> Known:
    """What need not be asked, or has a likely answer."""
    return Known(
        present=dict(answers),
        stored=frozenset(name for name in PASSWORD_NAMES if _is_kept(machine, present, name)),
        ports=[str(port.best) for port in known_ports()],
        language=language,
        timezone=_timezone(),
        user=pwd.getpwuid(os.getuid()).pw_name,
        sockets=RUN_FOLDER if machine.config == SYSTEM_FILE else str(machine.config.parent),
        backups=str(BACKUPS) if machine.config == SYSTEM_FILE and BACKUPS.is_dir() else None,
    )


def stored_password(machine: Machine, present: Data, system: str) -> Secret | None:
    """The password of a system that is there already, where the configuration looks for it, or would."""
    account = next((table for place, table in accounts(present) if place == ("provider", system)), {})
    return stored(machine, str(account.get("password_file") or account.get("password_credential") or PASSWORD_NAMES[system]))


def _is_kept(machine: Machine, present: Data, system: str) -> bool:
    """Whether a password is there, be it one that only systemd can decrypt."""
    return stored_password(machine, present, system) is not None or encrypted(machine.file_of(PASSWORD_NAMES[system])).exists()


def encrypted(path: Path) -> Path:
    """Where systemd's encrypted form of a secret lies, by the documentation."""
    return path.with_name(f"{path.name}.cred")


def stored(machine: Machine, where: str) -> Secret | None:
    """The secret at a place, if it can be read."""
    try:
        return read_file(machine.file_of(where))
    except BadSecret:
        return None


def _timezone() -> str:
    """The machine's own time zone, if it has a name; that of a machine that was never told is worth nothing."""
    try:
        target = str(LOCAL_TIME.resolve(strict=True))
    except OSError:
        return "Europe/Moscow"
    name = target.partition(ZONES)[2]
    return name if "/" in name and not name.startswith("Etc/") else "Europe/Moscow"
