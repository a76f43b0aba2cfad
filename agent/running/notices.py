"""The engine's notices as log lines."""

import structlog

from agent.core.model import SaleId

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
        bound.warning(event)
    elif event.startswith("sale.attempt"):
        bound.debug(event)
    else:
        bound.info(event)
