"""What is done and said at the start about the surroundings, before anything goes wrong by them: a record that is gone, proxies that are
not used."""

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE
from agent.edges.journal import SqliteJournal
from agent.edges.journal.health import was_here
from agent.edges.journal.pages import flush_directory
from agent.edges.journal.restoring import is_coming
from agent.running.backups import PATTERN
from agent.settings import Settings
from agent.texts import N_, message

PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})

LOST = N_("The journal is lost: an agent has worked at {path}, and the file is gone.")
LOST_MEANS = N_(
    "The agent would begin an empty record: it would not know which orders are paid and what is owed. Payments could be taken twice."
)
BEGUN_ANEW = N_("A new, empty journal was begun: {path}. An agent has worked here before, and its journal is gone.")
BEGUN_MEANS = N_(
    "The agent does not know which orders are paid and what is owed. New payments are not taken until somebody releases them, since they "
    "could be taken twice."
)
BEGUN_REMEDY = N_(
    "Stop the service. Look for the old file (a changed path in [journal], a disk that is not mounted) or restore the newest backup "
    "(koshelek-agent restore). If there is neither: compare the shop's receipts with the payment system's registry, then run "
    "koshelek-agent release."
)
PROXY_SET = N_("A proxy is set ({names}), and the agent does not use it: it always connects directly.")
PROXY_MEANS = N_("What works in a browser of this till, or with curl, need not work for the agent, and the other way round.")
PROXY_REMEDY = N_(
    "If the shop's network lets nothing out but through the proxy, have {hosts} let through directly for this till. Else nothing need be "
    "done; to get rid of the line, take the variables out of /etc/environment and of the unit."
)


def is_lost(path: Path, backups: Path | None = None) -> bool:
    """Whether there was a journal at this place, and is none: its lock is still there, or a copy of it lies among the ``backups``."""
    if path.exists() or is_coming(path):
        return False
    return was_here(path) or (backups is not None and any(backups.glob(PATTERN)))


def is_unreleased(path: Path) -> bool:
    """Whether a start that had to begin a journal anew was cut short before that was noted in it."""
    return _mark(path).exists()


def expect_release(path: Path) -> None:
    """Before a new journal is begun in the place of one that is gone: that it must be released outlives a death in between."""
    with contextlib.suppress(OSError):  # nor can the journal be made there then: its opening says why
        _mark(path).touch(mode=0o600)
        flush_directory(path.parent)


async def begin_anew(journal: SqliteJournal, path: Path, now: datetime) -> None:
    """A new journal had to be begun: what a register asks for may have been in the old one, so it waits for an operator's release like one
    that was restored (money rule 10). Raises JournalFull, JournalBroken."""
    value = json.dumps({"at": now.isoformat(), "file": ""})
    for name in (LAST_RESTORED_NOTE, RESTORED_NOTE):
        await journal.note(name, value)
    _mark(path).unlink(missing_ok=True)
    told = {"problem": message(BEGUN_ANEW, path=path), "meaning": message(BEGUN_MEANS), "remedy": message(BEGUN_REMEDY)}
    structlog.get_logger().error("journal.lost", path=str(path), **told)


def _mark(path: Path) -> Path:
    return Path(f"{path}.lost")


def proxies(environment: Mapping[str, str]) -> list[str]:
    """The variables that name a proxy, in alphabetical order."""
    return sorted(name for name, value in environment.items() if name.lower() in PROXY_VARIABLES and value)


def hosts_of(settings: Settings) -> str:
    """The payment systems' hosts, for people."""
    systems = settings.provider.configured.values()
    return ", ".join(sorted({urlsplit(one.base_url(settings.environment)).hostname or "" for one in systems}))


def tell_proxies(environment: Mapping[str, str], hosts: str) -> None:
    """Once at the start: whoever set a proxy expects it to be used."""
    if names := proxies(environment):
        told = {"meaning": message(PROXY_MEANS), "remedy": message(PROXY_REMEDY, hosts=hosts)}
        structlog.get_logger().warning("proxy.ignored", problem=message(PROXY_SET, names=", ".join(names)), **told)
