"""Goal: [provider.paycore] becomes the provider, the account and the policy that it says, and its list of services can be asked for."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import accounts_of, setup_of
from agent.assembly.paycore import in_its_words
from agent.cli.common import Exit
from agent.core.model import Environment
from agent.core.money import Kopecks
from agent.core.payout.policy import PayoutPolicy
from agent.providers.paycore import Create, Limits, LinkSource, PayCore, PayCoreSettings, PayoutSettings, Shape
from agent.sandbox.server import Sandbox
from agent.sandbox.settings import SandboxSettings
from agent.settings import PayCore as Given
from agent.settings import Problem, load
from agent.settings.paycore import PayCorePayouts

from .conftest import EXAMPLE, ROOT

TABLE = """
[provider.paycore]
test_base_url = "https://com.paycore.io/api/"
login = "coma_1"
password_credential = "paycore-key"
"""
EVERYTHING = """
service = "payment_card_rub_hpp"
fields = { promo = "1234" }
buyer_fields = { mail = "customer.email" }
customer = { email = "kassa@shop.example", phone = "+79990000000" }
least_amount = 100
most_amount = 15000000
send_customer = true
send_metadata = false
return_url = "https://shop.example/thanks"
callback_url = "https://hooks.shop.example/paycore"
hpp_base_url = ""
link_source = "hpp"
create_shape = "flat"
refund_shape = "flat"
amount_as_text = true
invoices_path = "/payment-invoice"
find_path = "/payment-invoices"
test_mode_required = false
created_statuses = [200, 201]
unclear_statuses = [429]
requests_per_minute = 300
wait_limit_s = 90
link_wait_s = 20
"""


KEY = 'public_key = "pk_test_1"\n'


@pytest.fixture
def configured(example: str, write: Callable[[str], Path]) -> Callable[..., Any]:
    """The example with a table for PayCore."""
    return lambda more="", table=TABLE: load(write(example + table + more), machine=False)


def test_what_is_not_set_has_the_providers_defaults(configured: Callable[..., Any]) -> None:
    """Two places name defaults; they name the same."""
    settings = configured()
    assert in_its_words(settings) == PayCoreSettings(test_mode=True)
    setup = setup_of(settings)
    assert isinstance(setup.providers["paycore"], PayCore)
    binding = setup.bindings["paycore"]
    assert (binding.environment, binding.account) == (Environment.TEST, "https://com.paycore.io/api#coma_1")
    assert accounts_of(settings)[binding.account].url("/payment-invoices") == "https://com.paycore.io/api/payment-invoices"


def test_every_setting_reaches_the_provider(configured: Callable[..., Any]) -> None:
    """Each value differs from its default, on both sides."""
    settings = configured(EVERYTHING)
    told = in_its_words(settings)
    assert told == PayCoreSettings(
        test_mode=True,
        service="payment_card_rub_hpp",
        fields={"promo": "1234"},
        buyer_fields={"mail": "customer.email"},
        buyer={"customer.email": "kassa@shop.example", "customer.phone": "+79990000000"},
        create_shape=Shape.FLAT,
        refund_shape=Shape.FLAT,
        amount_as_text=True,
        invoices_path="/payment-invoice",
        find_path="/payment-invoices",
        hpp_base_url="",
        link_source=LinkSource.HPP,
        return_url="https://shop.example/thanks",
        callback_url="https://hooks.shop.example/paycore",
        send_customer=True,
        send_metadata=False,
        created_statuses=frozenset({200, 201}),
        unclear_statuses=frozenset({429}),
        test_mode_required=False,
        wait_limit_ms=90_000,
        limits=Limits(least=told.limits.least, most=told.limits.most),
    )
    assert (told.limits.least, told.limits.most) == (100, 15_000_000)
    rates = {one.host: one.rate for one in accounts_of(settings).values() if one.rate is not None}
    assert {host: (rate.address, rate.per_minute) for host, rate in rates.items()} == {
        "com.paycore.io": ("paycore coma_1@com.paycore.io", 300)
    }
    policy = next(iter(setup_of(settings).terminals.values())).policies["paycore"]
    assert (policy.wait_limit_ms, policy.link_wait_ms) == (90_000, 20_000)


def test_payments_without_the_secret_key(configured: Callable[..., Any]) -> None:
    """Who makes them, with which key and link, and where the till sends what it makes itself."""
    own = in_its_words(configured(f'create = "hpp"\n{KEY}link_life_s = 900\nlocale = "ru"\n'))
    assert own == PayCoreSettings(test_mode=True, create=Create.HPP, public_key="pk_test_1", link_life_s=900, locale="ru")
    settings = configured(f'create = "public"\n{KEY}public_create_path = "/payment-invoice"\n')
    assert in_its_words(settings) == PayCoreSettings(
        test_mode=True, create=Create.PUBLIC, public_key="pk_test_1", public_create_path="/payment-invoice"
    )
    account = accounts_of(settings)["https://com.paycore.io/api#coma_1"]
    assert account.url("/payment-invoice", public=True) == "https://com.paycore.io/public-api/payment-invoice"
    elsewhere = configured('public_base_url = "https://public.shop.example/api"\n')
    assert accounts_of(elsewhere)["https://com.paycore.io/api#coma_1"].public_url is None


def test_the_side_is_the_agents_own(example: str, write: Callable[[str], Path]) -> None:
    """One address serves both sides, so the request must say which it is about."""
    live = example.replace('environment = "test"', 'environment = "production"').replace("test_base_url", "production_base_url")
    live = live.replace("api-test.koshelek.app", "api.koshelek.app")
    settings = load(write(live + TABLE.replace("test_base_url", "production_base_url")), machine=False)
    assert in_its_words(settings).test_mode is False


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://127.0.0.1:8099/paycore/api", "http://127.0.0.1:8099/paycore/hpp/"),
        ("https://pay.brand.example/", "https://pay.brand.example/hpp/"),
    ],
)
def test_the_page_of_another_host_must_be_named(
    example: str, problems: Callable[..., list[Problem]], write: Callable[[str], Path], url: str, page: str
) -> None:
    """A link to the vendor's own page would lead to payments that it does not know; the problem shows the line that is missing, and with it
    links lead there. Of a wrong address only that is said."""
    table = TABLE.replace("https://com.paycore.io/api/", url)
    (found,) = problems(example + table)
    assert (found.key_path, found.example) == ("provider.paycore.hpp_base_url", f'hpp_base_url = "{page}"')
    assert url in str(found.problem)
    assert in_its_words(load(write(f"{example}{table}{found.example}\n"), machine=False)).hpp_base_url == page
    assert in_its_words(load(write(f'{example}{table}hpp_base_url = ""\n'), machine=False)).hpp_base_url == ""
    wrong = problems if "127.0.0.1" in url else lambda text: load(write(text), machine=False)  # a brand's page may be anywhere
    assert wrong(f'{example}{table}hpp_base_url = "https://com.paycore.io/hpp/"\n')
    (other,) = problems(example + TABLE.replace("https://com.paycore.io/api/", "http://10.0.0.1/api"))
    assert other.key_path == "provider.paycore.test_base_url"


def test_real_money_is_not_paid_on_this_machine(example: str, problems: Callable[..., list[Problem]]) -> None:
    """A page of the sandbox is left over from a trial."""
    live = example.replace('environment = "test"', 'environment = "production"').replace("test_base_url", "production_base_url")
    live = live.replace("api-test.koshelek.app", "api.koshelek.app") + TABLE.replace("test_base_url", "production_base_url")
    found = problems(live + 'hpp_base_url = "http://127.0.0.1:8080/paycore/hpp/"\n')
    assert [one.key_path for one in found] == ["provider.paycore.hpp_base_url"]


def test_accounts_that_are_only_watched(configured: Callable[..., Any]) -> None:
    """Another login is another account, at the same address."""
    old = '[[provider.paycore.retired]]\nenvironment = "test"\nbase_url = "https://com.paycore.io/api"\nlogin = "coma_0"\n'
    settings = configured(old + 'password_credential = "old-key"\n')
    names = {name for name in accounts_of(settings) if "paycore" in name}
    assert names == {"https://com.paycore.io/api#coma_1", "https://com.paycore.io/api#coma_0"}


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('service = "a b"', "service"),
        ('invoices_path = "payment-invoices"', "invoices_path"),
        ('find_path = "/../x"', "find_path"),
        ('hpp_base_url = "https://com.paycore.io/hpp/?x=1"', "hpp_base_url"),
        ('buyer_fields = { mail = "customer.mail" }', "buyer_fields.mail"),
        ("created_statuses = []", "created_statuses"),
        ("unclear_statuses = [500]", "unclear_statuses#1"),
        ('public_key = "sk_live_secret"', "public_key"),
        ('link_source = "qr"', "link_source"),
        ("least_amount = 0", "least_amount"),
        ("least_amount = 200\nmost_amount = 100", "least_amount"),
        ('hpp_base_url = "http://pay.shop.example/hpp/"', "hpp_base_url"),
        ('public_base_url = "https://key@com.paycore.io"', "public_base_url"),
        ('create = "form"', "create"),
        ('create = "public"', "public_key"),
        ('create = "public"\npublic_key = "pk_test_"', "public_key"),
        ('create = "hpp"\npublic_key = "pk_live_1"', "public_key"),
        (f'create = "public"\n{KEY}public_base_url = "https://public.shop.example"', "public_base_url"),
        (f'create = "public"\n{KEY}public_base_url = "https://[public"', "public_base_url"),
        (f'create = "hpp"\n{KEY}hpp_base_url = ""', "hpp_base_url"),
        (f'create = "hpp"\n{KEY}send_customer = true', "send_customer"),
        (f'create = "hpp"\n{KEY}buyer_fields = {{ mail = "customer.email" }}', "buyer_fields"),
        (f'create = "hpp"\n{KEY}link_life_s = 120', "link_life_s"),
        ('balances_path = "account"', "balances_path"),
    ],
)
def test_what_cannot_work_is_named(example: str, problems: Callable[..., list[Problem]], line: str, place: str) -> None:
    """With its place, before anything starts."""
    assert [one.key_path for one in problems(f"{example}{TABLE}{line}\n")] == [f"provider.paycore.{place}"]


def test_the_example_shows_every_setting_at_its_default() -> None:
    """Its own ones; those that all systems share stand at Koshelek's."""
    text = EXAMPLE.read_text()
    section = text[text.index("# [provider.paycore]") : text.index("# [[provider.paycore.retired]]")]
    shown = {line.removeprefix("# ").split(" = ")[0]: line for line in section.splitlines() if " = " in line and line.startswith("# ")}
    shared = {"password_file", "password_credential", "ca_file"}
    own = {name for name in Given.model_fields if name in Given.__annotations__ or name in Given.__mro__[1].__annotations__}
    missing = [name for name in own - shared - {"retired", "payouts"} if name not in shown and f"Example: {name}" not in shown]
    assert missing == []
    payouts = section[section.index("# [provider.paycore.payouts]") :]
    assert {name for name in PayCorePayouts.model_fields if not re.search(rf"^# (Example: )?{name} = ", payouts, re.MULTILINE)} == set()


