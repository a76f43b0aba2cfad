"""What a technician can do where a reason says that something of this till is wrong: ``reasons`` speaks to a cashier, this to him.

For the log and the status page. Causes that lie in the network have theirs in ``edges/outage.py``.
"""

from agent.texts import N_, Message, message

_CREDENTIALS = N_(
    "Compare login, the password's file and test_base_url or, with real money, production_base_url of [provider.{system}] with what the "
    "payment system gave the shop; koshelek-agent doctor tries them without any payment."
)
_PARTNER = N_(
    "Compare test_base_url or, with real money, production_base_url in [provider.{system}] with what the payment system gave the shop: its "
    "last part is the partner's name."
)
_SETTINGS = N_(
    "Compare [provider.{system}], [[store]] and [[terminal]] with what the payment system gave the shop; "
    "koshelek-agent doctor looks at them, too."
)
_ROOM = N_("Make room: sudo journalctl --vacuum-size=100M, sudo apt-get clean. The agent goes on by itself.")
REMEDIES = {
    "DISK_FULL": _ROOM,
    "ACCESS_DENIED": _CREDENTIALS,
    "INVALID_CREDENTIALS": _CREDENTIALS,
    "UNKNOWN_PARTNER_ID": _PARTNER,
    "INVALID_REQUEST": _SETTINGS,
    **dict.fromkeys((f"SOFTLINE_{code}" for code in ("110", "111", "6010", "6020", "6030", "6080", "6100", "HTTP_400")), _SETTINGS),
    **dict.fromkeys((f"PAYCONNECT_HTTP_{status}" for status in (400, 402, 413, 415, 422)), _SETTINGS),
}


def remedy(code: str, system: str = "") -> Message | None:
    """What to do about a code; ``system``: the payment system that it is of, as the configuration names it. None: nothing on this till."""
    return message(REMEDIES[code], system=system) if code in REMEDIES else None
