"""Tell systemd how the daemon is doing: one datagram to the socket it names, nothing else.

The protocol (sd_notify(3)) is this small, and every library for it is harder to install than to write. Without systemd there is
no socket and nothing happens; a failing send is no reason to stop a till either: systemd's own start limit notices.
"""

import socket
from collections.abc import Mapping

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"  # microseconds
WATCHDOG_PROCESS_VARIABLE = "WATCHDOG_PID"
US_PER_S = 1_000_000
START_EXTENSION_S = 30
MAX_STATUS_CHARACTERS = 200  # what `systemctl status` shows on one line


class Notifier:
    """The line to systemd; ``environment`` is the process's. Every method answers whether the datagram was handed over."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get(SOCKET_VARIABLE, "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._environment = environment

    def ready(self, status: str) -> bool:
        """The service can take work (Type=notify waits for this)."""
        return self._send(f"READY=1\n{_status(status)}")

    def status(self, text: str) -> bool:
        """One line for ``systemctl status``."""
        return self._send(_status(text))

    def reloading(self, monotonic_us: int) -> bool:
        """The service is reading its configuration anew, since ``monotonic_us`` microseconds of CLOCK_MONOTONIC; ``ready`` ends it."""
        return self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def stopping(self, status: str) -> bool:
        """The service has begun to end."""
        return self._send(f"STOPPING=1\n{_status(status)}")

    def alive(self) -> bool:
        """The work goes on: systemd counts WatchdogSec= anew from here."""
        return self._send("WATCHDOG=1")

    def extend(self) -> bool:
        """The start goes on: systemd waits for ``ready`` for another ``START_EXTENSION_S`` from here, whatever TimeoutStartSec= says."""
        return self._send(f"EXTEND_TIMEOUT_USEC={START_EXTENSION_S * US_PER_S}")

    def watchdog_s(self, process: int) -> float | None:
        """How long systemd waits for ``alive`` before it kills the service, in seconds; None if it does not watch this ``process``."""
        given, whose = self._environment.get(WATCHDOG_VARIABLE, ""), self._environment.get(WATCHDOG_PROCESS_VARIABLE, str(process))
        return int(given) / US_PER_S if given.isdecimal() and int(given) and whose == str(process) else None

    def _send(self, text: str) -> bool:
        if not self._address:
            return False
        try:  # around the socket too: with no descriptor left there is none
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as channel:
                channel.sendto(text.encode(), self._address)
        except OSError:
            return False
        return True


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:MAX_STATUS_CHARACTERS]
