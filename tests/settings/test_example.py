"""Goal: the shipped example is right, complete, and says the code's own defaults. Method: it is loaded with and without its comments."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.core.model import Environment
from agent.core.policy import Policy
from agent.settings import (
    SYSTEMS,
    Client,
    Customer,
    HttpListener,
    PageListener,
    Problem,
    PtyListener,
    SerialListener,
    Settings,
    TcpListener,
    Terminal,
    UnixListener,
    Webhooks,
    load,
    policy_of,
)
from agent.settings.model import Backup, Helper, Journal, Log, Store
from agent.settings.paycore import PayCorePayouts
from agent.settings.webhooks import HOOKS

from .conftest import EXAMPLE, FILLING

PLACES = {"test_base_url", "password_file", "password_credential"}  # of an account: one of each is needed
NEEDED = {"kind", "path", "port", "client", "name", "token_file", "role", "terminals"}  # of a listener: what has no default


def test_untouched_the_check_names_every_placeholder(problems: Callable[..., list[Problem]]) -> None:
    """A technician who forgets to fill in a value is told its line, for all of them at once."""
    text = EXAMPLE.read_text()
    found = problems(text)
    expected = [number for number, line in enumerate(text.splitlines(), 1) if re.search(r'"[^"]*<[a-z-]+>', line)]
    assert [problem.line for problem in found] == expected
    assert all("placeholder" in str(problem.problem) for problem in found)
    assert {name for name in FILLING if name in text} == set(FILLING)


def test_filled_in_it_is_valid(example: str, write: Callable[[str], Path]) -> None:
    """The example needs nothing but its placeholders; what it does not set has the code's defaults, and so has the policy."""
    settings = load(write(example))
    assert settings.environment is Environment.TEST
    assert list(settings.provider.configured) == ["koshelek"]
    assert settings.provider.configured["koshelek"].base_url(Environment.TEST) == "https://api-test.koshelek.app/acme"
    assert policy_of(settings, settings.terminal[0], "koshelek") == Policy()


def test_every_documented_default_is_the_models_default(example: str, write: Callable[[str], Path]) -> None:
    """With every "# key = value" line switched on, the settings are the same as without: each says the true default."""
    plain = load(write(example))
    switched_on = load(write(uncommented(example)), machine=False)
    store = switched_on.store[0].model_copy(update={"payment_purpose": None, "address": None})
    systems = dict(switched_on.provider.configured)
    assert systems.keys() == SYSTEMS.keys()
    for name, model in SYSTEMS.items():
        needed = {field for field, facts in model.model_fields.items() if facts.is_required()}
        shown = systems[name].model_dump(exclude_defaults=True)
        assert len(shown.pop("retired")) == 1
        assert shown.keys() <= needed | PLACES, f"{name}: the example shows something else than the default"
    assert switched_on.helper == Helper(command=("/opt/koshelek-totp/helper",))
    first, *others = switched_on.listener
    assert {"tcp", "http", "page", "serial", "pty"} == {other.kind for other in others}
    for table in [*others, *(client for other in others for client in getattr(other, "client", ()))]:
        assert table.model_dump(exclude_defaults=True).keys() <= NEEDED, "the example shows something else than the default"
    assert switched_on.webhooks is not None
    for hook in (switched_on.webhooks, *switched_on.webhooks.hooks.values()):
        assert hook.model_dump(exclude_defaults=True, exclude=set(HOOKS)).keys() <= {"port", "login", "secret_files"}
    same = {"helper": None, "backup": None, "store": (store,), "provider": plain.provider, "listener": (first,), "webhooks": None}
    assert switched_on.model_copy(update=same) == plain


def test_every_setting_is_in_the_example() -> None:
    """No setting exists that the example does not show."""
    text = EXAMPLE.read_text()
    models: list[type[BaseModel]] = [Settings, Journal, Backup, Log, Customer, Helper, Store, Terminal, UnixListener, *SYSTEMS.values()]
    models += [PayCorePayouts, TcpListener, HttpListener, PageListener, Client, SerialListener, PtyListener, Webhooks, *HOOKS.values()]
    names = {name for model in models for name in model.model_fields} - {"provider", *SYSTEMS}
    assert {name for name in names if not re.search(rf"^(# |# Example: )?(\[+)?([a-z.]+\.)?{name}\b", text, re.MULTILINE)} == set()


def test_documented_limits_are_the_models_limits() -> None:
    """Each "N to M, default D" beside a number is what the model of its table checks."""
    found: list[str] = []
    limits = r"(\d+)(?: \([^)]*\))? to (\d+)(?: \([^)]*\))?(?: each)?, default (\d+)[^\n]*\n# ([a-z_]+) = (\d+)"
    for table, text in tables_of(EXAMPLE.read_text()):
        system = PayCorePayouts if table == "provider.paycore.payouts" else SYSTEMS.get(table.removeprefix("provider."))
        models: list[type[BaseModel]] = [system] if system else [Terminal, SerialListener, Journal, Backup]
        models = [Webhooks] if table == "webhooks" else models
        properties: dict[str, Any] = {name: schema for model in models for name, schema in model.model_json_schema()["properties"].items()}
        for low, high, default, name, shown in re.findall(limits, text):
            schema = properties[name]
            assert (schema["minimum"], schema["maximum"], schema["default"]) == (int(low), int(high), int(default)), (table, name)
            assert shown == default, (table, name)
            found.append(name)
    assert len(found) >= 18


def tables_of(text: str) -> list[tuple[str, str]]:
    """The names of the tables, switched on or not, each with the text that follows it."""
    parts = re.split(r"^(?:# )?\[+([a-z_.]+)\]+$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def uncommented(text: str) -> str:
    """The example with every commented setting and table switched on."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