# --- payouts ---

PAYOUTS = """[provider.paycore.payouts]
enabled = true
service = "payout_card_rub"
most_amount = 500000
most_per_day = 2000000
send_deadline_s = 90
slow_h = 12
searches = 3
search_pause_s = 20
shape = "envelope"
path = "/payout-invoice"
find_path = "/payout-invoice"
read = "public"
services_path = "/payout-services"
"""


def test_payouts_are_off_and_known(configured: Callable[..., Any]) -> None:
    """Unless it is said otherwise nothing is paid out; but what was begun before can be settled."""
    terms = setup_of(configured("")).payouts["paycore"]
    assert (terms.policy, isinstance(terms.provider, PayCore)) == (PayoutPolicy(), True)
    assert (terms.provider.payout_searches, terms.provider.payout_search_pause_ms) == (5, 30_000)


def test_every_setting_of_payouts_is_used(configured: Callable[..., Any]) -> None:
    """Each value differs from its default: half of them are the engine's, the others the provider's."""
    settings = configured(PAYOUTS)
    assert setup_of(settings).payouts["paycore"].policy == PayoutPolicy(
        enabled=True,
        service="payout_card_rub",
        most_amount=Kopecks(500_000),
        most_per_day=Kopecks(2_000_000),
        send_deadline_ms=90_000,
        slow_ms=12 * 3_600_000,
    )
    assert in_its_words(settings).payouts == PayoutSettings(
        shape=Shape.ENVELOPE,
        path="/payout-invoice",
        find_path="/payout-invoice",
        public_read=True,
        services_path="/payout-services",
        searches=3,
        search_pause_ms=20_000,
    )
    elsewhere = configured('public_base_url = "https://public.example"\n')
    assert not in_its_words(elsewhere).payouts.ask_services, "its connections do not lead there"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("enabled = true", {"payouts.most_amount", "payouts.most_per_day"}),
        ("enabled = true\nmost_amount = 100", {"payouts.most_per_day"}),
        ("enabled = true\nmost_amount = 200\nmost_per_day = 100", {"payouts.most_amount"}),
        ('read = "public"', {"payouts.read"}),
        ("searches = 1", {"payouts.searches"}),
        ('path = "/../x"', {"payouts.path"}),
    ],
)
def test_what_is_wrong_about_payouts(problems: Callable[..., list[Problem]], example: str, given: str, wrong: set[str]) -> None:
    """No payout without a limit that somebody has chosen, none that is larger than a day's, and no read where no connection leads."""
    public = 'public_base_url = "https://public.example"\n'
    found = problems(example + TABLE + public + "[provider.paycore.payouts]\n" + given + "\n")
    assert {problem.key_path.removeprefix("provider.paycore.") for problem in found} == wrong


