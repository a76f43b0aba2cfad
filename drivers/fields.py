"""The field types of messages: each with its limits, its rule in words, and a value that is right.

The limits are those of the Pay API where it states one, because what it would refuse must be refused before anything is stored; the
others are ours, generous, and exist so that nothing is unbounded. Words that a provider may add to (``measure``, ``tax``,
methods of payment) are checked for shape only: which of them are valid is configuration, not protocol.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, SecretStr
from pydantic_core import CoreSchema

MAX_AMOUNT_KOPECKS = 9_999_999_999  # ten digits: the Pay API
MAX_QUANTITY = 9_999_999_999  # grams fit
MAX_PRICE_DECIMALS = 6  # kopecks per gram of gold need two
MAX_ITEMS = 1000  # more lines than a line of 64 KiB can carry; a serial dialect may differ
MAX_NAME_CHARACTERS = 1024  # of goods; the Pay API states no limit
MAX_PAYMENT_METHODS = 16  # the Pay API knows two
MAX_WORD_CHARACTERS = 36  # of measure, tax, payment type
MAX_WAIT_SECONDS = 60  # of a long poll
MAX_LISTED = 500  # operations in one answer
MAX_TOKEN_CHARACTERS = 4096  # an HTTP header
MAX_BARCODE_CHARACTERS = 128
MAX_QUIET_ZONE_MODULES = 16  # around a QR code; the standard asks for four
MAX_SCALE_DOTS = 32  # a module's side: 4 mm on paper

_TEXT = r"^[^\p{Cc}]+$"  # no control characters: a NUL or a newline in a name or number is a broken export
_WORD = r"^[A-Za-z0-9_.-]+$"
_WORD_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MAX_WORD_CHARACTERS, "pattern": _WORD}


@dataclass(frozen=True, slots=True, eq=False)  # compared by identity: a type's metadata must be hashable, an example need not be
class Rule:
    """What a field must be, to follow "must be", and an example (JSON). ``schema`` is its JSON Schema where the type alone does not tell
    it: checks made by functions are invisible from outside."""

    text: str
    example: Any
    schema: Mapping[str, Any] | None = None

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """For the description of the HTTP API."""
        found = dict(handler(core) if self.schema is None else self.schema)
        found["description"] = f"Must be {self.text}."
        return found | ({} if self.example is None else {"examples": [self.example]})


def as_tuple(value: object) -> object:
    """JSON has lists, frozen values have tuples."""
    return tuple(value) if isinstance(value, list) else value


def _whole(value: object) -> object:
    """1125.0 is 1125: the Pay API's own examples write quantities so. 1.125 stays what it is and is refused."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MAX_QUANTITY and value == value.to_integral_value():
        return int(value)
    return value


def _price(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal) and not _has_few_decimals(value):
        raise ValueError
    return value


