"""The engine's notices as log lines."""

import structlog

from agent.core.model import SaleId
from agent.reasons import REASONS
from agent.texts import N_, Message, message

WARNINGS = frozenset(
    {
        "sale.parked",
        "journal.full",
        "engine.failed",
        "helper.failed",
        "refund.token_unavailable",
        "availability.failed",
        "hint.dropped",
        "hint.given_up",
    }
)


_CREDENTIALS = N_(
    "Compare login, the password's file and base_url of [provider.{system}] with what the payment system gave the shop; "
    "koshelek-agent doctor tries them without any payment."
)
_PARTNER = N_("Compare base_url in [provider.{system}], whose last part is the partner's name, with what the payment system gave the shop.")
REMEDIES = {"ACCESS_DENIED": _CREDENTIALS, "CREDENTIALS": _CREDENTIALS, "UNKNOWN_PARTNER_ID": _PARTNER}


def log_notice(event: str, sale: SaleId | None = None, **facts: object) -> None:
    """Everything about one sale is found by ``sale``."""
    bound = structlog.get_logger().bind(**({"sale": str(sale)} if sale else {}), **facts)
    if event.startswith("alarm.") or event in WARNINGS:
        bound.warning(event, **_explained(str(facts.get("code", "")), str(facts.get("provider", ""))))
    elif event.startswith(("sale.attempt", "payout.attempt")):
        bound.debug(event)
    else:
        bound.info(event)


def _explained(code: str, system: str) -> dict[str, Message]:
    """What an alarm means, and where a technician can do something about it."""
    found = {"meaning": message(REASONS[code])} if code in REASONS else {}
    return found | ({"remedy": message(REMEDIES[code], system=system)} if code in REMEDIES else {})
