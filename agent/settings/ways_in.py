"""What only several settings together can get wrong about the listeners."""

from collections.abc import Iterator
from typing import Any

from agent.settings.listeners import allows
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.tables import Data, tables
from agent.texts import N_, message

Tills = set[tuple[Any, Any]]


def ways_in(data: Data) -> Iterator[Finding]:
    """Who could never connect, two listeners at one address, terminals that are not there, tokens without a place."""
    tills = {(table.get("store_id"), table.get("terminal_id")) for _, table in tables(data, "terminal")}
    taken: set[tuple[Any, ...]] = set()
    for place, table in tables(data, "listener"):
        if table.get("kind", "unix") == "unix" and not table.get("users") and not table.get("groups"):
            problem = message(N_("Nobody could connect: give users or groups."))
            yield Finding((*place, "users"), problem, None, 'groups = ["kassa"]')
        yield from _address(place, table, taken)
        yield from _terminals(place, table, tills)
        yield from _clients(place, table, tills)


def _address(place: Place, table: Data, taken: set[tuple[Any, ...]]) -> Iterator[Finding]:
    if isinstance(path := table.get("path"), str):
        if (path,) in taken:
            yield Finding((*place, "path"), message(N_("Two listeners have this path.")))
        taken.add((path,))
    if isinstance(port := table.get("port"), int):
        address = (table.get("host", "127.0.0.1"), port)
        if address in taken:
            yield Finding((*place, "port"), message(N_("Two listeners have this port.")))
        taken.add(address)


def _terminals(place: Place, table: Data, tills: Tills) -> Iterator[Finding]:
    names = table.get("terminals")
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and not _known(name, tills):
            hint = message(N_("Write storeId/terminalId; a star stands for all of them: */*."))
            yield Finding((*place, "terminals", index), message(N_("There is no such terminal: {name}."), name=name), hint)


def _known(name: str, tills: Tills) -> bool:
    return "/" in name and any(allows((name,), store, terminal) for store, terminal in tills)


def _clients(place: Place, table: Data, tills: Tills) -> Iterator[Finding]:
    seen: set[object] = set()
    for inner, client in tables(table, "client"):
        here: Place = (*place, *inner)
        if isinstance(name := client.get("name"), str):
            if name in seen:
                yield Finding((*here, "name"), message(N_("Two clients of this listener have this name.")))
            seen.add(name)
        given = [key for key in ("token_file", "token_credential") if key in client]
        if not given:
            problem = message(N_("The place of the token is missing: give token_file or token_credential."))
            yield Finding((*here, "token_file"), problem, None, 'token_file = "/etc/koshelek-agent/kassa-1.token"')
        elif len(given) > 1:
            yield Finding((*here, "token_credential"), message(N_("Give either token_file or token_credential, not both.")))
        yield from _terminals(here, client, tills)
