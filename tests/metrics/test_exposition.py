"""Goal: a monitoring system reads true figures, by names that stay, and what they cost is paid only where they are wanted.

Method: a real daemon sells against the sandbox and is asked as Prometheus asks; what it answers is checked by promtool.
"""

import contextlib
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent.core import stored
from agent.core.events import ReceiptGiven
from agent.core.payout import stored as payout_stored
from agent.core.verdict import Operation
from agent.edges.metrics.exposition import PREFIX, exposition
from agent.edges.metrics.tally import MAX_SERIES, OTHER, PAYOUTS, RECEIPTS, REFUNDS, SALES, Tally
from agent.edges.metrics.view import Obligations, obligations
from tests.core.book import Book, refunding_book
from tests.core.samples import fiscal
from tests.metrics.everything import EVERYTHING, everything, series, value
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Line, Plan, Port, Stand, http_request
from tests.system import require
from tests.test_payouts import PayingStand


def sell(stand: Stand, key: str, card: str, wait: float) -> str:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    bill: dict[str, Any] = {
        "checkoutInvoice": {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]},
        "user": {"loyaltyId": "0"},
    }
    till: dict[str, Any] = {"storeId": STORE, "terminalId": TERMINAL, "key": key}
    return str(stand.call("checkout.create", **till, **bill, cardSession=card, token="t-1", wait=wait)["state"])


def test_a_daemon_tells_what_it_did() -> None:
    """Sales by result, attempts and their times, what is open and how long, the register that was heard, the line that was not, the journal
    and the disk; a payment system out of reach; for a client's token alone, and only where the listener says so."""
    web, quiet = Port("web", "http", options={"metrics": True}), Port("quiet", "http")
    with Stand(Plan(ports=(web, quiet), lines=(Line("line"),))) as stand:

        def ask(port: Port, token: str) -> tuple[int, bytes]:
            return http_request(stand.ports[port.name], "GET", "/metrics", None, {"Authorization": f"Bearer {token}"})

        assert ask(web, "wrong-token-0123456789")[0] == 401
        assert ask(quiet, quiet.token)[0] == 404
        assert (sell(stand, "k1", "FAST01", 15), sell(stand, "k2", "DECL01", 15), sell(stand, "k3", "WAIT01", 0.2)) == (
            "paid",
            "declined",
            "pending",
        )
        status, text = ask(web, web.token)
        assert status == 200
        found = series(text)
        assert [value(found, "sales_total", provider="koshelek", result=result) for result in ("paid", "declined", "canceled")] == [1, 1, 0]
        assert value(found, "sales_accepted_total", provider="koshelek") == 3
        assert value(found, "attempts_total", provider="koshelek", operation="checkout", end="reply.2xx") == 3
        assert value(found, "attempt_duration_seconds_count", provider="koshelek", operation="checkout") == 3
        assert value(found, "obligations", provider="koshelek", kind="payment") == 1
        assert 0.1 < value(found, "oldest_obligation_age_seconds", provider="koshelek", kind="payment") < 60
        assert value(found, "open_sales", provider="koshelek", state="pending") == 1
        assert 0 <= value(found, "register_heard_age_seconds", store_id=STORE, terminal_id=TERMINAL) < 60
        assert value(found, "line_up", line=f"pty:{stand.line('line')}") == 1
        assert value(found, "provider_reachable", provider="koshelek") == 1
        assert value(found, "ready") == 1
        assert value(found, "unconfirmed_sales") == 2
        assert value(found, "journal_events") > 10
        assert value(found, "journal_size_bytes") == stand.journal.stat().st_size
        assert 0 < value(found, "disk_free_bytes") < value(found, "disk_size_bytes")
        assert found["process_resident_memory_bytes", ()] > 1_000_000
        _switched_on_by_a_reload(stand, quiet)
        with stand.outage():
            sell(stand, "k4", "FAST02", 1)
            until(lambda: value(series(ask(web, web.token)[1]), "provider_reachable", provider="koshelek") == 0)


def _switched_on_by_a_reload(stand: Stand, port: Port) -> None:
    """What happened before counts."""
    number = stand.ports[port.name]
    before = f"port = {number}\n"
    stand.config.write_text(stand.config.read_text().replace(before, f"{before}metrics = true\n"))
    stand.hang_up()

    def ask() -> bytes:
        with contextlib.suppress(OSError):  # the door is exchanged
            status, text = http_request(number, "GET", "/metrics", None, {"Authorization": f"Bearer {port.token}"})
            return text if status == 200 else b""
        return b""

    until(lambda: ask() != b"")
    assert value(series(ask()), "sales_total", provider="koshelek", result="paid") == 1


