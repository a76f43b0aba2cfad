"""Softline's table in the shipped example, and what the assembly makes of it."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import accounts_of, setup_of
from agent.core.hints import ReadsHooks
from agent.core.model import Environment
from agent.core.verdict import secret
from agent.edges.authorization import TokenLogin
from agent.settings import Problem, load
from agent.settings.link_provider import LinkProvider
from agent.settings.softline import Softline, SoftlineCustomer
from tests.providers.builders import REQUEST, SALE, checkout

from .conftest import EXAMPLE

SECTION = EXAMPLE.read_text().split("# Payment links of Softline")[1].split("\n\n\n")[0]
OWN = set(Softline.model_fields) - set(LinkProvider.model_fields) | {"test_base_url", "production_base_url", "customer"}
ACCOUNT = "https://api.ecommerce.softline.com.demoslweb.com#shop@shop.example"


LINES = [line.removeprefix("# ") for line in SECTION.splitlines() if re.match(r"# ([a-z_]+ = |\[+provider\.softline)", line)]
TABLE = "\n".join(LINES[: LINES.index("[[provider.softline.retired]]")])
TILL = "\n[[terminal]]\n"
CUSTOMER = "[provider.softline.customer]"


def read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text)["provider"]["softline"]
    return found


def beside_koshelek(example: str, table: str) -> str:
    """The shipped example with Softline's table in it, and its till on Softline."""
    assert example.count(TILL) == 1
    return example.replace(TILL, f'\n{table}\n{TILL}provider = "softline"\n')


def test_every_setting_is_shown_with_its_default() -> None:
    """Each line that is switched on says the code's own default, but for what the shop must give; the examples are right, too."""
    given = read("\n".join(LINES))
    retired = given.pop("retired")
    needed = {"test_base_url", "login", "password_file", "payment_method", "return_success_url", "refund_email"}
    assert Softline.model_validate(given).model_dump(exclude_defaults=True).keys() == needed
    assert [one.login for one in Softline.model_validate({**given, "retired": retired}).retired] == ["old@shop.example"]
    own, buyer = (tomllib.loads("\n".join(re.findall(r"^# Example: (.*)$", part, re.MULTILINE))) for part in SECTION.split(CUSTOMER))
    Softline.model_validate({**given, **own, "customer": buyer})
    assert buyer.keys() == SoftlineCustomer.model_fields.keys()
    assert OWN - (given.keys() | own.keys() | {"retired"}) == set()


def test_the_limits_are_the_models() -> None:
    """Each "N to M, default D" is what the model checks."""
    schema: dict[str, Any] = Softline.model_json_schema()["properties"]
    documented = re.findall(r"(\d+) to (\d+), default (\d+)\.\n# ([a-z_]+) = (\d+)", SECTION)
    assert {name for *_, name, _ in documented} == {"token_life_s", "searches", "search_pause_ms", "search_margin_s"}
    for low, high, default, name, shown in documented:
        assert (schema[name]["minimum"], schema[name]["maximum"], schema[name]["default"]) == (int(low), int(high), int(default)), name
        assert shown == default


def test_the_assembly_makes_a_provider_and_an_account_with_a_token(example: str, write: Callable[[str], Path]) -> None:
    """The till's sales go to Softline: its provider, its account, its policy."""
    agreed = 'email = "kassa@shop.example"\nfirst_name = "Покупатель"\nlast_name = "Розничный"'
    settings = load(write(beside_koshelek(example, f"{TABLE}\n{agreed}")), machine=False)
    setup = setup_of(settings)
    provider = setup.providers["softline"]
    assert isinstance(provider, ReadsHooks)
    provider.check(SALE, replace(checkout(), payment_methods=()), {})
    body = provider.checkout(SALE, REQUEST, checkout(), frozenset({"customer.email"})).body
    assert body["customer"] == {"email": secret("customer.email"), "first_name": "Покупатель", "last_name": "Розничный"}
    account = accounts_of(settings)[ACCOUNT]
    assert isinstance(account.authorization, TokenLogin)
    assert (account.authorization.header_name, account.authorization.secrets["login"]()) == ("AuthorizationJWT", "shop@shop.example")
    assert (setup.bindings["softline"].account, setup.bindings["softline"].environment) == (ACCOUNT, Environment.TEST)
    (terminal,) = setup.terminals.values()
    assert (terminal.provider, terminal.policies["softline"].wait_limit_ms) == ("softline", 180_000)


def test_a_retired_account_has_a_token_of_its_own(example: str, write: Callable[[str], Path]) -> None:
    """It is watched until its links of ninety days have ended."""
    accounts = accounts_of(load(write(beside_koshelek(example, "\n".join(LINES))), machine=False))
    assert accounts[ACCOUNT].authorization != accounts["https://api.ecommerce.softline.com#old@shop.example"].authorization


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('payment_method = "CreditCard"', 'payment_method = "credit card"'),
        ('return_success_url = "https://shop.example/thanks"', 'return_success_url = "shop.example"'),
        ('refund_email = "kassa@shop.example"', 'refund_email = "kassa"'),
        ("searches = 2", "searches = 0"),
        ("denied_statuses = [401, 403, 404, 405, 429]", "denied_statuses = [400]"),
        ('amount_field = "product.amount"', 'amount_field = ""'),
        ("additional_data = {}", 'additional_data = { "a b" = "x" }'),
        ("[provider.softline.customer]", '[provider.softline.customer]\nemail = "nobody"'),
    ],
)
def test_a_wrong_value_is_refused_before_the_provider_sees_it(
    line: str, wrong: str, example: str, problems: Callable[..., list[Problem]]
) -> None:
    """The table refuses all that the provider would: a till must not fail later than at its check."""
    assert line in TABLE
    (found,) = problems(beside_koshelek(example, TABLE.replace(line, wrong)))
    assert found.key_path.startswith("provider.softline")
    assert found.key_path.split(".")[2].partition("#")[0] in line
