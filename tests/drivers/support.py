"""A listener on a real Unix socket with a handler that a test can steer, and a raw socket client beside the real one."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from drivers.caller import Caller, Peer
from drivers.framing import RemoteError
from drivers.limits import Limits
from drivers.messages import AgentStatus, CheckoutCreate, CheckoutGet, OperationShow, Request
from drivers.observer import Observer
from drivers.session import Refused, Session
from drivers.socket_link import SocketListener


class Recorder(Observer):
    """Keeps what happened, for assertions."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def turned_away(self, peer: Peer, code: str) -> None:
        self.events.append(("turned_away", code))

    def connected(self, caller: Caller) -> None:
        self.events.append(("connected", caller.name))

    def disconnected(self, caller: Caller, reason: str) -> None:
        self.events.append(("disconnected", reason))

    def misbehaved(self, caller: Caller, error: RemoteError) -> None:
        self.events.append(("misbehaved", error.fault))

    def ignored(self, caller: Caller, method: str) -> None:
        self.events.append(("ignored", method))

    def failed(self, caller: Caller | None, reference: str, method: str, error: BaseException) -> None:
        self.events.append(("failed", (reference, method, error)))

    def of(self, kind: str) -> list[Any]:
        return [value for name, value in self.events if name == kind]


class Agent:
    """The other side of the handler: status answers who asks, gets wait for ``release``, creates too; the log says what came of each."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.log: list[str] = []
        self.peers: list[Peer | None] = []
        self.fault: BaseException | None = None
        self.result: Mapping[str, Any] = {}

    async def handle(self, caller: Caller, request: Request) -> Mapping[str, Any]:
        self.peers.append(caller.peer)
        match request:
            case AgentStatus():
                if self.fault is not None:
                    raise self.fault
                return {"ready": True, **self.result}
            case CheckoutGet() | CheckoutCreate():
                return await self._wait(caller, request.key, request.method)
            case OperationShow():
                return {"filler": "x" * int(request.key)}
            case _:
                raise Refused("NOT_FOUND", "no such sale", {"hint": "x"})

    async def _wait(self, caller: Caller, key: str, method: str) -> dict[str, Any]:
        self.log.append(f"begin {method} {key}")
        hurried = asyncio.ensure_future(caller.presence.until_hurried())
        released = asyncio.ensure_future(self.release.wait())
        try:
            if method == "checkout.get":
                await asyncio.wait({hurried, released}, return_when=asyncio.FIRST_COMPLETED)
            else:
                await released
            self.log.append(f"end {method} {key}")
            return {"key": key, "hurried": caller.presence.hurried, "gone": caller.presence.gone}
        except asyncio.CancelledError:
            self.log.append(f"cancelled {method} {key}")
            raise
        finally:
            hurried.cancel()
            released.cancel()


@asynccontextmanager
async def listening(
    path: Path,
    agent: Agent,
    *,
    limits: Limits | None = None,
    recorder: Recorder | None = None,
    admit: Callable[[Peer], bool] = lambda peer: True,
) -> AsyncIterator[SocketListener]:
    limits = limits or Limits()

    def session(peer: Peer) -> Session | None:
        return Session(Caller(f"uid {peer.uid}", peer), agent.handle, limits, recorder) if admit(peer) else None

    listener = SocketListener(path, session, limits=limits, observer=recorder)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(grace_seconds=0.2)


class Raw:
    """A POS that sends whatever bytes a test wants."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._pending = b""

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def line(self, seconds: float = 5.0) -> dict[str, Any] | None:
        """The next answer, None at the end of the connection."""
        async with asyncio.timeout(seconds):
            while b"\n" not in self._pending:
                try:
                    data = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return None
                self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request(call_id: object, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode() + b"\n"


def get(call_id: object, key: str) -> bytes:
    return request(call_id, "checkout.get", storeId="s", terminalId="t", key=key, wait=60)


def checkout(key: str) -> dict[str, Any]:
    return {
        "storeId": "S12",
        "terminalId": "till-03",
        "key": key,
        "checkoutInvoice": {
            "orderId": "S12-000345",
            "totalAmount": 45000,
            "items": [
                {"name": "Сыр", "article": "100200", "price": 40, "quantity": 1250, "measure": "GRAM", "totalAmount": 45000, "tax": "vat10"}
            ],
        },
        "user": {"loyaltyId": "2900000099999"},
        "cardSession": "SECRETSESSION",
        "token": "SECRETTOKEN",
        "wait": 20,
    }
