"""What this record may be taken for: whether anything new may begin on it, and what it means that it does not hold something."""

from datetime import timedelta
from typing import Any

from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE
from agent.core.sale import Sale
from agent.engine.afterwards import restored_at
from agent.engine.engine import Engine
from agent.engine.errors import Refusal

UNRELEASED = "the journal was restored or begun anew and is not released yet: what the one before it held is not all known here"
FORGETFUL = timedelta(days=7)  # registers finish what they left open at their next start: after a weekend, after a repair
GONE = "the journal's file was removed or exchanged: what is taken now would be known to nobody after the agent's end"


def check_lasting(engine: Engine) -> None:
    """Before anything begins, or is decided by a person: it would be forgotten, and done a second time. Raises Refusal BUSY for a journal
    whose file is gone."""
    if not engine.lasting():
        raise Refusal("BUSY", GONE)


async def check_released(engine: Engine) -> None:
    """Raises Refusal BUSY for a journal that waits for an operator's release (money rule 10): it is not all that happened."""
    if await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None:
        raise Refusal("BUSY", UNRELEASED)


async def check_record(engine: Engine) -> None:
    """Before money begins to move that this record knows nothing of. Raises Refusal BUSY."""
    check_lasting(engine)
    await check_released(engine)


def is_older(sale: Sale, restore: str) -> bool:
    """Whether a sale is from before a restore, which is told by its note: the journal that was lost may have known more of it."""
    return sale.restored or sale.accepted.wall <= restored_at(restore)


async def absent(engine: Engine, problem: str, sale: Sale | None = None, **data: Any) -> Refusal:
    """Why a record is not here, or of a ``sale`` that is here a part. NOT_FOUND, with the ``problem``, says that it never was, so that
    nothing was paid. Before the release of a restored journal that is not known: BUSY. Nor is it for a while after it, of what a register
    has left open: RECORD_LOST. Of a sale that was taken since, nothing was lost. ``data`` goes with it."""
    noted = await engine.reading(engine.ports.journal.noted(LAST_RESTORED_NOTE))
    if await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None:
        return Refusal("BUSY", UNRELEASED)  # "not found" would make a cashier take the money another way
    now = engine.ports.clock.now().wall
    if noted is not None and (sale is None or is_older(sale, noted)) and now < (since := restored_at(noted)) + FORGETFUL:
        text = f"{problem} since {since.isoformat()}, when the journal was restored or begun anew; what was before that may be lost"
        return Refusal("RECORD_LOST", text, restored=since.isoformat(), **data)
    return Refusal("NOT_FOUND", problem, **data)
