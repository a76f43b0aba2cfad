"""PayCore.io as configured. All its accounts share one address, so the login is a part of an account's name."""

from dataclasses import replace

from agent.assembly import account
from agent.core.model import Binding, Environment
from agent.core.money import Kopecks
from agent.core.payout.policy import HOUR_MS, PayoutPolicy
from agent.edges.accounts import Account
from agent.edges.limiter import Rate
from agent.providers.paycore import Create, Limits, LinkSource, PayCoreSettings, PayoutSettings, Shape
from agent.providers.paycore import PayCore as Provider
from agent.settings import PAYCORE, Settings
from agent.settings import PayCore as Given
from agent.settings.public_key import same_host


def given(settings: Settings) -> Given:
    """Its table. It is there: only systems that are configured are asked for."""
    found = settings.provider.paycore
    assert found is not None
    return found


def in_its_words(settings: Settings) -> PayCoreSettings:
    """The table in the provider's words. The side is the agent's own: no payment can be of the other."""
    table = given(settings)
    return PayCoreSettings(
        test_mode=settings.environment is Environment.TEST,
        create=Create(table.create),
        public_key=table.public_key,
        link_life_s=table.link_life_s,
        locale=table.locale,
        service=table.service,
        fields=table.fields,
        buyer_fields=table.buyer_fields,
        buyer=_buyer(table),
        create_shape=Shape(table.create_shape),
        refund_shape=Shape(table.refund_shape),
        amount_as_text=table.amount_as_text,
        invoices_path=table.invoices_path,
        find_path=table.find_path,
        public_create_path=table.public_create_path,
        hpp_base_url=table.hpp_base_url,
        link_source=LinkSource(table.link_source),
        return_url=table.return_url,
        callback_url=table.callback_url,
        send_customer=table.send_customer,
        send_metadata=table.send_metadata,
        created_statuses=frozenset(table.created_statuses),
        unclear_statuses=frozenset(table.unclear_statuses),
        test_mode_required=table.test_mode_required,
        wait_limit_ms=table.wait_limit_s * 1000,
        limits=Limits(least=Kopecks(table.least_amount), most=Kopecks(table.most_amount)),
        payouts=_payouts(settings, table),
    )


def _payouts(settings: Settings, table: Given) -> PayoutSettings:
    out, reachable = table.payouts, _public_url(table, table.base_url(settings.environment)) is not None
    return PayoutSettings(
        shape=Shape(out.shape),
        path=out.path,
        find_path=out.find_path,
        public_read=out.read == "public",
        services_path=out.services_path,
        ask_services=reachable,
        searches=out.searches,
        search_pause_ms=out.search_pause_s * 1_000,
    )


def payouts_of(settings: Settings) -> PayoutPolicy:
    """Whether and how much is paid out."""
    out = given(settings).payouts
    return PayoutPolicy(
        enabled=out.enabled,
        service=out.service,
        most_amount=Kopecks(out.most_amount),
        most_per_day=Kopecks(out.most_per_day),
        send_deadline_ms=out.send_deadline_s * 1_000,
        slow_ms=out.slow_h * HOUR_MS,
    )


def provider_of(settings: Settings) -> Provider:
    """The provider."""
    return Provider(in_its_words(settings))


def binding_of(settings: Settings) -> Binding:
    """Where new sales belong."""
    table = given(settings)
    return account.bound(PAYCORE, settings, table, table.login)


def accounts_of(settings: Settings) -> dict[str, Account]:
    """The account in use and those that are only watched."""
    table, binding = given(settings), binding_of(settings)
    old = (
        (account.named(one.base_url, one.login), _account(table, one.login, one.base_url, one.environment, one)) for one in table.retired
    )
    current = _account(table, table.login, table.base_url(settings.environment), settings.environment, table)
    return account.joined(old, (binding.account, replace(current, public_url=_public_url(table, current.base_url))))


def _public_url(table: Given, base_url: str) -> str | None:
    """Where payments are made with the public key, on the account's own host: also while that is not configured, for one that began so may
    have to be repeated."""
    return table.public_base_url.rstrip("/") if same_host(table.public_base_url, base_url) else None


def _account(table: Given, login: str, base_url: str, environment: Environment, place: account.Place) -> Account:
    plain = account.basic(table, login, base_url, environment, place)
    if table.requests_per_minute is None:
        return plain
    return replace(plain, rate=Rate(f"{PAYCORE} {login}@{plain.host}", table.requests_per_minute))


def _buyer(table: Given) -> dict[str, str]:
    """What the shop and the provider have agreed to say of a buyer whom the register does not know, by the names of the core."""
    who = table.customer
    told = {"email": who.email, "firstName": who.first_name, "lastName": who.last_name, "phone": who.phone}
    return {f"customer.{name}": value for name, value in told.items() if value is not None}
