"""Looking around in a file as ``tomllib`` read it, before anything is known to be right."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.settings.places import Place

Data = Mapping[str, Any]


def texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text of the file with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from texts(member, (*place, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from texts(member, (*place, index))


def tables(data: Data, *path: str) -> list[tuple[Place, Data]]:
    """The table at a path, or each of an array of tables, with its place; nothing when there is none."""
    value: Any = data
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return [(path, value)]
    return [((*path, index), table) for index, table in enumerate(value if isinstance(value, list) else ()) if isinstance(table, dict)]


def accounts(data: Data) -> list[tuple[Place, Data]]:
    """The tables that name a password."""
    return tables(data, "provider", "koshelek") + tables(data, "provider", "koshelek", "retired")


def clients(data: Data) -> list[tuple[Place, Data]]:
    """The tables that name a token, of all listeners."""
    found: list[tuple[Place, Data]] = []
    for place, table in tables(data, "listener"):
        found += [((*place, *inner), client) for inner, client in tables(table, "client")]
    return found
