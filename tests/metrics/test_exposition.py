"""Goal: a monitoring system reads true figures, by names that stay, and what they cost is paid only where they are wanted.

Method: a real daemon sells against the sandbox and is asked as Prometheus asks; its answer, the alert rules and the dashboard are checked
by promtool and against each other.
"""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.core import stored
from agent.core.events import ReceiptGiven
from agent.core.model import SaleId
from agent.core.payout import stored as payout_stored
from agent.core.verdict import Operation
from agent.edges.metrics.exposition import PREFIX, exposition
from agent.edges.metrics.tally import MAX_SERIES, OTHER, PAYOUTS, RECEIPTS, REFUNDS, SALES, Tally
from agent.edges.metrics.view import obligations
from tests.core.book import Book, refunding_book
from tests.core.samples import fiscal
from tests.metrics.everything import EVERYTHING
from tests.support.patience import until
from tests.support.stand import ROOT, STORE, TERMINAL, Line, Plan, Port, Stand, http_request
from tests.system import require

CONFIG = ROOT / "config"
RULES = CONFIG / "prometheus" / "koshelek-agent.rules.yml"
DASHBOARD = CONFIG / "grafana" / "koshelek-agent.json"


def busy_tally() -> Tally:
    """One of everything."""
    tally, sale = Tally(lambda: 5.0), SaleId("s", "t", "k")
    tally.provider_of = {"account": "koshelek"}.get
    notice = tally.noticing(lambda event, sale=None, **facts: None)
    for event in ("sale.accepted", "sale.paid", "sale.refunded", "sale.receipt_delivered", "payout.paid_out"):
        notice(event, sale, provider="koshelek")
    notice("alarm.alarm_raised", sale, code="UNCLAIMED")
    notice("sale.parked", sale, problem="x")
    tally.attempt(Operation.CHECKOUT, "reply.2xx", 120, "account")
    tally.attempt(Operation.CHECKOUT, "unclear.timeout", 9_000, "account")
    tally.heard("s", "t")
    return tally


def series(text: bytes) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def value(found: Mapping[Any, float], name: str, **labels: str) -> float:
    return found[PREFIX + name, tuple(sorted(labels.items()))]


@pytest.fixture(scope="module")
def everything() -> bytes:
    """An exposition in which every family has a sample."""
    return exposition(busy_tally(), EVERYTHING)


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


# --- rules and dashboard ---


