"""What can be set about Softline Payments, and the limits it is known to have.

The vendor documents the create call field by field, and other calls in part. Every reading of ours that its documents do not confirm is a
field here whose comment says INFERRED, so that the test side can prove us wrong without a new build. What nobody documents (UNKNOWN) is
not here at all: it is asked of the shop (``payment_method``), or not relied on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.core.capability import SOFTLINE
from agent.core.model import Environment

# Limits that the vendor states, in characters.
MAX_TEXT_CHARACTERS = 255  # return_success_url, payment_description, a company's name and addresses
MAX_REFUND_DESCRIPTION_CHARACTERS = 500
MAX_REFUND_EMAIL_CHARACTERS = 80
VAT_NUMBER_DIGITS = (10, 12)  # INN of a company, of an entrepreneur
KPP_DIGITS = 9

# Limits of ours, where the vendor states none: everything has one.
MAX_PERSONAL_CHARACTERS = 255  # as long as the texts above
MAX_EMAIL_CHARACTERS = 254  # RFC 5321: a longer address cannot be written to
MAX_ADDITIONAL_FIELDS = 16  # the published samples have six
MAX_CODE_CHARACTERS = 64  # of a payment method or a locale

TOKEN_LIFE_S = 86_400  # 24 hours from its receipt, by the vendor

TEST_SUFFIXES = (".demoslweb.com", ".demonqweb.com")
"""Ends of the host names of the vendor's test side, of its API and of the links it makes."""

DENIED_STATUSES = frozenset({401, 403, 404, 405, 429})
"""HTTP statuses that turn an attempt away at the door. The vendor says so of 401 (authentication failed) and 404 (wrong URL); of the
others it is INFERRED."""

_READ_STATUSES = frozenset({200, 400})  # these carry the provider's own words and can never mean "turned away"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_FIELD = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+){0,7}")


@dataclass(frozen=True, slots=True)
class Buyer:
    """What to say of a buyer where the register says nothing: only values that the shop and the provider have agreed on. None: must come
    from the register. The vendor warns that an acquirer may decline placeholders as suspected fraud."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class SoftlineSettings:
    """How to talk to Softline Payments. Raises ValueError, naming the field, for values that the vendor would refuse or that would make
    answers unreadable.

    In ``payment_description``, ``additional_data`` and ``refund_description`` the words ``{orderId}``, ``{storeId}`` and ``{terminalId}``
    are replaced by those of the sale.
    """

    environment: Environment
    payment_method: str  # a code from the shop's contract; the vendor publishes one, CreditCard
    return_success_url: str
    refund_email: str  # ours, for the people who handle a refund; not the buyer's
    company_payment_method: str | None = None  # for buyers that name a company; None: the same
    payment_description: str | None = None  # None: the vendor's own, which names the payment_id
    locale: str | None = None  # None: the form opens in the account's language. One that is not known is refused with 6020
    recurring_indicator: bool | None = None  # true makes parents of automatic payments; None: not sent, which means false
    additional_data: Mapping[str, str] = field(default_factory=dict)  # keys other than referer7 to referer12: UNKNOWN whether they work
    refund_description: str | None = None
    buyer: Buyer = field(default_factory=Buyer)

    path_prefix: str = "/v1"  # between the account's URL and a method; joined by plain concatenation
    denied_statuses: frozenset[int] = DENIED_STATUSES
    token_life_s: int = TOKEN_LIFE_S
    wait_limit_ms: int = SOFTLINE.wait_limit_ms
    secret_link: bool = SOFTLINE.secret_link  # INFERRED: nobody pays without the link. False for a method that mails a bill to the buyer
    searches: int = SOFTLINE.searches  # INFERRED: how long a new payment stays invisible to a search is not known
    search_pause_ms: int = SOFTLINE.search_pause_ms  # likewise
    search_margin_s: int = 86_400  # how far before the first sending a search begins: our clock and theirs may differ
    amount_field: str = "product.amount"  # INFERRED: of a read; known only of the webhook
    pay_date_field: str = "pay_date"  # INFERRED: likewise
    link_field: str | None = "order_detail_url"  # INFERRED: likewise, and that it is the page of payment_url; None: a read has no link
    test_suffixes: tuple[str, ...] = TEST_SUFFIXES
    test_link_hosts: frozenset[str] = frozenset()  # further hosts of links on the test side: a sandbox in the local network

    def __post_init__(self) -> None:
        object.__setattr__(self, "additional_data", MappingProxyType(dict(self.additional_data)))
        for problem in (*_shop_problems(self), *_reading_problems(self)):
            raise ValueError(problem)


def _shop_problems(settings: SoftlineSettings) -> list[str]:
    """What is wrong with what the shop says."""
    codes = {name: getattr(settings, name) for name in ("payment_method", "company_payment_method", "locale")}
    problems = [f"{name} must be a code, not {code!r}" for name, code in codes.items() if code is not None and not _CODE.fullmatch(code)]
    if len(settings.return_success_url) > MAX_TEXT_CHARACTERS or not settings.return_success_url.startswith(("https://", "http://")):
        problems.append(f"return_success_url must be a URL of at most {MAX_TEXT_CHARACTERS} characters")
    if len(settings.refund_email) > MAX_REFUND_EMAIL_CHARACTERS or not is_email(settings.refund_email):
        problems.append(f"refund_email must be an e-mail address of at most {MAX_REFUND_EMAIL_CHARACTERS} characters")
    if settings.buyer.email is not None and not is_email(settings.buyer.email):
        problems.append("buyer.email must be an e-mail address")
    for name in ("first_name", "last_name", "phone"):
        value = getattr(settings.buyer, name)
        if value is not None and not 1 <= len(value) <= MAX_PERSONAL_CHARACTERS:
            problems.append(f"buyer.{name} must have 1 to {MAX_PERSONAL_CHARACTERS} characters")
    if len(settings.additional_data) > MAX_ADDITIONAL_FIELDS:
        problems.append(f"additional_data must have at most {MAX_ADDITIONAL_FIELDS} fields")
    return problems


def _reading_problems(settings: SoftlineSettings) -> list[str]:
    """What is wrong with how answers are to be read."""
    problems = []
    if settings.path_prefix and (not settings.path_prefix.startswith("/") or settings.path_prefix.endswith("/")):
        problems.append(f"path_prefix must be empty, or begin with a slash and end without one, not {settings.path_prefix!r}")
    if settings.denied_statuses & _READ_STATUSES or not all(400 <= status < 500 for status in settings.denied_statuses):
        # A 5xx may come from behind the door, after a payment was made: it is never a proof that nothing happened.
        problems.append("denied_statuses must lie between 400 and 499 and leave out 400")
    for name in ("amount_field", "pay_date_field", "link_field"):
        value = getattr(settings, name)
        if value is not None and not _FIELD.fullmatch(value):
            problems.append(f"{name} must be names with a dot between them, not {value!r}")
    numbers = ("token_life_s", "wait_limit_ms", "searches", "search_pause_ms", "search_margin_s")
    problems += [f"{name} must be positive" for name in numbers if getattr(settings, name) <= 0]
    if not all(suffix.startswith(".") for suffix in settings.test_suffixes):
        problems.append("test_suffixes must begin with a dot")
    return problems


def is_email(text: str) -> bool:
    """The vendor's form: name@domain.zone."""
    return len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text) is not None
