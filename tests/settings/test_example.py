"""Goal: the shipped example is right, complete, and says the code's own defaults. Method: it is loaded with and without its comments."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.core.model import Environment
from agent.core.policy import Policy
from agent.settings import (
    Client,
    HttpListener,
    Problem,
    PtyListener,
    SerialListener,
    Settings,
    TcpListener,
    Terminal,
    UnixListener,
    load,
    policy_of,
)
from agent.settings.koshelek import Koshelek
from agent.settings.model import Backup, Helper, Journal, Log, Store

from .conftest import EXAMPLE, FILLING

NEEDED = {"kind", "path", "port", "client", "name", "token_file", "terminals"}  # of a listener: what has no default


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
    assert settings.provider.koshelek.base_url(Environment.TEST) == "https://api-test.koshelek.app/acme"
    assert policy_of(settings, settings.terminal[0]) == Policy()


def test_every_documented_default_is_the_models_default(example: str, write: Callable[[str], Path]) -> None:
    """With every "# key = value" line switched on, the settings are the same as without: each says the true default."""
    plain = load(write(example))
    switched_on = load(write(uncommented(example)), machine=False)
    store = switched_on.store[0].model_copy(update={"payment_purpose": None, "subscription_purpose": None, "address": None})
    provider = switched_on.provider.model_copy(update={"koshelek": switched_on.provider.koshelek.model_copy(update={"retired": ()})})
    assert switched_on.helper == Helper(command=("/opt/koshelek-totp/helper",))
    assert len(switched_on.provider.koshelek.retired) == 1
    first, *others = switched_on.listener
    assert {"tcp", "http", "serial", "pty"} == {other.kind for other in others}
    for table in [*others, *(client for other in others for client in getattr(other, "client", ()))]:
        assert table.model_dump(exclude_defaults=True).keys() <= NEEDED, "the example shows something else than the default"
    assert (
        switched_on.model_copy(update={"helper": None, "backup": None, "store": (store,), "provider": provider, "listener": (first,)})
        == plain
    )


def test_every_setting_is_in_the_example() -> None:
    """No setting exists that the example does not show."""
    text = EXAMPLE.read_text()
    models: list[type[BaseModel]] = [Settings, Journal, Backup, Log, Koshelek, Helper, Store, Terminal, UnixListener]
    models += [TcpListener, HttpListener, Client, SerialListener, PtyListener]
    names = {name for model in models for name in model.model_fields} - {"provider", "koshelek"}
    assert {name for name in names if not re.search(rf"^(# |# Example: )?(\[+)?([a-z.]+\.)?{name}\b", text, re.MULTILINE)} == set()


def test_documented_limits_are_the_models_limits() -> None:
    """Each "N to M, default D" beside a provider's number is what the model checks."""
    documented = re.findall(r"(\d+)(?: \([^)]*\))? to (\d+)(?: \([^)]*\))?, default (\d+)[^\n]*\n# ([a-z_]+) = (\d+)", EXAMPLE.read_text())
    models: list[type[BaseModel]] = [Koshelek, Terminal, SerialListener, Journal, Backup]
    properties: dict[str, Any] = {name: schema for model in models for name, schema in model.model_json_schema()["properties"].items()}
    assert len(documented) >= 18
    for low, high, default, name, shown in documented:
        schema = properties[name]
        assert (schema["minimum"], schema["maximum"], schema["default"]) == (int(low), int(high), int(default)), name
        assert shown == default, name


def uncommented(text: str) -> str:
    """The example with every commented setting and table switched on."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
