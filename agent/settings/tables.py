"""Looking around in a file as ``tomllib`` read it, before anything is known to be right."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.settings.places import Place
from agent.settings.providers import SYSTEMS

Data = Mapping[str, Any]
_SYSTEM = ("provider", "name")  # where the table of a payment system stands: not deeper, as it would as a list of tables


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


def systems(data: Data) -> list[tuple[str, Place, Data]]:
    """The tables of the payment systems that can be configured, with their names; those of unknown ones are left out."""
    return [(name, place, table) for name in SYSTEMS for place, table in tables(data, "provider", name) if len(place) == len(_SYSTEM)]


def retired(data: Data) -> list[tuple[str, Place, Data]]:
    """The tables of accounts that are only watched, with the names of their payment systems."""
    return [(name, place, table) for name in SYSTEMS for place, table in tables(data, "provider", name, "retired")]


def accounts(data: Data) -> list[tuple[Place, Data]]:
    """The tables that name a password."""
    return [(place, table) for _, place, table in (*systems(data), *retired(data))]


def clients(data: Data) -> list[tuple[Place, Data]]:
    """The tables that name a token, of all listeners."""
    found: list[tuple[Place, Data]] = []
    for place, table in tables(data, "listener"):
        found += [((*place, *inner), client) for inner, client in tables(table, "client")]
    return found
