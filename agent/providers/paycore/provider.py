"""PayCore.io as the machines see it: the contract's methods, tied to one configuration. Nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from agent.core.capability import PAYCORE, Capabilities
from agent.core.hints import Hint, HookRefused
from agent.core.model import Checkout, RefundLine, SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Finding, Operation, Reply, Request, Verdict
from agent.providers.paycore import hook
from agent.providers.paycore.check import check_checkout
from agent.providers.paycore.reading import read_found, read_reply
from agent.providers.paycore.request import create_request, find_request, refund_request, status_request
from agent.providers.paycore.settings import PayCoreSettings

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
WATCH_MS: Final = (
    *(minutes * _MINUTE_MS for minutes in (1, 2, 4, 8, 15, 30, 60)),
    *(hours * _HOUR_MS for hours in range(2, 25)),
    48 * _HOUR_MS,
)
"""When to look again at a link that was taken back, in milliseconds after that: often while the customer may still stand before it, then
hourly for a day, then daily until it is final. How long a link lives is a setting of the account, its default is UNKNOWN."""


class PayCore:
    """The core's contracts ``Provider``, ``FindsByKey`` and ``ReadsHooks``. Immutable in use, safe to share between lanes."""

    name: str = "paycore"
    capabilities: Capabilities

    def __init__(self, settings: PayCoreSettings) -> None:
        self._settings = settings
        self.capabilities = replace(PAYCORE, wait_limit_ms=settings.wait_limit_ms, rereads_ms=WATCH_MS)

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what PayCore would refuse. Raises Unacceptable with all problems found."""
        check_checkout(self._settings, checkout, secret_lengths)

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request:
        """Make a payment; ``request_id`` is its ``reference_id`` for ever."""
        return create_request(self._settings, sale_id, request_id, checkout, secret_names)

    def status(self, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None) -> Request:
        """Read a payment. Refunds have no id of their own here, the payment tells of them."""
        assert transaction_id is not None, "only payments can be read"
        return status_request(self._settings, transaction_id)

    def find(self, sale_id: SaleId, request_id: str, since: datetime) -> Request:
        """Search for the payment of our key."""
        return find_request(self._settings, request_id)

    def cancel(self, sale_id: SaleId, request_id: str, transaction_id: str) -> Request:
        """No source names a call for it, and the capability says so. Raises NotImplementedError."""
        raise NotImplementedError("PayCore has no documented cancel")

    def refund(
        self,
        sale_id: SaleId,
        request_id: str,
        transaction_id: str,
        checkout: Checkout,
        lines: Sequence[RefundLine],
        amount: Kopecks,
        token_name: str,
    ) -> Request:
        """Return ``amount`` kopecks; lines and tokens are not known to this provider."""
        return refund_request(self._settings, request_id, transaction_id, amount, checkout.invoice.order_id)

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """What an answer says. Never raises: what cannot be understood is Garbled."""
        return read_reply(self._settings, operation, reply)

    def read_found(self, reply: Reply) -> Finding:
        """What a search found. Never raises."""
        return read_found(self._settings, reply)

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """What a callback names, if it is proven. Never raises."""
        return hook.read_hook(secrets, headers, body)
