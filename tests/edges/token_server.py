"""The other party for accounts with a token: a server with a login, and a provider that knows its names."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.core.contract import LOGIN_KEY, LoginVerdict, SecretHeader, Token
from agent.core.model import Stamp
from agent.core.verdict import Denied, Garbled, Operation, Reply, Request, secret
from agent.edges.accounts import Account
from agent.edges.authorization import TokenLogin
from agent.edges.clock import SystemClock
from agent.edges.limiter import Rate
from agent.edges.transport import HttpTransport, Observe, TransportLimits
from tests.edges.raw_server import ACCOUNT, FAST, Exchange, RawServer, answer

# Room to get ready: half a second beside what connecting may take.
PATIENT = replace(FAST, connect_limit_ms=200, pool_limit_ms=50, answer_limit_ms=950)
SECRET = "K3y-canary-c0ffee"
STALE = answer("401 Unauthorized", b'{"stale":1}')


@dataclass(frozen=True)
class Names:
    """A provider with a login, as plain as can be. ``in_header``: the key goes in a header, not in the body."""

    in_header: bool = False
    token_header: SecretHeader = field(default=SecretHeader("X-Token", "Bearer "))

    @property
    def login_header(self) -> SecretHeader | None:
        return SecretHeader("Authorization", "Bearer ") if self.in_header else None

    def login(self) -> Request:
        return Request(Operation.LOGIN, "POST", "/login", {"scope": "all"} if self.in_header else {"password": secret(LOGIN_KEY)})

    def read_token(self, reply: Reply) -> LoginVerdict:
        if reply.status != 200:
            wait = reply.headers.get("retry-after")
            return Denied(reply.status, int(wait) if wait else None) if reply.status < 500 else Garbled(f"http_{reply.status}")
        fields = json.loads(reply.body)
        return Token(fields["token"], fields["life"])

    def stale_token(self, reply: Reply) -> bool:
        return reply.status == 401 and b"stale" in reply.body


@dataclass
class Shop:
    """The behaviour of a server that hands out tokens ``t1``, ``t2``... and takes all but the refused ones."""

    life_s: int = 86_400
    login_delay_s: float = 0.0
    work_delay_s: float = 0.0
    logins: list[bytes] = field(default_factory=list)
    works: list[bytes] = field(default_factory=list)
    login_answers: list[bytes] = field(default_factory=list)  # instead of tokens, in order
    refused: set[str] = field(default_factory=set)  # tokens it takes no more
    refuse_all: bool = False
    refused_answer: bytes = STALE

    async def __call__(self, exchange: Exchange) -> None:
        while True:
            whole = await exchange.request()
            await exchange.send(await (self._login(whole) if whole.startswith(b"POST /login ") else self._work(whole)))

    async def _login(self, whole: bytes) -> bytes:
        self.logins.append(whole)
        number = len(self.logins)
        await asyncio.sleep(self.login_delay_s)
        if self.login_answers:
            return self.login_answers.pop(0)
        return answer(body=json.dumps({"token": f"t{number}", "life": self.life_s}).encode())

    async def _work(self, whole: bytes) -> bytes:
        self.works.append(whole)
        await asyncio.sleep(self.work_delay_s)
        token = used(whole)
        return self.refused_answer if self.refuse_all or token in self.refused or token is None else answer()


def used(whole: bytes) -> str | None:
    """The token a request came with."""
    for line in whole.split(b"\r\n"):
        if line.startswith(b"X-Token: Bearer "):
            return line.removeprefix(b"X-Token: Bearer ").decode()
    return None


class Ticking(SystemClock):
    """The real clock, and hours that a test lets pass."""

    ahead_ms = 0

    def now(self) -> Stamp:
        stamp = super().now()
        return replace(stamp, ticks=stamp.ticks + self.ahead_ms)


def token_account(
    server: RawServer,
    key: Callable[[], str] = lambda: SECRET,
    rate: Rate | None = None,
    names: Names | None = None,
    base_url: str = "",
    ca_file: Path | None = None,
) -> Account:
    """An account of the shop."""
    authorization = TokenLogin(names or Names(), {LOGIN_KEY: key})
    url = base_url or server.http
    return Account(url, authorization, ca_file, plain_http=url.startswith("http:"), rate=rate)


def sender(
    entry: Account, limits: TransportLimits = PATIENT, clock: SystemClock | None = None, observe: Observe | None = None
) -> HttpTransport:
    """A transport for this account alone."""
    return HttpTransport({ACCOUNT: entry}, limits, clock=clock, observe=observe)


def wanted(operation: Operation = Operation.CHECKOUT) -> Request:
    """Something that needs a token."""
    return Request(operation, "POST", "/work", {"amount": 1})
