"""What can be set about PayCore.io, and the limits it has.

The sources differ, or are silent, on the shape of requests, on paths and on codes; brands of the same platform differ among themselves.
Each such reading is a field here. INFERRED: our conclusion, no source says it. UNKNOWN: no source says anything; the default then relies on
as little as possible. "Like sources": documentation of companies on the same platform, not the vendor's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent.core.capability import PAYCORE
from agent.core.money import MAX_KOPECKS, RUB, Kopecks
from agent.core.sided_key import is_key, key_start


class Shape(StrEnum):
    """How a request is wrapped. Both are documented, and no source says which endpoint takes which."""

    ENVELOPE = "envelope"  # {"data": {"type": …, "attributes": {…}}}
    FLAT = "flat"  # the attributes alone


class Create(StrEnum):
    """Who makes a payment, and with what right."""

    PRIVATE = "private"  # the till, at the Private API, with the account's key
    PUBLIC = "public"  # the till, at the Public API, with the public key alone: for an account whose key may not create
    HPP = "hpp"  # the customer, by opening a link to the payment page that holds the bill


class LinkSource(StrEnum):
    """Where the link comes from that the customer opens."""

    FLOW_DATA = "flow_data"  # the provider's own next step where it can be opened by a plain link, else the payment page
    HPP = "hpp"  # always the payment page, by the payment's id


DENIED_STATUSES = frozenset({401, 403, 405})
"""HTTP statuses that turn an attempt away at the door: no login, no right. 404 is read by what was asked (``reading``)."""

UNCLEAR_STATUSES = frozenset({408, 409, 425, 429})
"""4xx that do not prove that nothing was made. 429 means "too many requests" or "a duplicate", and nobody says how to tell them apart;
409 may be a duplicate as well (INFERRED), 408 and 425 come from machines on the way (INFERRED)."""

LOCALES = frozenset({"en", "uk", "ru"})  # of the payment page

MIN_SEARCHES = 2  # one that finds nothing proves little: what was sent may not be seen yet

_LEAST, _MOST = Kopecks(1), Kopecks(MAX_KOPECKS)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_PAGE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that fits. All are ours: the vendor publishes none, and everything has a limit."""

    description_characters: int = 255
    field_characters: int = 255  # of a value that the service asks for
    link_characters: int = 2_048  # what browsers and QR codes still take
    least: Kopecks = _LEAST
    most: Kopecks = _MOST


@dataclass(frozen=True, slots=True)
class PayoutSettings:
    """How payouts are made. ``searches``, ``search_pause_ms``: how often, and after which pause each time, one that may have been made is
    looked for by our own id; when a new payout can be found is UNKNOWN.

    ``public_read``: read by the public API, whose path the vendor publishes; those of the Private API for reading and finding a payout are
    INFERRED from those of payments. ``ask_services``: whether the public API can be asked for the services that pay out.
    """

    shape: Shape = Shape.FLAT  # the vendor's sample for this endpoint
    path: str = "/payout-invoices"
    find_path: str = "/payout-invoices/"
    public_read: bool = False
    services_path: str = "/payout-prerequest"
    ask_services: bool = True
    searches: int = 5
    search_pause_ms: int = 30_000

    def __post_init__(self) -> None:
        for name in ("path", "find_path", "services_path"):
            check_path(f"payouts.{name}", getattr(self, name))
        if self.searches < MIN_SEARCHES or self.search_pause_ms <= 0:
            raise ValueError(f"payouts.searches must be at least {MIN_SEARCHES}, and payouts.search_pause_ms positive")


def check_path(name: str, path: str) -> None:
    """Raises ValueError for a path that leads somewhere else than it says."""
    if not path.startswith("/") or not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError(f"{name} must be a plain path that begins with a slash, not {path!r}")


