"""Answers as a configuration, and a configuration as the answers that would give it.

What nobody is asked about stays as it is in today's configuration: limits that somebody has tuned, webhooks, accounts that are only
watched. A shop, a till or a way in is known again by its name.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.ops.setup.question import Value
from agent.ops.setup.script import CONNECTIONS, PASSWORD_NAMES
from agent.settings.paycore import PayCore
from agent.settings.places import Place
from agent.settings.providers import KOSHELEK, SYSTEMS
from agent.settings.tables import Data, tables

PARTNER_ADDRESSES = {"test": "https://api-test.koshelek.app/", "production": "https://api.koshelek.app/"}
ADMIN_SOCKET = "admin.sock"
RENAMED = {"page": "hpp_base_url"}  # answers that are settings under another name

Answers = Mapping[Place, Value]


@dataclass(slots=True)
class Configured:
    """``data``: the configuration. ``origin``: which answer a place of it comes from, for telling a technician what to change. ``secrets``:
    the names of secrets and the places of their answers."""

    data: dict[str, Any]
    origin: dict[Place, Place] = field(default_factory=dict)
    secrets: dict[str, Place] = field(default_factory=dict)

    def answer_of(self, place: Place) -> Place | None:
        """The answer that a place of the configuration comes from: of itself, else of the nearest one around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.origin:
                return self.origin[place[:length]]
        return None


def configured(answers: Answers, present: Data, locate: Callable[[str], Mapping[str, str]], sockets: str) -> Configured:
    """The configuration that the answers give. ``locate``: where a secret is kept, as settings, given its name; ``sockets``: the folder for
    the operators' socket. Answers that are not there yet leave their settings out."""
    return _Work(answers, present, locate, sockets).done()


