"""The doors: every ``[[listener]]`` of the configuration opened as what its kind says, with who may come in and for which tills."""

import asyncio
import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

import structlog

from agent.core.hints import Hint
from agent.edges.keyring import Holder, Keyring, SameToken
from agent.edges.pos import PosDesk
from agent.lines import line_door, log_damage, log_line, log_silence
from agent.secrets import BadSecret
from agent.settings import (
    Client,
    HttpListener,
    Listener,
    PageListener,
    PtyListener,
    SerialListener,
    TcpListener,
    UnixListener,
    Webhooks,
    group_ids,
    token,
    user_ids,
)
from drivers.caller import Caller, Peer
from drivers.framing import RemoteError
from drivers.limits import Limits
from drivers.line import LineStatus
from drivers.observer import Observer
from drivers.serial_link import LineListener
from drivers.session import Session
from drivers.socket_link import CannotListen, SocketListener
from drivers.tcp_link import TcpListener as TcpDoor
from drivers.tcp_link import bind

if TYPE_CHECKING:  # the web server behind these is imported where it is needed
    from agent.edges.hooks.application import Endpoint, Hear
    from agent.edges.http.application import Page, Site

STOP_GRACE_S = 5  # for requests at work over HTTP, as on sockets


class Door(Protocol):
    """An open way in. ``stop`` lets requests at work be answered first."""

    async def stop(self) -> None: ...


class Shown(Protocol):
    """What HTTP listeners show beside the API."""

    def of(self, listener: HttpListener) -> Mapping[str, "Page"]:
        """Single pages by path."""

    def site(self, listener: HttpListener | PageListener) -> "Site | None":
        """The status page; None where there is none."""


class LoggingObserver(Observer):
    """What happens at the sockets, as log lines."""

    def turned_away(self, peer: Peer | None, code: str) -> None:
        who = {"uid": peer.uid, "pid": peer.pid} if peer else {}
        structlog.get_logger().warning("pos.turned_away", **who, code=code)

    def connected(self, caller: Caller) -> None:
        structlog.get_logger().info("pos.connected", caller=caller.name)

    def disconnected(self, caller: Caller, reason: str) -> None:
        structlog.get_logger().info("pos.disconnected", caller=caller.name, reason=reason)

    def misbehaved(self, caller: Caller, error: RemoteError) -> None:
        structlog.get_logger().warning("pos.misbehaved", caller=caller.name, problem=error.explanation)

    def refused(self, caller: Caller, method: str, code: str, places: str) -> None:
        structlog.get_logger().warning("pos.refused", caller=caller.name, method=method, code=code, places=places)

    def ignored(self, caller: Caller, method: str) -> None:
        structlog.get_logger().warning("pos.notification_ignored", caller=caller.name, method=method[:64])

    def failed(self, caller: Caller | None, reference: str, method: str, error: BaseException) -> None:
        structlog.get_logger().error(
            "pos.failed", caller=caller.name if caller else None, reference=reference, method=method, exc_info=error
        )

    def line_changed(self, status: LineStatus) -> None:
        log_line(status)

    def line_damaged(self, name: str, frames: int, error: RemoteError) -> None:
        log_damage(name, frames, error)

    def line_silent(self, name: str, seconds: float) -> None:
        log_silence(name, seconds)


def admitter(listener: UnixListener, desk: PosDesk, limits: Limits, observer: Observer) -> Callable[[Peer], Session | None]:
    """Who may use a listener, and for which tills (promise P22)."""
    users, groups = user_ids(listener), group_ids(listener)
    tills = tills_of(listener.terminals)
    operator = listener.role == "admin"

    def admit(peer: Peer) -> Session | None:
        if peer.uid not in users and not (peer.groups & groups) and not (operator and peer.uid in (0, os.geteuid())):
            return None
        caller = Caller(f"uid:{peer.uid}", peer, None if operator else tills, operator, listener.payouts)
        return Session(caller, desk.handle, limits, observer)

    return admit


