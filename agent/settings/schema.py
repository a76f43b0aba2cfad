"""The configuration's JSON Schema (draft 2020-12), by which an editor completes names, shows what they mean and marks mistakes.

It is the models' own schema with the texts in it, made plainer where it says what TOML cannot (there is no null), and sharper where the
checks of the whole file can be said in it. What it lets through may still be refused: that two tables have one port, or that a host is on
the wrong side, only ``config check`` knows.
"""

from typing import Any

from agent import __version__
from agent.settings.checks import ABSOLUTE
from agent.settings.entries import entries
from agent.settings.listeners import Client, UnixListener
from agent.settings.meanings import meaning
from agent.settings.model import Helper, Settings, Store
from agent.settings.part import Part
from agent.settings.providers import KOSHELEK, SYSTEMS, Providers
from agent.settings.shops import FOR_KOSHELEK
from agent.settings.system import PaymentSystem, RetiredPlace
from agent.settings.webhooks import HOOKS, Hook, Webhooks
from agent.texts import Translate

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Object = dict[str, Any]


def json_schema(translate: Translate) -> Object:
    """The whole schema, with texts in a language."""
    found = Settings.model_json_schema()
    found.pop("description", None)
    models: dict[str, type[Part]] = {"": Settings} | {one.__name__: one for entry in entries() for one in entry.inner}
    tables = {"": found} | found["$defs"]
    for table in found["$defs"].values():
        table.pop("description", None)  # the models' docstrings are for programmers
    for name, model in models.items():
        _describe(tables[name], model, translate)
    found["allOf"] = [*_sides(), _for_koshelek()]
    title = "koshelek-agent"
    body: Object = _plain(found)
    return {"$schema": DIALECT, "title": title, "$comment": f"{title} {__version__}: config schema", **body}


def _describe(table: Object, model: type[Part], translate: Translate) -> None:
    """The texts, and what only the checks of the whole file know of one table."""
    for field, schema in table["properties"].items():
        schema["description"] = meaning(model, field).text(translate)
        if field in ABSOLUTE and not issubclass(model, Hook):
            schema["pattern"] = "^/"
    if issubclass(model, PaymentSystem | RetiredPlace):
        table["oneOf"] = _one_of("password_file", "password_credential")
    elif issubclass(model, Client):
        table["oneOf"] = _one_of("token_file", "token_credential")
    elif issubclass(model, UnixListener):
        table["anyOf"] = _filled("users", "groups")
    elif issubclass(model, Hook):
        table["anyOf"] = _filled("secret_files", "secret_credentials")
        table["properties"]["secret_files"]["items"] = {"type": "string", "pattern": "^/"}
    elif issubclass(model, Providers):
        table["minProperties"] = 1
    elif issubclass(model, Webhooks):
        table["anyOf"] = _one_of(*HOOKS)
        table["dependentRequired"] = {"certificate_file": ["key_file"], "key_file": ["certificate_file"]}
    elif issubclass(model, Helper):
        command = table["properties"]["command"]
        command["prefixItems"] = [{**command["items"], "pattern": "^/"}]


def _one_of(*names: str) -> list[Object]:
    return [{"required": [name]} for name in names]


def _filled(*names: str) -> list[Object]:
    """At least one of these lists has a member."""
    return [{"required": [name], "properties": {name: {"minItems": 1}}} for name in names]


def _sides() -> list[Object]:
    """The address of the side in use is needed."""
    found: list[Object] = []
    for side in ("test", "production"):
        key = f"{side}_base_url"
        systems = {name: {"required": [key]} for name, model in SYSTEMS.items() if key in model.model_fields}
        found.append({"if": _environment(side), "then": {"properties": {"provider": {"properties": systems}}}})
    return found


def _environment(side: str) -> Object:
    return {"properties": {"environment": {"const": side}}, "required": ["environment"]}


def _for_koshelek() -> Object:
    """What a shop is known by at Koshelek is needed where Koshelek is configured."""
    koshelek = {"properties": {"provider": {"required": [KOSHELEK]}}, "required": ["provider"]}
    assert set(FOR_KOSHELEK) <= set(Store.model_fields)
    return {"if": koshelek, "then": {"properties": {"store": {"items": {"required": list(FOR_KOSHELEK)}}}}}


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Without what means nothing in TOML or to an editor. ``names``: the members' names are settings, not words of the schema."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if names:
        return {name: _plain(one) for name, one in schema.items()}
    branches = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(branches) == 1:
        schema = {**branches[0], **{word: one for word, one in schema.items() if word != "anyOf"}}
    kept = {word: one for word, one in schema.items() if not _useless(word, one)}
    data = {word: kept[word] for word in ("default", "examples", "const", "enum") if word in kept}
    return {word: _plain(one, names=word in {"properties", "$defs"}) for word, one in kept.items()} | data


def _useless(word: str, value: object) -> bool:
    return (
        word in {"title", "discriminator"}
        or (word, value) == ("format", "path")
        or (word == "default" and (value is None or (isinstance(value, dict) and bool(value))))
    )
