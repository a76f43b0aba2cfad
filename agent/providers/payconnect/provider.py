"""PayConnect as the machines see it: the contract's methods, tied to one configuration. Nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.core.capability import PAYCONNECT, Capabilities
from agent.core.contract import LoginVerdict, Return, SecretHeader
from agent.core.hints import Hint, HookRefused
from agent.core.model import Checkout, SaleId
from agent.core.verdict import Operation, Reply, Request, Verdict
from agent.providers.payconnect import hook, reading
from agent.providers.payconnect.check import check_checkout
from agent.providers.payconnect.request import create_request, login_request, read_request
from agent.providers.payconnect.settings import PayConnectSettings

_BEARER = SecretHeader("Authorization", "Bearer ")


class PayConnect:
    """The core's contracts ``Provider``, ``LogsIn`` and ``ReadsHooks``. Immutable in use, safe to share between lanes."""

    name: str = "payconnect"
    capabilities: Capabilities
    token_header = _BEARER
    login_header: SecretHeader | None = _BEARER  # the same header carries the secret key here, and the token everywhere else

    def __init__(self, settings: PayConnectSettings) -> None:
        self._settings = settings
        self.capabilities = replace(PAYCONNECT, wait_limit_ms=settings.wait_limit_ms, secret_link=settings.assumptions.secret_link)

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        """Refuse what PayConnect would refuse. Raises Unacceptable with all problems found."""
        check_checkout(self._settings, sale_id, checkout, secret_lengths)

    def checkout(self, sale_id: SaleId, request_id: str, checkout: Checkout, secret_names: frozenset[str]) -> Request:
        """Make a payment and its link. Secrets: ``customer.email`` if it is among ``secret_names``."""
        return create_request(self._settings, sale_id, request_id, checkout, secret_names)

    def status(self, sale_id: SaleId, request_id: str, transaction_id: str | None, ref_transaction_id: str | None) -> Request:
        """Read a payment."""
        assert transaction_id is not None, "only payments can be read"
        return read_request(self._settings, transaction_id)

    def cancel(self, sale_id: SaleId, request_id: str, transaction_id: str) -> Request:
        """No call is documented, and the capabilities say so: nobody may ask for it."""
        raise AssertionError("a payment of PayConnect cannot be canceled: its link is withdrawn")

    def refund(self, back: Return) -> Request:
        """Likewise."""
        raise AssertionError("PayConnect has no documented refund: money is returned by hand")

    def read(self, operation: Operation, reply: Reply) -> Verdict:
        """What an answer says. Never raises: what cannot be understood is Garbled."""
        return reading.read_reply(self._settings, operation, reply)

    def login(self) -> Request:
        """The login, with the account's secret key in its header."""
        return login_request()

    def read_token(self, reply: Reply) -> LoginVerdict:
        """What a login brought. Never raises."""
        return reading.read_token(self._settings, reply)

    def stale_token(self, reply: Reply) -> bool:
        """Whether a new token may open the door. Never raises."""
        return reading.stale_token(self._settings, reply)

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """What a webhook names, if it is proven. Never raises."""
        return hook.read_hook(self._settings.assumptions, secrets, headers, body)
