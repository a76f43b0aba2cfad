"""What can be set about Koshelek Pay, and the limits it is known to have.

The vendor's documents leave gaps and differ among themselves. Every reading of ours that no document confirms is a field here, so that the
test stand can prove us wrong without a new build; the field's comment says INFERRED. Limits that a document states are defaults too:
the vendor may add values at any time (new VAT rates are the known case), a till must not wait for a release then.
"""

from dataclasses import dataclass, field

from agent.core.capability import KOSHELEK
from agent.core.model import PIECE

SBP = "SBP"
DOLYAME = "DOLYAME"
PAYMENT_TYPES = frozenset({SBP, DOLYAME})

TAXES = frozenset({"none", "vat0", "vat10", "vat20", "vat110", "vat120"})
"""Values of ``tax``. The documents predate later VAT rates; once the vendor has named them they are added by configuration."""

MEASURES = frozenset(
    {PIECE, "GRAM", "KILOGRAM", "TON", "CENTIMETER", "DECIMETER", "METER", "SQUARE_CENTIMETER", "SQUARE_DECIMETER"},
)
"""Values of ``measure`` whose literal names are published. The vendor's list goes on; the rest is added by configuration."""

CARD_SESSION_NAMES = ("cardsession", "cardSession")
"""Spellings of the card session in the request for the list of means of payment. Which one the newest version takes is not published."""

TAXATIONS = frozenset({"osn", "usn_income", "usn_income_out", "envd", "esn", "patent"})
"""Values of ``taxation`` of a fiscal receipt. Regimes that came later have no published names; the field may be left out."""

DENIED_STATUSES = frozenset({401, 403, 404, 405, 429})
"""HTTP statuses that turn an attempt away at the door. INFERRED: the vendor documents only 200, 201 and 422."""

_READ_STATUSES = frozenset({200, 422})  # these carry the provider's own words and can never mean "turned away"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that fits, in characters unless the name says otherwise. "Ours": no document states one, and everything has a limit."""

    store_id_characters: int = 36
    terminal_id_characters: int = 256  # INFERRED as a maximum: the vendor's schema says exactly 256, its example has 16
    order_id_characters: int = 36
    loyalty_id_characters: int = 36
    card_session_characters: int = 32
    token_characters: int = 4096  # ours: half of the 8 KiB that common servers grant to all headers; the published example has 455
    name_characters: int = 999  # ours: as long as the longest text of the API
    article_characters: int = 999  # ours: likewise
    payment_purpose_characters: int = 999  # ours: likewise
    receipt_id_characters: int = 36
    merchant_characters: int = 999
    shift_characters: int = 32
    cashier_characters: int = 256
    fiscal_number_characters: int = 64
    qr_characters: int = 999
    meta_bytes: int = 4096  # ours: of JSON text
    items: int = 1000  # ours: more lines than any till prints
    body_bytes: int = 524_288  # ours: a thousand ordinary lines have 200 KiB; the transport sends at most twice this
    quantity_units: int = 999_999_999  # ours: a thousand tons in grams
    price_fraction_digits: int = 6  # ours: kopecks per gram need two or three


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store offers when the POS does not say: ways to pay, and the payment purpose of SBP from a linked account.

    ``payment_purpose`` stays None where it was agreed with Koshelek at onboarding; otherwise it goes out with every SBP method.
    """

    payment_methods: tuple[str, ...] = (SBP,)
    payment_purpose: str | None = None


@dataclass(frozen=True, slots=True)
class KoshelekSettings:
    """How to talk to Koshelek Pay. Raises ValueError, naming the field, for values that would make answers unreadable."""

    path_prefix: str = "/api/v1/merchant"  # between the account's URL and a method; joined by plain concatenation
    status_carries_ids: bool = False  # the vendor's prose wants storeId and terminalId in each request, its schema of status has neither
    send_currency: bool = True  # optional since v1.1.0, absent means RUB; said aloud so that a wrong assumption is refused, not charged
    merge_equal_refund_lines: bool = True  # INFERRED: refund items must be unique, the lines of a bill need not be
    lines_make_total: bool = True  # INFERRED: the line totals add up to the invoice total
    line_discounts_add_up: bool = True  # INFERRED: total = subTotal - discount in a line; a published example breaks it
    invoice_discounts_add_up: bool = True  # INFERRED: total = subTotal - discount in the invoice
    wait_limit_ms: int = KOSHELEK.wait_limit_ms
    send_receipts: bool = True  # an optional method of the API, to be agreed with the vendor
    refund_receipt_names_refund: bool = False  # INFERRED: a refund's receipt goes with the payment's transactionId; true: with the refund's
    availability_card_session_name: str = "cardsession"  # INFERRED: the vendor's file, in this one request; cardSession in all others
    denied_statuses: frozenset[int] = DENIED_STATUSES
    payment_types: frozenset[str] = PAYMENT_TYPES
    taxes: frozenset[str] = TAXES
    measures: frozenset[str] = MEASURES
    taxations: frozenset[str] = TAXATIONS
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.path_prefix and (not self.path_prefix.startswith("/") or self.path_prefix.endswith("/")):
            raise ValueError(f"path_prefix must be empty, or begin with a slash and end without one, not {self.path_prefix!r}")
        if self.denied_statuses & _READ_STATUSES or not all(400 <= status < 500 for status in self.denied_statuses):
            # A 5xx may come from behind the door, after the money moved: it is never a proof that nothing happened.
            raise ValueError("denied_statuses must lie between 400 and 499 and leave out 422")
        if self.availability_card_session_name not in CARD_SESSION_NAMES:
            raise ValueError(f"availability_card_session_name must be one of {', '.join(CARD_SESSION_NAMES)}")
        if self.wait_limit_ms <= 0:
            raise ValueError("wait_limit_ms must be positive")
