"""The transport port over HTTP: picks the account, bounds what is under way, and never lets a wait limit end a request.

One account cannot starve another: each has its own connections, its own bound and its own link state (``line``).
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.core.model import Binding, Deadline
from agent.core.ports import Clock
from agent.core.verdict import NotSent, Operation, Outcome, Reply, Request, Unclear
from agent.edges.accounts import Account, AccountRefused, TransportLimits
from agent.edges.authorization import is_readable
from agent.edges.clock import SystemClock
from agent.edges.compose import Letter, compose, warming
from agent.edges.flights import outcome_of
from agent.edges.line import Addresses, Line
from agent.edges.link import LinkState, LinkStatus, knock
from agent.edges.wire import CLOSED

__all__ = ["Account", "AccountRefused", "HttpTransport", "LinkState", "LinkStatus", "Observe", "TransportLimits"]

CLOSE_LIMIT_MS = 5_000  # what a stop waits for answers under way; systemd's own patience is far longer
HANG_UP_LIMIT_MS = 1_000  # once its connection is closed a request ends at once; one that still connects has its own limit
LEAVING_LOOK_MS = 500  # how soon an account that is leaving notices that the agent stops

Observe = Callable[[Operation, str, int, str], None]
"""Called when an attempt has ended: its operation, its class (``reply.2xx``, ``not_sent.REASON``, ``unclear.REASON``), milliseconds, and
the account it was for."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Accounts made ready to take over from the present ones."""

    accounts: Mapping[str, Account]
    fresh: Mapping[str, Line]  # those that need connections of their own


