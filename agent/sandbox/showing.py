"""How payments and messages look in the control API, for people and for tests: everything but what is secret."""

from typing import Any

from agent.sandbox.customer import Intention
from agent.sandbox.outbox import Sending
from agent.sandbox.transaction import Line, Transaction


def show(transaction: Transaction) -> dict[str, Any]:
    """A payment for people and tests; without the card session. ``link_id``: its page is at /pay/ and this."""
    return {
        "id": transaction.id,
        "system": transaction.system,
        "key": transaction.key,
        "link_id": transaction.link_id,
        "order_id": transaction.order_id,
        "store_id": transaction.store_id,
        "terminal_id": transaction.terminal_id,
        "amount": transaction.amount,
        "refunded": transaction.refunded,
        "method": transaction.method,
        "methods": transaction.offered,
        "lines": [_line(line) for line in transaction.lines],
        "intention": None if transaction.intention is None else _intention(transaction.intention),
        "status": transaction.status,
        "history": transaction.history,
        "error_code": transaction.error_code,
        "created_ms": transaction.created_ms,
        "references": [
            {
                "id": reference.id,
                "purpose": reference.purpose,
                "amount": reference.amount,
                "status": reference.status,
                "error_code": reference.error_code,
                "at_ms": reference.at_ms,
            }
            for reference in transaction.references
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    _, name, _, _, measure = line.key
    return {"name": name, "quantity": line.quantity, "measure": measure, "total": line.total, "returned": line.returned_total}


def shown_message(sending: Sending) -> dict[str, Any]:
    """A message for people and tests; without the headers, which prove it."""
    return {
        "id": sending.id,
        "at_ms": sending.at_ms,
        "system": sending.system,
        "transaction_id": sending.transaction_id,
        "event": sending.message.event,
        "fault": sending.fault,
        "fate": sending.fate,
        "attempts": sending.attempts,
        "status": sending.status,
    }


def _intention(intention: Intention) -> dict[str, Any]:
    return {"at_ms": intention.at_ms, "action": intention.customer.action, "method": intention.customer.method}
