"""Softline Payments as configured. All its accounts share one address, so the login is a part of an account's name."""

from agent.assembly import account
from agent.core.model import Binding, Environment
from agent.edges.accounts import Account
from agent.edges.authorization import TokenLogin
from agent.providers.softline import Buyer, SoftlineSettings
from agent.providers.softline import Softline as Provider
from agent.settings import SOFTLINE, Settings
from agent.settings import Softline as Given


def given(settings: Settings) -> Given:
    """Its table. It is there: only systems that are configured are asked for."""
    found = settings.provider.softline
    assert found is not None
    return found


def provider_of(settings: Settings) -> Provider:
    """The provider."""
    table = given(settings)
    who = table.customer
    return Provider(
        SoftlineSettings(
            environment=settings.environment,
            payment_method=table.payment_method,
            return_success_url=table.return_success_url,
            refund_email=table.refund_email,
            company_payment_method=table.company_payment_method,
            payment_description=table.payment_description,
            locale=table.locale,
            recurring_indicator=table.recurring_indicator,
            additional_data=table.additional_data,
            refund_description=table.refund_description,
            buyer=Buyer(who.email, who.first_name, who.last_name, who.phone),
            path_prefix=table.path_prefix,
            denied_statuses=frozenset(table.denied_statuses),
            token_life_s=table.token_life_s,
            wait_limit_ms=table.wait_limit_s * 1000,
            secret_link=table.secret_link,
            searches=table.searches,
            search_pause_ms=table.search_pause_ms,
            search_margin_s=table.search_margin_s,
            amount_field=table.amount_field,
            pay_date_field=table.pay_date_field,
            link_field=table.link_field,
            test_link_hosts=frozenset(table.test_link_hosts),
        )
    )


def binding_of(settings: Settings) -> Binding:
    """Where new sales belong."""
    table = given(settings)
    return account.bound(SOFTLINE, settings, table, table.login)


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The account in use and those that are only watched. Each has a token of its own."""
    table, binding, provider = given(settings), binding_of(settings), provider_of(settings)
    old = (
        (account.named(one.base_url, one.login), _account(provider, table, one.base_url, one.login, one.environment, one))
        for one in table.retired
    )
    current = _account(provider, table, table.base_url(settings.environment), table.login, settings.environment, table)
    return account.joined(old, (binding.account, current))


def _account(provider: Provider, table: Given, base_url: str, login: str, environment: Environment, place: account.Place) -> Account:
    authorization = TokenLogin(provider, {"login": lambda: login, "password": account.todays(place)})
    plain = environment is Environment.TEST
    return Account(base_url.rstrip("/"), authorization, table.ca_file, plain, account.limits_of(table))
