"""Values that must never be seen: the type that holds them, and the two places they may come from.

A secret enters the agent as a file or as a systemd credential, never through the configuration, the environment or the command line,
where any process of the machine could read it. Inside it is a ``Secret``: it prints as stars, so that a forgotten ``repr`` in a log line, a
traceback or an error answer shows nothing.
"""

import hmac
import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, final

from agent.texts import N_, Message, message

MAX_SECRET_BYTES = 4096  # a password or a token; anything longer is the wrong file
STARS = "***"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"  # set by systemd for a unit with LoadCredential=


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


def read_file(path: Path) -> Secret:
    """The text of a secret file without its trailing line end. Raises BadSecret.

    Refused are files that others than their owner can read, symbolic links (whoever owns the link chooses the file), and files that belong
    to somebody else than root or the user the agent runs as.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        _check_status(path, os.fstat(descriptor))
        data = os.read(descriptor, MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    return _secret_of(path, data)


def check_private(path: Path) -> None:
    """Whether a file that is read by somebody else, as a private key is, is kept as a secret must be. Raises BadSecret."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        _check_status(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def read_credential(name: str, environment: Mapping[str, str]) -> Secret:
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
    return _secret_of(path, data)


def _cannot_open(path: Path, error: OSError) -> BadSecret:
    if path.is_symlink():
        return BadSecret(message(N_("The file {path} is a symbolic link."), path=path), message(N_("Name the real file.")))
    if isinstance(error, FileNotFoundError):
        return BadSecret(
            message(N_("There is no file {path}."), path=path),
            message(N_("Create it: {command}"), command=f"sudo install -m 600 /dev/null {shlex.quote(str(path))}"),
        )
    return BadSecret(message(N_("The file {path} cannot be read: {error}."), path=path, error=error.strerror or error))


def _check_status(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadSecret(message(N_("{path} is not a file."), path=path))
    if status.st_uid not in {0, os.geteuid()}:
        raise BadSecret(
            message(N_("The file {path} belongs to another user."), path=path),
            message(N_("Run: {command}"), command=f"sudo chown root {shlex.quote(str(path))}"),
        )
    if status.st_mode & 0o077:
        raise BadSecret(
            message(N_("The file {path} can be read by others than its owner."), path=path),
            message(N_("Run: {command}"), command=f"sudo chmod 600 {shlex.quote(str(path))}"),
        )


def _secret_of(path: Path, data: bytes) -> Secret:
    one_line = message(N_("Write the password into it, on one line."))
    if len(data) > MAX_SECRET_BYTES:
        raise BadSecret(message(N_("The file {path} is longer than {limit} bytes: it is no password."), path=path, limit=MAX_SECRET_BYTES))
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadSecret(message(N_("The file {path} is not UTF-8 text."), path=path)) from error
    if not text:
        raise BadSecret(message(N_("The file {path} is empty."), path=path), one_line)
    if not text.isprintable():
        raise BadSecret(message(N_("The file {path} holds more than one line or unprintable characters."), path=path), one_line)
    return Secret(text)
