"""Koshelek Pay as configured. Its partners have an address each, so the address names the account; login and password may change."""

from agent.assembly import account
from agent.core.model import Binding
from agent.edges.accounts import Account
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.providers.koshelek.settings import MEASURES, TAXES
from agent.settings import KOSHELEK, Settings
from agent.settings import Koshelek as Given


def given(settings: Settings) -> Given:
    """Its table. It is there: only systems that are configured are asked for."""
    found = settings.provider.koshelek
    assert found is not None
    return found


def provider_of(settings: Settings) -> Koshelek:
    """The provider."""
    table = given(settings)
    stores = {
        store.store_id: StoreFacts(payment_methods=table.payment_methods, payment_purpose=store.payment_purpose) for store in settings.store
    }
    return Koshelek(
        KoshelekSettings(
            path_prefix=table.path_prefix,
            status_carries_ids=table.status_carries_ids,
            refund_receipt_names_refund=table.refund_receipt_names_refund,
            send_receipts=table.send_receipts,
            availability_card_session_name=table.availability_card_session_name,
            wait_limit_ms=table.wait_limit_s * 1000,
            denied_statuses=frozenset(table.denied_statuses),
            taxes=TAXES | set(table.extra_taxes),
            measures=MEASURES | set(table.extra_measures),
        ),
        stores,
    )


def binding_of(settings: Settings) -> Binding:
    """Where new sales belong."""
    return account.bound(KOSHELEK, settings, given(settings))


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The account in use and those that are only watched."""
    table, binding = given(settings), binding_of(settings)
    old = ((account.named(one.base_url), account.basic(table, one.login, one.base_url, one.environment, one)) for one in table.retired)
    current = account.basic(table, table.login, table.base_url(settings.environment), settings.environment, table)
    return account.joined(old, (binding.account, current))
