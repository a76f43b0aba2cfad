"""Which till of the shop comes in by which way, and how it connects. What it says is the same everywhere."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from agent.demo import configuration
from agent.demo.stage import Stage
from agent.demo.web import WebClient
from drivers.client import Client


class Way(StrEnum):
    """A kind of listener, as a person would say it."""

    SOCKET = "Unix socket"
    TCP = "TCP"
    HTTP = "HTTP"
    SERIAL = "serial line"


WAYS: Mapping[str, Way] = {
    "till-1": Way.HTTP,
    "till-2": Way.SERIAL,
    "till-3": Way.TCP,
    "till-4": Way.SOCKET,
    "till-5": Way.HTTP,
    "till-6": Way.SERIAL,
    "till-7": Way.SOCKET,
    "till-8": Way.HTTP,
    "till-9": Way.SERIAL,
    "till-10": Way.TCP,
    configuration.KIOSK: Way.TCP,
}


class Caller(Protocol):
    """A client of any way in."""

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]: ...

    async def close(self) -> None: ...


async def connect(stage: Stage, terminal: str) -> Caller:
    """Raises Unreachable."""
    match WAYS[terminal]:
        case Way.SOCKET:
            return await Client.connect(stage.pos_socket)
        case Way.TCP:
            return await Client.connect_tcp("127.0.0.1", stage.tcp_port, configuration.TOKEN)
        case Way.HTTP:
            return WebClient(stage.http_port, configuration.TOKEN)
        case Way.SERIAL:
            return await Client.connect_serial(configuration.line_of(stage.folder, terminal))
