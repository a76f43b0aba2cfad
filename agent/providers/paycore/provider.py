"""PayCore.io as the machines see it: the contract's methods, tied to one configuration. Nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from agent.core.capability import PAYCORE, Capabilities
from agent.core.contract import Return
from agent.core.hints import Hint, HookRefused
from agent.core.model import Checkout, PaymentLink, SaleId
from agent.core.verdict import Finding, Operation, Reply, Request, Verdict
from agent.providers.paycore import hook
from agent.providers.paycore.check import check_checkout
from agent.providers.paycore.payout import Payouts
from agent.providers.paycore.public import page_link, public_request
from agent.providers.paycore.reading import read_found, read_reply
from agent.providers.paycore.request import create_request, find_request, refund_request, status_request
from agent.providers.paycore.settings import Create, PayCoreSettings

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
WATCH_MS: Final = (
    *(minutes * _MINUTE_MS for minutes in (1, 2, 4, 8, 15, 30, 60)),
    *(hours * _HOUR_MS for hours in range(2, 25)),
    48 * _HOUR_MS,
)
"""When to look again at a link that was taken back, in milliseconds after that: often while the customer may still stand before it, then
hourly for a day, then daily until it is final. How long a link lives is a setting of the account, its default is UNKNOWN."""

OWN_LINK_WATCH_MS: Final = (*WATCH_MS, *(days * 24 * _HOUR_MS for days in range(3, 31)))
"""The same for a link of ours. Before it is opened there is no payment that could be final, and whoever has it can change its end: it is
searched for daily for a month. What is paid later still is found by the provider's callback."""


class PayCore(Payouts):
    """The core's contracts ``Provider``, ``FindsByKey``, ``ComposesLinks``, ``ReadsHooks``, and of payouts ``AdvisesPayouts``. Immutable in
    use, safe to share between lanes."""

    name: str = "paycore"
    capabilities: Capabilities

    def __init__(self, settings: PayCoreSettings) -> None:
        super().__init__(settings)
        own_links = settings.create is Create.HPP
        self.capabilities = replace(
            PAYCORE,
            wait_limit_ms=settings.wait_limit_ms,
            rereads_ms=OWN_LINK_WATCH_MS if own_links else WATCH_MS,
            composes_link=own_links,
        )

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what PayCore would refuse. Raises Unacceptable with all problems found."""
        check_checkout(self._settings, sale_id, checkout, secret_lengths)

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request:
        """Make a payment; ``request_id`` is its ``reference_id`` for ever. Where the customer makes it, the search that comes before."""
        match self._settings.create:
            case Create.PRIVATE:
                return create_request(self._settings, sale_id, request_id, checkout, secret_names)
            case Create.PUBLIC:
                return public_request(self._settings, sale_id, request_id, checkout, secret_names)
            case Create.HPP:
                return find_request(self._settings, request_id)
            case _:
                assert_never(self._settings.create)

    def compose(self, sale_id: SaleId, request_id: str, checkout: Checkout, now: datetime) -> PaymentLink:
        """The link by which the customer makes the payment."""
        return page_link(self._settings, sale_id, request_id, checkout, now)

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

    def refund(self, back: Return) -> Request:
        """Return the amount; lines and tokens are not known to this provider."""
        return refund_request(self._settings, back.request_id, back.transaction_id, back.amount, back.checkout.invoice.order_id)

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """What an answer says. Never raises: what cannot be understood is Garbled."""
        return read_reply(self._settings, operation, reply)

    def read_found(self, reply: Reply) -> Finding:
        """What a search found. Never raises."""
        return read_found(self._settings, reply)

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """What a callback names, if it is proven. Never raises."""
        return hook.read_hook(secrets, headers, body)
