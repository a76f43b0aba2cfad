"""The doors: every ``[[listener]]`` of the configuration opened as what its kind says, with who may come in and for which tills."""

import os
from collections.abc import Callable
from typing import Protocol, assert_never

import structlog

from agent.edges.pos import PosDesk
from agent.settings import (
    HttpListener,
    Listener,
    PtyListener,
    SerialListener,
    Settings,
    TcpListener,
    UnixListener,
    allows,
    group_ids,
    user_ids,
)
from drivers.caller import Caller, Peer
from drivers.framing import RemoteError
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.session import Session
from drivers.socket_link import CannotListen, SocketListener


class Door(Protocol):
    """An open way in. ``stop`` lets requests at work be answered first."""

    async def stop(self) -> None: ...


class LoggingObserver(Observer):
    """What happens at the sockets, as log lines."""

    def turned_away(self, peer: Peer, code: str) -> None:
        structlog.get_logger().warning("pos.turned_away", uid=peer.uid, pid=peer.pid, code=code)

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


def admitter(
    listener: UnixListener, settings: Settings, desk: PosDesk, limits: Limits, observer: Observer
) -> Callable[[Peer], Session | None]:
    """Who may use a listener, and for which tills (promise P22)."""
    users, groups = user_ids(listener), group_ids(listener)
    tills = tills_of(listener.terminals, settings)
    operator = listener.role == "admin"

    def admit(peer: Peer) -> Session | None:
        if peer.uid not in users and not (peer.groups & groups) and not (operator and peer.uid in (0, os.geteuid())):
            return None
        caller = Caller(f"uid:{peer.uid}", peer, None if operator else tills, operator)
        return Session(caller, desk.handle, limits, observer)

    return admit


def tills_of(terminals: tuple[str, ...], settings: Settings) -> frozenset[tuple[str, str]]:
    """The configured tills among ``terminals`` (``storeId/terminalId``, a star for all)."""
    return frozenset((till.store_id, till.terminal_id) for till in settings.terminal if allows(terminals, till.store_id, till.terminal_id))


async def open_door(listener: Listener, settings: Settings, desk: PosDesk) -> Door:
    """Open one way in. Raises CannotListen."""
    match listener:
        case UnixListener():
            return await _open_unix(listener, settings, desk)
        case TcpListener() | HttpListener() | SerialListener() | PtyListener():
            raise CannotListen(f"listeners of kind {listener.kind} are not there yet")
        case _:
            assert_never(listener)


async def _open_unix(listener: UnixListener, settings: Settings, desk: PosDesk) -> SocketListener:
    limits = Limits(
        connections=listener.connections,
        connections_per_user=listener.connections_per_user,
        requests_per_second=listener.requests_per_s,
        request_burst=2 * listener.requests_per_s,
    )
    observer = LoggingObserver()
    admit = admitter(listener, settings, desk, limits, observer)
    named = bool(listener.users or listener.groups)
    mode = 0o666 if named else 0o600  # the kernel's word on the peer decides; the mode only keeps out whom nobody named
    opened = SocketListener(listener.path, admit, mode=mode, limits=limits, observer=observer)
    await opened.start()
    structlog.get_logger().info("pos.listening", path=str(listener.path), role=listener.role)
    return opened
