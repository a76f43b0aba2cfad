"""What is so at the moment of asking, as plain values: whoever puts the daemon together fills it in, ``exposition`` writes it down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.core.payout.payout import Payout
from agent.core.sale import Sale

PAYMENT, REFUND, RECEIPT, PAYOUT = "payment", "refund", "receipt", "payout"


@dataclass(frozen=True, slots=True)
class SystemView:
    """A payment system. ``admits``: it lets this till in."""

    reachable: bool
    admits: bool


@dataclass(frozen=True, slots=True)
class LineView:
    """A serial line or a pseudo-terminal. ``heard_s``: seconds since anything that made sense came; None if nothing did."""

    name: str
    state: str
    damaged_frames: int
    heard_s: float | None = None


@dataclass(frozen=True, slots=True)
class JournalView:
    """``commits`` and the like count since the start, ``events`` are all in the file; sizes and disk in bytes, None where the file or its
    folder is not there. ``in_place``: the file is still under its name."""

    events: int
    jobs: int
    commits: int
    groups: int
    refused_full: int
    checkpoints: int
    file_bytes: int | None
    log_bytes: int
    free_bytes: int | None
    size_bytes: int | None
    room: bool
    in_place: bool


@dataclass(frozen=True, slots=True)
class Obligations:
    """What is open: how many by (payment system, kind), and the age of the oldest in seconds; payments also by their state."""

    open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oldest_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    states: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """The daemon. ``paying_out``: the payment systems by which new payouts may be made. ``alarms``: sales with an alarm that stands, by its
    code. ``backup_at``: POSIX seconds of the newest backup; None if there is none or none are configured."""

    version: str
    python: str
    sqlite: str
    environment: str
    ready: bool
    restored: bool
    configuration_refused: bool
    systems: Mapping[str, SystemView]
    paying_out: Sequence[str]
    lines: Sequence[LineView]
    obligations: Obligations
    alarms: Mapping[str, int]
    attention: int
    parked: int
    unconfirmed: int
    untold: int
    journal: JournalView
    backup_failed: bool = False
    backup_at: float | None = None


def obligations(sales: Sequence[Sale], payouts: Sequence[Payout], now: datetime) -> Obligations:
    """What these owe. An age is never negative: the clock may have been set back."""
    counts: dict[tuple[str, str], int] = {}
    oldest: dict[tuple[str, str], float] = {}
    states: dict[tuple[str, str], int] = {}
    begun = [((one.binding.provider, PAYOUT), one.accepted.wall) for one in payouts if not one.finished]
    for sale in sales:
        provider = sale.binding.provider
        begun += [((provider, REFUND), one.opened.wall) for one in sale.refunds if one.unsettled]
        begun += [((provider, RECEIPT), one.given.wall) for one in sale.deliveries if one.unsettled]
        if not sale.finished:
            begun.append(((provider, PAYMENT), sale.accepted.wall))
            states[provider, sale.payment.value] = states.get((provider, sale.payment.value), 0) + 1
    for place, since in begun:
        counts[place] = counts.get(place, 0) + 1
        oldest[place] = max(oldest.get(place, 0.0), (now - since).total_seconds())
    return Obligations(counts, oldest, states)
