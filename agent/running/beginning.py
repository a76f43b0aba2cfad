"""What is said at the start of the surroundings, before anything goes wrong by them: a record that is gone, proxies that are not used."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from agent.edges.journal.health import was_here
from agent.settings import Settings
from agent.texts import N_, message

PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})

LOST = N_("The journal is lost: an agent has worked at {path}, and the file is gone.")
LOST_MEANS = N_(
    "The agent would begin an empty record: it would not know which orders are paid and what is owed. Payments could be taken twice."
)
BEGUN_ANEW = N_("A new, empty journal was begun: {path}. An agent has worked here before, and its journal is gone.")
BEGUN_MEANS = N_("The agent does not know which orders are paid and what is owed. Payments could be taken twice.")
BEGUN_REMEDY = N_(
    "Stop the service. Look for the old file (a changed path in [journal], a disk that is not mounted) or restore the newest backup "
    "(koshelek-agent restore), and compare with the payment system's registry."
)
PROXY_SET = N_("A proxy is set ({names}), and the agent does not use it: it always connects directly.")
PROXY_MEANS = N_("What works in a browser of this till, or with curl, need not work for the agent, and the other way round.")
PROXY_REMEDY = N_(
    "If the shop's network lets nothing out but through the proxy, have {hosts} let through directly for this till. Else nothing need be "
    "done; to get rid of the line, take the variables out of /etc/environment and of the unit."
)


def is_lost(path: Path) -> bool:
    """Whether there was a journal at this place, and is none."""
    return was_here(path) and not path.exists()


def tell_lost(path: Path) -> None:
    """A new journal had to be begun in the place of one that is gone."""
    told = {"problem": message(BEGUN_ANEW, path=path), "meaning": message(BEGUN_MEANS), "remedy": message(BEGUN_REMEDY)}
    structlog.get_logger().error("journal.lost", path=str(path), **told)


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
