"""From the journalled request to the bytes: secrets filled in at the last moment, or NOT SENT with the name of what is wrong."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agent import __version__
from agent.core.model import Binding, Environment
from agent.core.verdict import NotSent, Operation, Reply, Request
from agent.edges.authorization import MAX_HEADER_BYTES, BasicLogin
from agent.edges.compose import MAX_BODY_BYTES, Letter, authorized, compose
from agent.edges.transport import Account, AccountRefused, HttpTransport
from tests.edges.raw_server import ACCOUNT, BINDING, FAST, RawServer, account, always, answer, never_late, transport

CYRILLIC = BasicLogin(lambda: "логин", lambda: "пароль:7")
TARGET = Account("https://pay.example.org/acme/", CYRILLIC)


def checkout(path: str = "/api/v1/merchant/checkout", **headers: str) -> Request:
    body: dict[str, Any] = {"ид": "1", "card": {"$secret": "cardSession"}, "invoice": {"totalAmount": 100}}
    return Request(Operation.CHECKOUT, "POST", path, body, headers)


async def test_the_request_arrives_as_it_was_meant() -> None:
    """Path under the partner's, canonical UTF-8 body with its secret, our headers, nothing of the library's own."""
    async with RawServer(always(answer())) as server:
        sender = transport(server.http + "/acme", FAST)
        outcome = await sender.exchange(BINDING, checkout(token="token"), {"cardSession": "абв", "token": "AQ==123", "x": "y"}, never_late)
        await sender.aclose()
    assert isinstance(outcome, Reply)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /acme/api/v1/merchant/checkout HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers == {
        "Host": f"127.0.0.1:{server.port}",
        "Authorization": "Basic dGlsbC1sb2dpbjpQYTU1LWNhbmFyeS1jMGZmZWU=",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": f"koshelek-agent/{__version__}",
        "token": "AQ==123",
    }
    assert body.decode() == '{"card":"абв","invoice":{"totalAmount":100},"ид":"1"}'
    assert json.loads(body)["card"] == "абв"


async def test_an_unknown_account_is_not_sent() -> None:
    """A sale bound to an account that is no longer configured goes nowhere."""
    sender = transport("https://pay.example.org")
    outcome = await sender.exchange(Binding("koshelek", Environment.PRODUCTION, ACCOUNT + "/"), checkout(), {}, never_late)
    await sender.aclose()
    assert outcome == NotSent("unknown_account", "no such account is configured")


def test_authorization_is_utf8_and_the_path_is_joined_as_text() -> None:
    """RFC 7617 with a Cyrillic login and a colon in the password; one slash between base and path."""
    letter = compose(TARGET, checkout(), {"cardSession": "c"})
    assert isinstance(letter, Letter)
    assert letter.url == "https://pay.example.org/acme/api/v1/merchant/checkout"
    assert CYRILLIC.header() == (b"Authorization", b"Basic 0LvQvtCz0LjQvTrQv9Cw0YDQvtC70Yw6Nw==")


def test_a_get_without_fields_has_no_body() -> None:
    """An empty body is left out where HTTP has none, and sent as an object where it has one."""
    bare = compose(TARGET, Request(Operation.STATUS, "GET", "/x?id=1", {}), {})
    posted = compose(TARGET, Request(Operation.STATUS, "POST", "/x", {}), {})
    assert isinstance(bare, Letter)
    assert isinstance(posted, Letter)
    assert (bare.content, posted.content) == (None, b"{}")
    assert b"Content-Type" not in dict(bare.headers)


@pytest.mark.parametrize("name", ["cardSession", "token"])
def test_a_secret_that_is_gone_is_named(name: str) -> None:
    """Erased from the side table: NOT SENT with the secret's name, be it in the body or in a header."""
    secrets = {"cardSession": "c", "token": "t"}
    del secrets[name]
    assert compose(TARGET, checkout(token="token"), secrets) == NotSent("secret_missing", name)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\x00", "токен", " a", "a ", "", "x" * (MAX_HEADER_BYTES + 1)])
def test_a_secret_unfit_for_a_header_is_named_not_shown(value: str) -> None:
    """Line breaks, controls, other alphabets, blanks at the ends, too long: NOT SENT, and the value is not in the text."""
    assert compose(TARGET, checkout(token="token"), {"cardSession": "c", "token": value}) == NotSent("secret_invalid", "token")


