"""What requests about payouts are made of. Who is to be paid is a secret from the first moment: it shows in no representation."""

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr

from drivers.fields import MAX_AMOUNT_KOPECKS, Rule, text

MAX_RECIPIENT_FIELDS = 16  # of a service; those that are published ask for one to five
MAX_FIELD_CHARACTERS = 255
MAX_DESCRIPTION_CHARACTERS = 255
RESOLUTIONS = ("paid_out", "not_made", "acknowledge", "release")

_NAME = r"[A-Za-z0-9_.-]{1,64}"
_VALUE = r"[^\x00-\x1f\x7f-\x9f]{1,255}"
_RULE = f"1 to {MAX_RECIPIENT_FIELDS} texts by the names of the service's fields, each of 1 to {MAX_FIELD_CHARACTERS} characters"


def _recipient(value: object) -> dict[str, SecretStr]:
    """Raises ValueError without the value."""
    if not isinstance(value, Mapping) or not 0 < len(value) <= MAX_RECIPIENT_FIELDS:
        raise ValueError
    found = {}
    for name, one in value.items():
        plain = one.get_secret_value() if isinstance(one, SecretStr) else one
        if not isinstance(name, str) or not re.fullmatch(_NAME, name) or not isinstance(plain, str) or not re.fullmatch(_VALUE, plain):
            raise ValueError
        found[name] = SecretStr(plain)
    return found


RecipientFields: TypeAlias = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_recipient),
    Rule(
        _RULE,
        {"card_number": "2200000000000004"},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_RECIPIENT_FIELDS,
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": MAX_FIELD_CHARACTERS},
            "writeOnly": True,
        },
    ),
]
PayoutAmount: TypeAlias = Annotated[
    int,
    Field(ge=1, le=MAX_AMOUNT_KOPECKS),
    Rule(f"a whole number of kopecks from 1 to {MAX_AMOUNT_KOPECKS}", 45000),
]
ServiceCode: TypeAlias = Annotated[
    str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$"), Rule("the code of a service, as payout.services lists it", "payment_card_rub")
]
Description: TypeAlias = Annotated[str, *text(MAX_DESCRIPTION_CHARACTERS, "Refund of a deposit")]
PayoutResolutionWord: TypeAlias = Annotated[
    str, Field(pattern=f"^({'|'.join(RESOLUTIONS)})$"), Rule(f"one of {', '.join(RESOLUTIONS)}", "not_made")
]
