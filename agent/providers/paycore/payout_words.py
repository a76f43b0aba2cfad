"""PayCore's words for payouts and what they mean to the machines. A word that is not in the table is never final and decides nothing.

They are other words than those of payments: a payout can be ``canceled``, also after it was ``processed``, and no payment has that word.
Resolutions of payouts come in capitals and fall into two groups of the vendor's, "final" and "not final"; the list is open, so that they
are shown to people and decide nothing: ``status`` alone does.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.payout.contract import PayoutStatus

STATUSES: Final[Mapping[str, PayoutStatus]] = MappingProxyType(
    {
        "creating": PayoutStatus.NEW,  # INFERRED from the diagram of payments
        "created": PayoutStatus.NEW,
        "processing": PayoutStatus.PENDING,
        "process_pending": PayoutStatus.PENDING,  # the outcome is not known yet, or a person has to let it go
        "process_error": PayoutStatus.PENDING,  # no source explains it; the diagram leads back to processing
        "processed": PayoutStatus.PROCESSED,  # not the end: it may still be canceled
        "partially_processed": PayoutStatus.PARTIAL,
        "process_failed": PayoutStatus.FAILED,
        "create_failed": PayoutStatus.FAILED,  # INFERRED from the diagram of payments
        "expired": PayoutStatus.FAILED,
        "terminated": PayoutStatus.FAILED,
        "canceling": PayoutStatus.PENDING,
        "cancel_pending": PayoutStatus.PENDING,
        "cancel_error": PayoutStatus.PENDING,  # no source explains it
        "canceled": PayoutStatus.CANCELED,
        "partially_canceled": PayoutStatus.PARTIAL,
    }
)
"""Without ``cancel_failed``: it is final by its source, but whether the recipient has the money then is UNKNOWN. A person is called."""

SPEAKS_OF_A_REPEAT: Final = (
    *("duplic", "double", "repeat", "unique", "exist", "taken", "already", "used", "conflict", "idempot", "reference_id"),
    *("progress", "pending", "timeout"),
)
"""What an error code may hold that turns a repeated ``reference_id`` away. How such a refusal is spelled is UNKNOWN (``DUPLICATED_ID`` and
``duplicated_transaction`` are resolutions), so that whatever could mean it, or that the first is at
work still, is searched for, and not believed as "nothing was made"."""
