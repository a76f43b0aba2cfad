"""Turns a validation error into words: what is wrong, what would be right, and an example.

The words are made from the models' own JSON schema, so a limit is written once and the text can never disagree with the check.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.shape import KIND, Schema, Shape, member, value_at
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
RIGHT = N_("Right is: {right}.")

_PASSWORD_KEYS = frozenset({"password", "pass", "secret", "token"})


def explain(error: ErrorDetails, data: Mapping[str, Any], shape: Shape) -> Finding:
    """A finding for one pydantic error; ``data`` is the file as read, ``shape`` that of the model which refused it."""
    place = _place_of(error, data)
    match error["type"]:
        case "extra_forbidden":
            return Finding(place, message(N_("Unknown setting.")), _did_you_mean(place, data, shape))
        case "missing" | "union_tag_not_found":
            problem = message(N_("This setting is missing."))
        case kind if kind.endswith("_type"):
            problem = message(N_("Wrong kind of value: {kind}."), kind=_kind(value_at(data, place)))
        case _:
            problem = message(N_("This value is not allowed: {value}."), value=toml(value_at(data, place)))
    schema = shape.at(place, data)
    right = message(RIGHT, right=right_value(place, schema, shape))
    return Finding(place, problem, right, example(place, data, shape))


def _place_of(error: ErrorDetails, data: Mapping[str, Any]) -> Place:
    """Where in the file an error is: pydantic puts the kind of a listener into its path, and means the kind itself when that is wrong."""
    place: list[str | int] = []
    value: Any = data
    for part in error["loc"]:
        if isinstance(value, dict) and part not in value and part == value.get(KIND) and place:
            continue
        place.append(part)
        value = member(value, part)
    if error["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        place.append(KIND)
    return tuple(place)


def toml(value: object) -> str:
    """A value as it is written in the file."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _kind(value: object) -> Message:
    return message(_KINDS.get(type(value), N_("a date or time")))


def _did_you_mean(place: Place, data: Mapping[str, Any], shape: Shape) -> Message:
    name = str(place[-1])
    known = list(shape.at(place[:-1], data).get("properties", {}))
    if name.lower() in _PASSWORD_KEYS and "password_file" in known:
        return message(N_("A password is never written here: put it into a file and name the file with password_file."))
    if close := difflib.get_close_matches(name.lower(), known, n=1):
        return message(N_("Did you mean {name}?"), name=close[0])
    here = ".".join(part for part in place[:-1] if isinstance(part, str))  # of another kind of the same table is not elsewhere
    elsewhere = [path for path in shape.names() if path.rpartition(".")[2] == name and path.rpartition(".")[0] != here]
    if elsewhere:
        return message(N_("This setting belongs elsewhere: {places}."), places=", ".join(elsewhere))
    return message(N_("Known here are: {names}."), names=", ".join(known))


def right_value(place: Place, schema: Schema, shape: Shape) -> Message:
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
            members = shape.resolve(schema["items"])
            if members.get("type") == "object":
                return message(N_("at least one table"))
            return message(N_("a list in square brackets, each member {member}"), member=right_value(place, members, shape))
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


def example(place: Place, data: Mapping[str, Any], shape: Shape) -> str | None:
    """``key = value`` with the schema's example, its default, or its first option; for a table its header."""
    while isinstance(place[-1], int):  # a member of a list: the example is of the whole list
        place = place[:-1]
    schema = shape.at(place, data)
    header = ".".join(part for part in place if isinstance(part, str))
    if "properties" in schema:
        return f"[{header}]"
    if "properties" in shape.resolve(schema.get("items", {})):
        return f"[[{header}]]"
    options = [*schema.get("examples", ()), *schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    value = options[0] if options else schema.get("default")
    return None if value is None else f"{place[-1]} = {toml(value)}"
