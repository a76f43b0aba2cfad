"""Goal: any set of payment systems can be configured, every till's money has one way to go, and what is wrong about it is said before the
first sale. Method: the filled-in example with tables of the other systems, right and wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.model import Environment
from agent.core.policy import BackOff, Offline, Policy, Unclaimed
from agent.settings import KOSHELEK, PAYCORE, Problem, Settings, Terminal, load, policy_of
from agent.settings.link_provider import LinkProvider
from agent.settings.providers import by_default
from agent.settings.system import PaymentSystem

Problems = Callable[..., list[Problem]]
Write = Callable[[str], Path]

PAGE_LINE = 'hpp_base_url = "http://127.0.0.1:8099/paycore/hpp/"\n'
PAYCORE_TABLE = f"""
[provider.paycore]
test_base_url = "http://127.0.0.1:8099/paycore/api"
{PAGE_LINE}login = "coma_1"
password_credential = "paycore-key"
"""
SOFTLINE_TABLE = """
[provider.softline]
test_base_url = "https://api.ecommerce.softline.com.demoslweb.com"
login = "shop@shop.example"
password_credential = "softline-password"
payment_method = "CreditCard"
return_success_url = "https://shop.example/thanks"
refund_email = "kassa@shop.example"
"""
NUMBERS = """
first_read_ms = 2001
poll_interval_ms = 2002
poll_cap_s = 61
wait_limit_s = 181
link_wait_s = 11
unanswered_attempts = 4
window_after_deadline_s = 61
window_after_reachable_s = 62
window_limit_s = 599
slip_wait_s = 6
refund_blind_repeat_s = 598
refund_slow_h = 167
unclaimed_s = 121
unconfirmed_s = 3601
key_reuse_h = 25
checkout_backoff_base_ms = 501
checkout_backoff_cap_ms = 5001
settle_backoff_base_ms = 1001
settle_backoff_cap_ms = 30001
"""
OF_KOSHELEK = ("legal_id", "merchant_id", "account", "member_id")


@pytest.fixture
def alone(example: str) -> str:
    """PayCore without Koshelek, and nothing of a shop that only Koshelek asks for."""
    start, end = example.index("[provider.koshelek]"), example.index("# The command around")
    lines = (example[:start] + PAYCORE_TABLE + example[end:]).splitlines()
    return "\n".join(line for line in lines if not line.startswith(OF_KOSHELEK))


def till(text: str, line: str) -> str:
    """The text with a line added to its terminal."""
    place = 'terminal_id = "till-1"'
    assert place in text
    return text.replace(place, f"{line}\n{place}", 1)


def shop(text: str, line: str) -> str:
    """The text with a line added to its store."""
    place = 'brand_name = "'
    assert place in text
    return text.replace(place, f"{line}\n{place}", 1)


def route(settings: Settings) -> str:
    return settings.provider_of(settings.terminal[0])


# --- which ones ---


def test_any_one_of_them_is_enough(alone: str, write: Write) -> None:
    """A shop that has nothing to do with Koshelek says nothing of what only Koshelek asks for, and its tills use what there is."""
    settings = load(write(alone), machine=False)
    assert (settings.provider.koshelek, list(settings.provider.configured)) == (None, [PAYCORE])
    assert settings.store[0].member_id is None
    assert route(settings) == PAYCORE


def test_none_is_too_few(alone: str, problems: Problems) -> None:
    """Neither an empty table nor none at all; the names that can stand there are told."""
    for nothing in ("[provider]", ""):
        (found,) = [one for one in problems(alone.replace(PAYCORE_TABLE, nothing + "\n")) if one.key_path == "provider"]
        assert (found.example, "koshelek, paycore, softline, payconnect" in str(found.hint)) == ("[provider.koshelek]", True)


def test_one_that_nobody_knows_is_a_mistake(alone: str, problems: Problems) -> None:
    """With the name that was meant."""
    (found,) = problems(alone.replace("provider.paycore", "provider.paykore"))
    assert (found.key_path, "Did you mean paycore?" in str(found.hint)) == ("provider.paykore", True)


def test_what_koshelek_asks_of_a_shop_stays_required_with_it(example: str, problems: Problems) -> None:
    """Also when other systems are configured and the till uses one of them: any checkout may name Koshelek."""
    text = till(example, 'provider = "paycore"') + PAYCORE_TABLE
    lines = [line for line in text.splitlines() if not line.startswith(OF_KOSHELEK)]
    found = problems("\n".join(lines))
    assert [one.key_path for one in found] == [f"store#1.{name}" for name in sorted(OF_KOSHELEK)]
    assert [one.example for one in found][-1] == 'merchant_id = "MB0000000001"'


# --- which way ---


@pytest.mark.parametrize(
    ("store", "terminal", "expected"),
    [
        ("", "", "koshelek"),
        ('provider = "softline"', "", "softline"),
        ("", 'provider = "paycore"', "paycore"),
        ('provider = "softline"', 'provider = "paycore"', "paycore"),
        ('provider = "paycore"', 'provider = "koshelek"', "koshelek"),
    ],
)
def test_the_till_goes_before_its_store_and_both_before_koshelek(
    example: str, write: Write, store: str, terminal: str, expected: str
) -> None:
    """With several systems and Koshelek among them."""
    assert route(load(write(till(shop(example, store), terminal) + PAYCORE_TABLE + SOFTLINE_TABLE), machine=False)) == expected


def test_without_koshelek_two_systems_need_a_word(alone: str, problems: Problems, write: Write) -> None:
    """Nobody guesses whose money it is; a word at the till or at its store is enough."""
    both = alone + SOFTLINE_TABLE
    (found,) = problems(both)
    assert found.key_path == "terminal#1.provider"
    assert "paycore, softline" in str(found.hint)
    assert route(load(write(till(both, 'provider = "softline"')), machine=False)) == "softline"
    assert route(load(write(shop(both, 'provider = "paycore"')), machine=False)) == "paycore"


@pytest.mark.parametrize("place", [till, shop])
@pytest.mark.parametrize(
    ("name", "hint"), [("paycor", "Did you mean paycore?"), ("softline", "Configured are: koshelek, paycore."), ("Koshelek", "koshelek?")]
)
def test_a_system_that_is_not_configured_cannot_be_used(
    example: str, problems: Problems, place: Callable[[str, str], str], name: str, hint: str
) -> None:
    """The name is told with what it could have meant, or with what there is."""
    (found,) = problems(place(example, f'provider = "{name}"') + PAYCORE_TABLE)
    assert found.key_path in ("terminal#1.provider", "store#1.provider")
    assert hint in str(found.hint)
    assert found.example == 'provider = "koshelek"'


def test_who_is_meant_by_default() -> None:
    """Koshelek wherever it is, the only one, nobody."""
    assert [by_default(names) for names in ([], ["paycore"], ["paycore", "softline"], ["softline", "koshelek"])] == [
        None,
        "paycore",
        None,
        "koshelek",
    ]


# --- accounts ---


def test_every_system_has_its_own_checks(example: str, problems: Problems) -> None:
    """Addresses, places of passwords and limits of each table are looked at; the test side of Softline is told by its name."""
    text = PAYCORE_TABLE + SOFTLINE_TABLE
    for old, new in (
        ("http://127.0.0.1:8099/paycore/api", "http://10.0.0.1/api"),
        ('password_credential = "paycore-key"', "answer_limit_ms = 6000"),
        (".demoslweb.com", ""),
        ('login = "shop@shop.example"', 'login = "shop@shop.example"\nwait_limit_s = 601'),
    ):
        text = text.replace(old, new)
    found = {one.key_path: str(one.problem) for one in problems(example + text)}
    assert "Only https" in found["provider.paycore.test_base_url"]
    assert "password is missing" in found["provider.paycore.password_file"]
    assert "6500 here" in found["provider.paycore.answer_limit_ms"]
    assert "real money would move in a test" in found["provider.softline.test_base_url"]
    assert "601" in found["provider.softline.wait_limit_s"]
    assert len(found) == 5


def test_the_side_in_force_needs_an_address_of_every_system(example: str, problems: Problems) -> None:
    """For production all of them are asked, each with an example of its own."""
    paycore = PAYCORE_TABLE.replace(PAGE_LINE, "")  # which is of this machine, where no real money is paid
    found = problems(example.replace('environment = "test"', 'environment = "production"') + paycore + SOFTLINE_TABLE)
    assert {one.key_path: one.example for one in found} == {
        "provider.koshelek.production_base_url": 'production_base_url = "https://api.koshelek.app/acme"',
        "provider.paycore.production_base_url": 'production_base_url = "https://com.paycore.io/api"',
        "provider.softline.production_base_url": 'production_base_url = "https://api.ecommerce.softline.com"',
    }


def test_an_address_belongs_to_one_system(example: str, problems: Problems) -> None:
    """A payment must not go where nobody understands it; a system's own old account may stand at its own address."""
    own = PAYCORE_TABLE + '\n[[provider.paycore.retired]]\nenvironment = "test"\nbase_url = "http://127.0.0.1:8099/paycore/api/"\n'
    own += 'login = "coma_0"\npassword_credential = "old"\n'
    text = example + own + SOFTLINE_TABLE.replace("https://api.ecommerce.softline.com.demoslweb.com", "http://127.0.0.1:8099/paycore/api")
    (found,) = problems(text)
    assert (found.key_path, "address of paycore" in str(found.problem)) == ("provider.softline.test_base_url", True)


