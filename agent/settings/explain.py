"""Turns a validation error into words: what is wrong, what would be right, and an example.

The words are made from the models' own JSON schema, so a limit is written once and the text can never disagree with the check.
"""

import difflib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from agent.settings.model import Settings
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.texts import N_, Message, message

_UNITS = {"_ms": N_("milliseconds"), "_per_s": N_("per second"), "_s": N_("seconds"), "_h": N_("hours")}
_KINDS = {
    bool: N_("true or false"),
    int: N_("a whole number"),
    float: N_("a number with a fraction"),
    str: N_("text"),
    list: N_("a list"),
    dict: N_("a table"),
}
_TAG = "kind"  # what tells tables of one list apart
_PASSWORD_KEYS = frozenset({"password", "pass", "secret", "token"})

Schema = Mapping[str, Any]


def explain(error: ErrorDetails, data: Mapping[str, Any]) -> Finding:
    """A finding for one pydantic error; ``data`` is the file as read."""
    place = _place_of(error, data)
    match error["type"]:
        case "extra_forbidden":
            return Finding(place, message(N_("Unknown setting.")), _did_you_mean(place, data))
        case "missing" | "union_tag_not_found":
            problem = message(N_("This setting is missing."))
        case kind if kind.endswith("_type"):
            problem = message(N_("Wrong kind of value: {kind}."), kind=_kind(_value(data, place)))
        case _:
            problem = message(N_("This value is not allowed: {value}."), value=toml(_value(data, place)))
    schema = _schema_at(place, data)
    return Finding(place, problem, message(N_("Right is: {right}."), right=_right(place, schema)), _example(place, schema, data))


def _place_of(error: ErrorDetails, data: Mapping[str, Any]) -> Place:
    """Where in the file an error is: pydantic puts the kind of a listener into its path, and means the kind itself when that is wrong."""
    place: list[str | int] = []
    value: Any = data
    for part in error["loc"]:
        if isinstance(value, dict) and part not in value and part == value.get(_TAG) and place:
            continue
        place.append(part)
        value = _member(value, part)
    if error["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        place.append(_TAG)
    return tuple(place)


def toml(value: object) -> str:
    """A value as it is written in the file."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _value(data: Any, place: Place) -> Any:
    for part in place:
        data = _member(data, part)
    return data


def _member(value: Any, part: str | int) -> Any:
    """What a step of a place leads to; None where the file has nothing."""
    try:
        return value[part]
    except (LookupError, TypeError):
        return None


def _kind(value: object) -> Message:
    return message(_KINDS.get(type(value), N_("a date or time")))


def _did_you_mean(place: Place, data: Mapping[str, Any]) -> Message:
    name = str(place[-1])
    known = list(_schema_at(place[:-1], data).get("properties", {}))
    if name.lower() in _PASSWORD_KEYS and "password_file" in known:
        return message(N_("A password is never written here: put it into a file and name the file with password_file."))
    if close := difflib.get_close_matches(name.lower(), known, n=1):
        return message(N_("Did you mean {name}?"), name=close[0])
    here = ".".join(part for part in place[:-1] if isinstance(part, str))  # of another kind of the same table is not elsewhere
    elsewhere = [path for path in _all_settings() if path.rpartition(".")[2] == name and path.rpartition(".")[0] != here]
    if elsewhere:
        return message(N_("This setting belongs elsewhere: {places}."), places=", ".join(elsewhere))
    return message(N_("Known here are: {names}."), names=", ".join(known))


def _right(place: Place, schema: Schema) -> Message:
    """What would be a right value, from the schema. A list is described by its members."""
    if "enum" in schema or "const" in schema:
        options = schema.get("enum", [schema.get("const")])
        return message(N_("one of {options}"), options=", ".join(toml(option) for option in options))
    match schema.get("type"):
        case "integer":
            return _right_number(place, schema)
        case "boolean":
            return message(N_("true or false, without quotes"))
        case "array":
            members = _resolve(schema["items"])
            if members.get("type") == "object":
                return message(N_("at least one table"))
            return message(N_("a list in square brackets, each member {member}"), member=_right(place, members))
        case "object":
            return message(N_("a table"))
        case _:
            limit = schema.get("maxLength")
            return message(N_("text in quotes, 1 to {limit} characters"), limit=limit) if limit else message(N_("text in quotes"))


def _right_number(place: Place, schema: Schema) -> Message:
    low, high = schema["minimum"], schema["maximum"]  # a limit on everything: a number without both is a mistake in the model
    key = next((part for part in reversed(place) if isinstance(part, str)), "")
    for suffix, unit in _UNITS.items():
        if key.endswith(suffix):
            return message(N_("a whole number from {low} to {high} ({unit})"), low=low, high=high, unit=message(unit))
    return message(N_("a whole number from {low} to {high}"), low=low, high=high)


def _example(place: Place, schema: Schema, data: Mapping[str, Any]) -> str | None:
    """``key = value`` with the schema's example, its default, or its first option; for a table its header."""
    while isinstance(place[-1], int):  # a member of a list: the example is of the whole list
        place = place[:-1]
        schema = _schema_at(place, data)
    header = ".".join(part for part in place if isinstance(part, str))
    if "properties" in schema:
        return f"[{header}]"
    if "properties" in _resolve(schema.get("items", {})):
        return f"[[{header}]]"
    options = [*schema.get("examples", ()), *schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    value = options[0] if options else schema.get("default")
    return None if value is None else f"{place[-1]} = {toml(value)}"


@cache
def _root() -> dict[str, Any]:
    return Settings.model_json_schema()


def _resolve(schema: Schema, value: Any = None) -> Schema:
    """A schema without its references and with the first branch of an optional one; what stands beside a branch is kept. Of tables told
    apart by their kind it is that of ``value``, or what they have between them."""
    resolved = dict(schema)
    while "$ref" in resolved or "anyOf" in resolved:
        branch = _named(resolved.pop("$ref")) if "$ref" in resolved else resolved.pop("anyOf")[0]
        resolved = {**branch, **resolved}
    if "oneOf" not in resolved:
        return resolved
    kinds: Mapping[str, str] = resolved["discriminator"]["mapping"]
    kind = value.get(_TAG) if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in kinds:
        return _named(kinds[kind])
    branches = [_named(one["$ref"])["properties"] for one in resolved["oneOf"]]
    members = {name: member for branch in branches for name, member in branch.items()}
    return {"type": "object", "properties": {**members, _TAG: {"enum": [branch[_TAG]["const"] for branch in branches]}}}


def _named(reference: str) -> Schema:
    found: Schema = _root()["$defs"][reference.rpartition("/")[2]]
    return found


def _schema_at(place: Place, data: Mapping[str, Any]) -> Schema:
    schema = _resolve(_root())
    value: Any = data
    for part in place:
        value = _member(value, part)
        schema = _resolve(schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {}), value)
    return schema


@cache
def _all_settings() -> tuple[str, ...]:
    """The dotted path of every setting, to find the right table for a key in the wrong one."""

    def walk(prefix: str, schema: Schema) -> list[str]:
        inner = _resolve(schema["items"]) if schema.get("type") == "array" else schema
        paths = []
        for name, member in inner.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            paths += [path, *walk(path, _resolve(member))]
        return paths

    return tuple(walk("", _resolve(_root())))
