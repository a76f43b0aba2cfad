"""Taking over a changed configuration without a restart: all of it or nothing.

First everything that can fail: the file is read and checked as at a start, money rule 10 is asked, connections and doors are made ready.
Then, in one step without a pause, what is in force is exchanged. Sales at work notice new waits and policies; where they are bound to, they
stay bound. A file that is not taken leaves everything as it was and is shown until it is mended.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

import structlog

from agent import log
from agent.assembly import accounts_of, setup_of
from agent.core.model import Binding
from agent.core.ports import Card, JournalBroken, JournalFull
from agent.edges.accounts import AccountRefused
from agent.edges.card import HelperCard
from agent.edges.journal import SqliteJournal, said
from agent.edges.transport import HttpTransport
from agent.engine.engine import Engine
from agent.running.bindings import check_bindings, note_bindings
from agent.running.configuration import Configuration
from agent.running.entrance import Entrance
from agent.running.errors import CannotStart
from agent.sdnotify import Notifier
from agent.settings import BadSettings, Settings, load
from agent.texts import N_, message, translator
from drivers.socket_link import CannotListen

NOTE_RETRY_S = 1.0  # a disk may have room again at any time
STOP_WAIT_S = 6.0  # a stop lets a reload that is exchanging doors come to its end: a door has 5 s
US_PER_NS = 1000
NOT_USED = N_("THE CHANGED CONFIGURATION IS NOT USED: mistakes: {count}, see koshelek-agent status")
_NO_ROOM = N_("The disk of this till is full: the journal cannot record the new environment or account. Free some space, then reload.")


def card_of(settings: Settings) -> HelperCard | None:
    """The helper command as configured."""
    return HelperCard(settings.helper.command, settings.helper.time_limit_ms) if settings.helper else None


class Reloader:
    """``wanted`` is set by a signal; ``run`` is the task that serves it. ``reload`` may be called by anybody at any time."""

    def __init__(
        self,
        configuration: Configuration,
        journal: SqliteJournal,
        transport: HttpTransport,
        engine: Engine,
        entrance: Entrance,
        notifier: Notifier,
        wanted: asyncio.Event,
    ) -> None:
        self.configuration = configuration
        self._journal, self._transport, self._engine, self._entrance = journal, transport, engine, entrance
        self._notifier, self._wanted = notifier, wanted
        self._turn = asyncio.Lock()
        self._closed = False
        self._unnoted = asyncio.Event()  # the journal may not say which bindings are in force
        self._unnoted.set()

    async def run(self) -> None:
        """Reload whenever it is wanted; signals that come meanwhile are one more time, not one each."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.reload()

    async def keep_noted(self) -> None:
        """See to it that the journal names the bindings that are in force, as soon as its disk has room: a start may have found it full,
        and a reload that failed has named others. Ends when the journal breaks; its own watch ends the process."""
        with contextlib.suppress(JournalBroken):
            while True:
                await self._unnoted.wait()
                async with self._turn:
                    with contextlib.suppress(JournalFull):
                        await note_bindings(self._engine.setup.bindings, self._journal)
                        self._unnoted.clear()
                if self._unnoted.is_set():
                    await asyncio.sleep(NOTE_RETRY_S)

    async def reload(self) -> Mapping[str, Any]:
        """Read the file and take it, or say why not: the report for an operator. One at a time. It comes to its end even if nobody waits
        for it any more."""
        return await asyncio.shield(asyncio.ensure_future(self._reload_in_turn()))

    async def _reload_in_turn(self) -> Mapping[str, Any]:
        async with self._turn:
            if not self._closed:
                self._notifier.reloading(time.monotonic_ns() // US_PER_NS)
                await self._reload()
                self._notifier.ready(self.summary())
        return self.configuration.report(operator=True)

    async def close(self) -> None:
        """Begin no reload any more, and let one at work end."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT_S):
                await self._turn.acquire()

    def summary(self) -> str:
        """One line for ``systemctl status``."""
        problems = len(self.configuration.problems)
        settings = self.configuration.settings
        text = settings.environment.value
        return f"{text}; {message(NOT_USED, count=problems).text(translator(settings.language))}" if problems else text

    async def _reload(self) -> None:
        try:
            settings = await asyncio.to_thread(load, self.configuration.file)
            await self._take(settings)
        except (BadSettings, CannotStart, CannotListen, AccountRefused) as error:
            self.configuration.refuse(error)
        except JournalBroken as error:  # the journal's own watch ends the process
            structlog.get_logger().error("journal.broken", problem=said(error))
        except Exception as error:  # noqa: BLE001 - the task's boundary: whatever is wrong with a file, the till goes on selling
            structlog.get_logger().error("configuration.failed", exc_info=error)
            self.configuration.refuse(error)

    async def _take(self, settings: Settings) -> None:
        setup, accounts = setup_of(settings), accounts_of(settings)
        moved = setup.bindings != self._engine.setup.bindings
        async with self._engine.held() if moved else contextlib.nullcontext():
            await check_bindings(setup.bindings, accounts, self._journal, self._engine.setup.bindings)
            exchange = await self._transport.prepare(accounts)
            card, old_card = self._card(settings), self._engine.ports.card
            if moved:
                await self._note(setup.bindings)
            gone = await self._entrance.exchange(settings)
            self._transport.adopt(exchange)
            self._engine.reconfigure(setup, card)
            log.configure(level=settings.log.level, language=settings.language)
            self.configuration.take(settings)
            if moved:
                self._unnoted.clear()
        if isinstance(old_card, HelperCard) and old_card is not card:
            old_card.close()
        await asyncio.gather(*(door.stop() for door in gone))

    async def _note(self, bindings: Mapping[str, Binding]) -> None:
        """Before they come into force, while no money is owed under others: a start after them must not take them for a change. Raises
        CannotStart."""
        self._unnoted.set()  # until they are in force, whatever comes between
        try:
            await note_bindings(bindings, self._journal)
        except JournalFull as error:
            raise CannotStart(message(_NO_ROOM)) from error

    def _card(self, settings: Settings) -> Card | None:
        unchanged = settings.helper == self.configuration.settings.helper
        return self._engine.ports.card if unchanged else card_of(settings)
