"""What a payment system must be able to say. Pure: an operation becomes a request, an answer becomes a verdict.

A provider knows names, shapes and codes; it decides nothing about money. Every method is a function of its arguments and of
the provider's settings: no clock, no randomness, no input or output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from agent.core.capability import Capabilities
from agent.core.model import Checkout, PaymentLink, RefundLine, SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Denied, Finding, Garbled, Operation, Refused, Reply, Request, Verdict


class Unacceptable(ValueError):
    """The checkout breaks limits of the provider. The text names each field, what is wrong, and what is right; it never holds a secret.

    ``problems``: every (path, problem) found, so that a POS programmer mends a checkout in one go. ``path`` and ``problem``: the first.
    """

    def __init__(self, path: str, problem: str, *more: tuple[str, str]) -> None:
        self.problems: tuple[tuple[str, str], ...] = ((path, problem), *more)
        super().__init__("; ".join(f"{place}: {text}" for place, text in self.problems))
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Return:
    """Money that is to go back: ``amount`` kopecks of the payment ``transaction_id`` of ``checkout``, for these ``lines`` of its bill.
    ``token_name``: the secret that goes with it, where the provider needs one."""

    sale_id: SaleId
    request_id: str
    transaction_id: str
    checkout: Checkout
    lines: Sequence[RefundLine]
    amount: Kopecks
    token_name: str


class Provider(Protocol):
    """One payment system, as configured."""

    name: str
    capabilities: Capabilities

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what the provider would refuse, before anything is stored. ``secret_lengths``: characters of each given secret.
        Raises Unacceptable."""

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request: ...

    def status(self, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None) -> Request: ...

    def cancel(self, sale_id: SaleId, request_id: str, transaction_id: str) -> Request: ...

    def refund(self, back: Return) -> Request: ...

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """Never raises: what cannot be understood is Garbled."""


@runtime_checkable
class FindsByKey(Protocol):
    """A provider that can be asked for a payment by the id that we gave it (capability ``find_by_key``)."""

    def find(self, sale_id: SaleId, request_id: str, since: datetime) -> Request:
        """Search for payments made by the checkout ``request_id``, made no earlier than ``since``."""

    def read_found(self, reply: Reply) -> Finding:
        """Never raises: what cannot be understood is Garbled, and an answer of which a part cannot is Garbled as a whole."""


@runtime_checkable
class ComposesLinks(FindsByKey, Protocol):
    """A provider whose payment is made by the customer, by opening a link that holds the bill (capability ``composes_link``).

    Its ``checkout`` is a search by our own key, and makes nothing: a repeat does no harm. When it is answered, and finds nothing, the link
    is written and journalled, and only then shown.
    """

    def compose(self, sale_id: SaleId, request_id: str, checkout: Checkout, now: datetime) -> PaymentLink:
        """The link by which the customer makes the payment ``request_id``. ``now``: wall time. What ``check`` has let in has a link."""


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header that carries a secret: its name, and what stands before the secret in its value (``"Bearer "``)."""

    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """What a login brought. ``life_s``: seconds it is good for, counted from the answer; it shows nowhere and is stored nowhere."""

    value: str = field(repr=False)
    life_s: int


LoginVerdict = Token | Refused | Denied | Garbled


@runtime_checkable
class LogsIn(Protocol):
    """A provider that exchanges secrets of the account for a token, and takes the token with every other request.

    Pure like the rest. When to log in, how often and what to do on a refusal is the transport's business, the same for every provider.
    """

    token_header: SecretHeader
    """Carries the token in every request but the login."""

    login_header: SecretHeader | None
    """Carries the account's secret ``LOGIN_KEY`` in the login, where the provider wants it in a header; None where the body holds all."""

    def login(self) -> Request:
        """The login (``Operation.LOGIN``). Its body holds placeholders of secrets of the *account*, by the names under which the account
        keeps them (``secret("login")``, ``secret("password")``); they never come from a sale. It is not journalled."""

    def read_token(self, reply: Reply) -> LoginVerdict:
        """Never raises. ``Refused`` and ``Denied``: these secrets are no good; ``Garbled``: no answer that could be used."""

    def stale_token(self, reply: Reply) -> bool:
        """Whether this answer to a request with a token says that the door stayed shut for the token's sake alone, nothing was done, and
        a new token may open it. Never raises."""


LOGIN_KEY = "key"
"""The name of the account's secret that goes out in ``login_header``."""
