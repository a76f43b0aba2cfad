"""The token of one account: obtained when it is first needed, renewed before it ends, one login at a time for all who wait.

It lives in memory only; nothing here is logged or journalled, and of the account's secrets only a keyed digest is kept, which tells that
they have changed: then the token counts no more and a login with the new ones follows at once.

A login that failed is not tried again for a moment, lest a wrong password lock the account. An attempt without a token is NOT SENT: its
first byte would have been the token's.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.core import canonical
from agent.core.contract import LOGIN_KEY, Token
from agent.core.verdict import Denied, Garbled, NotSent, Outcome, Refused, Reply, Unclear
from agent.edges.accounts import Account
from agent.edges.authorization import Header, TokenLogin, header_of
from agent.edges.compose import Letter, authorized, compose

RENEW_AFTER = (23, 24)  # of its life a token is used; then another is fetched, while this one is still good
PAUSE_MS = 1_000  # after a login that did not get through
REFUSED_PAUSE_MS = 10_000  # after one that was refused: the next may be counted against the account
MAX_PAUSE_MS = 60_000  # whatever Retry-After says: a token is needed for everything
MAX_ROUNDS = 2  # the login under way may be one with secrets of a moment ago

Post = Callable[[Letter], Awaitable[Outcome]]
"""Sends a login: an attempt of its own, that nobody's impatience ends."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token, in the header that carries it. Times in milliseconds of the keeper's clock."""

    mark: bytes
    header: Header = field(repr=False)
    renew_at_ms: int
    ends_at_ms: int


@dataclass(frozen=True, slots=True)
class _Failed:
    mark: bytes
    why: NotSent
    until_ms: int


class Tokens:
    """Keeps the token of one account. ``now_ms``: a clock that goes on while the machine sleeps."""

    def __init__(self, post: Post, now_ms: Callable[[], int]) -> None:
        self._post = post
        self._now_ms = now_ms
        self._seal = secrets.token_bytes(32)
        self._held: _Held | None = None
        self._failed: _Failed | None = None
        self._login: asyncio.Task[None] | None = None

    async def header(self, account: Account, login: TokenLogin, limit_s: float) -> Header | NotSent:
        """The header with a token that is good now. Waits at most ``limit_s`` for a login, which goes on by itself after that."""
        values = login.todays_secrets()
        if isinstance(values, NotSent):
            return values
        mark = self._mark(values)
        until = asyncio.get_running_loop().time() + limit_s
        for _ in range(MAX_ROUNDS):
            known = self._known(mark)
            if known is not None:
                self._renew_early(account, login, values, mark)
                return known
            task = self._begin(account, login, values, mark)
            await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return self._known(mark) or NotSent("login", "the login has not been answered yet")

    def refuse(self, header: Header) -> None:
        """The provider takes this token no more. One that has replaced it meanwhile stays."""
        if self._held is not None and self._held.header == header:
            self._held = None

    async def land(self) -> None:
        """Wait for a login under way; it has the limits of the network."""
        if self._login is not None:
            await asyncio.wait({self._login})

    def _mark(self, values: dict[str, str]) -> bytes:
        return hashlib.blake2b(canonical.dumps(values).encode("utf-8", "surrogatepass"), key=self._seal).digest()

    def _known(self, mark: bytes) -> Header | NotSent | None:
        now_ms, held, failed = self._now_ms(), self._held, self._failed
        if held is not None and held.mark == mark and now_ms < held.ends_at_ms:
            return held.header
        return failed.why if failed is not None and failed.mark == mark and now_ms < failed.until_ms else None

    def _renew_early(self, account: Account, login: TokenLogin, values: dict[str, str], mark: bytes) -> None:
        """In the background: nobody has to wait while the one at hand is good, and a login that fails disturbs nobody."""
        now_ms, held, failed = self._now_ms(), self._held, self._failed
        pausing = failed is not None and now_ms < failed.until_ms
        if held is not None and held.mark == mark and now_ms >= held.renew_at_ms and not pausing:
            self._begin(account, login, values, mark)

    def _begin(self, account: Account, login: TokenLogin, values: dict[str, str], mark: bytes) -> asyncio.Task[None]:
        if self._login is None:
            self._login = asyncio.create_task(self._log_in(account, login, values, mark))
            self._login.add_done_callback(self._ended)
        return self._login

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._login = None

    async def _log_in(self, account: Account, login: TokenLogin, values: dict[str, str], mark: bytes) -> None:
        began_ms = self._now_ms()  # its life may begin no later than this
        letter = _letter(account, login, values)
        outcome = letter if isinstance(letter, NotSent) else await self._post(letter)
        verdict = login.provider.read_token(outcome) if isinstance(outcome, Reply) else outcome
        header = header_of(login.provider.token_header, verdict.value) if isinstance(verdict, Token) else None
        if isinstance(verdict, Token) and header is not None:
            life_ms = verdict.life_s * 1_000
            self._held = _Held(mark, header, began_ms + life_ms * RENEW_AFTER[0] // RENEW_AFTER[1], began_ms + life_ms)
            self._failed = None
        else:
            why, pause_ms = _failure(verdict)
            self._failed = _Failed(mark, why, self._now_ms() + pause_ms)


def _letter(account: Account, login: TokenLogin, values: dict[str, str]) -> Letter | NotSent:
    letter = compose(account, login.provider.login(), values)
    form = login.provider.login_header
    if isinstance(letter, NotSent) or form is None:
        return letter
    header = header_of(form, values.get(LOGIN_KEY, ""))
    return NotSent("credentials", "the account's secret does not fit into a header") if header is None else authorized(letter, header)


def _failure(verdict: Token | Refused | Denied | Garbled | NotSent | Unclear) -> tuple[NotSent, int]:
    """Why there is no token, and how long not to ask again. What failed is the login: of the attempt itself nothing was sent."""
    match verdict:
        case NotSent():
            return verdict, PAUSE_MS
        case Refused():
            return NotSent("credentials", f"the login was refused ({verdict.code})"), REFUSED_PAUSE_MS
        case Denied(status=429):
            return NotSent("rate_limited", "the login was turned away: too many requests"), _pause_ms(verdict.retry_after_s)
        case Denied():
            return NotSent("credentials", f"the login was turned away ({verdict.status})"), REFUSED_PAUSE_MS
        case Garbled():
            return NotSent("login", f"the answer to the login cannot be used ({verdict.reason})"), _pause_ms(verdict.retry_after_s)
        case Unclear():
            return NotSent("login", f"the login was not answered: {verdict.detail}"), PAUSE_MS
        case Token():
            return NotSent("login", "the token does not fit into a header"), REFUSED_PAUSE_MS


def _pause_ms(retry_after_s: int | None) -> int:
    return min(max((retry_after_s or 0) * 1_000, PAUSE_MS), MAX_PAUSE_MS)
