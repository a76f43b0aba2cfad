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
from agent.edges.journal.lock import marked
from agent.edges.journal.pages import flush_directory
from agent.edges.journal.place import is_there
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
    "Stop the service. Look for the old file (a changed path in [journal], a disk that is not mounted) or restore the newest backup from "
    "before the loss (koshelek-agent restore). If there is neither: compare the shop's receipts with the payment system's registry, then "
    "run koshelek-agent release."
)
BEHIND = N_("The journal at {path} is not the newest record: an older copy of it was put there, or another journal.")
BEHIND_MEANS = N_(
    "What came after it is not known here: orders that were paid, money that was returned. New payments are not taken until somebody "
    "releases them, and nothing in it counts as never sent."
)
BEHIND_REMEDY = N_(
    "If there is a newer file: stop the service, put it back in this place, start the service. If there is none: compare the shop's "
    "receipts with the payment system's registry, then run koshelek-agent release."
)
PROXY_SET = N_("A proxy is set ({names}), and the agent does not use it: it always connects directly.")
PROXY_MEANS = N_("What works in a browser of this till, or with curl, need not work for the agent, and the other way round.")
PROXY_REMEDY = N_(
    "If the shop's network lets nothing out but through the proxy, have {hosts} let through directly for this till. Else nothing need be "
    "done; to get rid of the line, take the variables out of /etc/environment and of the unit."
)


def is_lost(path: Path, backups: Path | None = None) -> bool:
    """Whether there was a journal at this place, and is none: its lock is still there, or a copy of it lies among the ``backups``. An empty
    file is none; but one that no record was ever seen in may be a first start that was cut short."""
    if is_there(path) or is_coming(path):
        return False
    worked = marked(path) is not None if path.exists() else was_here(path)
    return worked or (backups is not None and any(backups.glob(PATTERN)))


def is_unreleased(path: Path) -> bool:
    """Whether it was seen that the journal is gone, and not yet noted in the one that came in its place."""
    return _mark(path).exists()


def expect_release(path: Path) -> None:
    """The journal is gone: that one in its place must be released outlives a death in between."""
    with contextlib.suppress(OSError):  # nor can a journal be made there then: its opening says why
        _mark(path).touch(mode=0o600)
        flush_directory(path.parent)


def expect_nothing(path: Path) -> None:
    """It is there again, and it is the one that was gone."""
    with contextlib.suppress(OSError):
        _mark(path).unlink(missing_ok=True)


async def know_again(journal: SqliteJournal, path: Path, now: datetime, *, lost: bool) -> None:
    """Whether the journal that was opened is the record that was kept here. If not - it was begun anew in the place of one that is gone, or
    it is an older copy, or another - what a register asks for may have been in that one: it waits for an operator's release like one that
    was restored (money rule 10). ``lost``: none was here. Raises JournalFull, JournalBroken."""
    unknown = journal.continues is False or (lost and journal.continues is None)
    if unknown and await journal.noted(RESTORED_NOTE) is None:
        value = json.dumps({"at": now.isoformat(), "file": ""})
        for name in (LAST_RESTORED_NOTE, RESTORED_NOTE):
            await journal.note(name, value)
        texts = (BEHIND, BEHIND_MEANS, BEHIND_REMEDY) if journal.statistics().events else (BEGUN_ANEW, BEGUN_MEANS, BEGUN_REMEDY)
        told = {name: message(text, path=path) for name, text in zip(("problem", "meaning", "remedy"), texts, strict=True)}
        structlog.get_logger().error("journal.lost", path=str(path), **told)
    expect_nothing(path)
    with contextlib.suppress(OSError):  # a full disk; it is tried again while the agent runs
        journal.keep_mark()


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