class HttpTransport:
    """Implements the port ``Transport``. ``accounts`` maps a binding's account to where it is; ``limits`` hold for those that bring none of
    their own. Construction takes tens of milliseconds per account. Raises AccountRefused."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        limits: TransportLimits | None = None,
        *,
        observe: Observe | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._limits = limits or TransportLimits()
        self._observe = observe
        self._closed = False
        self._clock = clock or SystemClock()
        self._addresses = Addresses(self._clock)
        self._lines = {name: self._line(name, account) for name, account in accounts.items()}
        self._leaving: set[asyncio.Task[None]] = set()

    async def prepare(self, accounts: Mapping[str, Account]) -> Exchange:
        """Build what other accounts or limits need, off the loop. Nothing changes yet. Raises AccountRefused."""
        limits = self._limits
        kept = {name for name, account in accounts.items() if (line := self._lines.get(name)) is not None and line.serves(account, limits)}
        wanted = {name: account for name, account in accounts.items() if name not in kept}
        fresh = await asyncio.to_thread(lambda: {name: self._line(name, account) for name, account in wanted.items()})
        return Exchange(accounts, fresh)

    def adopt(self, exchange: Exchange) -> None:
        """From now on these accounts are served. What is under way ends on the connections it began on; they are closed once idle."""
        before = self._lines
        self._lines = {name: exchange.fresh.get(name) or before[name] for name in exchange.accounts}
        for name, account in exchange.accounts.items():
            self._lines[name].account = account  # today's way to log in, on connections that are kept
        for line in set(before.values()) - set(self._lines.values()):
            task = asyncio.create_task(self._leave(line))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def exchange(
        self,
        binding: Binding,
        request: Request,
        secrets: Mapping[str, str],
        late: Callable[[Outcome], None],
        not_after: Deadline | None = None,
    ) -> Outcome:
        """One attempt. Returns within ``answer_limit_ms``; raises nothing but the caller's own cancellation, which does not end the
        request. An attempt that was not waited for to its end reports it through ``late``, exactly once, from the loop. One that has not
        begun to write by ``not_after`` never will."""
        began = time.monotonic()
        line = self._lines.get(binding.account)
        letter = self._letter(line, request, secrets)
        if line is None or isinstance(letter, NotSent):
            assert isinstance(letter, NotSent)
            return self._not_sent(request.operation, letter, began, binding.account)
        attempt = line.attempt(request.operation, letter, began, not_after)
        try:
            header = await line.ready(attempt, attempt.ready_by)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_soon(late, NotSent("given_up", "nobody waited for it any more, and it had not begun"))
            raise
        refusal = header if isinstance(header, NotSent) else self._refusal(line)
        if refusal is not None or isinstance(header, NotSent):
            assert refusal is not None
            return self._not_sent(request.operation, refusal, began, binding.account)
        task = line.flights.launch(line.fly(attempt, header))
        task.add_done_callback(lambda landed: self._report(request.operation, outcome_of(landed), began, binding.account))
        return await line.flights.wait(task, line.patience_ms(began), late)

    async def warm(self) -> None:
        """Open a connection to every account, before the first sale needs one. A GET without Authorization; failures only show in
        ``link``."""
        tasks = [line.flights.launch(line.greet(warming(line.account))) for line in self._lines.values() if self._refusal(line) is None]
        if tasks:
            patience_ms = max(line.limits.answer_limit_ms for line in self._lines.values())
            await asyncio.wait(tasks, timeout=patience_ms / 1_000)

    def link(self, account: str) -> LinkState:
        """What the last attempts say about the way to this account. Raises KeyError for an unknown one."""
        return self._lines[account].link.state

    def reachable(self, account: str) -> bool:
        """False while the account's host is known to be out of reach. An unknown account is not a matter of the network."""
        line = self._lines.get(account)
        return line is None or line.link.state.status is not LinkStatus.DOWN

    def known(self, account: str) -> bool:
        """False while nothing is known of the way to the account's host: no attempt yet, or no answer to the last."""
        line = self._lines.get(account)
        return line is not None and line.link.state.status is not LinkStatus.UNKNOWN

    def admits(self, account: str) -> bool:
        """False while the account's login, password or key is turned away. An unknown account is not a matter of credentials."""
        line = self._lines.get(account)
        return line is None or line.link.admitted

    def identified(self, account: str) -> bool:
        """False while the account's secrets cannot be read: looked up now. An unknown account is not a matter of secrets."""
        line = self._lines.get(account)
        return line is None or is_readable(line.account.authorization)

    def skew_s(self, account: str) -> int | None:
        """Seconds by which our clock was ahead of this account's server at its last answer; None if that is not known. Raises KeyError."""
        return self._lines[account].link.skew_s

    def accounts(self) -> Sequence[str]:
        """The accounts this transport was made for."""
        return tuple(self._lines)

    async def probe(self, account: str) -> LinkState:
        """Connect (TCP and TLS), send no request, hang up. Callers at the same time share one. Raises KeyError."""
        line = self._lines[account]
        if line.probing is None:
            line.probing = asyncio.create_task(self._probe(line))
        await asyncio.shield(line.probing)
        return line.link.state

    async def aclose(self, limit_ms: int = CLOSE_LIMIT_MS) -> None:
        """Take no more requests, wait up to ``limit_ms`` for those under way, then close. What is left ends as Unclear, or as
        NotSent if it had not begun to write, through ``late`` where nobody waits any more. Takes ``until_written_ms`` longer at worst."""
        self._closed = True
        await asyncio.gather(*(self._close(line, limit_ms) for line in self._lines.values()), *self._leaving)

    def _letter(self, line: Line | None, request: Request, secrets: Mapping[str, str]) -> Letter | NotSent:
        if line is None:
            return NotSent("unknown_account", "no such account is configured")
        return self._refusal(line) or compose(line.account, request, secrets)

    def _refusal(self, line: Line) -> NotSent | None:
        if self._closed or line.closing:
            return CLOSED
        if line.flights.full:
            return NotSent("busy", f"{len(line.flights)} requests of this account are under way")
        return None

    def _line(self, name: str, account: Account) -> Line:
        def report(operation: Operation, outcome: Outcome, began: float) -> None:
            self._report(operation, outcome, began, name)

        return Line(account, self._limits, self._clock, self._addresses, report)

    def _not_sent(self, operation: Operation, outcome: NotSent, began: float, account: str) -> NotSent:
        self._report(operation, outcome, began, account)
        return outcome

    def _report(self, operation: Operation, outcome: Outcome, began: float, account: str) -> None:
        if self._observe is not None:
            self._observe(operation, _class_of(outcome), round((time.monotonic() - began) * 1_000), account)

    async def _probe(self, line: Line) -> None:
        try:
            failure = await knock(line.account, line.wire.context, line.limits.probe_limit_ms)
            if failure is None:
                line.link.reached()
            else:
                line.link.learn(failure)
        finally:
            line.probing = None

    async def _leave(self, line: Line) -> None:
        """Nothing new comes to this line; its requests have their own limit, which a stop of the agent does not wait for."""
        while len(line.flights) and not self._closed:
            await line.flights.land(LEAVING_LOOK_MS)
        await self._close(line, CLOSE_LIMIT_MS)

    async def _close(self, line: Line, limit_ms: int) -> None:
        line.closing = True  # what is still getting ready begins no more
        await line.flights.land(limit_ms)
        await line.wire.aclose()
        await line.flights.land(line.limits.until_written_ms + HANG_UP_LIMIT_MS)
        await line.land_login()
        if line.probing is not None:
            await asyncio.wait({line.probing})  # bounded by its own limit


def _class_of(outcome: Outcome) -> str:
    match outcome:
        case Reply(status=status):
            return f"reply.{status // 100}xx"
        case NotSent(reason=reason):
            return f"not_sent.{reason}"
        case Unclear(reason=reason):
            return f"unclear.{reason}"