def test_a_retired_account_of_any_system_is_checked(example: str, problems: Problems) -> None:
    """Its address must fit its side, and its password must have a place."""
    retired = (
        '\n[[provider.softline.retired]]\nenvironment = "production"\nbase_url = "https://a.demonqweb.com"\nlogin = "old@shop.example"\n'
    )
    found = {one.key_path: str(one.problem) for one in problems(example + SOFTLINE_TABLE + retired)}
    assert "test host" in found["provider.softline.retired#1.base_url"]
    assert "password is missing" in found["provider.softline.retired#1.password_file"]


def test_files_of_any_system_are_looked_for(example: str, problems: Problems, tmp_path: Path) -> None:
    """A password and certificates that are not on this machine are told before the start."""
    text = PAYCORE_TABLE.replace('password_credential = "paycore-key"', f'password_file = "{tmp_path}/none"\nca_file = "{tmp_path}/ca"')
    found = [one.key_path for one in problems(example + text, machine=True)]
    assert {"provider.paycore.password_file", "provider.paycore.ca_file"} <= set(found)


def test_a_base_url_of_the_other_side_is_not_there(alone: str, write: Write) -> None:
    """Who asks for the address of a side that is not configured hears which setting it is."""
    system = load(write(alone), machine=False).provider.configured[PAYCORE]
    assert system.base_url(Environment.TEST) == "http://127.0.0.1:8099/paycore/api"
    with pytest.raises(KeyError, match="production_base_url"):
        system.base_url(Environment.PRODUCTION)


