"""Settings in the engine's and the edges' words: which provider, which account, which policy for which till."""

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.core.contract import Provider
from agent.core.model import Binding, Environment, Merchant
from agent.edges.accounts import Account, TransportLimits
from agent.engine.setup import Setup, Terminal
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.providers.koshelek.settings import MEASURES, TAXES
from agent.secrets import BadSecret
from agent.settings import Koshelek as KoshelekAccount
from agent.settings import Retired, Settings, password, policy_of

KOSHELEK = "koshelek"


def koshelek_of(settings: Settings) -> Koshelek:
    """The Koshelek provider as configured."""
    given = settings.provider.koshelek
    stores = {
        store.store_id: StoreFacts(payment_methods=given.payment_methods, payment_purpose=store.payment_purpose) for store in settings.store
    }
    return Koshelek(
        KoshelekSettings(
            path_prefix=given.path_prefix,
            status_carries_ids=given.status_carries_ids,
            refund_receipt_names_refund=given.refund_receipt_names_refund,
            send_receipts=given.send_receipts,
            availability_card_session_name=given.availability_card_session_name,
            wait_limit_ms=given.wait_limit_s * 1000,
            denied_statuses=frozenset(given.denied_statuses),
            taxes=TAXES | set(given.extra_taxes),
            measures=MEASURES | set(given.extra_measures),
        ),
        stores,
    )


def binding_of(settings: Settings) -> Binding:
    """Where new Koshelek sales belong: environment and account."""
    return Binding(KOSHELEK, settings.environment, settings.provider.koshelek.base_url(settings.environment))


def setup_of(settings: Settings) -> Setup:
    """The configuration in the engine's words."""
    providers: Mapping[str, Provider] = {KOSHELEK: koshelek_of(settings)}
    policies = {(till.store_id, till.terminal_id): policy_of(settings, till) for till in settings.terminal}
    return Setup(
        terminals={
            (till.store_id, till.terminal_id): Terminal({KOSHELEK: policies[till.store_id, till.terminal_id]}, till.provider)
            for till in settings.terminal
        },
        providers=providers,
        bindings={KOSHELEK: binding_of(settings)},
        merchants={store.store_id: Merchant(store.brand_name, store.legal_name) for store in settings.store},
        timezone=ZoneInfo(settings.timezone),
        language=settings.language,
        default_policies={KOSHELEK: next(iter(policies.values()))},
    )


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The account in use and those that are only watched. Passwords are read at each request: today's is used (money rule 4)."""
    given = settings.provider.koshelek
    current = binding_of(settings).account
    found = {
        url: _account(url, old, given.ca_file, old.environment is Environment.TEST)
        for old in given.retired
        if (url := old.base_url.rstrip("/"))
    }
    return found | {current: _account(current, given, given.ca_file, settings.environment is Environment.TEST)}


def _account(url: str, owner: KoshelekAccount | Retired, ca_file: Path | None, plain: bool) -> Account:
    def todays_password() -> str:
        try:
            return password(owner).reveal()
        except BadSecret as error:
            raise LookupError(str(error)) from error  # the transport's word for "cannot be read just now"

    return Account(url, lambda: owner.login, todays_password, ca_file, plain)


def limits_of(settings: Settings) -> TransportLimits:
    given = settings.provider.koshelek
    return TransportLimits(
        connect_limit_ms=given.connect_limit_ms, answer_limit_ms=given.answer_limit_ms, flight_limit_ms=given.attempt_limit_ms
    )
