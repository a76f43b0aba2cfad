"""Goal: each configured path is read as its payment system sends, with that system's own settings. Method: the shipped example with every
table switched on, and a message of each system as its own formula signs it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.assembly.hooks import endpoints_of
from agent.core.hints import Hint, HookRefused, Unheard
from agent.edges.hooks.application import Endpoint
from agent.providers.payconnect import Assumptions
from agent.providers.payconnect import hook as payconnect
from agent.providers.paycore import hook as paycore
from agent.providers.softline import hook as softline
from agent.settings import load
from tests.edges.hooks.listening import basic
from tests.edges.hooks.test_messages import SOFTLINE_BODY
from tests.settings.conftest import EXAMPLE, FILLING
from tests.settings.test_example import uncommented

KEY = "sk_test_example"


@pytest.fixture
def endpoints(tmp_path: Path) -> Mapping[str, Endpoint]:
    """Of the example, with one secret for all."""
    secret = tmp_path / "secret"
    secret.write_text(KEY)
    secret.chmod(0o600)
    text = re.sub(r"<[a-z-]+>", lambda found: FILLING.get(found[0], found[0]), uncommented(EXAMPLE.read_text()))
    text = re.sub(r'^secret_files = \["[^"]+"\]', f'secret_files = ["{secret}"]', text, flags=re.MULTILINE)
    text = text.replace('signature_hash = "sha256"', 'signature_hash = "sha512"')
    path = tmp_path / "koshelek-agent.toml"
    path.write_text(text)
    return endpoints_of(load(path, machine=False))


def read(endpoint: Endpoint, headers: Mapping[str, str], body: object) -> Hint | HookRefused:
    raw = json.dumps(body).encode()
    return endpoint.reader.read_hook([secret.reveal() for secret in endpoint.secrets], headers, raw)


def test_every_system_has_its_path_and_its_reader(endpoints: Mapping[str, Endpoint]) -> None:
    """Koshelek with the login of its table, PayConnect with what is assumed of it in its own table; thanks and challenge as each wants."""
    assert {path: one.provider for path, one in endpoints.items()} == {
        f"/{name}": name for name in ("koshelek", "paycore", "softline", "payconnect")
    }
    koshelek = endpoints["/koshelek"]
    assert read(koshelek, {"authorization": basic(KEY, "koshelek")["Authorization"]}, {"transactionId": "t"}) == Hint("t")
    assert (koshelek.thanks, koshelek.challenge and koshelek.challenge.split()[0]) == (b"", "Basic")
    invoice = {"data": {"type": "payment-invoices", "id": "cpi_1"}}
    signed = {"x-signature": paycore.signature(KEY, json.dumps(invoice).encode())}
    assert read(endpoints["/paycore"], signed, invoice) == Hint("cpi_1")
    signed = {"signature": softline.signature(KEY, SOFTLINE_BODY)}
    assert read(endpoints["/softline"], signed, SOFTLINE_BODY) == Hint("5555555", "our-id")
    event = {"type": "payment.succeeded", "data": {"id": "p-1"}}
    for algorithm, expected in (("sha512", Hint("p-1")), ("sha256", HookRefused(Unheard.UNSIGNED))):
        signature = payconnect.signature(Assumptions(signature_hash=algorithm), KEY, json.dumps(event).encode())
        assert read(endpoints["/payconnect"], {"x-payconnect-signature": signature}, event) == expected
    assert {one.thanks for path, one in endpoints.items() if path != "/koshelek"} == {b"OK"}


def test_no_secret_of_another_system_counts(endpoints: Mapping[str, Endpoint]) -> None:
    """A proof made for one path proves nothing at another."""
    body = {"data": {"type": "payment-invoices", "id": "cpi_1"}}
    signed = {"x-signature": paycore.signature(KEY, json.dumps(body).encode())}
    for path in ("/koshelek", "/softline", "/payconnect"):
        assert read(endpoints[path], signed, body) == HookRefused(Unheard.UNSIGNED)


def test_without_the_table_there_is_no_path(tmp_path: Path) -> None:
    """Nobody is listened to by default."""
    path = tmp_path / "koshelek-agent.toml"
    path.write_text(re.sub(r"<[a-z-]+>", lambda found: FILLING.get(found[0], found[0]), EXAMPLE.read_text()))
    assert endpoints_of(load(path, machine=False)) == {}
