"""How often the page looks by itself, and how many pages may be open at once."""

from agent.sandbox.bank import Bank
from agent.web.stream import TICK_S, Bell

__all__ = ["MAX_STREAMS", "Bell", "sleep_s"]  # the bell as well: outside of this page the sandbox knows nothing of how pages are made

MAX_STREAMS = 16  # pages open at once: a handful of phones and tabs; each costs a rendering for every change


def sleep_s(bank: Bank, now_ms: int) -> float:
    """Until something happens by itself; the end of an outage is such a thing."""
    moments = [at_ms for at_ms in (bank.next_due(), bank.outage_until_ms()) if at_ms is not None and at_ms > now_ms]
    return min([TICK_S, *((at_ms - now_ms) / 1000 for at_ms in moments)])
