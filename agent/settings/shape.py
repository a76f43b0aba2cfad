"""The JSON schema of a model, and the way around in it: from a place in a file to what may stand there.

Messages about mistakes, ``config explain`` and the schema for editors are all made from it, so a limit is written once, in the model.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from pydantic import BaseModel

from agent.settings.places import Place

KIND = "kind"  # what tells tables of one list apart

Schema = Mapping[str, Any]


class Shape:
    """The schema of one model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.root: Schema = model.model_json_schema()

    def at(self, place: Place, data: Mapping[str, Any]) -> Schema:
        """What may stand at a place; empty where nothing may. ``data`` is the file, which says of what kind a table is."""
        schema = self.resolve(self.root)
        value: Any = data
        for part in place:
            value = member(value, part)
            schema = self.resolve(schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {}), value)
        return schema

    def resolve(self, schema: Schema, value: Any = None) -> Schema:
        """A schema without its references and with the first branch of an optional one; what stands beside a branch is kept. Of tables told
        apart by their kind it is that of ``value``, or what they have between them."""
        resolved = dict(schema)
        while "$ref" in resolved or "anyOf" in resolved:
            branch = self._named(resolved.pop("$ref")) if "$ref" in resolved else resolved.pop("anyOf")[0]
            resolved = {**branch, **resolved}
        if "oneOf" not in resolved:
            return resolved
        kinds: Mapping[str, str] = resolved["discriminator"]["mapping"]
        kind = value.get(KIND) if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in kinds:
            return self._named(kinds[kind])
        branches = [self._named(one["$ref"])["properties"] for one in resolved["oneOf"]]
        members = {name: inner for branch in branches for name, inner in branch.items()}
        return {"type": "object", "properties": {**members, KIND: {"enum": [branch[KIND]["const"] for branch in branches]}}}

    def names(self) -> tuple[str, ...]:
        """The dotted name of every setting and table."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        def walk(prefix: str, schema: Schema) -> list[str]:
            inner = self.resolve(schema["items"]) if schema.get("type") == "array" else schema
            found = []
            for name, one in inner.get("properties", {}).items():
                path = f"{prefix}.{name}" if prefix else name
                found += [path, *walk(path, self.resolve(one))]
            return found

        return tuple(walk("", self.resolve(self.root)))

    def _named(self, reference: str) -> Schema:
        found: Schema = self.root["$defs"][reference.rpartition("/")[2]]
        return found


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """The shape of a model, made when it is first wanted: that takes tens of milliseconds."""
    return Shape(model)


def value_at(data: Any, place: Place) -> Any:
    """What the file has at a place; None where it has nothing."""
    for part in place:
        data = member(data, part)
    return data


def member(value: Any, part: str | int) -> Any:
    """What a step of a place leads to; None where the file has nothing."""
    try:
        return value[part]
    except (LookupError, TypeError):
        return None
