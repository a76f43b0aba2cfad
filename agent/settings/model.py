"""The configuration as values: every setting with its unit in its name, its default and its limits.

What one setting alone can get wrong is said here; what only two together can get wrong is said in ``checks``. All of it is frozen:
a changed file takes effect as a whole, by a reload or a restart, never halfway.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_state_path
from pydantic import Field

from agent.core.model import Environment
from agent.core.policy import Offline, Unclaimed
from agent.settings.listeners import Listener
from agent.settings.part import Part, Text
from agent.settings.providers import Providers, by_default
from agent.settings.system import ProviderName
from agent.settings.webhooks import Webhooks

STATE_VARIABLE = "STATE_DIRECTORY"  # set by systemd for a unit with StateDirectory=
SERVICE_STATE = Path("/var/lib/koshelek-agent")  # what systemd makes of the unit's StateDirectory=
JOURNAL_NAME = "journal.sqlite3"

StoreName = Annotated[str, Field(pattern=r"^[^/*\s]{1,36}$")]  # the vendor's limit; opaque, no slash because it is a part of paths
TerminalName = Annotated[str, Field(pattern=r"^[^/*\s]{1,256}$")]


class Journal(Part):
    """Where the record is kept."""

    path: Annotated[Path | None, Field(strict=False, examples=["/var/lib/koshelek-agent/journal.sqlite3"])] = None
    allow_volatile: bool = False  # a memory or overlay file system loses the record at power-off: for demonstrations only
    reserve_mb: Annotated[int, Field(ge=1, le=1_024)] = 16  # room kept for what is in flight when the disk is full (promise P13)


class Backup(Part):
    """Copies of the journal, made every day. Without this table there are none but those asked for by command."""

    directory: Annotated[Path, Field(strict=False, examples=["/var/backups/koshelek-agent"])]
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "04:00"
    keep: Annotated[int, Field(ge=1, le=1_000)] = 14


class Log(Part):
    """What is logged, to standard output."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Helper(Part):
    """The command around the vendor's closed library (money rule 12)."""

    command: Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=32, examples=[["/opt/koshelek-totp/helper"]])]
    time_limit_ms: Annotated[int, Field(ge=100, le=10_000)] = 3_000


class Store(Part):
    """A shop, with what the bank and the vendor know it by. ``store_id`` and ``merchant_id`` map one to one (vendor's demand). What only
    Koshelek asks for is required where Koshelek is configured (``checks``)."""

    store_id: Annotated[StoreName, Field(examples=["00000000-0000-4000-8000-000000000001"])]
    brand_name: Annotated[Text, Field(examples=["Ромашка"])]
    legal_name: Annotated[Text, Field(examples=["ООО «Ромашка»"])]
    provider: ProviderName | None = None  # of its tills that name none
    legal_id: Annotated[Text | None, Field(examples=["LB0000000001"])] = None
    merchant_id: Annotated[Text | None, Field(examples=["MB0000000001"])] = None
    account: Annotated[Text | None, Field(examples=["40702810000000000001"])] = None
    member_id: Annotated[Text | None, Field(examples=["100000000001"])] = None
    payment_purpose: Text | None = None
    address: Text | None = None


class Terminal(Part):
    """A till. Unique within its store, not beyond (vendor)."""

    store_id: Annotated[StoreName, Field(examples=["00000000-0000-4000-8000-000000000001"])]
    terminal_id: Annotated[TerminalName, Field(examples=["till-01"])]
    provider: ProviderName | None = None
    offline: Annotated[Offline, Field(strict=False)] = Offline.QUEUE
    send_deadline_s: Annotated[int, Field(ge=1, le=120)] = 30  # money rule 6
    unclaimed: Annotated[Unclaimed, Field(strict=False)] = Unclaimed.KEEP


class Settings(Part):
    """The whole file."""

    environment: Annotated[Environment, Field(strict=False)]
    language: Literal["ru", "en"] = "ru"
    timezone: Annotated[str, Field(min_length=1, max_length=64)] = "Europe/Moscow"
    journal: Journal = Journal()
    backup: Backup | None = None
    log: Log = Log()
    provider: Providers
    helper: Helper | None = None
    store: Annotated[tuple[Store, ...], Field(strict=False, min_length=1, max_length=1_000)]
    terminal: Annotated[tuple[Terminal, ...], Field(strict=False, min_length=1, max_length=1_000)]
    listener: Annotated[tuple[Listener, ...], Field(strict=False, min_length=1, max_length=32)]
    webhooks: Webhooks | None = None

    def store_named(self, store_id: str) -> Store | None:
        return next((store for store in self.store if store.store_id == store_id), None)

    def terminal_named(self, store_id: str, terminal_id: str) -> Terminal | None:
        return next((till for till in self.terminal if (till.store_id, till.terminal_id) == (store_id, terminal_id)), None)

    def provider_of(self, terminal: Terminal) -> str:
        """The payment system of a till's checkouts that name none: the till's, else its store's, else by default. It is configured."""
        store = self.store_named(terminal.store_id)
        named = terminal.provider or (store.provider if store else None) or by_default(self.provider.configured)
        assert named is not None, "checked: every till has one"
        return named

    def journal_path(self) -> Path:
        """The journal's file: as configured, else where it is by default."""
        return self.journal.path or default_journal()


def default_journal() -> Path:
    """In systemd's state directory, which root and the service's own user mean as well when they ask at a terminal; else in the user's."""
    if folder := os.environ.get(STATE_VARIABLE, "").split(":")[0]:
        return Path(folder) / JOURNAL_NAME
    try:
        for_service = os.geteuid() in (0, SERVICE_STATE.stat().st_uid)
    except OSError:  # no service has run here
        for_service = False
    return (SERVICE_STATE if for_service else user_state_path("koshelek-agent", appauthor=False)) / JOURNAL_NAME