# --- the list of services ---


async def services(sandbox: Sandbox, write: Callable[[str], Path], example: str, more: str = "") -> tuple[int, dict[str, Any], str]:
    """``config services --json``."""
    return await asked(sandbox, write, example, more, "config", "services")


async def asked(sandbox: Sandbox, write: Callable[[str], Path], example: str, more: str, *words: str) -> tuple[int, dict[str, Any], str]:
    """A command with ``--json`` as a process of its own: exit status, what it printed, and its complaints."""
    table = TABLE.replace("https://com.paycore.io/api/", f"{sandbox.base_url}/paycore/api")
    public = f'public_base_url = "{sandbox.base_url}/paycore/public-api"\nhpp_base_url = "{sandbox.base_url}/paycore/hpp/"\n'
    config = write(example + table + public + more)
    command = [sys.executable, "-m", "agent", "--config", str(config), *words, "--json"]
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    ran = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | {"LANG": "en_US.UTF-8"}, **pipes)
    out, complaints = await ran.communicate()
    return ran.returncode or 0, json.loads(out), complaints.decode()


async def test_a_technician_sees_the_services_and_what_does_not_fit(example: str, write: Callable[[str], Path]) -> None:
    """Over real HTTP; status 0 only if all of it fits."""
    fits = 'public_key = "pk_test_x"\nservice = "payment_card_rub_hpp"\nleast_amount = 100\nmost_amount = 15000000\n'
    async with Sandbox(SandboxSettings(port=0)) as sandbox:
        status, told, complaints = await services(sandbox, write, example, fits)
        assert (status, told["problems"], complaints) == (Exit.OK, [], "")
        assert told["services"][0]["code"] == "payment_card_rub_hpp"
        assert told["services"][0]["fields"][0]["pattern"] == r"^\d{4}$"
        assert (told["services"][0]["leastAmount"], told["services"][0]["mostAmount"]) == (100, 15_000_000)
        status, told, _ = await services(sandbox, write, example, 'public_key = "pk_live_x"\nservice = "other"\n')
        assert (status, [one["code"] for one in told["problems"]]) == (Exit.CONFIGURATION, ["other_side", "not_offered"])


