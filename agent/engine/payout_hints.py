"""Messages of a payment system about payouts: hints like all. One makes the next look at its payout due now, and decides nothing."""

from agent.core.hints import Hint
from agent.core.ports import Query
from agent.engine.engine import Engine
from agent.engine.errors import Refusal

MAX_FITTING = 4  # payouts looked at for one message: an id names one


async def heard(engine: Engine, provider: str, hint: Hint) -> bool:
    """Whether a message is about payouts of this journal; then each is looked at now, whatever has become of it: what ended as not made may
    have been made after all, what was paid out may have come back. One whose record cannot be used has its own alarm. Raises Stopped."""
    if provider not in engine.setup.payouts:
        return False
    fitting = set()
    for query in (
        Query(transaction_id=hint.transaction_id, payouts=True, limit=MAX_FITTING) if hint.transaction_id is not None else None,
        Query(request_id=hint.reference, payouts=True, limit=MAX_FITTING) if hint.reference is not None else None,
    ):
        rows = await engine.reading(engine.ports.journal.find(query)) if query is not None else ()
        fitting |= {row.id for row in rows if row.provider == provider}
    for payout_id in fitting:
        try:
            steward = await engine.payouts.open(payout_id)
        except Refusal:
            continue
        if steward is not None:
            engine.ports.notice("payout.hint_heard", payout_id, provider=provider, hurried=engine.payouts.hear(steward))
    return bool(fitting)
