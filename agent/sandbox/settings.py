"""What the sandbox can be told before it starts. ``BankSettings`` is the model's part, ``SandboxSettings`` adds the server's.

Every knob of ``BankSettings`` stands for something the vendor's public material leaves open, or for a limit that changes with
the law; the defaults are the likeliest reading.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.sandbox.availability import Offer
from agent.sandbox.customer import Action, Customer
from agent.sandbox.outbox import Webhook
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.softline.knobs import SoftlineKnobs

DEFAULT_LOGIN = "sandbox"  # play money only: these defaults open nothing else
DEFAULT_PASSWORD = "sandbox"  # noqa: S105 - documented default of a simulator
DEFAULT_PORT = 8099

TAXES = frozenset({"none", "vat0", "vat10", "vat20", "vat110", "vat120"})
MEASURES = frozenset(
    {"PIECE", "GRAM", "KILOGRAM", "TON", "CENTIMETER", "DECIMETER", "METER", "SQUARE_CENTIMETER", "SQUARE_DECIMETER"}
)  # the vendor's list is longer; the names of the rest are not public


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSettings:
    """The model's settings. Times in milliseconds, amounts in kopecks.

    ``stores`` maps a storeId to the merchantId that slips show; empty means every store is known.
    ``partner`` is the path segment before ``/api/v1``; None accepts any or none.
    ``forget_after_ms``: how long a requestId lives; None for ever.
    ``refund_takes_ms``, ``cancel_takes_ms``: above 0 the call answers refStatus ``new`` and is decided that much later.
    ``cancel_refusal_as_422``: a cancel of an accepted payment gives WRONG_TRANSACTION_STATE_CHANGE instead of a rejected one.
    ``slip_always``: a slip in every checkout, cancel and status answer, as the vendor's file has it literally; it proves nothing.
    ``refund_slip_shows_refund``: totalAmount of a refund's slip is the refunded sum; otherwise the paid sum (the file's literal text).
    ``status_shows_reference``: a status read by transactionId names the last cancel or refund as well.
    ``empty_status``: how an unknown transaction's status is spelt, ``""`` or None (null).
    ``offer``: what a till is told that asks for the means of payment. ``availability_session_name``: how it must spell the card session
    then (the vendor's file: cardsession, in this one request).
    ``webhooks``: who wants to be told what becomes of payments, by system. Koshelek proves itself with ``login`` and the webhook's secret.
    ``check_sums``: refuse totals that are not the sum of their lines; whether the vendor does is unknown.
    """

    login: str = DEFAULT_LOGIN
    password: str = field(default=DEFAULT_PASSWORD, repr=False)
    partner: str | None = None
    stores: Mapping[str, str] = field(default_factory=dict)
    default_merchant_id: str = "MA0000000001"
    customer: Customer = field(default_factory=lambda: Customer(Action.CONFIRM, 3_000))
    magic_sessions: bool = True
    refused_prefixes: tuple[str, ...] = ("UNKN",)
    refused_sessions: frozenset[str] = frozenset()
    minimum_amount: int = 400  # 4 roubles
    pending_after_ms: int = 200
    forget_after_ms: int | None = None
    refund_takes_ms: int = 0
    cancel_takes_ms: int = 0
    cancel_refusal_as_422: bool = False
    slip_always: bool = False
    refund_slip_shows_refund: bool = False
    status_shows_reference: bool = True
    empty_status: str | None = ""
    taxes: frozenset[str] = TAXES
    measures: frozenset[str] = MEASURES
    refuse_unknown_fields: bool = True
    check_sums: bool = False
    offer: Offer = field(default_factory=Offer)
    availability_session_name: str = "cardsession"
    poll_tolerance_ms: int = 25  # the network's jitter is not the till's fault
    softline: SoftlineKnobs = field(default_factory=SoftlineKnobs)
    payconnect: PayConnectKnobs = field(default_factory=PayConnectKnobs)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)


def is_loopback(host: str) -> bool:
    """Is this an address or the name of this machine itself? Any other name is not: it may mean anything tomorrow."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The server's settings. Port 0 lets the system choose.

    The control API is served on the main port to loopback clients; with ``control_port`` it has a second, plain HTTP port on 127.0.0.1 that
    stays open during an outage. ``control_host`` other than a loopback address opens that port to the network, for a real phone: whoever
    comes from there needs an access code. ``language`` of the page for people (``ru``, ``en``); None: what the browser asks for.
    ``certfile`` and ``keyfile`` (PEM) switch the main port to TLS. ``journal``: a file that gets one
    JSON line per request that arrived.
    """

    bank: BankSettings = field(default_factory=BankSettings)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    control_port: int | None = None
    control_host: str = "127.0.0.1"
    language: str | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    journal: Path | None = None

    def __post_init__(self) -> None:
        if (self.certfile is None) != (self.keyfile is None):
            raise ValueError("certfile and keyfile go together")
        if self.control_port is None and not is_loopback(self.control_host):
            raise ValueError("an address for the control API needs a control port")
