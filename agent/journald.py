"""Log lines with fields of their own in systemd's journal, so that ``journalctl CHECKOUT=20260131-0345`` shows the story of one sale.

A line on standard output becomes one text in the journal. The journal's own protocol takes named fields as well: one datagram for each line
to a socket that every process of the machine may write to. What the text would have been is the message, so whoever reads texts sees no
difference. The datagram carries who sent it, so ``journalctl --unit`` finds these lines too.

A line that is too long for a datagram, or a journal that does not answer, falls back to standard output: ``send`` says so by False.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

SOCKET = Path("/run/systemd/journal/socket")
STREAM_VARIABLE = "JOURNAL_STREAM"  # set by systemd: device and inode of the stream that it connected to the journal
MAX_VALUE_CHARACTERS = 256  # of one field: fields are for finding, the message has all of it
IDENTIFIER = "koshelek-agent"

# Fields by the keys of an event. Few, because the journal indexes each; the names say what a technician looks for.
FIELDS: Mapping[str, str] = {
    "event": "EVENT",
    "state": "STATE",
    "money": "MONEY",
    "reason": "REASON",
    "code": "REASON",
    "provider": "PROVIDER",
    "order": "ORDER",
    "transaction_id": "TRANSACTION",
    "request_id": "REQUEST",
    "refund": "REFUND",
    "call": "CALL",
    "line": "LINE",
    "caller": "CALLER",
    "method": "METHOD",
    "account": "ACCOUNT",
}
_PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}  # of syslog


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream is the one that systemd connected to its journal: the variable alone is inherited by whoever is started there."""
    device, _, inode = environment.get(STREAM_VARIABLE, "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def fields_of(event: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The fields of an event that has passed the redaction. A sale is found by its full name and by its key alone: the journal lets a field
    have several values."""
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield "PRIORITY", str(_PRIORITIES.get(str(event.get("level")), 6))
    if isinstance(sale := event.get("sale"), str):
        store, _, rest = sale.partition("/")
        terminal, _, key = rest.partition("/")
        yield "CHECKOUT", sale
        if key:
            yield from (("CHECKOUT", key), ("STORE", store), ("TERMINAL", terminal))
    for name, value in event.items():
        if name in FIELDS and isinstance(value, str) and value:
            yield FIELDS[name], value[:MAX_VALUE_CHARACTERS]


def datagram(message: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """One entry as the journal takes it: a value with a line end in it is preceded by its length."""
    return b"".join(_field(name, value) for name, value in [("MESSAGE", message), *fields])


def _field(name: str, value: str) -> bytes:
    data = value.encode(errors="replace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"


def send(message: str, fields: Iterable[tuple[str, str]]) -> bool:
    """Hand an entry to the journal; False if it was not taken. Waits for nothing. A socket for each line, so that none can be left over."""
    try:  # around the socket too: with no descriptor left there is none, and a line must not raise into what it tells of
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.sendto(datagram(message, fields), str(SOCKET))
    except OSError:
        return False
    return True
