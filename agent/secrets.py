"""Values that must never be seen: the type that holds them, and the two places they may come from.

A secret enters the agent as a file or as a systemd credential, never through the configuration, the environment or the command line,
where any process of the machine could read it. Inside it is a ``Secret``: it prints as stars, so that a forgotten ``repr`` in a log line, a
traceback or an error answer shows nothing.
"""

import hmac
import os
import pwd
import shlex
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NoReturn, assert_never, final

from agent.texts import N_, Message, message

MAX_SECRET_BYTES = 4096  # a password or a token; anything longer is the wrong file
STARS = "***"
SERVICE_USER = "koshelek-agent"  # whom the unit runs the agent as
CHANCE_COMMAND = "openssl rand -hex 24"  # with ca-certificates, which the package needs, openssl is there
ONE_LINE = N_("Write the password into it, on one line.")
TYPE_IT = N_("Run this, then type the password on one line, Enter and Ctrl-D: {command}")
PUT_THERE = N_("Put the certificate's private key there, so that the agent alone can read it: {command}")
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"  # set by systemd for a unit with LoadCredential=


class Kind(Enum):
    """Where a secret comes from, which decides how a missing one is made. GIVEN: by somebody else, as a password is; CHANCE: made here, as
    a token is; KEY: belongs to a certificate."""

    GIVEN = "given"
    CHANCE = "chance"
    KEY = "key"


