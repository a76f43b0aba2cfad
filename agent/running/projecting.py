"""The journal's plan with what the journal itself cannot know: the row that a stream's events lead to."""

from collections.abc import Sequence
from dataclasses import replace

from agent.core import answer, stored
from agent.core.fold import replay
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId
from agent.core.payout.answer import row as payout_row
from agent.core.payout.fold import replay as replay_payout
from agent.core.payout.name import is_payout
from agent.core.payout.stored import decode as decode_payout
from agent.core.ports import Corrupt, Entry, Row
from agent.edges.journal import CURRENT


def project(sale_id: SaleId, entries: Sequence[Entry]) -> Row:
    """The row of a sale or a payout, for migrations that write it anew. Raises Corrupt, ValueError."""
    try:
        if is_payout(sale_id):
            return payout_row(replay_payout(sale_id, ((decode_payout(entry.kind, entry.body), entry.stamp) for entry in entries)))
        return answer.row(replay(sale_id, ((stored.decode(entry.kind, entry.body), entry.stamp) for entry in entries)))
    except IllegalTransition as error:
        raise Corrupt(f"the events of sale {sale_id} do not fit each other: {error}") from error


PLAN = replace(CURRENT, project=project)
