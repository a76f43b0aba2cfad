"""Every setting of the file by its name: which table has it, and what the file says of it now.

A name is the dotted path without numbers: ``store.account``, ``provider.koshelek.wait_limit_s``. Tables of one list that are told apart by
their kind share names, so that ``listener.path`` is three settings.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from agent.settings.model import Settings
from agent.settings.part import Part
from agent.settings.places import Place
from agent.settings.shape import KIND

NEAREST = 5  # names that are offered for one that is not there

_NUMBER = re.compile(r"#\d+|\[\d*\]|[\[\]]")  # what a name may carry that is copied from a message or from the file


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting, or a table. ``kind``: of a table that is told apart by it. ``inner``: the tables that may stand there."""

    name: str
    model: type[Part]
    field: str
    kind: str | None = None
    inner: tuple[type[Part], ...] = ()

    @property
    def required(self) -> bool:
        return self.model.model_fields[self.field].is_required()


@cache
def entries() -> tuple[Entry, ...]:
    """All of them, in the order of the models."""
    return tuple(_walk(Settings, "", None))


def _walk(model: type[Part], prefix: str, kind: str | None) -> Iterator[Entry]:
    for field, facts in model.model_fields.items():
        name = f"{prefix}.{field}" if prefix else field
        inner = tuple(_models(facts.annotation))
        yield Entry(name, model, field, kind, inner)
        for one in inner:
            yield from _walk(one, name, _kind_of(one) or kind)


def _models(annotation: object) -> Iterator[type[Part]]:
    """The tables somewhere inside an annotation: behind Optional, in a tuple, in a union of kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _kind_of(model: type[Part]) -> str | None:
    facts = model.model_fields.get(KIND)
    return str(get_args(facts.annotation)[0]) if facts else None


def found(key: str, tables: Mapping[str, Any]) -> list[Entry]:
    """The settings that a person means: by the whole name, with a kind in it (``listener.serial.baud``), or by its last part; of several
    tables then only those that the file has, if it has any of them. Empty if there is none."""
    wanted = _NUMBER.sub("", key).strip(".").lower()
    exact = [one for one in entries() if wanted in {one.name, _with_kind(one)}]
    if exact:
        return exact
    ending = [one for one in entries() if one.name.endswith(f".{wanted}")]
    there = [one for one in ending if value_places(one.name.rpartition(".")[0], tables)]
    return there or ending


def _with_kind(entry: Entry) -> str:
    first, _, rest = entry.name.partition(".")
    return f"{first}.{entry.kind}.{rest}" if entry.kind and rest else entry.name


def nearest(key: str) -> list[str]:
    """Names that look like one that is not there."""
    wanted = _NUMBER.sub("", key).strip(".").lower()
    names = list(dict.fromkeys(one.name for one in entries()))
    close = difflib.get_close_matches(wanted, names, n=NEAREST, cutoff=0.75)
    if close:
        return close
    last = {name: name.rpartition(".")[2] for name in names}
    endings = difflib.get_close_matches(wanted.rpartition(".")[2], list(dict.fromkeys(last.values())), n=2, cutoff=0.7)
    return [name for ending in endings for name in names if last[name] == ending][:NEAREST]


def value_places(name: str, data: Mapping[str, Any]) -> list[tuple[Place, Any]]:
    """Where the file has a setting, with its value: one place, or one in each table of a list."""
    parts: list[tuple[Place, Any]] = [((), data)]
    for step in name.split(".") if name else ():
        parts = [((*place, step), value[step]) for one in parts for place, value in tables_at(*one) if step in value]
    return parts


def tables_at(place: Place, value: Any) -> Sequence[tuple[Place, Mapping[str, Any]]]:
    """The table at a place, or each of a list of tables."""
    if isinstance(value, dict):
        return [(place, value)]
    members = value if isinstance(value, list) else ()
    return [((*place, index), one) for index, one in enumerate(members) if isinstance(one, dict)]
