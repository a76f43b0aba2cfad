"""``config explain`` and ``config schema``: what a setting is and what it is set to; the same for editors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.cli.common import Context, Exit
from agent.running.configuration import RESTART_ONLY
from agent.settings import BadSettings, find
from agent.settings.entries import Entry, entries, found, nearest, tables_at, value_places
from agent.settings.explain import RIGHT, example, right_value, toml
from agent.settings.load import parse, read_text
from agent.settings.meanings import meaning
from agent.settings.places import line_of, places
from agent.settings.problems import EXAMPLE, key_path
from agent.settings.schema import json_schema
from agent.settings.shape import shape_of
from agent.texts import N_, Message, Translate, message

DEFAULT = N_("Default: {value}")
REQUIRED = N_("It has no default: it must be given.")
UNSET = N_("Default: not set")
NOW = N_("Now: {value} ({place}: {file}, line {line})")
NOW_THERE = N_("Now: {place} ({file}, line {line})")
NOW_NOTHING = N_("Now: not there ({file} does not set it)")
NOW_DEFAULT = N_("Now: as by default ({file} does not set it)")
NO_FILE = N_("Now: nothing, because the configuration cannot be read: {problem}")
HOLDS = N_("Holds: {names}")
OF_KIND = N_('{name}, where kind = "{kind}"')
RELOAD = N_("A change takes effect with a reload: systemctl reload koshelek-agent")
RESTART = N_("A change takes effect with a restart: systemctl restart koshelek-agent")
UNKNOWN = N_("There is no setting {key}.")
MEANT = N_("There is no setting {key}. Did you mean: {names}?")


@dataclass(frozen=True, slots=True)
class File:
    """The configuration as far as it can be read: it may be wrong, or not be there."""

    path: Path | None
    data: Mapping[str, Any]
    lines: Mapping[tuple[str | int, ...], int]
    problem: Message | None = None


def explain(context: Context, key: str, translate: Translate) -> None:
    """The command ``config explain``."""
    file = _file(context)
    meant = found(key, file.data)
    if not meant:
        names = nearest(key)
        text = message(MEANT, key=key, names=", ".join(names)) if names else message(UNKNOWN, key=key)
        context.fail(Exit.USAGE, "UNKNOWN_SETTING", text.text(translate), nearest=names)
    settings = [_as_json(one, file, translate) for one in meant]
    context.show({"settings": settings}, lambda: click.echo("\n\n".join(_paragraph(one, file, translate) for one in settings)))


def schema(context: Context, translate: Translate) -> None:
    """The command ``config schema``: with --json in one line, as everything there."""
    made = json_schema(translate)
    context.show(made, lambda: click.echo(json.dumps(made, ensure_ascii=False, indent=2)))


def _file(context: Context) -> File:
    try:
        path = find(Path(context.config_file) if context.config_file else None).absolute()
        text = read_text(path)
        return File(path, parse(path, text), places(text))
    except BadSettings as error:
        first = error.problems[0]
        return File(first.file, {}, {}, first.problem)


def _as_json(entry: Entry, file: File, translate: Translate) -> dict[str, Any]:
    """All that is known of a setting. What is not there is left out."""
    shape = shape_of(entry.model)
    fact = shape.at((entry.field,), {})
    told: dict[str, Any] = {"name": entry.name, "what": meaning(entry.model, entry.field).text(translate), "required": entry.required}
    told |= {"kind": entry.kind} if entry.kind else {}
    if entry.inner:
        told["holds"] = [one.name for one in entries() if one.name.rpartition(".")[0] == entry.name and _of_kind(entry, one)]
        told["holds"] = list(dict.fromkeys(told["holds"]))
    else:
        told["right"] = right_value((entry.field,), fact, shape).text(translate)
        told |= {
            name: fact[word] for name, word in (("minimum", "minimum"), ("maximum", "maximum"), ("default", "default")) if word in fact
        }
        told["example"] = example((entry.field,), {}, shape)
    told["restart"] = entry.name.split(".")[0] in RESTART_ONLY
    told["now"] = list(_now(entry, file))
    return told


def _now(entry: Entry, file: File) -> Iterator[dict[str, Any]]:
    """Where the file has it: once, or in each table of a list."""
    for place, value in value_places(entry.name, file.data):
        if entry.inner:
            yield from ({"place": key_path(one), "line": line_of(dict(file.lines), one)} for one, _ in tables_at(place, value))
        elif entry.kind is None or _kind_at(file.data, place) == entry.kind:
            yield {"place": key_path(place), "line": line_of(dict(file.lines), place), "value": value}


def _of_kind(table: Entry, one: Entry) -> bool:
    return table.kind is None or one.kind in (None, table.kind)


def _kind_at(data: Mapping[str, Any], place: Sequence[str | int]) -> object:
    """The kind of the listener that a place lies in."""
    value: Any = data
    for part in place[:2]:
        value = value[part]
    return value.get("kind")


def _paragraph(told: Mapping[str, Any], file: File, translate: Translate) -> str:
    """The same for people."""

    def say(msgid: str, **values: object) -> str:
        return message(msgid, **values).text(translate)

    lines = [say(OF_KIND, name=told["name"], kind=told["kind"]) if "kind" in told else told["name"], told["what"]]
    if "holds" in told:
        lines.append(say(HOLDS, names=", ".join(name.rpartition(".")[2] for name in told["holds"])))
    else:
        lines.append(say(RIGHT, right=told["right"]))
        given = told.get("default")
        lines.append(say(REQUIRED) if told["required"] else say(UNSET) if given is None else say(DEFAULT, value=toml(given)))
    for one in told["now"]:
        where = {"place": one["place"], "file": file.path, "line": one["line"]}
        lines.append(say(NOW, value=toml(one["value"]), **where) if "value" in one else say(NOW_THERE, **where))
    if file.problem is not None:
        lines.append(say(NO_FILE, problem=file.problem))
    elif not told["now"]:
        lines.append(say(NOW_NOTHING if told["required"] or "holds" in told else NOW_DEFAULT, file=file.path))
    lines.append(say(RESTART if told["restart"] else RELOAD))
    if told.get("example"):
        lines.append(say(EXAMPLE, example=told["example"]))
    return "\n  ".join(lines)
