"""How much a POS may ask of the agent at once. Every bound of this package in one place, each with its reason.

The peers are on the same machine and were admitted by name, so the bounds guard against bugs (a loop without a pause, a
process that forgot to close its sockets, a register that stopped reading) and against a hostile program that runs as an
admitted user. Together they bound the memory one user can take: connections x (line + unsent answers).
"""

from dataclasses import dataclass

MAX_CONNECTIONS = 64  # a shop's back office server with every register attached has fewer
MAX_CONNECTIONS_PER_USER = 8  # one register process, its watchdog, a command line or two
MAX_LINE_BYTES = 64 * 1024  # a bill of some 300 lines with long Russian names
MAX_LINE_SECONDS = 5.0  # a local peer finishes a line it started within milliseconds
MAX_REQUESTS_PER_SECOND = 50  # ten registers that poll every 250 ms share one connection comfortably
MAX_REQUEST_BURST = 100  # a restarted register asks for everything it does not remember
MAX_BYTES_PER_SECOND = 256 * 1024  # four of the longest lines; bounds what a flood of anything, blank lines too, costs
MAX_BYTE_BURST = 128 * 1024  # two of the longest lines at once
MAX_REQUESTS_AT_WORK = 16  # long polls of one connection at the same time
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # 500 operations with their slip texts
MAX_UNSENT_BYTES = 2 * MAX_ANSWER_BYTES  # one answer being read, one waiting
MAX_UNREAD_SECONDS = 10.0  # a peer that takes longer to read one answer has stopped reading


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds in force for one listener. The defaults are the constants above; configuration and tests choose others."""

    connections: int = MAX_CONNECTIONS
    connections_per_user: int = MAX_CONNECTIONS_PER_USER
    line_bytes: int = MAX_LINE_BYTES
    line_seconds: float = MAX_LINE_SECONDS
    requests_per_second: float = MAX_REQUESTS_PER_SECOND
    request_burst: int = MAX_REQUEST_BURST
    bytes_per_second: float = MAX_BYTES_PER_SECOND
    byte_burst: int = MAX_BYTE_BURST
    requests_at_work: int = MAX_REQUESTS_AT_WORK
    answer_bytes: int = MAX_ANSWER_BYTES
    unsent_bytes: int = MAX_UNSENT_BYTES
    unread_seconds: float = MAX_UNREAD_SECONDS
