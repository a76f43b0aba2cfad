"""Softline's words and numbers, and what they mean to the machines.

The HTTP status decides first, the code second, a message never: the vendor's own sample prints a wrong code beside a right text, and the
text of another begins with a letter of the wrong alphabet. A status that is not in its table is never final.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.verdict import Refusal

CODE_PREFIX: Final = "SOFTLINE_"  # their codes are bare numbers; a register sees which system's they are

NOT_PAID: Final = "not paid"
PAID: Final = "paid"
DELETED: Final = "deleted"
TERMINATED: Final = "terminated"
TERMINATED_CODE: Final = f"{CODE_PREFIX}TERMINATED"

LINK_OTHER_SIDE: Final = "LINK_OTHER_SIDE"
LINK_UNUSABLE: Final = "LINK_UNUSABLE"

MISPRINTS: Final[Mapping[str, str]] = MappingProxyType({"63010": "6010"})
"""Codes that the vendor's samples print beside the text of another."""

MISSING_TOKEN: Final = "1008"  # noqa: S105 - a code, not a token

CREATE_REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        # The body is not JSON, or its structure is wrong; the header is not application/json: a fault of this program.
        "110": Refusal.CONFIGURATION,
        "111": Refusal.CONFIGURATION,
        # They could not make the payment, also when the currency is not enabled. Taken as not made; the technician asks them.
        "6000": Refusal.CONFIGURATION,
        # A field is missing, or has a wrong name, type or form.
        "6010": Refusal.CONFIGURATION,
        # The configured locale is not known. The create is not repeated without it: what was journalled is what goes out.
        "6020": Refusal.CONFIGURATION,
        # Nothing to pay, and the payment is no parent of automatic ones.
        "6030": Refusal.CONFIGURATION,
        # The buyer's address is wrong. Nobody but the till needs to act: another address, another attempt.
        "6060": Refusal.SESSION,
        # The method is not enabled, or is one for companies and the buyer is none.
        "6080": Refusal.CONFIGURATION,
        # The method does not take this amount: another means of payment. Likewise a matter of the till alone.
        "6090": Refusal.SESSION,
        # The method cannot be used for automatic payments.
        "6100": Refusal.CONFIGURATION,
    }
)
"""Codes of HTTP 400 to a create. By its class every one of them, known or not, says that no payment was made."""

REFUND_REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        "110": Refusal.CONFIGURATION,
        "111": Refusal.CONFIGURATION,
        "6010": Refusal.CONFIGURATION,
    }
)
"""Codes of HTTP 400 to a refund request. The vendor lists none; these mean the same everywhere. Any other: people refused to take it."""