# --- numbers ---


def test_every_number_of_a_link_system_arrives_in_its_place(example: str, write: Write) -> None:
    """A changed setting changes its own field of that system's policy and no other; what the till says holds for all its systems."""
    text = till(example, 'offline = "refuse"\nsend_deadline_s = 31\nunclaimed = "return"')
    text += PAYCORE_TABLE.replace('login = "coma_1"', f'login = "coma_1"{NUMBERS}')
    settings = load(write(text), machine=False)
    of_till = {"send_deadline_ms": 31_000, "offline": Offline.REFUSE, "unclaimed": Unclaimed.RETURN}
    assert policy_of(settings, settings.terminal[0], KOSHELEK) == Policy(**of_till)  # type: ignore[arg-type]  # each of its own kind
    assert policy_of(settings, settings.terminal[0], PAYCORE) == Policy(
        send_deadline_ms=31_000,
        offline=Offline.REFUSE,
        unclaimed=Unclaimed.RETURN,
        first_read_ms=2_001,
        read_interval_ms=2_002,
        read_cap_ms=61_000,
        wait_limit_ms=181_000,
        link_wait_ms=11_000,
        unanswered_attempts=4,
        window_after_deadline_ms=61_000,
        window_after_reachable_ms=62_000,
        window_limit_ms=599_000,
        slip_wait_ms=6_000,
        blind_repeat_ms=598_000,
        refund_slow_ms=167 * 3_600_000,
        unclaimed_ms=121_000,
        key_reuse_ms=25 * 3_600_000,
        unconfirmed_ms=3_601_000,
        checkout_backoff=BackOff(501, 5_001),
        settle_backoff=BackOff(1_001, 30_001),
    )


def test_a_system_without_numbers_of_its_own_has_the_common_ones() -> None:
    """What is said once for all systems is the default of each: a fifth one has to say only what differs."""
    common, link = PaymentSystem.model_fields, LinkProvider.model_fields
    assert {name for name in common if link[name].default != common[name].default} == {"poll_cap_s"}
    assert Terminal.model_fields["provider"].default is None