@dataclass(frozen=True, slots=True)
class PayCoreSettings:
    """How to talk to PayCore.io. Raises ValueError, naming the field, for values that would make answers unreadable or links unsafe.

    ``test_mode``: which side this till is on; always sent, and compared with every answer. ``service``: the code of the means of payment,
    from the prerequest; whether it may be left out so that the customer chooses on the page is UNKNOWN. ``fields``: values that the
    service asks for; ``buyer_fields``: the same, filled from what the register knows of the buyer (field name to ``customer.email`` ...),
    or else from ``buyer``: what the shop and the provider have agreed to say of one who is not known, by the same names.
    ``hpp_base_url``: the payment page; "" if there is none, then only ``flow_data`` can give a link.

    ``create`` other than ``private`` needs ``public_key``, of the side that ``test_mode`` says: such a payment has no ``test_mode`` of its
    own, the key decides. A link of ours (``hpp``) travels through the customer's hands and stays in the journal, so nothing that the
    register knows of him goes into it. ``link_life_s``: seconds until it stops working, ``locale``: language of its page.
    """

    test_mode: bool
    create: Create = Create.PRIVATE
    public_key: str | None = None
    link_life_s: int = 600
    locale: str | None = None
    service: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    buyer_fields: Mapping[str, str] = field(default_factory=dict)
    buyer: Mapping[str, str] = field(default_factory=dict)
    currency: str = RUB
    create_shape: Shape = Shape.ENVELOPE  # the vendor's sample for this endpoint
    refund_shape: Shape = Shape.ENVELOPE  # like sources
    amount_as_text: bool = False  # one vendor sample has the string "100", all others a number
    invoices_path: str = "/payment-invoices"
    find_path: str = "/payment-invoices/"  # like sources: with a slash before the query
    public_create_path: str = "/payment-invoices"  # as the vendor's program has it; his text prints the singular
    hpp_base_url: str = "https://com.paycore.io/hpp/"
    link_source: LinkSource = LinkSource.FLOW_DATA  # whether the page opens for a payment bound to a service is UNKNOWN
    return_url: str | None = None
    callback_url: str | None = None  # like sources; else the address in the account's settings holds
    send_customer: bool = False  # e-mail and phone of the buyer, where the register gives them
    send_metadata: bool = True  # store, till and bill, for people who search in the cabinet
    created_statuses: frozenset[int] = frozenset({201})  # "anything else means not created" - which our search makes sure of
    denied_statuses: frozenset[int] = DENIED_STATUSES
    unclear_statuses: frozenset[int] = UNCLEAR_STATUSES
    test_mode_required: bool = True  # an answer that does not say which money it is about proves no payment
    wait_limit_ms: int = PAYCORE.wait_limit_ms
    limits: Limits = field(default_factory=Limits)
    payouts: PayoutSettings = field(default_factory=PayoutSettings)

    def __post_init__(self) -> None:
        for name in ("invoices_path", "find_path", "public_create_path"):
            check_path(name, getattr(self, name))
        if self.hpp_base_url and not self._is_page(self.hpp_base_url):
            raise ValueError("hpp_base_url must be a plain https address without a query (http only in test mode)")
        if not all(200 <= status < 300 for status in self.created_statuses) or not self.created_statuses:
            raise ValueError("created_statuses must lie between 200 and 299")
        if not all(400 <= status < 500 for status in self.denied_statuses | self.unclear_statuses):
            # A 5xx may come from behind the door, after the money moved: it is never a proof that nothing happened.
            raise ValueError("denied_statuses and unclear_statuses must lie between 400 and 499")
        if self.denied_statuses & {404, 422, 429}:
            raise ValueError("denied_statuses must leave out 404, 422 and 429: these are read by what was asked")
        if self.wait_limit_ms <= 0:
            raise ValueError("wait_limit_ms must be positive")
        if self.create is not Create.PRIVATE:
            self._check_public_key()
        if self.create is Create.HPP:
            self._check_own_links()

    def _check_public_key(self) -> None:
        if self.public_key is None or not is_key(self.public_key, self.test_mode):
            raise ValueError(f"create = {self.create.value} needs a public_key that begins with {key_start(self.test_mode)}")

    def _check_own_links(self) -> None:
        if not self.hpp_base_url:
            raise ValueError("create = hpp needs hpp_base_url")
        if self.buyer_fields or self.send_customer:
            raise ValueError("create = hpp leaves no room for buyer_fields and send_customer: a link is no place for personal data")
        if self.link_life_s * 1_000 < self.wait_limit_ms:
            raise ValueError("link_life_s must be at least as long as a customer is waited for")
        if self.locale is not None and self.locale not in LOCALES:
            raise ValueError(f"locale must be one of {', '.join(sorted(LOCALES))}")

    def _is_page(self, url: str) -> bool:
        return bool(_PAGE.fullmatch(url)) and (self.test_mode or url.startswith("https://"))
