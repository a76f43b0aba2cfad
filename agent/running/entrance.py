"""All doors of the daemon, and their exchange: an unchanged listener keeps its connections, a changed one is closed and opened anew.

Listeners are compared by what they mean, not by their place in the file: the settings themselves, the numbers behind names of users and
groups, the contents of token files. A star for tills stands for whatever there is at the time: tills come and go, the connections stay.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

import structlog

from agent.doors import Door, Shown, open_door, open_webhooks
from agent.edges.pos import PosDesk
from agent.lines import faults_of, line_facts
from agent.secrets import BadSecret
from agent.settings import (
    HttpListener,
    Listener,
    PageListener,
    PtyListener,
    SerialListener,
    Settings,
    TcpListener,
    UnixListener,
    Webhooks,
    group_ids,
    hook_secrets,
    token,
    user_ids,
)
from agent.texts import Message
from drivers.pty_port import forget_dead_link
from drivers.serial_link import LineListener
from drivers.socket_link import CannotListen

if TYPE_CHECKING:  # see ``open_webhooks``
    from agent.edges.hooks.application import Hear

Address = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """A listener with the configuration it belongs to."""

    listener: Listener | Webhooks
    settings: Settings

    @property
    def address(self) -> Address:
        """What only one door can have."""
        match self.listener:
            case TcpListener() | HttpListener() | PageListener():
                return self.listener.host, self.listener.port
            case Webhooks():
                return self.listener.address, self.listener.port
            case _:
                return (str(self.listener.path),)


class Entrance:
    """Opens, exchanges and closes doors. Not for two callers at a time."""

    def __init__(self, desk: PosDesk, hear: "Hear", pages: Shown) -> None:
        self._desk, self._hear, self._pages = desk, hear, pages
        self._open: dict[str, tuple[_Way, Door]] = {}

    async def open(self, settings: Settings) -> None:
        """Open every door. Raises CannotListen; then none is open."""
        await self.exchange(settings)

    async def exchange(self, settings: Settings) -> Sequence[Door]:
        """Open what is new and exchange what has changed at its old address. Returns the doors that have no place any more: to be stopped
        once the new configuration is in force. Raises CannotListen; after it, or any other end, the doors are those from before, as far as
        they open again. A step that has begun is not cut in two by a cancellation: half a door could be neither used nor opened anew."""
        ways = _ways(settings)
        gone = {name: way for name, (way, _) in self._open.items() if name not in ways}
        fresh = {name: way for name, way in ways.items() if name not in self._open}
        taken = {way.address for way in gone.values()}
        exchanged, opened = dict[str, _Way](), list[str]()
        for way in fresh.values():
            if isinstance(way.listener, PtyListener):
                forget_dead_link(way.listener.path)
        try:
            for name, way in sorted(
                fresh.items(), key=lambda one: one[1].address in taken
            ):  # the free addresses first: nothing is lost yet
                if way.address in taken:
                    shut = {name: old for name, old in gone.items() if old.address == way.address}
                    exchanged |= shut
                    await _to_the_end(self._shut(shut))
                opened.append(name)
                await _to_the_end(self._enter(name, way))
        except BaseException:
            await _to_the_end(self._back(opened, exchanged))
            raise
        return [self._open.pop(name)[1] for name in gone if name in self._open]

    async def close(self) -> None:
        """Stop every door, letting requests at work be answered."""
        await self._shut(tuple(self._open))

    def lines(self) -> Sequence[Mapping[str, Any]]:
        """What is known of the other ends of serial lines and pseudo-terminals."""
        return [line_facts(door.status) for _, door in self._open.values() if isinstance(door, LineListener)]

    def faults(self) -> Mapping[str, Mapping[str, Message]]:
        """Of those with which something is wrong, by name: ``problem`` and ``remedy`` for people."""
        lines = [door.status for _, door in self._open.values() if isinstance(door, LineListener)]
        return {status.name: wrong for status in lines if (wrong := faults_of(status))}

    async def _enter(self, name: str, way: _Way) -> None:
        try:
            self._open[name] = way, await self._door(way)
        except (OSError, LookupError, BadSecret) as error:  # a user or a token file that has just gone
            raise CannotListen(f"{'/'.join(map(str, way.address))}: {error}") from error

    async def _door(self, way: _Way) -> Door:
        if not isinstance(way.listener, Webhooks):
            return await open_door(way.listener, self._desk, self._pages)
        from agent.assembly.hooks import endpoints_of  # a web server is behind it, which most tills do not need

        return await open_webhooks(way.listener, endpoints_of(way.settings), self._hear)

    async def _shut(self, names: Iterable[str]) -> None:
        shut = [self._open.pop(name)[1] for name in names if name in self._open]
        for failed in await asyncio.gather(*(door.stop() for door in shut), return_exceptions=True):
            if isinstance(failed, Exception):  # the others must be shut, or opened again, all the same
                structlog.get_logger().error("pos.door_stuck", exc_info=failed)

    async def _back(self, opened: Sequence[str], exchanged: Mapping[str, _Way]) -> None:
        """Doors that were shut for others that did not open. The next reload tries those that fail here as well."""
        await self._shut(opened)
        for name, way in exchanged.items():
            try:
                if name not in self._open:
                    await self._enter(name, way)
            except Exception as error:  # noqa: BLE001 - whatever keeps one shut, the others must open
                structlog.get_logger().error("pos.door_lost", problem=str(error))


async def _to_the_end(work: Coroutine[object, object, None]) -> None:
    """Do something that may not be cut in two; a cancellation is heard after it."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # what became of the step is the caller's way back to judge
        raise cancelled
    task.result()


def _ways(settings: Settings) -> dict[str, _Way]:
    """Every listener by a digest of all that it means. Raises CannotListen for people or tokens that are not there."""
    try:
        listeners = [*settings.listener, *([settings.webhooks] if settings.webhooks is not None else [])]
        return {_meaning(listener, settings): _Way(listener, settings) for listener in listeners}
    except (KeyError, BadSecret, OSError) as error:
        raise CannotListen(f"a listener cannot be opened: {error}") from error


def _meaning(listener: Listener | Webhooks, settings: Settings) -> str:
    facts: list[object] = [listener.model_dump_json()]
    match listener:
        case Webhooks():
            facts += [_digest(secret.reveal().encode()) for hook in listener.hooks.values() for secret in hook_secrets(hook)]
            facts += [_digest(file.read_bytes()) for file in (listener.certificate_file, listener.key_file) if file is not None]
            facts += [settings.provider.model_dump_json()]  # of one payment system it says how messages are signed
        case UnixListener():
            facts += [sorted(user_ids(listener)), sorted(group_ids(listener))]
        case TcpListener() | HttpListener() | PageListener():
            if isinstance(listener, PageListener):
                facts += [_digest(file.read_bytes()) for file in (listener.certificate_file, listener.key_file) if file is not None]
            facts += [_digest(token(client).reveal().encode()) for client in listener.client]
        case SerialListener() | PtyListener():
            pass
        case _:
            assert_never(listener)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
