"""Goal: every alarm goes off for the trouble that it names, when it has lasted long enough, and for no other till; the dashboard's panels
can be asked. Method: alert rules and dashboard are checked against what a daemon can tell, and by promtool over made-up hours of tills.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.edges.metrics.exposition import PREFIX
from tests.metrics.everything import everything, series
from tests.support.stand import ROOT
from tests.system import require

CONFIG = ROOT / "config"
RULES = CONFIG / "prometheus" / "koshelek-agent.rules.yml"
DASHBOARD = CONFIG / "grafana" / "koshelek-agent.json"


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


def test_every_metric_that_is_named_exists() -> None:
    """In rules, dashboard and its variables; and each says something that is there."""
    there = {name for name, _ in series(everything())}
    assert {(place, name) for place, text in expressions() for name in names(text) - there} == set()
    assert len({name for _, text in expressions() for name in names(text)}) > 25


BEGINS_M = 5  # the minute in which a trouble begins that is not written out
LASTS_M = 200  # so long is every till watched
WHERE = 'job="koshelek-agent", instance="{}"'


@dataclass(frozen=True)
class Signal:
    """A series, of the tills that are well and of those in trouble, each by its place in the rows of its alarm. A number stands all the
    while, in trouble from ``BEGINS_M`` on, before which it is as the first well one; text is promtool's own notation; None: no series."""

    name: str
    well: tuple[int | str | None, ...]
    trouble: tuple[int | str | None, ...]

    def values(self, value: int | str | None, *, well: bool) -> str | None:
        if not isinstance(value, int):
            return value
        return f"{value}x{LASTS_M}" if well else f"{self.well[0]}x{BEGINS_M - 1} {value}x{LASTS_M}"


@dataclass(frozen=True)
class Alarm:
    """``fires_m``: the very minute in which it first goes off for each till in trouble. One such till for each clause of the rule."""

    fires_m: int
    signals: tuple[Signal, ...]

    def tills(self, alert: str, *, well: bool) -> list[str]:
        number = len(self.signals[0].well if well else self.signals[0].trouble)
        return [f"{alert}-{'well' if well else 'trouble'}-{one}" for one in range(number)]

    def inputs(self, alert: str) -> Iterator[Mapping[str, str]]:
        for signal in self.signals:
            for well in (True, False):
                for till, value in zip(self.tills(alert, well=well), signal.well if well else signal.trouble, strict=True):
                    if (values := signal.values(value, well=well)) is not None:
                        yield {"series": signal.name % WHERE.format(till), "values": values}


def at_once(name: str, well: int, trouble: int, hold_m: int = 0) -> Alarm:
    """One figure says it; ``hold_m``: for how long it must."""
    return Alarm(BEGINS_M + hold_m, (Signal(f"koshelek_agent_{name}", (well,), (trouble,)),))


def slow(operation: str, le: str, well: str | None, other: str | None, trouble: str | None) -> Signal:
    labels = f'provider="koshelek", operation="{operation}", le="{le}"'
    return Signal(f"koshelek_agent_attempt_duration_seconds_bucket{{%s, {labels}}}", (well, other), (trouble,))


