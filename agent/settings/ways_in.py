"""What only several settings together can get wrong about the listeners."""

import ipaddress
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
        if table.get("kind") == "page":
            yield from _page(place, table)


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


def _page(place: Place, table: Data) -> Iterator[Finding]:
    """Tokens must not travel in the clear between machines, and a page that no operator can open is none."""
    certificate, key, host = table.get("certificate_file"), table.get("key_file"), table.get("host", "127.0.0.1")
    if (certificate is None) != (key is None):
        missing = "key_file" if key is None else "certificate_file"
        yield Finding((*place, missing), message(N_("TLS needs both: certificate_file and key_file.")))
    try:
        address = ipaddress.ip_address(host) if isinstance(host, str) else None
    except ValueError:
        yield Finding((*place, "host"), message(N_("This is no address of this machine: {address}."), address=host))
        return
    if address is not None and not address.is_loopback and certificate is None:
        text = N_("Beyond this machine the status page must be encrypted: give certificate_file and key_file.")
        yield Finding((*place, "host"), message(text))
    if address is not None and address.is_unspecified and not table.get("names"):
        text = N_("The names or addresses by which browsers ask for the page are missing.")
        yield Finding((*place, "names"), message(text), None, 'names = ["192.168.1.20"]')
    if not any(client.get("role") == "admin" for _, client in tables(table, "client")):
        text = N_("Nobody could open the page: it takes the token of a client with the role admin.")
        yield Finding((*place, "client"), message(text), None, 'role = "admin"')
