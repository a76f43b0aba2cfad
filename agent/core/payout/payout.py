"""The payout: the state that a stream of its events folds into. What may change it, and how, stands in ``fold``."""

from dataclasses import dataclass
from datetime import date

from agent.core.call import Call
from agent.core.model import Binding, Deadline, SaleId, Stamp
from agent.core.payout import name
from agent.core.payout.contract import PayoutOrder
from agent.core.payout.events import PayoutResolved, PayoutTold
from agent.core.payout.machine import FINISHED, NOT_MADE, PayoutState

SHUT = "ACCESS_DENIED"  # the alarm of a door that is shut: a wrong key, a wrong path
LATE = "PAYOUT_LATE"  # the alarm of a payout that was made after all, when it had ended as not made


@dataclass(frozen=True, slots=True)
class Payout:
    """Everything that is known of one payout. Made by ``fold`` alone. ``id`` is its name in the journal (``name``)."""

    id: SaleId
    order: PayoutOrder
    fields: frozenset[str]  # what is known of the recipient, by name
    binding: Binding
    business_date: date
    digest: str
    accepted: Stamp
    deadline: Deadline
    updated: Stamp
    owner: str = ""
    position: int = 1  # events folded so far
    state: PayoutState = PayoutState.QUEUED
    reason: str | None = None
    resolution: str | None = None  # the system's own word of why
    call: Call | None = None
    searches: int = 0  # by our own id, that found nothing
    searched: Stamp | None = None
    transaction_id: str | None = None
    answered: Stamp | None = None  # when the transaction became known
    partly: bool = False  # the system said that a part of it was paid, or taken back
    ended: Stamp | None = None  # when it last became finished, or a person's
    rereads: int = 0
    watch_over: bool = False
    returned: bool = False  # what was paid out came back
    shut_out: bool = False  # the last search that was answered was turned away at the door (401, 403, 404)
    told: PayoutTold | None = None
    told_at: Stamp | None = None
    restored: bool = False
    restore: str = ""
    alarms: frozenset[str] = frozenset()
    acknowledged: frozenset[str] = frozenset()
    decided: PayoutResolved | None = None

    @property
    def key(self) -> str:
        """The register's own."""
        return name.key_of(self.id)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def frozen(self) -> bool:
        """Its end was handed out, or may have been before the backup that the journal came from, or an operator decided it."""
        return self.told is not None or self.restored or self.decided is not None

    @property
    def never_sent(self) -> bool:
        """Proof that no byte of it ever left (money rule 2)."""
        return not self.restored and (self.call is None or self.call.proven_unsent)

    @property
    def made_late(self) -> bool:
        """It had ended as not made, and the system made it after all."""
        return self.state in NOT_MADE and LATE in self.alarms

    @property
    def watched(self) -> bool:
        """Whether what has come to an end is looked at again: what was paid out may be canceled still, what the system had and did not make
        may be made after all, and so may what it refused or never got by our record; a person's case may clear up, an operator's word may
        be contradicted."""
        had = self.state in NOT_MADE and self.call is not None
        return had or self.state in (PayoutState.PAID_OUT, PayoutState.ATTENTION) or self.decided is not None
