"""What an operator's requests are made of: decisions, what they are about, and what he can prove. Parts of the requests in ``messages``."""

from typing import Annotated, TypeAlias

from pydantic import Field

from drivers.bill import Message
from drivers.fields import Rule, ShortText, TransactionId

RESOLUTIONS = ("paid", "not_paid", "return", "returned", "refunded", "drop", "retry", "acknowledge", "release")
MAX_CURSOR_CHARACTERS = 2048  # the longest name of a sale, encoded

ResolutionWord: TypeAlias = Annotated[str, Field(pattern=f"^({'|'.join(RESOLUTIONS)})$"), Rule(f"one of {', '.join(RESOLUTIONS)}", "paid")]
RefundName: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=65, pattern=r"^~?[A-Za-z0-9_.-]+$"),
    Rule("the refundKey of a refund; ~return is the agent's own", "~return"),
]
ConfirmationWord: TypeAlias = Annotated[str, Field(pattern="^[A-Za-z]{6}$"), Rule("the word of the first step, 6 letters", "BCDFGH")]
Cursor: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=MAX_CURSOR_CHARACTERS, pattern="^[A-Za-z0-9_-]+$"),
    Rule("what the list before gave as next", "WyJzIiwidCIsImsiXQ"),
]


class Proof(Message):
    """What the operator has read in the payment system's registry, as far as he knows it. The amount is always the sale's."""

    transaction_id: TransactionId | None = None
    ref_transaction_id: TransactionId | None = None
    payment_type: ShortText | None = None
    qrc_id: ShortText | None = None
    kzo: ShortText | None = None
    operation_id: ShortText | None = None
    operation_date_time: ShortText | None = None