def names(text: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(rf"\b(?:{PREFIX}|process_)\w+", text))


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and the expression: of every rule, panel and variable."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])
    board = json.loads(DASHBOARD.read_text())
    yield from ((panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"])
    yield from ((one["name"], str(one["query"])) for one in board["templating"]["list"])


def test_every_metric_that_is_named_exists(everything: bytes) -> None:
    """In rules, dashboard and its variables; and each says something that is there."""
    there = {name for name, _ in series(everything)}
    assert {(place, name) for place, text in expressions() for name in names(text) - there} == set()
    assert len({name for _, text in expressions() for name in names(text)}) > 25


@pytest.mark.system
def test_promtool_takes_the_exposition(everything: bytes) -> None:
    """Names, units, help and types are as the conventions want them."""
    require("promtool")
    checked = subprocess.run(["promtool", "check", "metrics"], input=everything, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    wrong = subprocess.run(["promtool", "check", "metrics"], input=b"# TYPE Bad counter\nBad 1\n", capture_output=True, check=False)
    assert wrong.returncode != 0


# For each alert: a series of a till that should alarm, and of one that should not. Values at each minute for two hours.
OK, BAD = "ok", "bad"
WHERE = 'job="koshelek-agent", instance="{}"'
SIGNALS: Mapping[str, tuple[tuple[str, str, str], ...]] = {  # metric with labels, values when bad, when ok
    "KoshelekAgentDown": (("up{%s}", "0x120", "1x120"),),
    "KoshelekAgentNotReady": (("koshelek_agent_ready{%s}", "0x120", "1x120"),),
    "KoshelekAgentAttention": (("koshelek_agent_attention_sales{%s}", "1x120", "0x120"),),
    "KoshelekAgentSaleParked": (("koshelek_agent_parked_sales{%s}", "1x120", "0x120"),),
    "KoshelekAgentPaymentOpenTooLong": (
        ('koshelek_agent_oldest_obligation_age_seconds{%s, provider="koshelek", kind="payment"}', "601x120", "600x120"),
    ),
    "KoshelekAgentRefundOpenTooLong": (
        ('koshelek_agent_oldest_obligation_age_seconds{%s, provider="koshelek", kind="refund"}', "86401x120", "601x120"),
    ),
    "KoshelekAgentProviderUnreachable": (('koshelek_agent_provider_reachable{%s, provider="koshelek"}', "0x120", "1x120"),),
    "KoshelekAgentTurnedAway": (('koshelek_agent_provider_admits{%s, provider="koshelek"}', "0x120", "1x120"),),
    "KoshelekAgentSlowProvider": (
        ('koshelek_agent_attempt_duration_seconds_bucket{%s, provider="koshelek", operation="checkout", le="5"}', "0x120", "0+9x120"),
        ('koshelek_agent_attempt_duration_seconds_bucket{%s, provider="koshelek", operation="checkout", le="10"}', "0+9x120", "0+9x120"),
        (
            'koshelek_agent_attempt_duration_seconds_bucket{%s, provider="koshelek", operation="checkout", le="+Inf"}',
            "0+9x120",
            "0+9x120",
        ),
    ),
    "KoshelekAgentUnclearAttempts": (
        ('koshelek_agent_attempts_total{%s, provider="koshelek", operation="status", end="unclear.timeout"}', "0+3x120", "0+1x120"),
        ('koshelek_agent_attempts_total{%s, provider="koshelek", operation="status", end="reply.2xx"}', "0+9x120", "0+9x120"),
    ),
    "KoshelekAgentPaidUntold": (("koshelek_agent_untold_paid_sales{%s}", "1x120", "0x120"),),
    "KoshelekAgentLineDown": (('koshelek_agent_line_up{%s, line="serial:/dev/x"}', "0x120", "1x120"),),
    "KoshelekAgentDiskFull": (("koshelek_agent_journal_room{%s}", "0x120", "1x120"),),
    "KoshelekAgentDiskFillingUp": (
        ("koshelek_agent_disk_free_bytes{%s}", "1000000000x120", "9000000000x120"),
        ("koshelek_agent_disk_size_bytes{%s}", "100000000000x120", "100000000000x120"),
    ),
    "KoshelekAgentConfigurationRefused": (("koshelek_agent_configuration_refused{%s}", "1x120", "0x120"),),
    "KoshelekAgentBackupFailed": (
        ("koshelek_agent_backup_failed{%s}", "1x120", "0x120"),
        ("koshelek_agent_last_backup_timestamp_seconds{%s}", "0x120", "0+60x120"),
    ),
}


@pytest.mark.system
def test_each_alarm_goes_off_and_only_there(tmp_path: Path) -> None:
    """Every rule fires for the till with that trouble, and none for the till that is well; every rule has its trouble here."""
    require("promtool")
    alerts = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert sorted(alerts) == sorted(SIGNALS)
    inputs = [
        {"series": name % WHERE.format(till), "values": values}
        for signals in SIGNALS.values()
        for name, bad, ok in signals
        for till, values in ((BAD, bad), (OK, ok))
    ]
    checks = [
        {
            "expr": f'count by (alertname, instance) (ALERTS{{alertstate="firing", alertname="{alert}"}})',
            "eval_time": "110m",
            "exp_samples": [{"labels": f'{{alertname="{alert}", instance="{BAD}"}}', "value": 1}],
        }
        for alert in alerts
    ]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": inputs, "promql_expr_test": checks}],
    }
    file = tmp_path / "rules.test.yml"
    file.write_text(yaml.safe_dump(test))
    scraping = ["check", "config", "--syntax-only", str(RULES.with_name("scrape.yml"))]
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(file)], scraping):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.system
def test_the_dashboards_expressions_can_be_asked(tmp_path: Path) -> None:
    """Each is PromQL, with its variable filled in."""
    require("promtool")
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"].replace("$instance", ".*") for panel in board["panels"] for target in panel["targets"]]
    file = tmp_path / "asked.yml"
    rules = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(asked)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, f"{len(asked)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


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
