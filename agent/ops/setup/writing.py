"""The configuration as text: TOML in the order of the example, with what each setting means beside it."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from agent.settings.entries import entries
from agent.settings.meanings import meaning
from agent.settings.shape import KIND
from agent.texts import N_, Translate, message

WIDTH_CHARACTERS = 110

HEAD = N_(
    'Configuration of koshelek-agent, written by "koshelek-agent setup". Change it by running that again, or here: then "koshelek-agent '
    'config check" names every mistake, and "systemctl reload koshelek-agent" takes the change over. "koshelek-agent config explain KEY" '
    "says what a setting is. Comments of your own are not kept by the next setup; they stay in its dated copy."
)
ORDER = (
    "environment",
    "language",
    "timezone",
    "journal",
    "backup",
    "log",
    "provider",
    "helper",
    "store",
    "terminal",
    "listener",
    "webhooks",
)

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def written(data: Mapping[str, Any], translate: Translate) -> str:
    """The text of the file. ``data`` holds what TOML can hold, without dates and fractions: no setting has any."""
    lines = [*_comment(message(HEAD).text(translate)), ""]
    ordered = {name: data[name] for name in (*ORDER, *data) if name in data}
    lines += _Writer(translate).table((), ordered)
    return "\n".join(lines).rstrip("\n") + "\n"


class _Writer:
    """Each setting is explained where it stands first."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate
        self._explained: set[tuple[str, str | None]] = set()

    def table(self, path: tuple[str, ...], table: Mapping[str, Any], kind: str | None = None) -> Iterator[str]:
        """Its values, then the tables in it."""
        kind = str(table[KIND]) if KIND in table and path == ("listener",) else kind
        for name, value in table.items():
            if not _is_table(value) and not _are_tables(value):
                yield from self._meaning((*path, name), kind)
                yield f"{_key(name)} = {toml(value)}"
        for name, value in table.items():
            here = (*path, name)
            header = ".".join(map(_key, here))
            for one in (value if _are_tables(value) else [value]) if _is_table(value) or _are_tables(value) else ():
                if _is_table(value) and one and all(_is_table(inner) for inner in one.values()):  # nothing but tables: needs no header
                    yield from self.table(here, one, kind)
                    continue
                yield from ("", *self._meaning(here, kind))
                yield f"[[{header}]]" if _are_tables(value) else f"[{header}]"
                yield from self.table(here, one, kind)

    def _meaning(self, path: tuple[str, ...], kind: str | None) -> Iterator[str]:
        """What a setting is, unless it stands above already."""
        name = ".".join(path)
        entry = next((one for one in entries() if one.name == name and one.kind in (None, kind)), None)
        if entry is None or (name, entry.kind) in self._explained:
            return
        self._explained.add((name, entry.kind))
        yield from _comment(meaning(entry.model, entry.field).text(self._translate))


def toml(value: object) -> str:
    """A value: JSON's texts, numbers, truth values and lists are TOML's as well, save for one character."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH_CHARACTERS)]
