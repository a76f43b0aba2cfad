"""The ways in for register software: one ``[[listener]]`` table each, told apart by its ``kind``.

Who may use a way in, and for which tills, is part of it (promise P22). On a Unix socket the kernel names the peer; over TCP and HTTP a
client shows a token, each its own; a serial line has no way to say who speaks, so whoever holds its other end is the register, for the
tills of that line and no others.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from agent.settings.part import Part, Text

ANY = "*"  # every store, or every terminal, in a list of terminals

Person = Annotated[str, Field(pattern=r"^[^\s:/]{1,64}$")]  # a user or group: its name, or its number in digits
ClientName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$", examples=["kassa-1"])]
Role = Literal["pos", "admin"]
Tills = Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=256, examples=[["*/*"]])]
People = Annotated[tuple[Person, ...], Field(strict=False, max_length=64, examples=[["kassa"]])]
Connections = Annotated[int, Field(ge=1, le=1_000)]
Rate = Annotated[int, Field(ge=1, le=1_000)]
Port = Annotated[int, Field(ge=1, le=65_535, examples=[7431])]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Loopback = Literal["127.0.0.1", "::1"]  # tokens and amounts travel in the clear: never beyond this machine


def allows(terminals: tuple[str, ...], store_id: str, terminal_id: str) -> bool:
    """Whether a list of ``storeId/terminalId`` (a star for all) holds a till."""
    return any(
        store in {ANY, store_id} and terminal in {ANY, terminal_id} for store, terminal in (name.split("/", 1) for name in terminals)
    )


class Client(Part):
    """A program that may use a TCP or HTTP listener, known by its token."""

    name: ClientName
    token_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/kassa-1.token"])] = None
    token_credential: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["kassa-1-token"])] = None
    role: Role = "pos"
    terminals: Tills
    payouts: bool = False  # it may pay out, too


class UnixListener(Part):
    """A Unix socket; its peers are known by their user and groups."""

    kind: Literal["unix"]
    path: Annotated[Path, Field(strict=False, examples=["/run/koshelek-agent/pos.sock"])]
    role: Role = "pos"
    users: People = ()
    groups: People = ()
    terminals: Tills
    payouts: bool = False
    connections: Connections = 64
    connections_per_user: Connections = 8
    requests_per_s: Rate = 50


class TcpListener(Part):
    """A TCP port of this machine, for register software that knows no Unix sockets."""

    kind: Literal["tcp"]
    host: Loopback = "127.0.0.1"
    port: Port
    connections: Connections = 64
    requests_per_s: Rate = 50
    client: Annotated[tuple[Client, ...], Field(strict=False, min_length=1, max_length=64)]


class HttpListener(Part):
    """An HTTP port of this machine. ``origins``: pages that may call it from a browser (promise P22); none by default. ``metrics``: figures
    for Prometheus at /metrics, for whoever shows the token of one of the clients. ``page``: the status page at /, for everybody who can
    reach the port, for operators with their token, or for nobody; what can be done on it takes an operator's token in any case."""

    kind: Literal["http"]
    host: Loopback = "127.0.0.1"
    port: Port
    origins: Annotated[tuple[Text, ...], Field(strict=False, max_length=16, examples=[["http://127.0.0.1:8080"]])] = ()
    metrics: bool = False
    page: Literal["open", "token", "off"] = "open"
    connections: Connections = 64
    requests_per_s: Rate = 50
    client: Annotated[tuple[Client, ...], Field(strict=False, min_length=1, max_length=64)]


class PageListener(Part):
    """The status page alone, for people in the shop's network: never without an operator's token, nor beyond this machine without TLS.
    Registers cannot come in by it. ``names``: those by which browsers ask for it, beside its address."""

    kind: Literal["page"]
    host: Annotated[str, Field(min_length=1, max_length=64, examples=["192.168.1.20"])] = "127.0.0.1"
    port: Port
    names: Annotated[tuple[HostName, ...], Field(strict=False, max_length=8, examples=[["till-03.shop.example"]])] = ()
    certificate_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/page.crt"])] = None
    key_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/page.key"])] = None
    connections: Connections = 32
    requests_per_s: Rate = 50
    client: Annotated[tuple[Client, ...], Field(strict=False, min_length=1, max_length=64)]


class Line(Part):
    """How a register is spoken to over a line that may lose bytes. The last three are inferred from registers in use: nothing published
    fixes them."""

    terminals: Tills
    payouts: bool = False
    requests_per_s: Rate = 50
    ack_limit_ms: Annotated[int, Field(ge=200, le=10_000)] = 2_000
    repeats: Annotated[int, Field(ge=0, le=10)] = 5
    part_bytes: Annotated[int, Field(ge=64, le=4_000)] = 507


class SerialListener(Line):
    """A serial line with a register at its other end. The speed means nothing on a USB line that is none (CDC ACM). Always eight data
    bits and no XON/XOFF: frames are binary."""

    kind: Literal["serial"]
    path: Annotated[Path, Field(strict=False, examples=["/dev/serial/by-id/usb-register-if00"])]
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400] = 115200
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow_control: Literal["none", "rts_cts"] = "none"


class PtyListener(Line):
    """A pseudo-terminal for register software on this machine that knows only serial ports. ``path`` is a link to it that never changes."""

    kind: Literal["pty"]
    path: Annotated[Path, Field(strict=False, examples=["/run/koshelek-agent/till-01.tty"])]
    user: Person | None = None  # who may open it beside the agent's own user
    group: Person | None = None


Listener = Annotated[
    UnixListener | TcpListener | HttpListener | PageListener | SerialListener | PtyListener,
    Field(discriminator="kind"),
]
