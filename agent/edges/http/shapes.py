"""JSON Schemas of requests and answers: those from the messages' own models, these from the typed dictionaries of ``drivers``."""

import types
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from drivers.messages import Request

_REFERENCE = "#/components/schemas/"
_NO_CONTROL = r"[^\p{Cc}]"  # in the validator's dialect of regular expressions
_NO_CONTROL_PLAIN = r"[^\u0000-\u001f\u007f-\u009f]"  # in everybody's
_KNOWN_AS = {"ge": "minimum", "le": "maximum"}  # limits of a field whose value is converted first have the validator's names
_KNOWN_OF_LISTS_AS = {"minLength": "minItems", "maxLength": "maxItems"}  # the validator writes of converted lists as of texts
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def request_schemas(kind: type[Request], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a request; the parts it refers to are added to ``schemas``."""
    found = kind.model_json_schema(by_alias=True, ref_template=_REFERENCE + "{model}")
    for name, part in found.pop("$defs", {}).items():
        schemas[name] = _plainly(part)
    plain = _plainly(found)
    assert isinstance(plain, dict)
    return plain


def _plainly(schema: Any) -> Any:
    """Without generated titles and without null: what is left out is left out."""
    match schema:
        case {"anyOf": [first, {"type": "null"}], **rest}:
            kept = {name: value for name, value in rest.items() if name not in ("title", "default")}
            return {**_plainly(first), **_plainly(kept)}
        case dict():
            untitled = {str(name): value for name, value in schema.items() if name != "title" or not isinstance(value, str)}
            known_as = _KNOWN_AS | (_KNOWN_OF_LISTS_AS if untitled.get("type") == "array" else {})
            return {known_as.get(name, name): _plainly_member(name, value) for name, value in untitled.items()}
        case list():
            return [_plainly(entry) for entry in schema]
        case _:
            return schema


def _plainly_member(name: str, value: Any) -> Any:
    if name == "properties":
        return {field: _plainly(schema) for field, schema in value.items()}
    if name == "pattern":
        return value.replace(_NO_CONTROL, _NO_CONTROL_PLAIN)
    return value if name in ("examples", "default", "enum") else _plainly(value)


def shape(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type as answers use them; typed dictionaries are added to ``schemas`` and referred to. Raises TypeError."""
    if is_typeddict(kind):
        if kind.__name__ not in schemas:
            schemas[kind.__name__] = {}  # known before its members are looked at
            schemas[kind.__name__] = _typed_dictionary(kind, schemas)
        return {"$ref": _REFERENCE + kind.__name__}
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": shape(arguments[0], schemas)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": shape(arguments[1], schemas)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [shape(option, schemas) for option in arguments]}
    if origin in (NotRequired, Required):
        return shape(arguments[0], schemas)
    raise TypeError(f"an answer cannot hold {kind!r}")


def _typed_dictionary(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """More members may come with later versions: readers ignore what they do not know."""
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: shape(member, schemas) for name, member in get_type_hints(kind).items()},
        "required": sorted(kind.__required_keys__),
    }
    return found | ({"description": kind.__doc__.replace("``", "`")} if kind.__doc__ else {})
