"""From the parameters a POS sent to a request, or to the list of everything that is wrong with them.

All of it at once: a programmer who integrates a register repairs ten fields in one go, not in ten rounds. The validator's own texts are not
used, because they quote values; each field's ``Rule`` says what is right instead, and only the kind of what came is told.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drivers.fields import Rule
from drivers.messages import REQUESTS, AvailabilityCreate, CheckoutCreate, Request
from drivers.problems import Problem, collect, did_you_mean, shorten


class Invalid(ValueError):
    """The parameters break the protocol. ``problems`` names every wrong place and repeats no value."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.path}: {problem.problem}" for problem in problems[:3]))
        self.problems = list(problems)


class UnknownMethod(Invalid):
    """There is no such method."""


def parse(method: str, params: object) -> Request:
    """The request that ``method`` and ``params`` (JSON with Decimal for fractions) make. Raises UnknownMethod, Invalid."""
    kind = REQUESTS.get(method)
    if kind is None:
        raise UnknownMethod([Problem("method", f"no method of this agent{did_you_mean(method, REQUESTS)}", "agent.status")])
    problems = list(_across(kind, params)) if isinstance(params, Mapping) else []
    try:
        request = kind.model_validate(params, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += collect(error.errors(include_url=False, include_context=False), lambda found: _problem(kind, found))
        raise Invalid(problems) from None  # the cause holds the values received, secrets among them
    if problems:
        raise Invalid(problems)
    return request


def wire_types(kind: type[BaseModel]) -> dict[str, Any]:
    """Wire name -> bare type of each field of a message: for transports whose parameters come as text."""
    return {name: _bare(annotation) for name, annotation in _fields(kind).items()}


def example_of(kind: type[Request]) -> dict[str, Any]:
    """Parameters that are right: the mandatory ones, and those that payment systems with an app need."""
    found = _example(kind)
    return found | {name: _rule(kind, (name,)).example for name in ("user", "cardSession", "token") if "cardSession" in _fields(kind)}


def _across(kind: type[Request], params: Mapping[str, Any]) -> Iterator[Problem]:
    """Rules between fields. They look at the raw parameters, so that they are reported together with wrong fields."""
    card = [name for name in ("cardSession", "barcode") if params.get(name) is not None]
    if kind is AvailabilityCreate and len(card) != 1:
        yield Problem("cardSession", "exactly one of cardSession and barcode must be given", "Q7W2E9")
    if kind is CheckoutCreate and len(card) == 2:
        yield Problem("cardSession", "at most one of cardSession and barcode may be given", "Q7W2E9")


def _problem(kind: type[BaseModel], found: ErrorDetails) -> Problem:
    place, path = found["loc"], _path(found["loc"])
    if found["type"] == "extra_forbidden":
        known = _fields(_owner(kind, place[:-1]))
        return Problem(path, f"no such field{did_you_mean(str(place[-1]), known)}")
    rule = _rule(kind, place)
    if found["type"] == "missing":
        return Problem(path, f"is missing; must be {rule.text}", rule.example)
    return Problem(path, f"must be {rule.text}, not {_kind_of(found['input'])}", rule.example)


def _path(place: tuple[int | str, ...]) -> str:
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{shorten(step)}"
    return path.removeprefix(".") or "params"


def _kind_of(value: object) -> str:
    """What came, in JSON's words; never what it says."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "this whole number"
        case Decimal() | float():
            return "this number with a decimal point or exponent"
        case str():
            return f"this text of {len(value)} characters"
        case Mapping():
            return "this object"
        case list() | tuple():
            return f"this list of {len(value)}"
        case _:
            return "this"


# --- the way from a place in a message to its rule ---


@cache
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Wire name -> annotation, with its rule still in it."""
    hints = get_type_hints(model, include_extras=True)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def _owner(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The message type at ``place``."""
    for step in place:
        if isinstance(step, str):
            inner = _bare(_fields(model)[step])
            model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    return model


def _rule(model: type[BaseModel], place: tuple[int | str, ...]) -> Rule:
    """The rule of the field, or of the message or list where one stands; its example is made of the examples of its fields."""
    stated = None
    if place and isinstance(place[-1], str):
        stated = _find_rule(_fields(_owner(model, place[:-1]))[place[-1]])
    if stated and stated.example is not None:
        return stated
    example = _example(_owner(model, place))
    return Rule(stated.text, [example]) if stated else Rule("an object", example)


@cache
def _example(model: type[BaseModel]) -> dict[str, Any]:
    """The mandatory fields of a message with right values."""
    place = {field.alias or name: field for name, field in model.model_fields.items()}
    return {name: _rule(model, (name,)).example for name, field in place.items() if field.is_required()}


def _find_rule(annotation: Any) -> Rule | None:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return next((entry for entry in metadata if isinstance(entry, Rule)), None) or _find_rule(inner)
    if origin in (Union, types.UnionType):
        return next((rule for option in get_args(annotation) if (rule := _find_rule(option))), None)
    return None


def _bare(annotation: Any) -> Any:
    """The type inside ``Annotated``, ``| None`` and ``tuple``."""
    origin = get_origin(annotation)
    if origin is Annotated or origin is tuple:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _bare(next(option for option in get_args(annotation) if option is not type(None)))
    return annotation
