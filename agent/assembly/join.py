"""The configured payment systems put together. This is the one table that names them all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agent.assembly import koshelek, payconnect, paycore, softline
from agent.core.contract import Provider
from agent.core.model import Binding, Merchant
from agent.core.payout.contract import PaysOut
from agent.core.payout.policy import PayoutPolicy
from agent.edges.accounts import Account
from agent.engine.setup import PayoutTerms, Setup, Terminal
from agent.settings import KOSHELEK, PAYCONNECT, PAYCORE, SOFTLINE, Settings, policy_of
from agent.settings import Terminal as Till


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a payment system's module makes of the settings."""

    provider_of: Callable[[Settings], Provider]
    binding_of: Callable[[Settings], Binding]
    accounts_of: Callable[[Settings], Mapping[str, Account]]
    payouts_of: Callable[[Settings], PayoutPolicy] | None = None  # of one that pays out


WIRINGS: Mapping[str, Wiring] = {
    KOSHELEK: Wiring(koshelek.provider_of, koshelek.binding_of, koshelek.accounts_of),
    PAYCORE: Wiring(paycore.provider_of, paycore.binding_of, paycore.accounts_of, paycore.payouts_of),
    SOFTLINE: Wiring(softline.provider_of, softline.binding_of, softline.accounts_of),
    PAYCONNECT: Wiring(payconnect.provider_of, payconnect.binding_of, payconnect.accounts_of),
}


def _in_use(settings: Settings) -> Mapping[str, Wiring]:
    return {name: WIRINGS[name] for name in settings.provider.configured}


def setup_of(settings: Settings) -> Setup:
    """The configuration in the engine's words."""
    wirings = _in_use(settings)

    def terminal(till: Till) -> Terminal:
        return Terminal({name: policy_of(settings, till, name) for name in wirings}, settings.provider_of(till))

    terminals = {(till.store_id, till.terminal_id): terminal(till) for till in settings.terminal}
    providers = {name: wiring.provider_of(settings) for name, wiring in wirings.items()}
    return Setup(
        terminals=terminals,
        providers=providers,
        bindings={name: wiring.binding_of(settings) for name, wiring in wirings.items()},
        merchants={store.store_id: Merchant(store.brand_name, store.legal_name) for store in settings.store},
        timezone=ZoneInfo(settings.timezone),
        language=settings.language,
        default_policies=next(iter(terminals.values())).policies,
        payouts={name: terms for name, wiring in wirings.items() if (terms := _terms(wiring, providers[name], settings)) is not None},
    )


def _terms(wiring: Wiring, provider: Provider, settings: Settings) -> PayoutTerms | None:
    """How a system pays out; also while that is switched off, for what was begun is settled."""
    if wiring.payouts_of is None:
        return None
    assert isinstance(provider, PaysOut)
    return PayoutTerms(provider, wiring.payouts_of(settings))


def accounts_of(settings: Settings) -> dict[str, Account]:
    """All accounts by name: of every system the one in use and those that are only watched."""
    return {name: account for wiring in _in_use(settings).values() for name, account in wiring.accounts_of(settings).items()}