class BadSecret(Exception):
    """A secret cannot be taken from where it lies. A technician must act; the message says what to run."""

    def __init__(self, problem: Message, hint: Message | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.hint = hint


@final
class Secret:
    """Text that prints as stars, compares in constant time, and refuses to be pickled, copied or hashed."""

    __slots__ = ("__value",)
    __hash__ = None  # type: ignore[assignment]  # typeshed's way to say unhashable: a hash in a dict key would outlive the secret

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself: only where it is sent or digested."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return STARS

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return STARS

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


def read_file(path: Path, kind: Kind = Kind.GIVEN) -> Secret:
    """The text of a secret file without its trailing line end. Raises BadSecret.

    Refused are files that others than their owner can read, symbolic links (whoever owns the link chooses the file), and files that belong
    to somebody else than root or the user the agent runs as. Root, who checks the configuration for the service, also takes the service's.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot_open(path, error, kind) from error
    try:
        _check_status(path, os.fstat(descriptor))
        data = os.read(descriptor, MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    return _secret_of(path, data, making(path, kind))


def read_brought(path: Path) -> tuple[Secret, bool]:
    """The text of a file that a secret is brought in, to be copied into a place of its own; and whether others can read it, as on a stick
    whose file system knows no modes. Raises BadSecret."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot_open(path, error, Kind.GIVEN) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadSecret(message(N_("{path} is not a file."), path=path))
        data = os.read(descriptor, MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    return _secret_of(path, data, making(path, Kind.GIVEN)), bool(status.st_mode & 0o077)


def check_private(path: Path) -> None:
    """Whether a file that is read by somebody else, as a private key is, is kept as a secret must be. Raises BadSecret."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot_open(path, error, Kind.KEY) from error
    try:
        _check_status(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def read_credential(name: str, environment: Mapping[str, str], kind: Kind = Kind.GIVEN) -> Secret:
    """The systemd credential ``name``; ``environment`` is the process's. Raises BadSecret.

    systemd itself guards the folder (readable by this unit alone), so no owner and no mode is checked here.
    """
    folder = environment.get(CREDENTIALS_VARIABLE)
    if not folder:
        raise BadSecret(
            message(N_("There is no systemd credential {name}: the agent was not started by systemd."), name=name),
            message(N_("Start the service with systemctl, or use password_file instead.")),
        )
    path = Path(folder) / name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise BadSecret(
            message(N_("systemd gave the agent no credential {name}."), name=name),
            message(N_("Add this line to the unit: {line}"), line=f"LoadCredential={name}:/etc/koshelek-agent/{name}"),
        ) from error
    if not data.strip(b"\r\n"):  # what the unit has for a file that is not there
        made = f"{CHANCE_COMMAND} | " if kind is Kind.CHANCE else ""
        command = f"{made}sudo install -m 0600 /dev/stdin /etc/koshelek-agent/{shlex.quote(name)}"
        raise BadSecret(
            message(N_("The systemd credential {name} is empty: its file is not there, or nothing is in it."), name=name),
            message(N_("Write the file, and restart the service: {command}"), command=command),
        )
    return _secret_of(path, data, message(ONE_LINE))


def _cannot_open(path: Path, error: OSError, kind: Kind) -> BadSecret:
    if path.is_symlink():
        return BadSecret(message(N_("The file {path} is a symbolic link."), path=path), message(N_("Name the real file.")))
    if isinstance(error, FileNotFoundError):
        return BadSecret(message(N_("There is no file {path}."), path=path), making(path, kind))
    if isinstance(error, PermissionError) and (owner := _owner(path)) is not None:
        problem = N_("The file {path} belongs to {owner} (mode {mode}) and cannot be read by {user}, who runs the agent.")
        hint = N_("Run: {command}. Or let systemd hand it over: {line} in the unit, and name the credential instead of the file.")
        return BadSecret(
            message(problem, path=path, owner=owner[0], mode=owner[1], user=_user_name(os.geteuid())),
            message(hint, command=_chown_command(path), line=f"LoadCredential={path.name}:{path}"),
        )
    return BadSecret(message(N_("The file {path} cannot be read: {error}."), path=path, error=error.strerror or error))


def making(path: Path, kind: Kind) -> Message:
    """How a secret file that is not there, or holds none, is made: in one step, for an empty file would be the next mistake."""
    match kind:
        case Kind.GIVEN:
            return message(TYPE_IT, command=_install_command(path))
        case Kind.CHANCE:
            return message(N_("Make a new one: {command}"), command=f"{CHANCE_COMMAND} | {_install_command(path)}")
        case Kind.KEY:
            return message(PUT_THERE, command=_chown_command(path))
        case _:
            assert_never(kind)


def _install_command(path: Path) -> str:
    """The command that makes a secret file which the agent can read and nobody else, of what it is given."""
    return f"sudo install -o {_reader()} -m 0600 /dev/stdin {shlex.quote(str(path))}"


def _chown_command(path: Path) -> str:
    quoted = shlex.quote(str(path))
    return f"sudo chown {_reader()} {quoted} && sudo chmod 600 {quoted}"


def _reader() -> str:
    """Who has to read secret files: whoever runs this. Root does so for the service, where its user is there."""
    user = os.geteuid()
    return SERVICE_USER if user == 0 and _service_id() is not None else _user_name(user)


def _owner(path: Path) -> tuple[str, str] | None:
    """Owner and mode of a file that cannot be opened; None where not even that can be seen, as in a folder that is shut."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _user_name(status.st_uid), f"{stat.S_IMODE(status.st_mode):o}"


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _service_id() -> int | None:
    try:
        return pwd.getpwnam(SERVICE_USER).pw_uid
    except KeyError:
        return None


def _trusted() -> frozenset[int | None]:
    """Whose files are believed: root's and our own. Root takes the service's as well, to check for it."""
    user = os.geteuid()
    return frozenset({0, user, *([_service_id()] if user == 0 else [])})


def _check_status(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadSecret(message(N_("{path} is not a file."), path=path))
    if status.st_uid not in _trusted():
        raise BadSecret(
            message(N_("The file {path} belongs to another user: {owner}."), path=path, owner=_user_name(status.st_uid)),
            message(N_("Run: {command}"), command=_chown_command(path)),
        )
    if status.st_mode & 0o077:
        raise BadSecret(
            message(N_("The file {path} can be read by others than its owner."), path=path),
            message(N_("Run: {command}"), command=f"sudo chmod 600 {shlex.quote(str(path))}"),
        )


def _secret_of(path: Path, data: bytes, making: Message) -> Secret:
    if len(data) > MAX_SECRET_BYTES:
        raise BadSecret(message(N_("The file {path} is longer than {limit} bytes: it is no password."), path=path, limit=MAX_SECRET_BYTES))
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadSecret(message(N_("The file {path} is not UTF-8 text."), path=path)) from error
    if not text:
        raise BadSecret(message(N_("The file {path} is empty."), path=path), making)
    if not text.isprintable():
        raise BadSecret(message(N_("The file {path} holds more than one line or unprintable characters."), path=path), making)
    return Secret(text)