def _has_few_decimals(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MAX_PRICE_DECIMALS


def _seconds(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    return value


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    return value


def _secret(pattern: str) -> Callable[[object], object]:
    compiled = re.compile(pattern)

    def check(value: object) -> SecretStr:
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError
        return SecretStr(value)

    return check


def _hidden(maximum: int, pattern: str) -> dict[str, Any]:
    """The JSON Schema of a secret."""
    return {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": pattern, "writeOnly": True}


def _default(word: str) -> Callable[[object], object]:
    """Absent and empty mean the same to the Pay API."""
    return lambda value: word if value in (None, "") else value


def different(attribute: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A check that no two entries of a list have the same ``attribute``."""

    def check(entries: tuple[Any, ...]) -> tuple[Any, ...]:
        values = [getattr(entry, attribute) for entry in entries]
        if len(set(values)) != len(values):
            raise ValueError
        return entries

    return check


def text(maximum: int, example: str) -> Any:
    """The metadata of a text field: its limits and its rule."""
    rule = Rule(f"text of 1 to {maximum} characters without control characters", example)
    return Field(min_length=1, max_length=maximum, pattern=_TEXT), rule


def word(what: str, example: str) -> Any:
    """The metadata of a field that holds one word of a list that configuration may prolong."""
    rule = Rule(f"{what}, one word of at most {MAX_WORD_CHARACTERS} letters", example, _WORD_SCHEMA)
    return Field(min_length=1, max_length=MAX_WORD_CHARACTERS, pattern=_WORD), rule


_KEY_RULE = "1 to 64 characters of A-Z a-z 0-9 . _ -"
_AMOUNT_RULE = f"a whole number of kopecks from 0 to {MAX_AMOUNT_KOPECKS}, written without a decimal point (450.00 roubles are 45000)"

StoreId: TypeAlias = Annotated[str, *text(36, "00000000-0000-4000-8000-000000000001")]
TerminalId: TypeAlias = Annotated[str, *text(256, "till-03")]
OrderId: TypeAlias = Annotated[str, *text(36, "S12-000345")]
TransactionId: TypeAlias = Annotated[str, *text(64, "7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11")]
ShortText: TypeAlias = Annotated[str, *text(64, "AB12C34D")]
GoodsText: TypeAlias = Annotated[str, *text(MAX_NAME_CHARACTERS, "Cheese")]
Article: TypeAlias = Annotated[str, *text(MAX_NAME_CHARACTERS, "100200")]
Purpose: TypeAlias = Annotated[str, *text(MAX_NAME_CHARACTERS, "Payment for order S12-000345")]
Explanation: TypeAlias = Annotated[str, *text(200, "compared with the registry of 31.01.")]
Key: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=_WORD), Rule(_KEY_RULE, "20260131-0345")]

Amount: TypeAlias = Annotated[int, Field(ge=0, le=MAX_AMOUNT_KOPECKS), Rule(_AMOUNT_RULE, 45000)]
Price: TypeAlias = Annotated[
    Decimal,
    BeforeValidator(_price),
    Field(ge=0, le=MAX_AMOUNT_KOPECKS),
    Rule(
        f"a number of kopecks per unit of measure from 0 to {MAX_AMOUNT_KOPECKS} with at most {MAX_PRICE_DECIMALS} decimals",
        40,
        {"type": "number", "minimum": 0, "maximum": MAX_AMOUNT_KOPECKS},
    ),
]
Quantity: TypeAlias = Annotated[
    int,
    BeforeValidator(_whole),
    Field(ge=1, le=MAX_QUANTITY),
    Rule(
        f"a whole number from 1 to {MAX_QUANTITY} (weighed goods in a smaller unit: 1250 GRAM, not 1.25 KILOGRAM)",
        1250,
        {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
    ),
]
Currency: TypeAlias = Annotated[str, BeforeValidator(_default("RUB")), Field(pattern="^RUB$"), Rule('"RUB"', "RUB", {"enum": ["RUB"]})]
Measure: TypeAlias = Annotated[str, BeforeValidator(_default("PIECE")), *word("a unit", "PIECE")]
Tax: TypeAlias = Annotated[str, *word("a VAT rate", "vat20")]
Method: TypeAlias = Annotated[str, *word("a method of payment", "SBP")]
ProviderName: TypeAlias = Annotated[
    str, Field(max_length=32, pattern=r"^[a-z][a-z0-9_-]*$"), Rule("the name of a configured provider", "koshelek")
]
STATES = (
    "queued",
    "sending",
    "unknown",
    "pending",
    "canceling",
    "attention",
    "paid",
    "declined",
    "canceled",
    "expired",
    "reversed",
    "elsewhere",
    "paid_out",  # of payouts, which share the other words
    "failed",
    "returned",
)
State: TypeAlias = Annotated[str, Field(pattern=f"^({'|'.join(STATES)})$"), Rule(f"one of {', '.join(STATES)}", "paid")]

CardSession: TypeAlias = Annotated[
    SecretStr,
    BeforeValidator(_secret("[A-Za-z0-9]{1,32}")),
    Rule("text of 1 to 32 latin letters and digits", "Q7W2E9", _hidden(32, "^[A-Za-z0-9]+$")),
]
Barcode: TypeAlias = Annotated[
    SecretStr,
    BeforeValidator(_secret(f"[ -~]{{1,{MAX_BARCODE_CHARACTERS}}}")),
    Rule(
        f"text of 1 to {MAX_BARCODE_CHARACTERS} printable ASCII characters, as scanned",
        "2900000012345Q7W2E9",
        _hidden(MAX_BARCODE_CHARACTERS, "^[ -~]+$"),
    ),
]
Token: TypeAlias = Annotated[
    SecretStr,  # an HTTP header: a space at its ends would make the request unsendable
    BeforeValidator(_secret(rf"(?=.{{1,{MAX_TOKEN_CHARACTERS}}}\Z)[!-~](?:[ -~]*[!-~])?")),
    Rule(
        f"text of 1 to {MAX_TOKEN_CHARACTERS} printable ASCII characters, no space at the ends",
        "000000",
        _hidden(MAX_TOKEN_CHARACTERS, "^[!-~]([ -~]*[!-~])?$"),
    ),
]
LoyaltyId: TypeAlias = Annotated[
    SecretStr,
    BeforeValidator(_secret(r"[^\x00-\x1f\x7f-\x9f]{1,36}")),
    Rule("text of 1 to 36 characters", "2900000012345", _hidden(36, r"^[^\u0000-\u001f\u007f-\u009f]+$")),
]


def _personal(pattern: str, maximum: int, rule: str, example: str) -> Any:
    """The metadata of a fact about the buyer: hidden like a password, and like one it stands in no answer and no log."""
    return BeforeValidator(_secret(pattern)), Rule(rule, example, _hidden(maximum, f"^{pattern}$"))


_PLAIN = r"[^\x00-\x1f\x7f-\x9f]"
_ANY_NAME = rf"{_PLAIN}{{1,255}}"  # the longest that any of the payment systems takes
Email: TypeAlias = Annotated[
    SecretStr, *_personal(r"[^@\s]{1,64}@[^@\s]{1,189}", 254, "an e-mail address of at most 254 characters", "buyer@example.com")
]
PersonName: TypeAlias = Annotated[SecretStr, *_personal(_ANY_NAME, 255, "text of 1 to 255 characters without control characters", "Ivan")]
Phone: TypeAlias = Annotated[
    SecretStr,
    *_personal(r"\+?[0-9][0-9 ()-]{3,30}", 32, "a telephone number of 4 to 32 characters: digits, spaces, + ( ) -", "+79990000000"),
]
VatNumber: TypeAlias = Annotated[SecretStr, *_personal("(?:[0-9]{10}|[0-9]{12})", 12, "10 or 12 digits", "7700000000")]
Kpp: TypeAlias = Annotated[SecretStr, *_personal("[0-9]{9}", 9, "9 digits", "770001001")]

Wait: TypeAlias = Annotated[
    float, BeforeValidator(_seconds), Field(ge=0, le=MAX_WAIT_SECONDS), Rule(f"a number of seconds from 0 to {MAX_WAIT_SECONDS}", 20)
]
Day: TypeAlias = Annotated[date, BeforeValidator(_day), Rule("a business date, YYYY-MM-DD", "2026-01-31")]
ListLimit: TypeAlias = Annotated[int, Field(ge=1, le=MAX_LISTED), Rule(f"a whole number from 1 to {MAX_LISTED}", 50)]
LineNumber: TypeAlias = Annotated[int, Field(ge=0, lt=MAX_ITEMS), Rule("the place of the line in the bill, counted from 0", 0)]
Flag: TypeAlias = Annotated[bool, Rule("true or false", False)]

CODE_FORMATS = ("svg", "png", "text", "escpos", "matrix")
CODE_LEVELS = ("L", "M", "Q", "H")
CodeFormat: TypeAlias = Annotated[str, Field(pattern=f"^({'|'.join(CODE_FORMATS)})$"), Rule(f"one of {', '.join(CODE_FORMATS)}", "svg")]
CodeLevel: TypeAlias = Annotated[str, Field(pattern=f"^({'|'.join(CODE_LEVELS)})$"), Rule(f"one of {', '.join(CODE_LEVELS)}", "M")]
QuietZone: TypeAlias = Annotated[
    int, Field(ge=0, le=MAX_QUIET_ZONE_MODULES), Rule(f"a whole number of modules from 0 to {MAX_QUIET_ZONE_MODULES}", 4)
]
Scale: TypeAlias = Annotated[int, Field(ge=1, le=MAX_SCALE_DOTS), Rule(f"a whole number of dots from 1 to {MAX_SCALE_DOTS}", 8)]
Meta: TypeAlias = Annotated[dict[str, Any], Rule("an object", {"bonus": "10"})]
