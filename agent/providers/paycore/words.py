"""PayCore's words and what they mean to the machines. A word that is not in its table is never final and decides nothing.

A payment may go through several attempts to pay, so that a declined card need not end it (INFERRED): only ``status`` decides, and
``resolution`` is a reason for people. Statuses in capitals, inside ``included``, belong to something else and are not read.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.verdict import Status

PROCESSED: Final = "processed"
PARTIALLY_PROCESSED: Final = "partially_processed"
REFUND_FAILED: Final = "refund_failed"

STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "creating": Status.NEW,  # only in a diagram
        "created": Status.NEW,
        "processing": Status.PENDING,
        "process_pending": Status.PENDING,  # the outcome is not known yet, and may take long
        "process_error": Status.PENDING,  # no source explains it; the diagrams lead back to processing
        PROCESSED: Status.ACCEPTED,
        PARTIALLY_PROCESSED: Status.ACCEPTED,  # less was taken than was asked: money, and never "paid" (``invoice``)
        "process_failed": Status.REJECTED,
        "create_failed": Status.REJECTED,  # only in a diagram
        "expired": Status.REJECTED,  # its life is over, unpaid; the reason says so
        "terminated": Status.CANCELED,  # ended by the payer
        "refunding": Status.REFUNDING,
        "refund_pending": Status.REFUNDING,
        "refund_error": Status.REFUNDING,  # no source explains it
        # The return is not possible. Somebody has tried to give the money back, so it is no payment either: a person looks.
        REFUND_FAILED: Status.REFUNDING,
        "refunded": Status.REFUNDED,
        "partially_refunded": Status.PARTIAL_REFUNDED,
        # Taken back by the customer's bank. How much nobody tells in a way to be relied on: partly gone, a person looks.
        "charged_back": Status.PARTIAL_REFUNDED,
        "partially_charged_back": Status.PARTIAL_REFUNDED,
    }
)

CHARGED_BACK: Final = frozenset({"charged_back", "partially_charged_back"})

REASONS: Final[Mapping[str, str]] = MappingProxyType({"expired": "LINK_EXPIRED"})
"""Reason codes of statuses that say more than a resolution would."""

OK: Final = "ok"  # the resolution of the normal course; a failed payment may carry it as well