class _Work:
    def __init__(self, answers: Answers, present: Data, locate: Callable[[str], Mapping[str, str]], sockets: str) -> None:
        self._answers = answers
        self._present = present
        self._locate = locate
        self._sockets = sockets
        self._made = Configured(copy.deepcopy(dict(present)))

    def done(self) -> Configured:
        for name in ("environment", "language", "timezone"):
            self._put((name,), (name,))
        self._systems()
        self._helper()
        self._list("store", ("store_id", "brand_name", "legal_name", "legal_id", "merchant_id", "account", "member_id"), ("store_id",))
        self._list("terminal", ("store_id", "terminal_id", "provider"), ("store_id", "terminal_id"))
        self._listeners()
        self._backups()
        return self._made

    def _put(self, place: Place, answer: Place, value: Value = None) -> None:
        """A setting from an answer; no answer takes it out."""
        table: Any = self._made.data
        for part in place[:-1]:
            table = table[part] if isinstance(part, int) else table.setdefault(part, {})
        given = self._answers.get(answer) if value is None else value
        self._made.origin[place] = answer
        if given is None or given == []:
            table.pop(place[-1], None)
        else:
            table[place[-1]] = given

    def _systems(self) -> None:
        chosen = self._answers.get(("systems",), ())
        self._made.origin["provider",] = ("systems",)
        side = self._answers.get(("environment",), "test")
        present = self._present.get("provider")
        provider = {name: copy.deepcopy(present.get(name, {})) if isinstance(present, dict) else {} for name in chosen}
        self._made.data["provider"] = provider
        for name in chosen:
            place = ("provider", name)
            self._made.origin[place] = ("systems",)
            self._put((*place, f"{side}_base_url"), (name, "address"), _address(name, side, self._answers.get((name, "address"))))
            self._secret(place, PASSWORD_NAMES[name], (name, "password"), "password")
            fields = SYSTEMS[name].model_fields
            for _, key in [one for one in self._answers if one[0] == name and len(one) == 2]:
                setting = RENAMED.get(str(key), str(key))
                if setting in fields:
                    self._put((*place, setting), (name, key))
        self._webhooks(chosen)

    def _webhooks(self, chosen: Sequence[str]) -> None:
        """Messages of a system that is not used any more come from nobody."""
        hooks = self._made.data.get("webhooks")
        if isinstance(hooks, dict):
            for name in SYSTEMS.keys() - set(chosen):
                hooks.pop(name, None)
            if not any(name in hooks for name in SYSTEMS):
                del self._made.data["webhooks"]

    def _secret(self, place: Place, name: str, answer: Place, word: str) -> None:
        """Where a secret lies: as today's configuration says, else as ``locate`` does."""
        table: Any = self._made.data
        for part in place:
            table = table[part]
        keys = (f"{word}_file", f"{word}_credential")
        if not any(key in table for key in keys):
            table.update({f"{word}_{how}": where for how, where in self._locate(name).items()})
        for key in keys:
            self._made.origin[*place, key] = answer
            if key in table:
                self._made.secrets[str(table[key])] = answer

    def _helper(self) -> None:
        if command := self._answers.get(("helper",)):
            self._made.data.setdefault("helper", {})
            self._put(("helper", "command"), ("helper",), command)
        elif ("helper",) in self._answers or KOSHELEK not in self._answers.get(("systems",), (KOSHELEK,)):
            self._made.data.pop("helper", None)

    def _backups(self) -> None:
        """No folder, no copies; when they are made and how many are kept stays as it was."""
        if ("backups",) not in self._answers:
            return
        self._made.origin["backup",] = ("backups",)
        if self._answers["backups",]:
            self._put(("backup", "directory"), ("backups",))
        else:
            self._made.data.pop("backup", None)

    def _list(self, name: str, keys: Sequence[str], known_by: Sequence[str]) -> None:
        """Stores and terminals. What today's configuration says of one beside the answers stays."""
        before = [table for _, table in tables(self._present, name)]
        self._made.data[name] = []
        self._made.origin[name,] = (name, 0, keys[0])
        for index in range(_count(self._answers, name)):
            given = {key: value for key in keys if (value := self._value(name, index, key)) is not None}
            same = next((one for one in before if all(one.get(key) == given.get(key) for key in known_by)), {})
            extra = {key: value for key, value in same.items() if key not in keys}
            self._made.data[name].append(extra | {key: same[key] for key in keys if key in same and key not in given} | given)
            for key in keys:
                self._made.origin[name, index, key] = self._from(name, index, key)

    def _value(self, name: str, index: int, key: str) -> Value:
        return self._answers.get(self._from(name, index, key))

    def _from(self, name: str, index: int, key: str) -> Place:
        """The answer of a setting. A till of the only shop is in it."""
        only = (name, key) == ("terminal", "store_id") and _count(self._answers, "store") == 1
        return ("store", 0, key) if only else (name, index, key)

    def _listeners(self) -> None:
        before = [dict(table) for _, table in tables(self._present, "listener")]
        self._made.data["listener"] = []
        self._made.origin["listener",] = ("connection", 0, "kind")
        for index in range(_count(self._answers, "connection")):
            self._listener(index, before)
        others = [copy.deepcopy(one) for one in before if not is_connection(one)]
        operators = self._answers.get(("operators",)) or ["root"]
        admin = next((one for one in others if one.get("kind") == "unix"), None)
        if admin is None:
            admin = {"kind": "unix", "path": f"{self._sockets}/{ADMIN_SOCKET}", "role": "admin", "terminals": ["*/*"]}
            others.append(admin)
        for one in others:
            place = ("listener", len(self._made.data["listener"]))
            if one is admin:
                one["users"] = operators
                self._made.origin[*place, "users"] = ("operators",)
            self._made.origin[place] = ("operators",)
            self._made.data["listener"].append(one)

    def _listener(self, index: int, before: Sequence[Mapping[str, Any]]) -> None:
        here: Place = ("connection", index)
        kind = self._answers.get((*here, "kind"))
        place: Place = ("listener", index)
        self._made.origin[place] = (*here, "kind")
        known_by = "port" if kind in ("tcp", "http") else "path"
        wanted = self._answers.get((*here, known_by))
        same = [one for one in before if is_connection(one) and one.get("kind") == kind and one.get(known_by) == wanted]
        self._made.data["listener"].append({"kind": kind, **copy.deepcopy(dict(same[0] if same else {}))})
        self._made.origin[*place, "kind"] = (*here, "kind")
        if kind in ("tcp", "http"):
            self._put((*place, "port"), (*here, "port"))
            self._client(place, here)
            return
        keys = {"unix": ("path", "users"), "serial": ("path", "baud"), "pty": ("path", "group")}.get(str(kind), ())
        for key in (*keys, "terminals"):
            self._put((*place, key), (*here, key))

    def _client(self, listener: Place, here: Place) -> None:
        """The program of the answers is the first client; others stay."""
        table = self._made.data["listener"][listener[1]]
        clients = table.setdefault("client", [{}])
        name = self._answers.get((*here, "name"))
        if clients[0].get("name") not in (None, name):
            clients[0] = {}
        place = (*listener, "client", 0)
        self._made.origin[*listener, "client"] = (*here, "name")
        self._put((*place, "name"), (*here, "name"))
        self._put((*place, "terminals"), (*here, "terminals"))
        self._secret(place, f"{name}-token", (*here, "token"), "token")


