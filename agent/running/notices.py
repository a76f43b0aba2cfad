"""The engine's notices as log lines."""

import structlog

from agent.core.model import SaleId
from agent.reasons import REASONS
from agent.remedies import remedy
from agent.texts import Message, message

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
    to_do = remedy(code, system)
    return found | ({"remedy": to_do} if to_do is not None else {})
