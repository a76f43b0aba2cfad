"""Why the daemon cannot work as it is configured."""

import errno

from agent.texts import N_, Message, message
from drivers.socket_link import CannotListen
from drivers.tcp_link import PortRefused

PORT_TAKEN = N_(
    "The port {port} is held by another program, so the agent cannot listen there. Which one it is, sudo koshelek-agent doctor says. "
    "Stop that program, or give the agent another port: sudo koshelek-agent setup"
)
PORT_FORBIDDEN = N_(
    "The port {port} is one of the low ones, which are for root alone, so the agent cannot listen there. Choose a port from 1024 to 65535: "
    "sudo koshelek-agent setup"
)
NO_ADDRESS = N_(
    "This machine has no address {host} now, so the agent cannot listen there. Look at the addresses: ip -br address. Connect the network, "
    "or correct the address in the configuration"
)
DOOR_SHUT = N_("A way in of the configuration cannot be opened: {problem}")
PASSING = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL})
"""What may pass without anybody touching the agent: another program ends, a network comes up."""


class CannotStart(Exception):
    """The agent cannot work as it is configured; a technician must act (exit status 78). ``text`` says what to do. ``passing``: what is in
    the way may go by itself, so that another start is worth while (exit status 1)."""

    def __init__(self, text: Message, *, passing: bool = False) -> None:
        super().__init__(str(text))
        self.text = text
        self.passing = passing


def shut(error: CannotListen) -> CannotStart:
    """A way in that cannot be opened."""
    return CannotStart(why_shut(error), passing=isinstance(error, PortRefused) and error.number in PASSING)


def why_shut(error: CannotListen) -> Message:
    """What it is and what to do."""
    match error:
        case PortRefused(number=errno.EADDRINUSE):
            return message(PORT_TAKEN, port=error.port)
        case PortRefused(number=errno.EACCES):
            return message(PORT_FORBIDDEN, port=error.port)
        case PortRefused(number=errno.EADDRNOTAVAIL):
            return message(NO_ADDRESS, host=error.host)
        case _:
            return message(DOOR_SHUT, problem=error)
