"""What a payment system must be able to say. Pure: an operation becomes a request, an answer becomes a verdict.

A provider knows names, shapes and codes; it decides nothing about money. Every method is a function of its arguments and of
the provider's settings: no clock, no randomness, no input or output.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from agent.core.capability import Capabilities
from agent.core.model import Checkout, RefundLine, SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Finding, Operation, Reply, Request, Verdict


class Unacceptable(ValueError):
    """The checkout breaks limits of the provider. The text names each field, what is wrong, and what is right; it never holds a secret.

    ``problems``: every (path, problem) found, so that a POS programmer mends a checkout in one go. ``path`` and ``problem``: the first.
    """

    def __init__(self, path: str, problem: str, *more: tuple[str, str]) -> None:
        self.problems: tuple[tuple[str, str], ...] = ((path, problem), *more)
        super().__init__("; ".join(f"{place}: {text}" for place, text in self.problems))
        self.path = path
        self.problem = problem


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

    def refund(
        self,
        sale_id: SaleId,
        request_id: str,
        transaction_id: str,
        checkout: Checkout,
        lines: Sequence[RefundLine],
        amount: Kopecks,
        token_name: str,
    ) -> Request: ...

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """Never raises: what cannot be understood is Garbled."""


@runtime_checkable
class FindsByKey(Protocol):
    """A provider that can be asked for a payment by the id that we gave it (capability ``find_by_key``)."""

    def find(self, sale_id: SaleId, request_id: str, since: datetime) -> Request:
        """Search for payments made by the checkout ``request_id``, made no earlier than ``since``."""

    def read_found(self, reply: Reply) -> Finding:
        """Never raises: what cannot be understood is Garbled, and an answer of which a part cannot is Garbled as a whole."""
