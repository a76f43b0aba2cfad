"""Whether anything new may begin on this record: what it does not hold, or what will not be found in it again, must not be sold on."""

from agent.core.ports import RESTORED_NOTE
from agent.engine.engine import Engine
from agent.engine.errors import Refusal

UNRELEASED = "the journal was restored or begun anew and is not released yet: what the one before it held is not all known here"
GONE = "the journal's file was removed or exchanged: what is taken now would be known to nobody after the agent's end"


async def check_record(engine: Engine) -> None:
    """Before money begins to move. Raises Refusal BUSY: for a journal that waits for an operator's release (money rule 10), and for one
    whose file is gone."""
    if not engine.lasting():
        raise Refusal("BUSY", GONE)
    if await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None:
        raise Refusal("BUSY", UNRELEASED)
