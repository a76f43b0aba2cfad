"""Steps, rows and times for the journal's tests; everything written goes to real files."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.core.model import SaleId, Stamp
from agent.core.ports import Append, Entry, Row
from agent.edges.journal import SqliteJournal

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BOOT = "boot-a"


def sale_id(number: int, store: str = "store", terminal: str = "till") -> SaleId:
    return SaleId(store, terminal, f"key-{number}")


def entry(kind: str, number: int = 0, **body: Any) -> Entry:
    return Entry(kind, Stamp(NOW + timedelta(milliseconds=number), BOOT, 1000 + number), body)


def row(name: SaleId, **changes: Any) -> Row:
    """An open sale of its own order."""
    plain = Row(
        id=name,
        order_id=f"order-{name.key}",
        amount=45_000,
        currency="RUB",
        provider="koshelek",
        environment="test",
        account="https://api.example/acme",
        business_date=date(2026, 11, 22),
        state="queued",
        money="none",
        finished=False,
        open=True,
        paid_unreturned=False,
        split=False,
        told=False,
        confirmed=False,
        owes=True,
        accepted_at=NOW,
        updated_at=NOW,
    )
    return replace(plain, **changes)


def paid(name: SaleId, **changes: Any) -> Row:
    plain = {"state": "paid", "money": "charged", "finished": True, "open": False, "paid_unreturned": True, "owes": False}
    return row(name, **plain | changes)


def step(
    name: SaleId,
    position: int = 0,
    entries: Sequence[Entry] | None = None,
    put: Mapping[str, str] | None = None,
    drop: frozenset[str] = frozenset(),
    **changes: Any,
) -> Append:
    given = [entry("accepted", position, amount=45_000)] if entries is None else entries
    return Append(name, position, given, row(name, **changes), put or {}, drop)


async def opened(path: Path, **more: Any) -> SqliteJournal:
    given: dict[str, Any] = {"allow_volatile": True, "clock": lambda: NOW}
    return await SqliteJournal.open(path, **given | more)


# Plain functions for what would block a loop: in a test nobody else waits.


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def size_of(path: Path | str) -> int:
    return Path(path).stat().st_size


def run_python(program: str, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    """Run a text of Python that may import our packages."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=30, check=False)


def bytes_of(path: Path) -> dict[str, bytes]:
    """The contents of the journal's files, by suffix."""
    found = {suffix: Path(f"{path}{suffix}") for suffix in ("", "-wal")}
    return {suffix: file.read_bytes() for suffix, file in found.items() if file.exists()}


def environment() -> dict[str, str]:
    """For a child process: our packages."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
