"""Goal: what is configured is what the engine and the transport are told: every payment system with its own account, waits and policies.
Method: configurations of several systems, put together as the daemon does it."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.assembly import WIRINGS, accounts_of, setup_of
from agent.assembly.account import todays
from agent.core.capability import TABLE, UNHEARD_OF, Approval
from agent.core.model import Binding, Environment
from agent.settings import SYSTEMS, Settings, load
from tests.support.stand import STORE, TERMINAL, Plan, Stand

PAYCORE = {"service": "payment_card_rub_hpp", "answer_limit_ms": 20_000, "poll_interval_ms": 3_000}
SOFTLINE = {
    "payment_method": "CreditCard",
    "return_success_url": "https://shop.example/thanks",
    "refund_email": "kassa@shop.example",
    "connect_limit_ms": 1_000,
}
ALL = {"paycore": PAYCORE, "softline": SOFTLINE, "payconnect": {}}
TILLS = {TERMINAL: {}, "till-04": {"provider": "softline", "send_deadline_s": 60}}


@pytest.fixture
def stand() -> Stand:
    """The files of a till with all systems; nothing runs."""
    made = Stand(Plan(tills=TILLS, systems=ALL, store={"provider": "paycore"}))
    made._write_files()
    return made


@pytest.fixture
def settings(stand: Stand) -> Settings:
    try:
        return load(stand.config)
    finally:
        stand.close()


def test_every_system_that_can_be_configured_can_be_used(settings: Settings) -> None:
    """The table of settings and the table of wirings name the same systems, and each provider answers to its name with its column."""
    assert WIRINGS.keys() == SYSTEMS.keys() == settings.provider.configured.keys() == TABLE.keys()
    setup = setup_of(settings)
    for name, provider in setup.providers.items():
        assert (provider.name, setup.bindings[name].provider, setup.bindings[name].environment) == (name, name, Environment.TEST)
        assert provider.capabilities.approval is TABLE[name].approval
        assert provider.capabilities.idempotent_create == TABLE[name].idempotent_create


def test_each_till_has_its_system_and_a_policy_with_all_of_them(settings: Settings) -> None:
    """A till's own waits hold with any system, a system's own with any till."""
    setup = setup_of(settings)
    first, second = setup.terminals[STORE, TERMINAL], setup.terminals[STORE, "till-04"]
    assert (first.provider, second.provider) == ("paycore", "softline")
    assert first.policies.keys() == second.policies.keys() == SYSTEMS.keys()
    assert [one.policies["paycore"].send_deadline_ms for one in (first, second)] == [30_000, 60_000]
    assert [one.policies["paycore"].read_interval_ms for one in (first, second)] == [3_000, 3_000]
    assert first.policies["koshelek"].read_interval_ms == 300
    assert setup.policy(STORE, "a till that left", "paycore").read_interval_ms == 3_000


def test_accounts_are_told_apart(stand: Stand, settings: Settings) -> None:
    """Every binding has its account; where all accounts share an address the login is a part of the name."""
    accounts = accounts_of(settings)
    bindings = setup_of(settings).bindings
    root = f"http://127.0.0.1:{stand.sandbox_port}"
    assert {name: one.account for name, one in bindings.items()} == {
        "koshelek": f"{root}/acme",
        "paycore": f"{root}/paycore/api#sandbox",
        "softline": f"{root}/softline#sandbox",
        "payconnect": f"{root}/payconnect",
    }
    assert accounts.keys() == {one.account for one in bindings.values()}
    assert accounts[f"{root}/paycore/api#sandbox"].base_url == f"{root}/paycore/api"


def test_every_account_has_the_waits_of_its_system(settings: Settings) -> None:
    """What is set for one does not change another's."""
    accounts, bindings = accounts_of(settings), setup_of(settings).bindings
    limits = {name: accounts[one.account].limits for name, one in bindings.items()}
    assert all(limits.values())
    assert {name: (one.answer_limit_ms, one.connect_limit_ms) for name, one in limits.items() if one} == {
        "koshelek": (10_000, 3_000),
        "paycore": (20_000, 3_000),
        "softline": (10_000, 1_000),
        "payconnect": (10_000, 3_000),
    }


def test_an_old_account_of_a_system_is_kept_beside_the_new_one(stand: Stand) -> None:
    """It is served with its own login and its own side; new sales do not go there."""
    old = '[[provider.paycore.retired]]\nenvironment = "test"\nlogin = "coma_0"\n'
    old += f'base_url = "http://127.0.0.1:{stand.sandbox_port}/paycore/api"\npassword_file = "{stand.folder / "password"}"\n'
    stand.config.write_text(stand.config.read_text() + old)
    settings = load(stand.config)
    stand.close()
    assert len(accounts_of(settings)) == len(SYSTEMS) + 1
    account = setup_of(settings).bindings["paycore"].account
    assert account.endswith("/paycore/api#sandbox")
    assert account.replace("#sandbox", "#coma_0") in accounts_of(settings)


def test_todays_password_is_read_and_a_lost_one_is_a_lookup_error(stand: Stand, settings: Settings, tmp_path: Path) -> None:
    """The file is read at each request: a changed one counts at once, and one that is gone has the transport's word for it."""

    key = tmp_path / "key"
    key.write_text("one")
    key.chmod(0o600)
    assert settings.provider.paycore is not None
    place = settings.provider.paycore.model_copy(update={"password_file": key})
    read = todays(place)
    assert read() == "one"
    key.write_text("two")
    assert read() == "two"
    key.unlink()
    with pytest.raises(LookupError):
        read()


def test_a_system_that_is_switched_off_is_still_understood(settings: Settings) -> None:
    """Its settled sales can be looked at with what the table says of it; a name that nobody knows promises nothing."""
    setup = setup_of(settings)
    left = replace(setup, providers={name: one for name, one in setup.providers.items() if name != "softline"})
    assert left.capabilities("softline") == TABLE["softline"]
    assert left.capabilities("koshelek") is setup.providers["koshelek"].capabilities
    assert left.capabilities("a system of the future") is UNHEARD_OF
    assert (UNHEARD_OF.approval, UNHEARD_OF.read, UNHEARD_OF.cancel) == (Approval.LINK, False, False)
    with pytest.raises(KeyError):
        left.provider("softline")


def test_a_binding_says_what_a_sale_belongs_to(settings: Settings) -> None:
    """Another login at a shared address is another account: it cannot be exchanged while money is owed."""
    assert settings.provider.paycore is not None
    other = settings.provider.model_copy(update={"paycore": settings.provider.paycore.model_copy(update={"login": "coma_2"})})
    moved = setup_of(settings.model_copy(update={"provider": other})).bindings
    before = setup_of(settings).bindings
    assert {name for name in before if before[name] != moved[name]} == {"paycore"}
    assert isinstance(moved["paycore"], Binding)