def _count(answers: Answers, name: str) -> int:
    return 1 + max((int(place[1]) for place in answers if place[0] == name and len(place) > 1), default=-1)


def is_connection(listener: Mapping[str, Any]) -> bool:
    """Whether registers come in by it, in a way that is asked about. The others stay as they are."""
    return listener.get("kind") in CONNECTIONS and listener.get("role", "pos") != "admin"


def _address(system: str, side: str, given: Value) -> Value:
    """Koshelek's partner may say its name alone."""
    if system == KOSHELEK and isinstance(given, str) and "/" not in given and ":" not in given:
        return PARTNER_ADDRESSES[side] + given
    return given


def answers_of(data: Data) -> dict[Place, Value]:
    """The answers that would give a configuration, as far as they can be told from it."""
    found: dict[Place, Value] = {(name,): data[name] for name in ("environment", "language", "timezone") if isinstance(data.get(name), str)}
    side = found.get(("environment",), "test")
    provider = data.get("provider")
    systems = [name for name in SYSTEMS if isinstance(provider, dict) and isinstance(provider.get(name), dict)]
    if systems and isinstance(provider, dict):
        found["systems",] = systems
    for name in systems:
        _system_answers(found, name, str(side), provider[name] if isinstance(provider, dict) else {})
    helper = data.get("helper")
    if isinstance(helper, dict) and isinstance(helper.get("command"), list):
        found["helper",] = helper["command"]
    backup = data.get("backup")
    if isinstance(backup, dict) and isinstance(backup.get("directory"), str):
        found["backups",] = backup["directory"]
    for table, keys in (
        ("store", ("store_id", "brand_name", "legal_name", *_KOSHELEK)),
        ("terminal", ("store_id", "terminal_id", "provider")),
    ):
        for index, (_, one) in enumerate(tables(data, table)):
            found |= {(table, index, key): one[key] for key in keys if isinstance(one.get(key), str)}
    _connections(found, data)
    return found


_KOSHELEK = ("legal_id", "merchant_id", "account", "member_id")
_BACK = {setting: answer for answer, setting in RENAMED.items()}


def _system_answers(found: dict[Place, Value], name: str, side: str, table: Mapping[str, Any]) -> None:
    if isinstance(address := table.get(f"{side}_base_url"), str):
        found[name, "address"] = address
    for key in ("login", "service", "hpp_base_url", "payment_method", "return_success_url", "refund_email", "confirmed_assumptions"):
        if key in table and not (key == "hpp_base_url" and table[key] == PayCore.model_fields[key].default):
            found[name, _BACK.get(key, key)] = table[key]


def _connections(found: dict[Place, Value], data: Data) -> None:
    listeners = [one for _, one in tables(data, "listener")]
    for index, one in enumerate(one for one in listeners if is_connection(one)):
        place: Place = ("connection", index)
        keys = ("kind", "path", "users", "baud", "group", "port", "terminals")
        found |= {(*place, key): one[key] for key in keys if key in one}
        if one.get("groups") and "users" not in one:
            found[*place, "users"] = []
        for client in (one.get("client") or [])[:1]:
            found |= {(*place, key): client[key] for key in ("name", "terminals") if key in client}
    admin = next((one for one in listeners if not is_connection(one) and one.get("kind") == "unix" and one.get("users")), None)
    if admin is not None:
        found["operators",] = admin["users"]
