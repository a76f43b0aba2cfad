"""What only the machine at hand can tell: whether named users, groups, files and credentials are there.

Passwords are tried, not kept: a till that would be refused its password at start should be refused by ``config check`` first.
"""

import grp
import os
import pwd
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.secrets import CREDENTIALS_VARIABLE, BadSecret, Kind, Secret, check_private, making, read_credential, read_file
from agent.settings.listeners import Client, PtyListener, UnixListener
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.system import Account
from agent.settings.tables import Data, accounts, clients, systems, tables
from agent.settings.webhooks import HOOKS, Hook
from agent.texts import N_, message

MIN_TOKEN_CHARACTERS = 16  # made at random, such a token cannot be guessed
CHECK_USER = N_("Is it spelt right? ps -eo user,comm shows as whom programs run. If there is to be such a user: {command}")
CHECK_GROUP = N_("Is it spelt right? getent group lists them. If there is to be such a group: {command}")
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN_CHARACTERS},}}")  # what an HTTP header can carry


def password(account: Account) -> Secret:
    """The password of an account, from its file or credential. Raises BadSecret."""
    if account.password_file is not None:
        return read_file(account.password_file)
    assert account.password_credential is not None, "checked: exactly one place"
    return read_credential(account.password_credential, os.environ)


def token(client: Client) -> Secret:
    """The token of a client, from its file or credential. Raises BadSecret."""
    if client.token_file is not None:
        return _strong(read_file(client.token_file, Kind.CHANCE), client.token_file)
    assert client.token_credential is not None, "checked: exactly one place"
    secret = read_credential(client.token_credential, os.environ, Kind.CHANCE)
    return _strong(secret, Path("/etc/koshelek-agent") / client.token_credential)


def hook_secrets(hook: Hook) -> tuple[Secret, ...]:
    """The secrets of a payment system's messages that count today. Raises BadSecret."""
    files = (read_file(path) for path in hook.secret_files)
    return (*files, *(read_credential(name, os.environ) for name in hook.secret_credentials))


def _strong(secret: Secret, path: Path) -> Secret:
    """A token that cannot be guessed and fits into a header. Raises BadSecret."""
    if _TOKEN.fullmatch(secret.reveal()):
        return secret
    weak = N_("The token has fewer than {limit} characters, or a space, or letters that are not Latin.")
    raise BadSecret(message(weak, limit=MIN_TOKEN_CHARACTERS), making(path, Kind.CHANCE))


def user_ids(listener: UnixListener) -> frozenset[int]:
    """The numbers of the listed users. Raises KeyError for a name this machine does not know."""
    return frozenset(map(_user_id, listener.users))


def group_ids(listener: UnixListener) -> frozenset[int]:
    """The numbers of the listed groups. Raises KeyError for a name this machine does not know."""
    return frozenset(map(_group_id, listener.groups))


def owner_ids(listener: PtyListener) -> tuple[int | None, int | None]:
    """The numbers of the user and the group of a terminal, None where none is named. Raises KeyError like the others."""
    return _user_id(listener.user) if listener.user else None, _group_id(listener.group) if listener.group else None


def _user_id(name: str) -> int:
    return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid


def _group_id(name: str) -> int:
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid


def check_machine(data: Data) -> list[Finding]:
    """Every such problem."""
    return [finding for part in (_people, _passwords, _tokens, _messages, _files) for finding in part(data)]


def _people(data: Data) -> Iterator[Finding]:
    for place, listener in tables(data, "listener"):
        for keys, known, problem, check, command in (
            (("users", "user"), _is_user, N_("This machine has no user {name}."), CHECK_USER, "sudo useradd --system"),
            (("groups", "group"), _is_group, N_("This machine has no group {name}."), CHECK_GROUP, "sudo groupadd --system"),
        ):
            for key_place, name in _names(listener, keys):
                if not name.isdecimal() and not known(name):
                    hint = message(check, command=f"{command} {name}")
                    yield Finding((*place, *key_place), message(problem, name=name), hint)


def _names(listener: Data, keys: tuple[str, str]) -> Iterator[tuple[Place, str]]:
    """The names in the list of the one key, and the one name of the other."""
    names = listener.get(keys[0])
    found: list[tuple[Place, Any]] = [((keys[0], index), name) for index, name in enumerate(names if isinstance(names, list) else ())]
    found.append(((keys[1],), listener.get(keys[1])))
    yield from ((place, name) for place, name in found if isinstance(name, str))


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _passwords(data: Data) -> Iterator[Finding]:
    """A credential exists only inside the service, so outside of it nothing is said about one."""
    for place, account in accounts(data):
        file, credential = account.get("password_file"), account.get("password_credential")
        try:
            if isinstance(file, str):
                read_file(Path(file))
            elif isinstance(credential, str) and CREDENTIALS_VARIABLE in os.environ:
                read_credential(credential, os.environ)
        except BadSecret as bad:
            key = "password_file" if isinstance(file, str) else "password_credential"
            yield Finding((*place, key), bad.problem, bad.hint)


def _tokens(data: Data) -> Iterator[Finding]:
    for place, client in clients(data):
        try:
            if isinstance(file := client.get("token_file"), str):
                _strong(read_file(Path(file), Kind.CHANCE), Path(file))
            elif isinstance(credential := client.get("token_credential"), str) and CREDENTIALS_VARIABLE in os.environ:
                _strong(read_credential(credential, os.environ, Kind.CHANCE), Path("/etc/koshelek-agent") / credential)
        except BadSecret as bad:
            yield Finding((*place, "token_file" if "token_file" in client else "token_credential"), bad.problem, bad.hint)


def _messages(data: Data) -> Iterator[Finding]:
    """The secrets of webhooks, and the certificate with its key, which is a secret as well."""
    for place, table in tables(data, "webhooks"):
        for name in HOOKS:
            hook = table.get(name)
            files = hook.get("secret_files") if isinstance(hook, dict) else ()
            for index, file in enumerate(files if isinstance(files, list) else ()):
                if isinstance(file, str):
                    yield from _tried((*place, name, "secret_files", index), read_file, Path(file))
        if isinstance(key := table.get("key_file"), str):
            yield from _tried((*place, "key_file"), check_private, Path(key))
        if isinstance(file := table.get("certificate_file"), str) and not os.access(file, os.R_OK):
            yield Finding((*place, "certificate_file"), message(N_("The file {path} cannot be read."), path=file))


def _tried(place: Place, attempt: Callable[[Path], object], path: Path) -> Iterator[Finding]:
    try:
        attempt(path)
    except BadSecret as bad:
        yield Finding(place, bad.problem, bad.hint)


def _files(data: Data) -> Iterator[Finding]:
    for _, place, provider in systems(data):
        if isinstance(file := provider.get("ca_file"), str) and not os.access(file, os.R_OK):
            yield Finding((*place, "ca_file"), message(N_("The file {path} cannot be read."), path=file))
    for place, helper in tables(data, "helper"):
        command: Any = helper.get("command")
        if isinstance(command, list) and command and isinstance(command[0], str) and not _is_program(command[0]):
            where: Place = (*place, "command", 0)
            yield Finding(where, message(N_("{path} is no program that can be run."), path=command[0]))


def _is_program(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)
