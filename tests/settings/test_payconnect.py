"""PayConnect's settings: with real money every assumption must be confirmed; what is configured reaches provider and limiter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.assembly import accounts_of, payconnect, setup_of
from agent.core.model import Environment
from agent.edges.authorization import TokenLogin
from agent.edges.limiter import Rate
from agent.settings import Problem, describe, load
from agent.settings.payconnect import QUESTIONS

Problems = Callable[..., list[Problem]]

TABLE = """
[provider.payconnect]
test_base_url = "http://127.0.0.1:8099/payconnect"
production_base_url = "https://api.payconnect.com"
password_file = "/etc/koshelek-agent/payconnect-key"
"""
RETIRED = """
[[provider.payconnect.retired]]
environment = "test"
base_url = "http://127.0.0.1:8099/old/"
password_file = "/etc/koshelek-agent/old-key"
"""


def real(example: str) -> str:
    """The example, filled in for real money, without PayConnect."""
    text = example.replace('environment = "test"', 'environment = "production"', 1)
    return text.replace("# Example: production_base_url", "production_base_url", 1)


def test_real_money_waits_for_every_confirmation(example: str, problems: Problems, write: Callable[[str], Path]) -> None:
    """Nothing confirmed: all are listed with what to ask and whom, in the technician's language; the test side needs none."""
    (problem,) = problems(real(example) + TABLE)
    assert problem.key_path == "provider.payconnect.confirmed_assumptions"
    assert all(f"{name} ({question})" in str(problem.problem) for name, question in QUESTIONS.items())
    assert "PayConnect's support in writing" in str(problem.hint)
    told = describe([problem], "ru")
    assert "поддержки PayConnect" in told
    assert "no_refund (что касса не может вернуть деньги" in told
    assert problem.example is not None
    load(write(example + TABLE), machine=False)
    settings = load(write(real(example) + TABLE + problem.example), machine=False)
    assert payconnect.provider_of(settings).name == "payconnect"


@pytest.mark.parametrize("missing", QUESTIONS)
def test_one_that_is_missing_is_named(example: str, problems: Problems, missing: str) -> None:
    """And no other."""
    others = ", ".join(f'"{name}"' for name in QUESTIONS if name != missing)
    (problem,) = problems(real(example) + TABLE + f"confirmed_assumptions = [{others}]")
    assert [name for name in QUESTIONS if f"{name} (" in str(problem.problem)] == [missing]


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ('confirmed_assumptions = ["everything"]', "confirmed_assumptions#1", "not allowed"),
        ('confirmed_assumptions = "statuses"', "confirmed_assumptions", "Wrong kind"),
        ('failed_words = ["pending"]', "failed_words", "can have one meaning only"),
        ("succeeded_words = []", "succeeded_words", ""),
        ('read_path = "/v1/payments"', "read_path", "not allowed"),
        ('id_field = "a..b"', "id_field", "not allowed"),
        ("address_share_percent = 10", "address_share_percent", "10"),
        ("requests_per_minute = 10", "requests_per_minute", "10"),
        ('signature_hash = "md5"', "signature_hash", "not allowed"),
        ('customer = { email = "nobody" }', "customer.email", "not allowed"),
    ],
)
def test_every_mistake_is_named(example: str, problems: Problems, line: str, place: str, words: str) -> None:
    """With its place; nothing else is complained of."""
    (problem,) = problems(example + TABLE + line)
    assert problem.key_path == f"provider.payconnect.{place}"
    assert words in str(problem.problem)


def test_what_is_configured_reaches_the_provider(example: str, write: Callable[[str], Path]) -> None:
    """Names, words, the agreed address; the account logs in, and its host has one limit with its share of the address."""
    extra = 'address_share_percent = 25\nid_field = "data.uid"\npending_words = ["open"]\ndescription = "Заказ {orderId}"\n'
    extra += 'customer = { email = "kassa@shop.example" }\nwait_limit_s = 60\n'
    settings = load(write(example + TABLE + extra + RETIRED), machine=False)
    provider = payconnect.provider_of(settings)
    assert setup_of(settings).providers["payconnect"].capabilities.wait_limit_ms == 60_000
    assert provider.login().path == "/v1/auth/token"
    accounts = accounts_of(settings)
    binding = payconnect.binding_of(settings)
    assert (binding.environment, binding.account) == (Environment.TEST, "http://127.0.0.1:8099/payconnect")
    current, old = accounts[binding.account], accounts["http://127.0.0.1:8099/old"]
    assert isinstance(current.authorization, TokenLogin)
    assert current.authorization.secrets.keys() == {"key"}
    assert current.rate == old.rate == Rate("payconnect 127.0.0.1", 25)
    others = [other.rate for name, other in accounts.items() if name not in (binding.account, old.base_url)]
    assert others == [None] * len(others) != []
