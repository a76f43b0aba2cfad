"""A journal with many sales of many days, made by the journal's own writing end: what a till has after a year.

Every one is paid, told and confirmed, seven events long. Only the first is folded and encoded; the others are its copies under other names,
each with its own hashes, because a million of them would otherwise take an hour.
"""

import contextlib
import itertools
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.core import answer, events, stored
from agent.core.fold import fold, open_sale
from agent.core.model import Binding, Deadline, Environment, SaleId, Stamp
from agent.core.ports import Append, Entry
from agent.core.sale import CHECKOUT_CALL, Sale
from agent.edges.journal import chain, connect, steps
from agent.edges.journal.checks import prepare_writer
from agent.edges.journal.ledger import Ledger
from agent.edges.journal.steps import Step
from agent.running.projecting import PLAN
from tests.core.samples import checkout, request, slip
from tests.support.stand import STORE

GROUP = 256
MODEL = "s0000000"  # stands in every place of the model where a sale has a name of its own
SALES_A_DAY = 300
FIRST_DAY = datetime(2016, 1, 1, 9, 0, tzinfo=UTC)


def key_of(number: int) -> str:
    return f"s{number:07d}"


def fill(path: Path, account: str, terminal: str, sales: range) -> None:
    """Add these sales to the journal at ``path``, which nobody else may have open."""
    path.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, factory=connect.WriterConnection)) as connection:
        connection.text_factory = chain.decode
        opened = prepare_writer(connection, path, PLAN, secrets.token_bytes)
        connection.execute("PRAGMA synchronous=OFF").fetchall()  # nobody loses money if this one has to be made again
        ledger = Ledger(connection, path, opened.digest_key, opened.head, opened.anchored, lambda: datetime.now(UTC))
        group: list[Step] = []
        for step in _steps(account, terminal, sales):
            group.append(step)
            if len(group) == GROUP:
                _write(ledger, group)
        _write(ledger, group)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _write(ledger: Ledger, group: list[Step]) -> None:
    ledger.group = tuple(group)
    ledger.write()
    assert not any(ledger.outcomes), ledger.outcomes
    group.clear()


def _steps(account: str, terminal: str, sales: range) -> Iterator[Step]:
    for day, numbers in itertools.groupby(sales, key=lambda number: number // SALES_A_DAY):
        sale, entries = _model(account, terminal, FIRST_DAY + timedelta(days=day))
        append = steps.step_of(Append(sale.id, 0, entries, answer.row(sale)))
        for number in numbers:
            key = key_of(number)
            values = tuple(_named(value, key) for value in append.values)
            named = tuple(replace(event, body=event.body.replace(MODEL, key)) for event in append.events)
            yield Step(SaleId(STORE, terminal, key), 0, named, values, chain.values_hash(values), (), ())


def _named(value: chain.Value, key: str) -> chain.Value:
    return value.replace(MODEL, key) if isinstance(value, str) else value


def _model(account: str, terminal: str, at: datetime) -> tuple[Sale, list[Entry]]:
    """A paid sale and its events as they are stored."""
    stamp = Stamp(at, "boot-of-then", 1_000_000)
    bill = checkout(order_id=f"order-{MODEL}")
    binding = Binding("koshelek", Environment.TEST, account)
    accepted = events.Accepted(bill, binding, Deadline(stamp.boot, stamp.ticks + 30_000), at.date(), "uid:0")
    sale, history = open_sale(SaleId(STORE, terminal, MODEL), accepted, stamp), list[events.Event]([accepted])
    paid = slip(order_id=f"order-{MODEL}", payment_transaction_id=f"tx-{MODEL}", qrc_id=f"QRC-{MODEL}")
    further = (
        events.AttemptStarted(CHECKOUT_CALL, f"r-{MODEL}", replace(request(), body={"requestId": f"r-{MODEL}", "bill": "x" * 400})),
        events.AttemptAnswered(CHECKOUT_CALL, f"r-{MODEL}", "accepted"),
        events.TransactionKnown(f"tx-{MODEL}"),
        events.Paid(paid),
    )
    for event in further:
        sale = fold(sale, event, stamp)
        history.append(event)
    told = answer.told_now(sale, "uid:0")
    for event in (told, events.Confirmed("uid:0")):
        sale = fold(sale, event, stamp)
        history.append(event)
    encoded = [stored.encode(event) for event in history]
    return sale, [Entry(kind, stamp, body) for kind, body in encoded]