DAY_S, MB = 86_400, 1024 * 1024
ALARMS: Mapping[str, Alarm] = {
    "KoshelekAgentDown": Alarm(BEGINS_M + 2, (Signal("up{%s}", (1,), (0,)),)),
    "KoshelekAgentNotReady": at_once("ready{%s}", 1, 0, 2),
    "KoshelekAgentAttention": at_once("attention_sales{%s}", 0, 1, 1),
    "KoshelekAgentSaleParked": at_once("parked_sales{%s}", 0, 1),
    "KoshelekAgentPaymentOpenTooLong": at_once('oldest_obligation_age_seconds{%s, provider="koshelek", kind="payment"}', 600, 601),
    "KoshelekAgentRefundOpenTooLong": at_once('oldest_obligation_age_seconds{%s, provider="koshelek", kind="refund"}', DAY_S, DAY_S + 1),
    "KoshelekAgentPayoutOpenTooLong": at_once('oldest_obligation_age_seconds{%s, provider="paycore", kind="payout"}', DAY_S, DAY_S + 1),
    "KoshelekAgentProviderUnreachable": at_once('provider_reachable{%s, provider="koshelek"}', 1, 0, 5),
    "KoshelekAgentTurnedAway": at_once('provider_admits{%s, provider="koshelek"}', 1, 0, 1),
    "KoshelekAgentSlowProvider": Alarm(
        1 + 10,  # a rate needs two values; of the second till only a request is slow for which nobody waits
        (
            slow("checkout", "5", "0+96x200", None, "0+94x200"),
            slow("checkout", "10", "0+100x200", None, "0+100x200"),
            slow("checkout", "+Inf", "0+100x200", None, "0+100x200"),
            slow("status", "5", None, "0x200", None),
            slow("status", "10", None, "0+100x200", None),
            slow("status", "+Inf", None, "0+100x200", None),
        ),
    ),
    "KoshelekAgentUnclearAttempts": Alarm(
        1 + 5,  # a growth needs two values; of the second till nothing was sent, which is no doubt
        (
            Signal(
                'koshelek_agent_attempts_total{%s, provider="koshelek", operation="status", end="unclear.timeout"}',
                ("0+19x200", None),
                ("0+21x200",),
            ),
            Signal(
                'koshelek_agent_attempts_total{%s, provider="koshelek", operation="status", end="reply.2xx"}',
                ("0+81x200", "0+10x200"),
                ("0+79x200",),
            ),
            Signal(
                'koshelek_agent_attempts_total{%s, provider="koshelek", operation="status", end="not_sent.refused"}',
                (None, "0+90x200"),
                (None,),
            ),
        ),
    ),
    "KoshelekAgentPaidUntold": at_once("untold_paid_sales{%s}", 0, 1, 10),
    "KoshelekAgentLineDown": at_once('line_up{%s, line="serial:/dev/x"}', 1, 0, 5),
    "KoshelekAgentJournalGone": at_once("journal_in_place{%s}", 1, 0),
    "KoshelekAgentDiskFull": at_once("journal_room{%s}", 1, 0),
    "KoshelekAgentDiskFillingUp": Alarm(
        BEGINS_M + 10,  # a small disk with little room, and a large one of which a small part is left
        (
            Signal("koshelek_agent_disk_free_bytes{%s}", (2_000_000_000, 200 * MB), (200 * MB - 1, 1_999_999_999)),
            Signal("koshelek_agent_disk_size_bytes{%s}", (100_000_000_000, 1_000_000_000), ("1000000000x200", "100000000000x200")),
        ),
    ),
    "KoshelekAgentConfigurationRefused": at_once("configuration_refused{%s}", 0, 1, 5),
    "KoshelekAgentBackupFailed": Alarm(
        BEGINS_M + 60,  # the last one failed, or none was made for more than two days; who makes none is told by the doctor
        (
            Signal("koshelek_agent_backup_failed{%s}", (0, 0, 0), (1, "0x200")),
            Signal(
                "koshelek_agent_last_backup_timestamp_seconds{%s}",
                ("0+60x200", f"-{2 * DAY_S}+60x200", None),
                ("0+60x200", f"{BEGINS_M * 60 - 1 - 2 * DAY_S}x200"),
            ),
        ),
    ),
}


def firing(alert: str, minute: int, tills: Sequence[str]) -> Mapping[str, Any]:
    """That an alarm has gone off in this minute for these tills, once for each, and for none of the others, its own or another alarm's."""
    return {
        "expr": f'count by (alertname, instance) (ALERTS{{alertstate="firing", alertname="{alert}"}})',
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": f'{{alertname="{alert}", instance="{till}"}}', "value": 1} for till in tills],
    }


@pytest.mark.system
def test_each_alarm_goes_off_and_only_there(tmp_path: Path) -> None:
    """Every clause of every rule fires for the till with that trouble, in the very minute in which it has lasted long enough, and for no
    till that is well; every rule has its trouble here."""
    require("promtool")
    alerts = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert sorted(alerts) == sorted(ALARMS)
    checks = []
    for alert, alarm in ALARMS.items():
        tills = alarm.tills(alert, well=False)
        checks += [firing(alert, alarm.fires_m - 1, []), firing(alert, alarm.fires_m, tills), firing(alert, LASTS_M - 5, tills)]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [one for alert, alarm in ALARMS.items() for one in alarm.inputs(alert)],
                "promql_expr_test": checks,
            }
        ],
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
