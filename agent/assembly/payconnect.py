"""PayConnect as configured. Its accounts are known by their secret key alone, so the address has to name the account."""

from urllib.parse import urlsplit

from agent.assembly import account
from agent.core.contract import LOGIN_KEY
from agent.core.model import Binding, Environment
from agent.edges.accounts import Account
from agent.edges.authorization import TokenLogin
from agent.edges.limiter import Rate
from agent.providers.payconnect import Assumptions, PayConnectSettings
from agent.providers.payconnect import PayConnect as Provider
from agent.settings import PAYCONNECT, Settings
from agent.settings import PayConnect as Given


def given(settings: Settings) -> Given:
    """Its table. It is there: only systems that are configured are asked for."""
    found = settings.provider.payconnect
    assert found is not None
    return found


def provider_of(settings: Settings) -> Provider:
    """The provider."""
    table = given(settings)
    return Provider(
        PayConnectSettings(
            environment=settings.environment,
            confirmed=frozenset(table.confirmed_assumptions),
            description=table.description,
            email=table.customer.email,
            denied_statuses=frozenset(table.denied_statuses),
            wait_limit_ms=table.wait_limit_s * 1000,
            assumptions=_assumed(table),
        )
    )


def _assumed(table: Given) -> Assumptions:
    return Assumptions(
        access_field=table.access_field,
        life_field=table.life_field,
        id_field=table.id_field,
        link_field=table.link_field,
        read_path=table.read_path,
        amount_field=table.amount_field,
        currency_field=table.currency_field,
        description_field=table.description_field,
        status_field=table.status_field,
        pending=frozenset(table.pending_words),
        succeeded=frozenset(table.succeeded_words),
        failed=frozenset(table.failed_words),
        expired=frozenset(table.expired_words),
        refunded=frozenset(table.refunded_words),
        secret_link=table.secret_link,
        signature_hash=table.signature_hash,
        signature_encoding=table.signature_encoding,
        hook_id_field=table.hook_id_field,
    )


def binding_of(settings: Settings) -> Binding:
    """Where new sales belong."""
    return account.bound(PAYCONNECT, settings, given(settings))


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The account in use and those that are only watched. Each has a token of its own; those of one host share its limit."""
    table, binding, provider = given(settings), binding_of(settings), provider_of(settings)
    old = ((account.named(one.base_url), _account(provider, table, one.base_url, one.environment, one)) for one in table.retired)
    current = _account(provider, table, table.base_url(settings.environment), settings.environment, table)
    return account.joined(old, (binding.account, current))


def _account(provider: Provider, table: Given, base_url: str, environment: Environment, place: account.Place) -> Account:
    authorization = TokenLogin(provider, {LOGIN_KEY: account.todays(place)})
    rate = Rate(f"{PAYCONNECT} {urlsplit(base_url).hostname}", table.requests_per_minute * table.address_share_percent // 100)
    plain = environment is Environment.TEST
    return Account(base_url.rstrip("/"), authorization, table.ca_file, plain, account.limits_of(table), rate)
