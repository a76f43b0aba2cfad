"""All that belongs to one account: its connections, what is under way, what is known of the link, its token, its share of the address.

An attempt gets ready first (a token, its turn) and only then takes a place among the flights: reads that wait for their turn must not hold
the places that a sale needs. What it waits for is bounded so that the caller hears NOT SENT rather than nothing.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.core.model import Deadline
from agent.core.ports import Clock
from agent.core.verdict import NotSent, Operation, Outcome, Reply
from agent.edges.accounts import Account, TransportLimits
from agent.edges.authorization import BasicLogin, Header, TokenLogin
from agent.edges.compose import Letter, authorized
from agent.edges.flights import Flights
from agent.edges.limiter import Rate, RateLimit, Urgency
from agent.edges.link import Link
from agent.edges.tokens import Tokens
from agent.edges.wire import Wire

URGENT = frozenset({Operation.CHECKOUT, Operation.CANCEL, Operation.REFUND, Operation.PAYOUT, Operation.LOGIN})
LAST = frozenset({Operation.PAYOUT_STATUS, Operation.PAYOUT_FIND})  # nobody stands at the till for them

_MILLISECONDS = 1_000

Report = Callable[[Operation, Outcome, float], None]
"""Called when an attempt has ended: its operation, its outcome, and when it began (``time.monotonic``)."""


class Addresses:
    """The limits of all addresses, by name: accounts of one address share one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}

    def limit(self, rate: Rate | None) -> RateLimit | None:
        """The one limit of this address, at its present height. None: it has none."""
        if rate is None:
            return None
        if rate.address not in self._limits:
            self._limits[rate.address] = RateLimit(rate.per_minute, lambda: self._clock.now().ticks)
        self._limits[rate.address].become(rate.per_minute)
        return self._limits[rate.address]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on its way. ``letter`` is complete but for who we are. Times of ``time.monotonic``, in seconds: by ``ready_by`` it has
    its token and its turn or is given up; after ``give_up_at`` nobody waits for it any more, and no first byte of it may go."""

    operation: Operation
    letter: Letter
    ready_by: float
    give_up_at: float

    @property
    def urgency(self) -> Urgency:
        if self.operation in URGENT:
            return Urgency.URGENT
        return Urgency.LAST if self.operation in LAST else Urgency.READ


class Line:
    """One account, as the transport keeps it. ``limits`` of the account itself go before ``default``."""

    def __init__(self, account: Account, default: TransportLimits, clock: Clock, addresses: Addresses, report: Report) -> None:
        self.account = account
        self.limits = limits = account.limits or default
        self.wire = Wire(account, limits)
        self.flights = Flights(limits.max_flights)
        self.link = Link(clock)
        self.probing: asyncio.Task[None] | None = None
        self.closing = False
        self._clock = clock
        self._addresses = addresses
        self._report = report
        self._tokens = Tokens(self._post_login, lambda: clock.now().ticks)

    def serves(self, account: Account, default: TransportLimits) -> bool:
        """Whether its connections may be kept for this account. Certificates of a file are read anew: they may have been exchanged."""
        limits = account.limits or default
        same = (self.account.base_url, self.account.plain_http, self.limits) == (account.base_url, account.plain_http, limits)
        same = same and type(self.account.authorization) is type(account.authorization)
        return same and self.account.ca_file is None and account.ca_file is None

    def attempt(self, operation: Operation, letter: Letter, began: float, not_after: Deadline | None) -> Attempt:
        """The attempt with its limits. ``began``: of ``time.monotonic``."""
        give_up_at = began + self.limits.answer_limit_ms / _MILLISECONDS
        ready_by = began + self.limits.ready_limit_ms / _MILLISECONDS
        if not_after is not None:
            ready_by = min(ready_by, began + (not_after.ticks - self._clock.now().ticks) / _MILLISECONDS)

        def expired() -> bool:
            late = not_after is not None and not_after.passed(self._clock.now())
            return late or time.monotonic() >= give_up_at

        return Attempt(operation, replace(letter, expired=expired), ready_by, give_up_at)

    def patience_ms(self, began: float) -> int:
        """How long the caller of an attempt that began then still waits."""
        return max(0, self.limits.answer_limit_ms - round((time.monotonic() - began) * _MILLISECONDS))

    async def ready(self, attempt: Attempt, by: float) -> Header | NotSent:
        """Who we are today, and the attempt's turn. Returns at ``by`` at the latest; may be cancelled, nothing is under way for it yet."""
        header = await self._header(by)
        if isinstance(header, NotSent):
            self.link.judge(header)
            return header
        return header if await self._enter(attempt.urgency, by) else NotSent("rate_limited", "too many requests from this address")

    async def fly(self, attempt: Attempt, header: Header) -> Outcome:
        """Send it. Raises nothing; must not be cancelled. An answer that refuses the token alone is followed by one more sending with
        another token, while somebody waits for it."""
        outcome = await self._send(authorized(attempt.letter, header))
        left = attempt.give_up_at - time.monotonic()
        if self._stale(outcome) and left > 0:
            self._tokens.refuse(header)
            fresh = await self.ready(attempt, attempt.give_up_at - left / 4)  # the last quarter is for the sending
            outcome = fresh if isinstance(fresh, NotSent) else await self._send(authorized(attempt.letter, fresh))
        self.link.judge(outcome)
        return outcome

    async def greet(self, letter: Letter) -> Outcome:
        """Send a letter that says nothing, if there is room for it just now."""
        if not await self._enter(Urgency.READ, time.monotonic()):
            return NotSent("rate_limited")
        return await self._send(letter)

    async def land_login(self) -> None:
        """Wait for a login under way: as long as the network takes."""
        await self._tokens.land()

    async def _send(self, letter: Letter) -> Outcome:
        outcome = await self.wire.send(letter)
        self.link.learn(outcome)
        return outcome

    async def _header(self, by: float) -> Header | NotSent:
        match self.account.authorization:
            case BasicLogin() as basic:
                return basic.header()
            case TokenLogin() as login:
                return await self._tokens.header(self.account, login, by - time.monotonic())

    async def _enter(self, urgency: Urgency, by: float) -> bool:
        limit = self._addresses.limit(self.account.rate)
        return limit is None or await limit.enter(urgency, by - time.monotonic())

    async def _post_login(self, letter: Letter) -> Outcome:
        began = time.monotonic()
        in_time = await self._enter(Urgency.URGENT, began + self.limits.answer_limit_ms / _MILLISECONDS)
        outcome = await self._send(letter) if in_time else NotSent("rate_limited", "too many requests from this address")
        self._report(Operation.LOGIN, outcome, began)
        return outcome

    def _stale(self, outcome: Outcome) -> bool:
        login = self.account.authorization
        return isinstance(login, TokenLogin) and isinstance(outcome, Reply) and login.provider.stale_token(outcome)