async def test_what_cannot_be_asked_is_told(example: str, write: Callable[[str], Path]) -> None:
    """No key; no service; nobody there; an answer that is none. Each says where to write what."""
    async with Sandbox(SandboxSettings(port=0)) as sandbox:
        status, told, _ = await services(sandbox, write, example)
        assert (status, told["error"]["code"]) == (Exit.CONFIGURATION, "CONFIGURATION")
        assert 'public_key = "pk_test_..."' in told["error"]["message"]
        status, told, _ = await services(sandbox, write, example, 'public_key = "pk_test_x"\n')
        assert (status, [one["code"] for one in told["problems"]]) == (Exit.CONFIGURATION, ["not_chosen"])
        assert "service = ... Offered are: payment_card_rub_hpp" in told["problems"][0]["problem"]
        key = 'public_key = "pk_other"\n'
        status, told, _ = await services(sandbox, write, example, key)
        assert (status, told["error"]["code"]) == (Exit.CONFLICT, "UNREADABLE")
    status, told, _ = await services(sandbox, write, example, key)
    assert (status, told["error"]["code"]) == (Exit.UNREACHABLE, "UNREACHABLE")


# --- balances ---


async def test_what_stands_on_the_accounts(example: str, write: Callable[[str], Path], tmp_path: Path) -> None:
    """One request with the API key, over real HTTP; what is wrong with it has a status of its own."""
    key = tmp_path / "key"
    key.write_text("sandbox")
    key.chmod(0o600)
    table = TABLE.replace("coma_1", "sandbox").replace('password_credential = "paycore-key"', f'password_file = "{key}"')
    async with Sandbox(SandboxSettings(port=0)) as sandbox:
        at = table.replace("https://com.paycore.io/api/", f"{sandbox.base_url}/paycore/api") + f'hpp_base_url = "{sandbox.base_url}/hpp/"\n'

        async def balances(more: str = "") -> tuple[int, dict[str, Any]]:
            config = write(example + at + more)
            command = [sys.executable, "-m", "agent", "--config", str(config), "balances", "--json"]
            ran = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            out, _ = await ran.communicate()
            return ran.returncode or 0, json.loads(out)

        nothing = {"balances": [{"id": "comca_sandbox", "currency": "RUB", "amounts": {"balance": "0.00", "reserved": "0.00"}}]}
        assert await balances() == (Exit.OK, nothing)
        status, told = await balances('balances_path = "/payment-invoices/x"\n')
        assert (status, told["error"]["code"]) == (Exit.CONFLICT, "UNREADABLE")
        key.write_text("another")
        status, told = await balances()
        assert (status, told["error"]["code"]) == (Exit.CONFLICT, "ACCESS_DENIED")
    status, told = await balances()
    assert (status, told["error"]["code"]) == (Exit.UNREACHABLE, "UNREACHABLE")
    key.unlink()
    status, told = await balances()
    assert (status, told["error"]["code"]) == (Exit.CONFIGURATION, "CONFIGURATION")
