"""Softline Payments as the machines see it: the contract's methods, tied to one configuration.

Nothing is decided here. Limits live in ``check``, names in ``request``, meanings in ``codes`` and ``reading``, the proof of a webhook in
``hook``; this class only hands them the settings of this till.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from agent.core.capability import SOFTLINE, Capabilities
from agent.core.contract import LoginVerdict, Return, SecretHeader
from agent.core.hints import Hint, HookRefused
from agent.core.model import Checkout, SaleId
from agent.core.verdict import Finding, Operation, Reply, Request, Verdict
from agent.providers.softline import hook, reading, request
from agent.providers.softline.check import check_checkout
from agent.providers.softline.settings import SoftlineSettings


class Softline:
    """The core's contracts ``Provider``, ``FindsByKey``, ``LogsIn`` and ``ReadsHooks``. Immutable in use, safe to share between lanes."""

    name: str = "softline"
    capabilities: Capabilities
    token_header = SecretHeader("AuthorizationJWT", "Bearer ")  # not Authorization: without this very name the vendor answers 1008
    login_header: SecretHeader | None = None

    def __init__(self, settings: SoftlineSettings) -> None:
        self._settings = settings
        self.capabilities = replace(
            SOFTLINE,
            wait_limit_ms=settings.wait_limit_ms,
            searches=settings.searches,
            search_pause_ms=settings.search_pause_ms,
            secret_link=settings.secret_link,
        )

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what Softline would refuse. Raises Unacceptable with all problems found."""
        check_checkout(self._settings, sale_id, checkout, secret_lengths)

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request:
        """Make a payment and its link. Secrets: those ``customer.*`` that are among ``secret_names``."""
        return request.create_request(self._settings, sale_id, request_id, checkout, secret_names)

    def status(self, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None) -> Request:
        """Read a payment. A refund has no id of its own: it is read by its payment."""
        assert transaction_id, "a payment is read by its order_id"
        return request.read_request(self._settings, transaction_id)

    def cancel(self, sale_id: SaleId, request_id: str, transaction_id: str) -> Request:
        """There is no such call, and the capabilities say so: nobody may ask for it."""
        raise AssertionError("a payment of Softline cannot be canceled: its link is withdrawn")

    def refund(self, back: Return) -> Request:
        """Ask people to return the whole sum: the request has no amount, so it must be asked for nothing else."""
        assert back.amount == back.checkout.invoice.total_amount, "people return only the whole sum"
        return request.refund_request(self._settings, back.sale_id, back.transaction_id, back.checkout)

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """What an answer says. Never raises: what cannot be understood is Garbled."""
        return reading.read_reply(self._settings, operation, reply)

    def find(self, sale_id: SaleId, request_id: str, since: datetime) -> Request:
        """Search for payments made with this ``payment_id``."""
        return request.search_request(self._settings, request_id, since)

    def read_found(self, reply: Reply) -> Finding:
        """The ids of what was found, oldest first. Never raises."""
        return reading.read_found(self._settings, reply)

    def login(self) -> Request:
        """The login, with the account's ``login`` and ``password``."""
        return request.login_request(self._settings)

    def read_token(self, reply: Reply) -> LoginVerdict:
        """What a login brought. Never raises."""
        return reading.read_token(self._settings, reply)

    def stale_token(self, reply: Reply) -> bool:
        """Whether a new token may open the door. Never raises."""
        return reading.stale_token(self._settings, reply)

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """What a webhook names, if it is proven. Never raises."""
        return hook.read_hook(secrets, headers, body)
