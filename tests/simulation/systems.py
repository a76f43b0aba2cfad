"""The payment systems of the simulation: where each is at the bank, how it is configured, and who it thinks we are.

Koshelek's customer confirms in an app, those of the others pay on a page behind a link. Logging in is the transport's own business and
shown with the real one: here a request always has a good token.
"""

import base64
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.core import canonical
from agent.core.capability import Capabilities
from agent.core.contract import LogsIn, Provider, Token
from agent.core.model import Environment
from agent.core.verdict import Reply
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.providers.payconnect import PayConnect, PayConnectSettings
from agent.providers.paycore import Create, PayCore, PayCoreSettings
from agent.providers.softline import Softline, SoftlineSettings
from agent.sandbox.bank import Bank

STORE = "00000000-0000-4000-8000-000000000001"
LOGIN, PASSWORD = "acme", "s3cret"
METHOD = "SBP"  # what the till of the simulation offers
KOSHELEK, PAYCORE, SOFTLINE, PAYCONNECT = "koshelek", "paycore", "softline", "payconnect"
OWN_LINKS = "own links"  # PayCore, whose payments the customer makes by opening a link that the till has written

ROOTS: Mapping[str, str] = {
    KOSHELEK: "/acme",
    PAYCORE: "/paycore/api",
    SOFTLINE: "/softline",
    PAYCONNECT: "/payconnect",
    OWN_LINKS: "/paycore/api",
}
"""What stands before a request's path."""

LINK_LIFE_MS = 600_000  # of links at the bank where it can be set; PayCore's live for half an hour
_REREADS_MS = {
    PAYCORE: (30_000, 120_000, 2_000_000),
    SOFTLINE: (30_000, 120_000, 900_000),
    PAYCONNECT: (30_000, 120_000, 900_000),
    OWN_LINKS: (30_000, 120_000, 2_000_000),
}
"""Looks after a withdrawn link: a few, the last one after the link's end, instead of months."""


def account(system: str) -> str:
    """The account's name in a binding."""
    return f"https://pay.example{ROOTS[system]}"


@functools.cache
def provider(system: str) -> Provider:
    """The system as the till has it configured."""
    return _MAKERS[system]()


def _koshelek() -> Provider:
    return Koshelek(KoshelekSettings(), {STORE: StoreFacts()})


def _paycore() -> Provider:
    made = PayCore(PayCoreSettings(test_mode=True, service="payment_card_rub_hpp", send_customer=True))
    made.capabilities = _watched(made.capabilities, PAYCORE)
    return made


def _own_links() -> Provider:
    page = "https://pay.example/paycore/hpp/"
    made = PayCore(PayCoreSettings(test_mode=True, create=Create.HPP, public_key="pk_test_1", hpp_base_url=page))
    made.capabilities = _watched(made.capabilities, OWN_LINKS)
    return made


def _softline() -> Provider:
    given = SoftlineSettings(
        Environment.TEST, METHOD, "https://shop.example/", refund_email="kassa@shop.example", payment_description="{orderId}"
    )
    made = Softline(given)
    made.capabilities = _watched(made.capabilities, SOFTLINE)
    return made


def _payconnect() -> Provider:
    made = PayConnect(PayConnectSettings(Environment.TEST, description="{storeId}/{terminalId}/{orderId}"))
    made.capabilities = _watched(made.capabilities, PAYCONNECT)
    return made


def _watched(caps: Capabilities, system: str) -> Capabilities:
    return replace(caps, rereads_ms=_REREADS_MS[system])


_MAKERS: Mapping[str, Callable[[], Provider]] = {
    KOSHELEK: _koshelek,
    PAYCORE: _paycore,
    SOFTLINE: _softline,
    PAYCONNECT: _payconnect,
    OWN_LINKS: _own_links,
}


def headers(system: str, bank: Bank, now_ms: int) -> dict[str, str]:
    """What every request of a system carries."""
    asked, plain = provider(system), {"content-type": "application/json"}
    if not isinstance(asked, LogsIn):
        return {"authorization": "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode(), **plain}
    login, key = asked.login(), asked.login_header
    shown = {key.name.lower(): key.prefix + PASSWORD} if key is not None else {}
    body = canonical.dumps(login.fill({"login": LOGIN, "password": PASSWORD})).encode()
    answer = bank.handle(now_ms, login.method, ROOTS[system] + login.path, {**plain, **shown}, body)
    token = asked.read_token(Reply(answer.status, answer.body, answer.headers))
    assert isinstance(token, Token), token
    return {asked.token_header.name.lower(): asked.token_header.prefix + token.value, **plain}
