"""What is told of the agent itself: the shapes of ``agent.*`` results, under the same rules as those about sales (``answers``)."""

from typing import Literal, NotRequired, TypedDict


class ProviderAnswer(TypedDict):
    """A payment system in ``agent.status``. ``known``: false for an operator while nobody knows whether it can be reached. ``reason`` and
    ``message``: it does not let the till in."""

    reachable: bool
    known: NotRequired[bool]
    reason: NotRequired[str]
    message: NotRequired[str]


class MistakeAnswer(TypedDict):
    """A mistake in the configuration's file. ``line`` is null, ``key`` empty where it is about the whole file."""

    file: str
    line: int | None
    key: str
    problem: str
    hint: NotRequired[str]
    example: NotRequired[str]


class ConfigurationAnswer(TypedDict):
    """Which configuration is in force: ``agent.reload``, and a part of ``agent.status``. ``problem``: the changed file is not used. The
    rest is for an operator; ``refusedAt``: since when it is not used."""

    loadedAt: str
    problem: str | None
    file: NotRequired[str]
    problems: NotRequired[list[MistakeAnswer]]
    needsRestart: NotRequired[list[str]]
    refusedAt: NotRequired[str]


class DiskAnswer(TypedDict):
    """``full``: new sales are refused, those in flight go on."""

    full: bool


class JournalAnswer(TypedDict):
    """``inPlace``: false while the journal's file is removed or exchanged under the agent."""

    inPlace: bool


class BackupsAnswer(TypedDict):
    """The backups of the journal: when the last one was made, and where it lies; why the last attempt failed. Each is null where there
    is nothing to say."""

    last: str | None
    file: str | None
    problem: str | None


class RegisterAnswer(TypedDict):
    """A till. ``heardSecondsAgo``: since its register last asked something; null: not since the start."""

    storeId: str
    terminalId: str
    heardSecondsAgo: int | None


class LineAnswer(TypedDict):
    """A serial line or a pseudo-terminal, and what is known of its other end."""

    name: str
    state: Literal["unplugged", "busy", "failed", "waiting", "heard"]
    damagedFrames: int
    heardSecondsAgo: NotRequired[int]
    problem: NotRequired[str]
    forbidden: NotRequired[bool]


class AlarmsAnswer(TypedDict):
    """A sale for which alarms stand. ``sale`` is its name for people."""

    sale: str
    codes: list[str]


class ParkedAnswer(TypedDict):
    """A record that is not used, and that nobody has taken over. ``sale`` is its name for people."""

    sale: str
    reason: str
    at: str


class ComparisonAnswer(TypedDict):
    """After a restore: how many sales are still to be compared with the payment system, and the names of those that differed."""

    lookingAt: int
    differences: list[str]


class RestoreAnswer(ComparisonAnswer):
    """While the journal waits for its release. ``file``: the backup that it came from; empty where it was begun anew, or where an older or
    another one was put in its place."""

    file: str


class DetailsAnswer(TypedDict):
    """Counts and lists for a technician. ``open``: unfinished sales by state. ``restored``: the journal waits for its release."""

    restored: bool
    lines: list[LineAnswer]
    open: dict[str, int]
    refundsOpen: int
    payoutsOpen: int
    receiptsOpen: int
    toldUnconfirmed: int
    paidUntold: int
    alarms: list[AlarmsAnswer]
    attention: int
    parked: list[ParkedAnswer]
    restore: NotRequired[RestoreAnswer]


class StatusAnswer(TypedDict):
    """``agent.status``: whether new checkouts are taken, and what a technician wants to know first. ``backup`` (null where none is
    configured), ``journal``, ``registers`` and ``details`` are for an operator."""

    ready: bool
    version: str
    environment: Literal["test", "production"]
    providers: dict[str, ProviderAnswer]
    configuration: ConfigurationAnswer
    disk: DiskAnswer
    journal: NotRequired[JournalAnswer]
    backup: NotRequired[BackupsAnswer | None]
    registers: NotRequired[list[RegisterAnswer]]
    details: NotRequired[DetailsAnswer]


class BackupAnswer(TypedDict):
    """``agent.backup``: the copy that was made, its size, and how many sales and events it holds."""

    file: str
    bytes: int
    sales: int
    events: int


class OriginAnswer(TypedDict):
    """When the journal was restored, and from which file; an empty name where it was begun anew."""

    at: str
    file: str


class ReleaseAnswer(ComparisonAnswer):
    """``agent.release``: who released the journal, why and when; and what was still being looked up, ``open`` sales among it."""

    by: str
    reason: str
    at: str
    restored: OriginAnswer
    open: int
