"""Goal: real money never goes to a simulator, test money never to the bank, and a password never over plain HTTP. Method: a table."""

import pytest

from agent.settings.addresses import address_problem, is_loopback

GOOD = [
    ("https://api-test.koshelek.app/acme", "test"),
    ("https://api-test.koshelek.app/acme/", "test"),
    ("http://127.0.0.1:8080/acme", "test"),
    ("http://[::1]:8080", "test"),
    ("http://localhost:8080/x", "test"),
    ("https://sandbox.example/x", "test"),
    ("https://api.koshelek.app/acme", "production"),
    ("https://proxy.example/koshelek", "production"),
]
BAD = [
    ("http://api-test.koshelek.app/acme", "test", "Only https"),
    ("http://127.0.0.1.example/acme", "test", "Only https"),
    ("https://api.koshelek.app/acme", "test", "production host"),
    ("https://API.KOSHELEK.APP/acme", "test", "production host"),
    ("https://api-test.koshelek.app/acme", "production", "test host"),
    ("https://127.0.0.1/acme", "production", "this machine itself"),
    ("http://localhost/acme", "production", "this machine itself"),
    ("https://api.koshelek.app", "production", "partner's name"),
    ("https://api-test.koshelek.app/", "test", "partner's name"),
    ("https://login:word@api-test.koshelek.app/acme", "test", "login or password"),
    ("https://api-test.koshelek.app/acme?x=1", "test", "? or #"),
    ("https://api-test.koshelek.app/acme?", "test", "? or #"),
    ("https://api-test.koshelek.app/acme#x", "test", "? or #"),
    ("ftp://api-test.koshelek.app/acme", "test", "begins with https://"),
    ("api-test.koshelek.app/acme", "test", "begins with https://"),
    ("https:///acme", "test", "begins with https://"),
    ("https://api-test.koshelek.app/ac me", "test", "begins with https://"),
    ("https://api-test.koshelek.app//acme", "test", "unusual"),
    ("https://api-test.koshelek.app/../acme", "test", "unusual"),
    ("https://api-test_koshelek.app/acme", "test", "unusual"),
    ("https://апи.рф/acme", "test", "unusual"),
    ("https://[::1/acme", "test", "not an address"),
    ("https://host:port/acme", "test", "not an address"),
]


OF_OTHERS = [
    ("https://com.paycore.io/api", "paycore", "test", None),  # one host for both sides
    ("https://com.paycore.io/api", "paycore", "production", None),
    ("https://pay.brand.example", "paycore", "production", None),
    ("https://api.ecommerce.softline.com", "softline", "production", None),
    ("https://api.ecommerce.softline.com", "softline", "test", "production host"),
    ("https://API.ecommerce.noventiq.com.", "softline", "test", "production host"),
    ("https://api.ecommerce.softline.com.demoslweb.com", "softline", "test", None),
    ("https://api.ecommerce.softline.com.demoslweb.com", "softline", "production", "test host"),
    ("https://api.ecommerce.noventiq.com.demonqweb.com.", "softline", "production", "test host"),
    ("https://api.payconnect.com", "payconnect", "test", "production host"),
    ("https://api.payconnect.com", "payconnect", "production", None),
    ("https://api.koshelek.app", "paycore", "production", None),  # a partner's name is Koshelek's alone
    ("http://127.0.0.1:8099/softline", "softline", "production", "this machine itself"),
]


@pytest.mark.parametrize(("url", "system", "side", "words"), OF_OTHERS)
def test_every_system_has_its_sides(url: str, system: str, side: str, words: str | None) -> None:
    """Hosts of either side are known by name or by their end, with a dot behind it as well."""
    problem = address_problem(url, side, system)
    assert problem is None if words is None else words in str(problem)


@pytest.mark.parametrize(("url", "side"), GOOD)
def test_allowed(url: str, side: str) -> None:
    """Addresses that may be used on their side."""
    assert address_problem(url, side) is None


@pytest.mark.parametrize(("url", "side", "words"), BAD)
def test_refused(url: str, side: str, words: str) -> None:
    """Addresses that may not, each with its reason."""
    assert words in str(address_problem(url, side))


def test_loopback() -> None:
    """This machine by name and by number; nothing that only looks like it."""
    assert all(is_loopback(host) for host in ("localhost", "a.localhost", "127.9.9.9", "::1"))
    assert not any(is_loopback(host) for host in ("localhost.example", "10.0.0.1", "::", ""))
