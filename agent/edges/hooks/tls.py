"""TLS for messages that come over a network: the certificate, and a handshake that can hold up nobody.

asyncio's own TLS servers know no bound on handshakes that are under way: whoever opens connections and says nothing would use up the
descriptors that the till needs. So a connection is counted from its first moment, and must have shaken hands in time.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from agent.edges.http.server import Connection

HANDSHAKE_SECONDS = 5.0  # three round trips, on a bad line


class BadCertificate(Exception):
    """The certificate and the key cannot be used. The text says what OpenSSL made of them."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer. Raises BadCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_nobody_is_there)
    except (OSError, ssl.SSLError, _NeedsPassword) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise BadCertificate(f"{certificate} and {key} cannot be used as certificate and key: {reason}") from error
    return context


class _NeedsPassword(Exception):
    """the key is encrypted; a service cannot be asked for a password"""

    def __str__(self) -> str:
        return str(self.__doc__)


def _nobody_is_there() -> str:
    raise _NeedsPassword


class TlsGate(asyncio.Protocol):
    """Stands before a connection until hands are shaken, then steps aside. Made by ``gate_for``."""

    context: ClassVar[ssl.SSLContext]
    connection: ClassVar[type[Connection]]
    shaking: ClassVar[set[asyncio.Task[None]]]

    def __init__(self, **given: Any) -> None:
        """``given``: what the server hands to a connection."""
        self._given = given
        self._early = bytearray()
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self.shaking) + len(self._given["server_state"].connections) >= self.connection.limits.connections:
            self.connection.observer.turned_away(None, "LIMIT")
            transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._shake(transport))
        self.shaking.add(task)
        task.add_done_callback(self.shaking.discard)

    def data_received(self, data: bytes) -> None:
        """What came with the last of the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    async def _shake(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            shaken = await loop.start_tls(
                transport,
                self,
                self.context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS,
            )
        except OSError:  # of TLS, of the network, or too slow: whoever it was, he is gone
            transport.abort()
            return
        except BaseException:
            transport.abort()
            raise
        if shaken is None or self._lost or shaken.is_closing():
            transport.abort()
            return
        connection = self.connection(**self._given)
        shaken.set_protocol(connection)
        connection.connection_made(shaken)
        if self._early:
            connection.data_received(bytes(self._early))


def gate_for(context: ssl.SSLContext, shaking: set[asyncio.Task[None]]) -> Callable[[type[Connection]], type[asyncio.Protocol]]:
    """What makes of a kind of connection one behind TLS. ``shaking``: filled with those that have not shaken hands yet."""

    def behind(connection: type[Connection]) -> type[asyncio.Protocol]:
        return type("BoundGate", (TlsGate,), {"context": context, "connection": connection, "shaking": shaking})

    return behind


async def end_handshakes(shaking: set[asyncio.Task[None]]) -> None:
    """Nobody who has not shaken hands yet will."""
    tasks = tuple(shaking)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
