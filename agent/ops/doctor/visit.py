"""A look at a payment system: its name, its door, one request that says nothing, and one that asks who we are. No money can move by it.

What asks for the credentials, and why it is safe, system by system:

* Koshelek: the state of a payment (``transaction/status``) whose id has just been made up. Reading a state changes nothing, and there is no
  such payment. An account that is let in is told so ("unknown transaction"); a wrong password is turned away before that.
* PayCore.io: a search for payments by a key that has just been made up. A search changes nothing; it finds none.
* Softline Payments, PayConnect: the login, which exchanges the account's secrets for a token. The token is thrown away.

Where the password cannot be read nothing is asked. Each request is made once, so that no account is locked for wrong passwords.
"""

import asyncio
import socket
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from agent.assembly import accounts_of, setup_of
from agent.core.contract import LOGIN_KEY, FindsByKey, LogsIn, Provider, Token
from agent.core.model import SaleId
from agent.core.verdict import Denied, Garbled, NotSent, Observed, Outcome, Refusal, Refused, Reply, Unclear
from agent.edges.accounts import Account, AccountRefused, TransportLimits
from agent.edges.authorization import TokenLogin, header_of
from agent.edges.compose import Letter, authorized, compose, warming
from agent.edges.outage import NO_ANSWER
from agent.edges.tls import client_context, connect_failure
from agent.edges.wire import Wire
from agent.ops.aside import aside
from agent.settings import Settings

NAME_LIMIT_S = 6.0  # a resolver asks a second name server after five
DOOR_LIMIT_S = 6.0
LIMITS = TransportLimits(connect_limit_ms=3_000, read_limit_ms=6_000, write_limit_ms=3_000, answer_limit_ms=8_000, flight_limit_ms=8_000)
MAX_ADDRESSES = 3
KEY = "doctor"

NOT_ASKED = NotSent("not_asked")
Entry = Refused | Denied | Garbled | NotSent | Unclear | None
"""What the request that asks for the credentials came to. None: we are let in."""


@dataclass(frozen=True, slots=True)
class Visit:
    """``failure``: there is no way in, with the transport's reason (``dns``, ``tls``, ``refused``, ...). ``heard``: the server's clock and
    ours, at the moment of its answer. Times in milliseconds."""

    host: str
    port: int
    tls: bool
    failure: NotSent | None = None
    connect_ms: int = 0
    answer_ms: int = 0
    certificate: Mapping[str, Any] = field(default_factory=dict)
    reply: Outcome | None = None
    heard_at: datetime | None = None
    entry: Entry = NOT_ASKED


async def visit(settings: Settings, system: str) -> Visit:
    """Look at the account in use of one payment system. Raises nothing but what is a fault of ours."""
    setup = setup_of(settings)
    account = accounts_of(settings)[setup.bindings[system].account]
    seen = Visit(account.host, account.port, account.tls)
    try:
        context = client_context(account.ca_file) if account.tls else None
    except AccountRefused as error:
        return replace(seen, failure=NotSent("authority", str(error)))
    seen = await _knock(seen, context)
    if seen.failure is not None:
        return seen
    wire = Wire(account, LIMITS)
    try:
        began = time.monotonic()
        reply = await wire.send(warming(account))
        seen = replace(seen, reply=reply, answer_ms=_since(began), heard_at=datetime.now(UTC))
        return replace(seen, entry=await _enter(wire, account, setup.providers[system], settings))
    finally:
        await wire.aclose()


async def _knock(seen: Visit, context: ssl.SSLContext | None) -> Visit:
    """Find the name, connect, and look at the certificate."""
    try:
        async with asyncio.timeout(NAME_LIMIT_S):
            found = await aside(lambda: socket.getaddrinfo(seen.host, seen.port, type=socket.SOCK_STREAM))
    except TimeoutError:
        return replace(seen, failure=NotSent("dns", NO_ANSWER))
    except OSError as error:
        return replace(seen, failure=connect_failure(error, securing=False))
    for *_, place in found[:MAX_ADDRESSES]:  # of several addresses one may lead nowhere, as IPv6 often does
        seen = await _connect(replace(seen, failure=None), str(place[0]), context)
        if seen.failure is None:
            break
    return seen


async def _connect(seen: Visit, address: str, context: ssl.SSLContext | None) -> Visit:
    began = time.monotonic()
    try:
        async with asyncio.timeout(DOOR_LIMIT_S):
            name = seen.host if context else None
            _, writer = await asyncio.open_connection(address, seen.port, ssl=context, server_hostname=name)
    except OSError as error:  # includes TimeoutError and every TLS failure
        return replace(seen, failure=connect_failure(error, securing=isinstance(error, ConnectionResetError) and context is not None))
    certificate = writer.get_extra_info("peercert") or {}
    writer.transport.abort()  # the peer's goodbye is of no interest
    return replace(seen, connect_ms=_since(began), certificate=certificate)


async def _enter(wire: Wire, account: Account, provider: Provider, settings: Settings) -> Entry:
    """Ask something that only an account that is let in may ask."""
    if isinstance(account.authorization, TokenLogin) and isinstance(provider, LogsIn):
        return await _log_in(wire, account, account.authorization, provider)
    assert not isinstance(account.authorization, TokenLogin)
    header = account.authorization.header()
    if isinstance(header, NotSent):
        return header
    till = settings.terminal[0]
    sale, made_up = SaleId(till.store_id, till.terminal_id, KEY), str(uuid.uuid4())
    searches = isinstance(provider, FindsByKey)
    request = provider.find(sale, made_up, datetime.now(UTC)) if isinstance(provider, FindsByKey) else None
    request = request or provider.status(sale, made_up, str(uuid.uuid4()), None)
    letter = compose(account, request, {})
    if isinstance(letter, NotSent):
        return letter
    outcome = await wire.send(authorized(letter, header))
    if not isinstance(outcome, Reply):
        return outcome
    if searches and isinstance(provider, FindsByKey):
        found = provider.read_found(outcome)
        return found if isinstance(found, Refused | Denied | Garbled) else None
    verdict = provider.read(request.operation, outcome)
    if isinstance(verdict, Observed) or (isinstance(verdict, Refused) and verdict.refusal is Refusal.NOT_FOUND):
        return None
    assert isinstance(verdict, Refused | Denied | Garbled)
    return verdict


async def _log_in(wire: Wire, account: Account, login: TokenLogin, provider: LogsIn) -> Entry:
    values = login.todays_secrets()
    if isinstance(values, NotSent):
        return values
    letter: Letter | NotSent = compose(account, provider.login(), values)
    if isinstance(letter, Letter) and provider.login_header is not None:
        header = header_of(provider.login_header, values.get(LOGIN_KEY, ""))
        letter = NotSent("credentials", "the account's secret does not fit into a header") if header is None else authorized(letter, header)
    if isinstance(letter, NotSent):
        return letter
    outcome = await wire.send(letter)
    if not isinstance(outcome, Reply):
        return outcome
    verdict = provider.read_token(outcome)
    return None if isinstance(verdict, Token) else verdict


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