@pytest.mark.parametrize("name", ["Authorization", "host", "Content-Length", "Transfer-Encoding", "a b", "a\r\nb", "", "a:b"])
def test_a_secret_may_not_take_the_place_of_our_own_headers(name: str) -> None:
    """Nor may its header's name be none."""
    outcome = compose(TARGET, checkout(**{name: "token"}), {"cardSession": "c", "token": "t"})
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "local"


@pytest.mark.parametrize(
    "path", ["", "x", ".evil.example/x", "@evil.example/", "/a/../../b", "/./a", "/a b", "/a#b", "/a\r\nb", "/й", "//x\\y"]
)
def test_a_path_may_not_lead_elsewhere(path: str) -> None:
    """It must begin with a slash and stay below the partner's path, else the Authorization would follow it."""
    outcome = compose(TARGET, checkout(path), {"cardSession": "c"})
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "local"


@pytest.mark.parametrize("body", [{"a": 1.5}, {"a": "\ud800"}, {"a": b"x"}, {"a": "x" * MAX_BODY_BYTES}])
def test_a_body_without_a_json_text_is_not_sent(body: dict[str, Any]) -> None:
    """Floats, half surrogates, bytes, a body beyond the limit."""
    outcome = compose(TARGET, Request(Operation.CHECKOUT, "POST", "/x", body), {})
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "local"


@pytest.mark.parametrize(
    ("login", "password"),
    [("", "p"), ("l", ""), ("l:x", "p"), ("l", "\ud800"), ("l", "x" * MAX_HEADER_BYTES)],
)
def test_credentials_that_cannot_be_used_are_not_sent(login: str, password: str) -> None:
    """Empty, with a colon in the login, not text, too long: NOT SENT before a connection is touched."""
    outcome = BasicLogin(lambda: login, lambda: password).header()
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "credentials"


def test_a_credential_file_that_is_gone_is_not_sent() -> None:
    """The reader's error becomes an outcome; its text stays here."""

    def gone() -> str:
        raise FileNotFoundError("/run/credentials/secret-path")

    outcome = BasicLogin(lambda: "l", gone).header()
    assert outcome == NotSent("credentials", "the login or the password cannot be read")


def test_a_letter_shows_no_secret() -> None:
    """Its representation may end in a traceback."""
    letter = compose(TARGET, checkout(token="token"), {"cardSession": "canary", "token": "canary"})
    assert isinstance(letter, Letter)
    assert (
        repr(authorized(letter, (b"Authorization", b"canary")))
        == "Letter(method='POST', url='https://pay.example.org/acme/api/v1/merchant/checkout')"
    )


async def test_a_public_request_shows_nobody() -> None:
    """At the account's public address, over its own connection, and without any login."""
    public = Request(Operation.CHECKOUT, "POST", "/payment-invoices", {"public_key": "pk_test_1"}, public=True)
    async with RawServer(always(answer())) as server:
        sender = HttpTransport({ACCOUNT: replace(account(server.http + "/api"), public_url=server.http + "/public-api/")}, FAST)
        for request in (checkout(), public):
            assert isinstance(await sender.exchange(BINDING, request, {"cardSession": "x"}, never_late), Reply)
        await sender.aclose()
    ours, theirs = (one.partition(b"\r\n\r\n")[0].decode() for one in server.requests)
    assert ours.startswith("POST /api/api/v1/merchant/checkout ")
    assert "Authorization: Basic " in ours
    assert theirs.startswith("POST /public-api/payment-invoices ")
    assert "authorization" not in theirs.lower()


def test_without_a_public_address_nothing_is_sent() -> None:
    """Least of all to where the login is for."""
    public = Request(Operation.CHECKOUT, "POST", "/payment-invoices", {}, public=True)
    assert compose(TARGET, public, {}) == NotSent("local", "the account has no public address")


@pytest.mark.parametrize("url", ["https://other.example.org/public", "http://pay.example.org/public", "https://pay.example.org:8443", "x"])
def test_a_public_address_elsewhere_is_refused(url: str) -> None:
    """Its connections are the account's."""
    with pytest.raises(AccountRefused):
        replace(TARGET, public_url=url)