def test_what_did_not_happen_yet_is_zero() -> None:
    """Each end and each kind of what is owed, of every payment system that can have them, for an alert on a missing series is silent;
    payouts where they are switched on, and of no other system."""
    found = series(exposition(Tally(), replace(EVERYTHING, obligations=Obligations())))
    for name, ends, provider in (
        ("sales_total", SALES, "koshelek"),
        ("refunds_total", REFUNDS, "koshelek"),
        ("receipts_total", RECEIPTS, "koshelek"),
        ("payouts_total", PAYOUTS, "paycore"),
    ):
        there = {dict(labels)["result"]: number for (one, labels), number in found.items() if one == PREFIX + name}
        assert there == dict.fromkeys(ends.values(), 0), name
        assert value(found, name, provider=provider, result=next(iter(ends.values()))) == 0
    for name in ("obligations", "oldest_obligation_age_seconds"):
        owed = {tuple(dict(labels).values()): number for (one, labels), number in found.items() if one == PREFIX + name}
        kinds = {(kind, "koshelek") for kind in ("payment", "refund", "receipt")} | {("payout", "paycore")}
        assert owed == dict.fromkeys(kinds, 0), name


def test_a_daemon_that_may_pay_out_says_so_before_it_does() -> None:
    """Its configuration is looked at, not what has happened."""
    web = Port("web", "http", options={"metrics": True})
    with PayingStand(Plan({TERMINAL: {"provider": "paycore"}}, ports=(web,), systems={"paycore": {}})) as stand:
        found = series(http_request(stand.ports["web"], "GET", "/metrics", None, {"Authorization": f"Bearer {web.token}"})[1])
        assert value(found, "payouts_total", provider="paycore", result="failed") == 0
        assert value(found, "obligations", provider="paycore", kind="payout") == 0
        assert (f"{PREFIX}payouts_total", (("provider", "koshelek"), ("result", "failed"))) not in found


def test_labels_have_few_values() -> None:
    """What a server or a bug invents is counted as one series more, not as thousands; no series names a sale."""
    tally = Tally()
    for number in range(3 * MAX_SERIES):
        tally.attempt(Operation.STATUS, f"not_sent.made_up_{number}", 1, "somewhere")
    assert len(tally.attempts) == MAX_SERIES + 1
    assert tally.attempts[OTHER, "status", OTHER] == 2 * MAX_SERIES
    assert sum(tally.attempts.values()) == 3 * MAX_SERIES


def test_every_time_falls_into_the_right_buckets() -> None:
    """Cumulative counts by upper bounds, the bound itself included, and the sum in seconds."""
    tally = Tally()
    for ms in (50, 51, 30_000, 30_001):
        tally.attempt(Operation.STATUS, "reply.2xx", ms, "x")
    found = series(exposition(tally, EVERYTHING))
    place = {"provider": OTHER, "operation": "status"}
    counts = {le: value(found, "attempt_duration_seconds_bucket", le=le, **place) for le in ("0.05", "0.1", "30", "+Inf")}
    assert counts == {"0.05": 1, "0.1": 2, "30": 3, "+Inf": 4}
    assert value(found, "attempt_duration_seconds_sum", **place) == pytest.approx(60.102)


def test_only_a_daemon_that_shows_figures_pays_for_them() -> None:
    """The client library is not among what the daemon imports at its start."""
    program = (
        "import agent.runtime, agent.edges.http.application, agent.edges.http.figures, sys; sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert subprocess.run([sys.executable, "-c", f"import agent.edges.metrics.exposition; {program}"], check=False).returncode == 1


def test_every_counted_end_is_an_event() -> None:
    """Their names are those under which the engine tells of events; one that is renamed would be counted no more."""
    sales = {name.removeprefix("sale.") for ends in (SALES, REFUNDS, RECEIPTS) for name in ends}
    assert sales - set(stored.KINDS) == set()
    assert {name.removeprefix("payout.") for name in PAYOUTS} - set(payout_stored.KINDS) == set()


def test_ages_are_of_the_oldest_and_never_negative() -> None:
    """Payments, returns and receipts apart, each counted from its own beginning; a clock that was set back gives no negative age."""
    paying, returning = Book().after(60_000), refunding_book().after(5_000)
    returning.record([ReceiptGiven("r-1", "d", fiscal())])
    sales, now = [paying.sale, returning.sale], returning.now.wall
    found = obligations(sales, [], now + timedelta(seconds=100))
    assert dict(found.open) == {("koshelek", kind): 1 for kind in ("payment", "refund", "receipt")}
    opened = returning.sale.refunds[0].opened.wall
    assert found.oldest_s["koshelek", "refund"] == (now + timedelta(seconds=100) - opened).total_seconds() >= 105
    assert found.oldest_s["koshelek", "receipt"] == 100
    assert found.oldest_s["koshelek", "payment"] == (now + timedelta(seconds=100) - paying.sale.accepted.wall).total_seconds()
    assert dict(found.states) == {("koshelek", "queued"): 1}
    assert set(obligations(sales, [], now - timedelta(days=9)).oldest_s.values()) == {0.0}


@pytest.mark.system
def test_promtool_takes_the_exposition() -> None:
    """Names, units, help and types are as the conventions want them."""
    require("promtool")
    checked = subprocess.run(["promtool", "check", "metrics"], input=everything(), capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    wrong = subprocess.run(["promtool", "check", "metrics"], input=b"# TYPE Bad counter\nBad 1\n", capture_output=True, check=False)
    assert wrong.returncode != 0
