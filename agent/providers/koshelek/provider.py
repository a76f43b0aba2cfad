"""Koshelek Pay as the machines see it: the contract's methods, tied to one configuration.

Nothing is decided here. Limits live in ``check``, names in ``request``, meanings in ``codes`` and ``reading``; this class only hands them
the settings of this till.
"""

from collections.abc import Mapping
from dataclasses import replace

from agent.core.availability import Finding
from agent.core.capability import KOSHELEK, Capabilities
from agent.core.contract import Return
from agent.core.model import Checkout, Invoice, SaleId
from agent.core.receipt import FiscalReceipt
from agent.core.verdict import Operation, Reply, Request, Verdict
from agent.providers.koshelek.availability import ask_request, look_request, read_finding
from agent.providers.koshelek.check import check_checkout
from agent.providers.koshelek.reading import read_reply
from agent.providers.koshelek.receipt import check_receipt, receipt_request
from agent.providers.koshelek.request import cancel_request, checkout_request, refund_request, status_request
from agent.providers.koshelek.settings import KoshelekSettings, StoreFacts


class Koshelek:
    """The core's contracts ``Provider``, ``TellsAvailability`` and ``TakesReceipts``, for the stores given. Immutable in use, safe to share
    between lanes."""

    name: str = "koshelek"
    capabilities: Capabilities

    def __init__(self, settings: KoshelekSettings, stores: Mapping[str, StoreFacts]) -> None:
        """``stores``: facts of each configured store by its storeId."""
        self._settings = settings
        self._stores = dict(stores)
        self.capabilities = replace(KOSHELEK, wait_limit_ms=settings.wait_limit_ms, receipts=settings.send_receipts)

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what Koshelek would refuse. Raises Unacceptable with all problems found."""
        check_checkout(self._settings, self._stores, sale_id, checkout, secret_lengths)

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request:
        """Start a payment. Secrets: ``cardSession`` and ``token`` always, ``loyaltyId`` if it is among ``secret_names``."""
        facts = self._stores.get(sale_id.store_id, StoreFacts())
        return checkout_request(self._settings, facts, sale_id, request_id, checkout, secret_names)

    def status(self, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None) -> Request:
        """Read a payment, a cancel or a refund by the ids given, at least one. Needs a fresh ``request_id`` for each read."""
        return status_request(self._settings, sale_id, request_id, transaction_id, ref_transaction_id)

    def cancel(self, sale_id: SaleId, request_id: str, transaction_id: str) -> Request:
        """Cancel a payment that is not through yet."""
        return cancel_request(self._settings, sale_id, request_id, transaction_id)

    def refund(self, back: Return) -> Request:
        """Return the amount for the given lines. ``token_name``: the secret that fills the ``token`` header."""
        return refund_request(self._settings, back)

    def check_receipt(self, sale_id: SaleId, receipt: FiscalReceipt) -> None:
        """Refuse a receipt that Koshelek would refuse. Raises Unacceptable with all problems found."""
        check_receipt(self._settings, sale_id, receipt)

    def receipt(
        self, sale_id: SaleId, request_id: str, transaction_id: str, ref_transaction_id: str | None, receipt: FiscalReceipt
    ) -> Request:
        """Hand over a fiscal receipt. ``ref_transaction_id``: of the refund it is about."""
        return receipt_request(self._settings, sale_id, request_id, transaction_id, ref_transaction_id, receipt)

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """What an answer says. Never raises: what cannot be understood is Garbled."""
        return read_reply(self._settings, operation, reply)

    def ask_availability(self, sale_id: SaleId, request_id: str, invoice: Invoice, secret_names: frozenset[str]) -> Request:
        """Ask which means of payment this buyer can use. Secrets as for ``checkout``."""
        return ask_request(self._settings, sale_id, request_id, invoice, secret_names)

    def look_at_availability(self, task_id: str) -> Request:
        """Look whether a list is ready that was to come later."""
        return look_request(self._settings, task_id)

    def read_availability(self, reply: Reply) -> Finding:
        """What an answer about the means of payment says. Never raises."""
        return read_finding(self._settings, reply)
