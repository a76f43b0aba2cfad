"""Koshelek's words and what they mean to the machines. Four tables; a word that is not in its table is never final and decides nothing.

``REFUSALS`` holds the codes of HTTP 422, ``ERROR_CODES`` the ``errorCode`` inside a 200, read as the reason of a refused refund. Names and
most meanings are the vendor's; the machines' reading of them is ours. When in doubt the meaning that makes somebody look again wins over
the one that closes a debt.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.verdict import RefStatus, Refusal, Status

STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "new": Status.NEW,
        "pending": Status.PENDING,
        "accepted": Status.ACCEPTED,
        "rejected": Status.REJECTED,
        "canceled": Status.CANCELED,
        "refunding": Status.REFUNDING,
        "refunded": Status.REFUNDED,  # missing from the vendor's list of the status method, present in all others
        "partial_refunded": Status.PARTIAL_REFUNDED,
        "none": Status.ABSENT,  # cancel and refund answers: there is no such payment (inferred)
        "": Status.ABSENT,  # status answers: the transactionId was not found
    }
)

REF_STATUSES: Final[Mapping[str, RefStatus]] = MappingProxyType(
    {
        "new": RefStatus.NEW,
        "accepted": RefStatus.ACCEPTED,
        "rejected": RefStatus.REJECTED,
    }
)

REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # The session does not exist or failed validation: scan again or pay otherwise.
        "UNKNOWN_SESSION_ID": Refusal.SESSION,
        # The transactionId was not found.
        "UNKNOWN_TRANSACTION_ID": Refusal.NOT_FOUND,
        # The merchant was not found: base URL, credentials or store are wrong; a technician's fault, not the customer's.
        "UNKNOWN_PARTNER_ID": Refusal.CONFIGURATION,
        # The transaction cannot go to the asked state. After a cancel it may have been accepted: its status must be read.
        "WRONG_TRANSACTION_STATE_CHANGE": Refusal.WRONG_STATE,
        # Nothing was paid under the payment transaction, so there is nothing to return.
        "PAYMENT_TRANSACTION_IS_NOT_PAID": Refusal.NOT_PAID,
        # The bank cancelled the return: the money has to go back another way, a person decides which.
        "CANCEL_REFUNDING_BY_BANK": Refusal.RETURN_REFUSED,
        # One payment per session, and this session has one: after a maybe-sent attempt it may be ours.
        "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS": Refusal.SESSION,
        # As above, and that payment is through: danger of a double charge.
        "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED": Refusal.SESSION,
        # In processing: wait, then ask again.
        "TRANSACTION_IN_PROCESSING": Refusal.BUSY,
    }
)

ERROR_CODES: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # Payment: a limit was exceeded. About a refund it says nothing we could act on.
        "NOT_ENOUGH_LIMIT_TO_PAY": Refusal.UNKNOWN,
        # Payment: below the minimum of 4 roubles. Likewise.
        "TOTAL_AMOUNT_IS_TOO_SMALL": Refusal.UNKNOWN,
        # Payment: the linked account is gone (inferred). Likewise.
        "SUBSCRIPTION_IS_NOT_FOUND": Refusal.UNKNOWN,
        # Payment: the bank declined (inferred). Likewise.
        "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER": Refusal.UNKNOWN,
        # Payment and refund: the provider does not know the order (inferred); no proof that nothing was paid.
        "PAYMENT_ORDER_IS_NOT_FOUND": Refusal.NOT_FOUND,
        # A general failure of the bank or provider: what it left behind is unsettled, the status is read before anything else.
        "EXTERNAL_PROVIDER_ERROR": Refusal.PROVIDER_ERROR,
        # The payment was not finished and no money was taken.
        "PAYMENT_TRANSACTION_IS_NOT_PAID": Refusal.NOT_PAID,
        # Cancelled or rejected before money moved, or returned in full already: which of them, its status tells.
        "TERMINAL_STATE_OF_PAYMENT_TRANSACTION": Refusal.RETURNED_ALREADY,
        # Another refund of this payment is unfinished.
        "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY": Refusal.BUSY,
        # More was asked than is left to return.
        "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE": Refusal.OVER_LIMIT,
        # Koshelek and the bank disagree on what is left (inferred: the published text repeats that of "not paid", by mistake it seems).
        # A person must look; taking it for "not paid" would close a debt on the strength of a misprint.
        "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER": Refusal.RETURN_REFUSED,
    }
)