def tills_of(terminals: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """``terminals`` (``storeId/terminalId``, a star for all) as a caller has them. The star stays one: a till that was taken out of the
    configuration has a register that must hear how its sales ended, and the desk knows which tills there are."""
    return frozenset((store_id, terminal_id) for store_id, terminal_id in (name.split("/", 1) for name in terminals))


async def open_door(listener: Listener, desk: PosDesk, pages: Shown) -> Door:
    """Open one way in. ``pages``: what an HTTP listener shows beside the API. Raises CannotListen."""
    match listener:
        case UnixListener():
            return await _open_unix(listener, desk)
        case TcpListener():
            return await _open_tcp(listener, desk)
        case HttpListener():
            return await _open_http(listener, desk, pages)
        case PageListener():
            return await _open_page(listener, desk, pages)
        case SerialListener() | PtyListener():
            return await _open_line(listener, desk)
        case _:
            assert_never(listener)


async def _open_unix(listener: UnixListener, desk: PosDesk) -> SocketListener:
    limits = Limits(
        connections=listener.connections,
        connections_per_user=listener.connections_per_user,
        requests_per_second=listener.requests_per_s,
        request_burst=2 * listener.requests_per_s,
    )
    observer = LoggingObserver()
    admit = admitter(listener, desk, limits, observer)
    named = bool(listener.users or listener.groups)
    mode = 0o666 if named else 0o600  # the kernel's word on the peer decides; the mode only keeps out whom nobody named
    opened = SocketListener(listener.path, admit, mode=mode, limits=limits, observer=observer)
    await opened.start()
    structlog.get_logger().info("pos.listening", path=str(listener.path), role=listener.role)
    return opened


def keyring_of(listener: TcpListener | HttpListener | PageListener) -> Keyring:
    """The clients of a listener by their tokens. Raises CannotListen."""
    try:
        return Keyring((_holder(client), token(client)) for client in listener.client)
    except (BadSecret, SameToken) as error:
        raise CannotListen(f"{listener.host} port {listener.port}: {error}") from error


def _holder(client: Client) -> Holder:
    operator = client.role == "admin"
    return Holder(f"client:{client.name}", None if operator else tills_of(client.terminals), operator, client.payouts)


def _limits(listener: TcpListener | HttpListener | PageListener) -> Limits:
    rate = listener.requests_per_s
    return Limits(connections=listener.connections, requests_per_second=rate, request_burst=2 * rate)


async def _open_tcp(listener: TcpListener, desk: PosDesk) -> TcpDoor:
    keyring, limits, observer = keyring_of(listener), _limits(listener), LoggingObserver()

    def admit(shown: str) -> Session | None:
        holder = keyring.holder(shown)
        if holder is None:
            return None
        return Session(Caller(holder.name, None, holder.tills, holder.operator, holder.payouts), desk.handle, limits, observer)

    opened = TcpDoor(listener.host, listener.port, admit, limits=limits, observer=observer)
    await opened.start()
    structlog.get_logger().info("pos.listening", host=listener.host, port=listener.port, kind="tcp")
    return opened


async def _open_http(listener: HttpListener, desk: PosDesk, pages: Shown) -> Door:
    # Imported here: the web server costs memory that tills without this kind of listener keep.
    from agent.edges.http.application import Application
    from agent.edges.http.figures import PATH as METRICS
    from agent.edges.http.guard import Guard
    from agent.edges.http.server import HttpServer

    limits, observer = _limits(listener), LoggingObserver()
    keyring, guard = keyring_of(listener), Guard(listener.port, listener.origins)
    application = Application(desk.handle, keyring, guard, limits, observer, pages.of(listener), {METRICS}, pages.site(listener))
    opened = HttpServer(application, bind(listener.host, listener.port), limits, observer, STOP_GRACE_S)
    await opened.start()
    structlog.get_logger().info("pos.listening", host=listener.host, port=listener.port, kind="http")
    return opened


async def _open_page(listener: PageListener, desk: PosDesk, pages: Shown) -> Door:
    # Imported here: most tills have no use for it, and need not keep a web server in memory.
    from agent.edges.hooks.server import HookServer
    from agent.edges.http.application import Application
    from agent.edges.http.guard import NAMES, Guard

    limits, observer, context = _limits(listener), LoggingObserver(), _context(listener.certificate_file, listener.key_file)
    address = f"[{listener.host}]" if ":" in listener.host else listener.host
    guard = Guard(listener.port, (), {*NAMES, address, *listener.names}, secure=context is not None)
    application = Application(desk.handle, keyring_of(listener), guard, limits, observer, site=pages.site(listener), api=False)
    opened = HookServer(application, bind(listener.host, listener.port), limits, observer, STOP_GRACE_S, context)
    await opened.start()
    structlog.get_logger().info("page.listening", host=listener.host, port=listener.port, tls=context is not None)
    return opened


def _context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS of a listener; None where it has no certificate. Raises CannotListen."""
    from agent.edges.hooks.tls import BadCertificate, server_context

    try:
        return server_context(certificate, key) if certificate is not None and key is not None else None
    except BadCertificate as error:
        raise CannotListen(str(error)) from error


async def open_webhooks(webhooks: Webhooks, endpoints: Mapping[str, "Endpoint"], hear: "Hear") -> Door:
    """The way in for messages of payment systems; ``endpoints`` by path. Raises CannotListen."""
    # Imported here: most tills have no use for it, and need not keep a web server in memory.
    from agent.edges.hooks.application import HookApplication
    from agent.edges.hooks.server import HookServer
    from agent.edges.hooks.tally import Passed, Tally

    log, clock = structlog.get_logger(), asyncio.get_running_loop().time
    tally = Tally(lambda provider, reason, count: log.warning("webhook.refused", provider=provider, reason=reason, count=count), clock)
    passed = Passed(_log_unrelated, clock)
    context = _context(webhooks.certificate_file, webhooks.key_file)
    application = HookApplication(
        endpoints, hear, webhooks.requests_per_s, tally, lambda error: log.error("webhook.failed", exc_info=error), clock, passed
    )
    limits = Limits(connections=webhooks.connections, line_seconds=webhooks.time_limit_s)
    opened = HookServer(application, bind(webhooks.address, webhooks.port), limits, LoggingObserver(), STOP_GRACE_S, context)
    await opened.start()
    log.info("webhook.listening", address=webhooks.address, port=webhooks.port, tls=context is not None, systems=sorted(webhooks.hooks))
    return opened


def _log_unrelated(provider: str, reason: str, about: Hint, count: int) -> None:
    names = {"transaction": about.transaction_id, "reference": about.reference}
    structlog.get_logger().info("webhook.ignored", provider=provider, reason=reason, **names, count=count)


async def _open_line(listener: SerialListener | PtyListener, desk: PosDesk) -> LineListener:
    """A port that is not there keeps nobody from starting: it is awaited. Raises CannotListen for a pseudo-terminal that cannot be made."""
    door = line_door(listener, tills_of(listener.terminals), desk.handle, LoggingObserver())
    await door.start()
    return door
