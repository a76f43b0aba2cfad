"""The figures in Prometheus' text format. Importing this module imports the client library.

Names follow Prometheus' conventions: one prefix, base units, ``_total`` for what only grows. A series that is zero is there all the same
where its labels are known beforehand, for an alert on a series that does not exist never fires.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.edges.metrics.tally import BUCKETS_S, MS_PER_S, PAYOUTS, RECEIPTS, REFUNDS, SALES, Tally
from agent.edges.metrics.view import PAYMENT, PAYOUT, RECEIPT, REFUND, JournalView, Obligations, View

PREFIX = "koshelek_agent_"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0

Values = Iterable[tuple[Sequence[str], float]]


def exposition(tally: Tally, view: View) -> bytes:
    """Everything as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families(tally, view)))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, found: Iterator[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        return self._found


def families(tally: Tally, view: View) -> Iterator[Metric]:
    """Every family but those of the process, which the client library knows."""
    facts = {"version": view.version, "python": view.python, "sqlite": view.sqlite, "environment": view.environment}
    yield _gauge("build_info", "Always 1; the versions are in the labels.", [(list(facts.values()), 1)], list(facts))
    yield from _sales(tally, list(view.systems), view.paying_out)
    yield from _attempts(tally)
    yield from _owed(view.obligations, list(view.systems), view.paying_out)
    yield from _people(view)
    yield from _links(tally, view)
    yield from _journal(view.journal)
    yield from _care(view)


def _sales(tally: Tally, systems: Sequence[str], paying_out: Sequence[str]) -> Iterator[Metric]:
    labels = ["provider", "result"]
    yield _counter("sales_accepted", "Checkouts taken from registers.", _known(tally.accepted, [(name,) for name in systems]), ["provider"])
    paid = "Ends of payments; one that is canceled and then found paid counts as both."
    for name, text, counter, ends, able in (
        ("sales", paid, tally.sales, SALES, systems),
        ("refunds", "Ends of returns.", tally.refunds, REFUNDS, systems),
        ("receipts", "Ends of fiscal receipts on their way to the payment system.", tally.receipts, RECEIPTS, systems),
        ("payouts", "Ends of payouts.", tally.payouts, PAYOUTS, paying_out),
    ):
        known = [(system, end) for system in able for end in dict.fromkeys(ends.values())]
        yield _counter(name, text, _known(counter, known), labels)
    yield _counter("alarms_raised", "Alarms of sales and payouts, by their code.", tally.alarms.items(), ["code"])
    yield _counter("sales_parked", "Sales set aside because their record cannot be used.", [((), tally.parked)])


def _attempts(tally: Tally) -> Iterator[Metric]:
    labels = ["provider", "operation"]
    text = "Ended attempts: reply.2xx and so on are answers, not_sent is proven, unclear may have arrived."
    yield _counter("attempts", text, tally.attempts.items(), [*labels, "end"])
    latency = HistogramMetricFamily(f"{PREFIX}attempt_duration_seconds", "Time until an attempt was answered.", labels=labels)
    for place, one in sorted(tally.latency.items()):
        sums = [sum(one.counts[: length + 1]) for length in range(len(one.counts))]
        bounds = [*(f"{bound:g}" for bound in BUCKETS_S), "+Inf"]
        latency.add_metric(list(place), list(zip(bounds, sums, strict=True)), one.total_ms / MS_PER_S)
    yield latency


def _owed(owed: Obligations, systems: Sequence[str], paying_out: Sequence[str]) -> Iterator[Metric]:
    labels = ["provider", "kind"]
    known = [(system, kind) for system in systems for kind in (PAYMENT, REFUND, RECEIPT)] + [(system, PAYOUT) for system in paying_out]
    yield _gauge("obligations", "What is open: payments, returns, receipts, payouts.", _known(owed.open, known), labels)
    text = "How long the oldest of them has been open; 0 if none is."
    yield _gauge("oldest_obligation_age_seconds", text, _known(owed.oldest_s, known), labels)
    queue = [(system, "queued") for system in systems]
    yield _gauge(
        "open_sales", "Payments that are not finished, by state; queued is the queue.", _known(owed.states, queue), ["provider", "state"]
    )


def _people(view: View) -> Iterator[Metric]:
    yield _gauge(
        "alarms", "Sales with an alarm that stands, by its code.", [((code,), count) for code, count in view.alarms.items()], ["code"]
    )
    for name, text, value in (
        ("attention_sales", "Sales that wait for a person.", view.attention),
        ("parked_sales", "Sales whose record cannot be used and that nobody has taken over.", view.parked),
        ("unconfirmed_sales", "Answers handed to a register and never confirmed by it.", view.unconfirmed),
        ("untold_paid_sales", "Paid sales whose result no register has asked for.", view.untold),
    ):
        yield _gauge(name, text, [((), value)])


def _links(tally: Tally, view: View) -> Iterator[Metric]:
    systems = view.systems.items()
    text = "0 while the payment system is known to be out of reach."
    yield _gauge("provider_reachable", text, [((name,), one.reachable) for name, one in systems], ["provider"])
    text = "0 while the payment system does not let this till in: login, password or key are wrong."
    yield _gauge("provider_admits", text, [((name,), one.admits) for name, one in systems], ["provider"])
    text = "Time since the register of a till was last heard; nothing before it was."
    yield _gauge("register_heard_age_seconds", text, tally.heard_ago().items(), ["store_id", "terminal_id"])
    yield _gauge(
        "line_up", "1 while a serial line is open.", [((one.name,), one.state in ("waiting", "heard")) for one in view.lines], ["line"]
    )
    heard = [((one.name,), one.heard_s) for one in view.lines if one.heard_s is not None]
    yield _gauge("line_heard_age_seconds", "Time since anything that made sense came over a serial line.", heard, ["line"])
    damaged = [((one.name,), one.damaged_frames) for one in view.lines]
    yield _counter("line_damaged_frames", "Frames of a serial line that came damaged.", damaged, ["line"])


def _journal(journal: JournalView) -> Iterator[Metric]:
    for name, text, value in (
        ("journal_steps", "Steps stored since the start.", journal.jobs),
        ("journal_commits", "Transactions since the start; one may hold several steps.", journal.commits),
        ("journal_group_commits", "Transactions of more than one step.", journal.groups),
        ("journal_refused_full", "Steps refused because the disk was full.", journal.refused_full),
        ("journal_checkpoints", "Times the log was moved into the file.", journal.checkpoints),
    ):
        yield _counter(name, text, [((), value)])
    for name, text, number in (
        ("journal_events", "Events in the file.", journal.events),
        ("journal_size_bytes", "Size of the journal's file.", journal.file_bytes),
        ("journal_in_place", "0 once the journal's file was removed or exchanged under the working agent.", int(journal.in_place)),
        ("journal_log_size_bytes", "Size of the write-ahead log.", journal.log_bytes),
        ("journal_room", "0 while the disk is too full for new sales.", int(journal.room)),
        ("disk_free_bytes", "Free space where the journal lies.", journal.free_bytes),
        ("disk_size_bytes", "Size of the file system where the journal lies.", journal.size_bytes),
    ):
        yield _gauge(name, text, [] if number is None else [((), number)])


def _care(view: View) -> Iterator[Metric]:
    for name, text, value in (
        ("ready", "1 while new sales are taken.", view.ready),
        ("restored", "1 while the journal waits for a release after a restore.", view.restored),
        ("configuration_refused", "1 while the changed configuration is not used, because it has mistakes.", view.configuration_refused),
        ("backup_failed", "1 while the last backup has failed.", view.backup_failed),
    ):
        yield _gauge(name, text, [((), value)])
    backup = [] if view.backup_at is None else [((), view.backup_at)]
    yield _gauge("last_backup_timestamp_seconds", "When the newest backup was made.", backup)


def _known(found: Mapping[tuple[str, str], float] | Mapping[tuple[str, ...], float], known: Iterable[tuple[str, ...]]) -> Values:
    """The series found, and those that should be there with zero."""
    series: dict[tuple[str, ...], float] = dict.fromkeys(known, 0.0)
    series.update(found.items())
    return series.items()


def _gauge(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _counter(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family
