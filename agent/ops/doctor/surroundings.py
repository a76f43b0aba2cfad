"""What around the agent may mislead a technician: proxy variables, which the agent does not obey."""

from collections.abc import Mapping
from pathlib import Path

from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, ok, warning
from agent.running.beginning import PROXY_MEANS, PROXY_REMEDY, PROXY_SET, hosts_of, proxies
from agent.texts import N_, message

PROXY = "proxy"
MAX_ENVIRONMENT_BYTES = 256 * 1024

NONE_SET = N_("No proxy is set.")


async def proxy(case: Case) -> list[Finding]:
    """Proxy variables of whoever asks, and of the running agent where they can be seen."""
    names = set(proxies(case.environment))
    if case.own is not None:
        pid = case.own.pid
        names |= await aside(lambda: set(proxies(environment_of(pid))))
    if not names:
        return [ok(PROXY, message(NONE_SET))]
    hosts = hosts_of(case.settings) if case.settings is not None else ""
    return [warning(PROXY, message(PROXY_SET, names=", ".join(sorted(names))), message(PROXY_MEANS), message(PROXY_REMEDY, hosts=hosts))]


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment a process was started with; empty where that may not be seen."""
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            words = file.read(MAX_ENVIRONMENT_BYTES).decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)
