"""What the engine is told: terminals, providers, accounts. Made by the composition root from the configuration, at the start and at each
reload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from agent.core.capability import TABLE, UNHEARD_OF, Capabilities
from agent.core.contract import Provider
from agent.core.model import Binding, Merchant
from agent.core.payout.contract import PaysOut
from agent.core.payout.policy import PayoutPolicy
from agent.core.policy import Policy
from agent.core.ports import Card, Chance, Clock, Journal, Notice, Transport
from agent.engine.scans import Scans


@dataclass(frozen=True, slots=True)
class Terminal:
    """A till as configured: its policy with each provider, and the provider its checkouts go to unless they name another."""

    policies: Mapping[str, Policy]
    provider: str


@dataclass(frozen=True, slots=True)
class PayoutTerms:
    """How a configured payment system pays out. They are there also while new payouts are switched off: those begun are settled by them."""

    provider: PaysOut
    policy: PayoutPolicy


@dataclass(frozen=True, slots=True)
class Setup:
    """The configuration in the engine's words. Keys of ``terminals`` are (storeId, terminalId)."""

    terminals: Mapping[tuple[str, str], Terminal]
    providers: Mapping[str, Provider]
    bindings: Mapping[str, Binding]
    merchants: Mapping[str, Merchant]
    timezone: tzinfo
    language: str = "ru"
    default_policies: Mapping[str, Policy] = field(default_factory=dict)
    payouts: Mapping[str, PayoutTerms] = field(default_factory=dict)

    def business_date(self, wall: datetime) -> date:
        """The day a sale belongs to (money rule 9)."""
        return wall.astimezone(self.timezone).date()

    def policy(self, store_id: str, terminal_id: str, provider: str) -> Policy:
        """The terminal's policy with this provider. A terminal that left the configuration still has its sales settled, by the defaults."""
        terminal = self.terminals.get((store_id, terminal_id))
        policies = terminal.policies if terminal else self.default_policies
        return policies.get(provider) or Policy()

    def provider(self, name: str) -> Provider:
        """The provider of a sale. Raises KeyError if the configuration no longer has it."""
        return self.providers[name]

    def capabilities(self, name: str) -> Capabilities:
        """What a sale's provider can do. One that the configuration no longer has is as the table says: its sales are settled, or it could
        not have been taken out (money rule 10), but they can still be looked at."""
        provider = self.providers.get(name)
        return TABLE.get(name, UNHEARD_OF) if provider is None else provider.capabilities


@dataclass(slots=True)
class Ports:
    """The engine's world. One object for all sales, not frozen: a reload exchanges the helper command (``card``), nothing else."""

    journal: Journal
    transport: Transport
    clock: Clock
    chance: Chance
    notice: Notice
    card: Card | None = None
    scans: Scans = field(default_factory=Scans)
