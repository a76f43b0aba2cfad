"""The sandbox as a process: the model behind a real HTTP(S) socket, with a control API beside it.

The outermost application is plain ASGI: paths under /sandbox belong to ``control`` and to the page for people (``page``), those under
/pay to the customers of payment links, all others to the payment systems (``pay``), which the bank tells apart by their prefixes.
"""

import asyncio
import json
import logging
import os
import random
import secrets
import signal
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TextIO

from agent.sandbox.asgi import Application, Receive, Scope, Send
from agent.sandbox.bank import Bank
from agent.sandbox.control import PREFIX, control
from agent.sandbox.gate import CODE_PARAMETER, Gate
from agent.sandbox.listening import Listener, bind, cut, own_address
from agent.sandbox.messenger import carry
from agent.sandbox.page.paying import is_page, lead_there
from agent.sandbox.page.routes import PAGE, Page
from agent.sandbox.page.stream import Bell
from agent.sandbox.pay import pay
from agent.sandbox.settings import SandboxSettings, is_loopback

_log = logging.getLogger(__name__)
_CODE_ALPHABET, _CODE_LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 10  # 49 bits; nothing that looks like something else: it is typed
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


class Sandbox:
    """A running sandbox: ``async with Sandbox(settings) as sandbox``. ``bank`` may be looked at and directed from the same loop."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.bank = self._open_bank()
        self.base_url = self.control_url = self.page_url = self._address = ""
        self._started_ms = time.time_ns() // 1_000_000
        self._started_ticks = time.monotonic_ns()
        self._gate = Gate(None if is_loopback(settings.control_host) else _new_code())
        self._bell = Bell()
        self._control: Application = control(self, self._gate)
        self._page = Page(self, self._gate, self._bell, settings.language)
        self._listener: Listener | None = None
        self._serving: asyncio.Task[None] | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._messengers: asyncio.Task[None] | None = None
        self._journal: TextIO | None = None
        self._bound: list[socket.socket] = []

    async def __aenter__(self) -> "Sandbox":
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when an address or a file cannot be had."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish what is being answered (hanging answers are cut off after a second) and close everything."""
        self._bell.close()
        if self._reopening is not None:
            self._reopening.cancel()
        if self._messengers is not None:
            self._messengers.cancel()
            await asyncio.gather(self._messengers, return_exceptions=True)
        if self._listener is not None and self._serving is not None and not self._serving.done():
            self._listener.should_exit = True
            await self._serving
        for bound in self._bound:
            bound.close()
        if self._journal is not None:
            self._journal.close()

    async def _start(self) -> None:
        settings = self.settings
        certificate = (str(settings.certfile), str(settings.keyfile)) if settings.certfile and settings.keyfile else None
        self._journal = _open_journal(settings.journal) if settings.journal else None
        main = self._bind(settings.host, settings.port)
        beside = None if settings.control_port is None else self._bind(settings.control_host, settings.control_port)
        self._listener = Listener(self._application, main, beside, certificate)
        root = _url("https" if certificate else "http", _WILDCARDS.get(settings.host, settings.host), main)
        self.base_url = f"{root}/{settings.bank.partner}" if settings.bank.partner else root
        self.control_url = root if beside is None else _url("http", _WILDCARDS.get(settings.control_host, settings.control_host), beside)
        self.page_url = self._url_of_page(beside)
        self._address = self.bank.address = self._from_outside(beside) or root  # a link must open on the phone that reads it
        self._serving = asyncio.create_task(self._listener.serve())
        up = asyncio.create_task(self._listener.wait_up())
        await asyncio.wait({self._serving, up}, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            up.cancel()
            await self._serving
        if settings.bank.webhooks:
            self._messengers = asyncio.create_task(carry(self, self._bell, settings.bank.webhooks))

    def _url_of_page(self, beside: socket.socket | None) -> str:
        """Where people open the page: from the network, if it is open to it."""
        outside = self._from_outside(beside)
        return f"{outside}{PAGE}?{CODE_PARAMETER}={self._gate.code}" if outside else self.control_url + PAGE

    def _from_outside(self, beside: socket.socket | None) -> str | None:
        """Where a phone on the network finds the sandbox, if it is open to it."""
        if beside is None or self._gate.code is None:
            return None
        host = own_address() if self.settings.control_host in _WILDCARDS else self.settings.control_host
        return _url("http", host, beside)

    def _bind(self, host: str, port: int) -> socket.socket:
        bound = bind(host, port)
        self._bound.append(bound)
        return bound

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC; a step of the machine's clock after the start is not followed."""
        return self._started_ms + (time.monotonic_ns() - self._started_ticks) // 1_000_000

    def reset(self) -> None:
        """A new bank: no transactions, no books, no faults, nothing to tell."""
        self.bank = self._open_bank()
        self.bank.address = self._address

    def obey_outage(self) -> None:
        """Refuse connections while the bank's plan says so, and listen again afterwards."""
        listener = self._listener
        if listener is None:
            return
        left_ms = (self.bank.outage_until_ms() or 0) - self.now_ms()
        if self._reopening is not None:
            self._reopening.cancel()
        if left_ms > 0:
            listener.refuse_connections()
        if listener.refusing:
            self._reopening = asyncio.create_task(_reopen(listener, max(left_ms, 0)))

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except asyncio.CancelledError:
            cut(scope)  # the end of the process; uvicorn would answer 500, and a lost answer must stay lost
            raise
        except Exception:
            _log.exception("the sandbox itself failed")  # uvicorn's own log is silent; it answers 500
            raise

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(PAGE):
            await self._page(scope, receive, send)
        elif scope["path"] == PAGE.rstrip("/") or (scope["path"] == "/" and self._is_control_port(scope)):
            await self._page.lead_there(scope, receive, send)
        elif scope["path"].startswith(PREFIX + "/"):
            await self._control(scope, receive, send)
            self.obey_outage()
            self._bell.ring()
        elif is_page(scope["path"]):
            await self._page.pay(scope, receive, send)
        elif payment := self.bank.payment_at(scope["method"], scope["path"], scope["query_string"].decode("latin-1")):
            await lead_there(payment)(scope, receive, send)
        else:
            await pay(scope, receive, send, self.bank, self.now_ms, self._note)

    def _is_control_port(self, scope: Scope) -> bool:
        return len(self._bound) > 1 and scope["server"][1] == self._bound[1].getsockname()[1]

    def _note(self, bank: Bank) -> None:
        self._bell.ring()
        if self._journal is not None:
            self._journal.write(json.dumps(asdict(bank.log[-1])) + "\n")

    def _open_bank(self) -> Bank:
        return Bank(self.settings.bank, lambda: str(uuid.uuid4()), random.SystemRandom().random)


async def serve(
    settings: SandboxSettings,
    ready: Callable[[str], None],
    stop: asyncio.Event | None = None,
    page: Callable[[str], None] | None = None,
) -> None:
    """Run until ``stop`` is set or, without one, until SIGINT or SIGTERM. Cancelling ends it in good order as well.

    ``ready`` gets the base URL for clients, with the partner segment; ``page`` the URL of the page for people. Raises OSError when the
    address cannot be had.
    """
    async with Sandbox(settings) as sandbox:
        ready(sandbox.base_url)
        if page is not None:
            page(sandbox.page_url)
        if stop is not None:
            await stop.wait()
            return
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        try:
            await ended.wait()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def _url(scheme: str, host: str, bound: socket.socket) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"


def _new_code() -> str:
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))


async def _reopen(listener: Listener, after_ms: int) -> None:
    await asyncio.sleep(after_ms / 1000)
    await listener.accept_connections()


def _open_journal(path: Path) -> TextIO:
    """Line by line on disk, for the owner's eyes."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", buffering=1, encoding="utf-8")
