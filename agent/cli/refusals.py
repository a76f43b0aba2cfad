"""What the daemon refuses, for the person at the terminal: what its code means, in his language; behind it the agent's own sentence, which
names the thing but is written for programmers of register software."""

from collections.abc import Mapping
from typing import Any

from agent.reasons import BILLS, ERRORS, RETURNS
from agent.texts import N_, Translate

TEXTS: Mapping[str, str] = {
    "INVALID": N_("This cannot be done as it was asked for. Nothing was changed."),
    "FORBIDDEN": N_("This user may not do this, or not through this socket of the agent."),
    "CONFLICT": N_("This does not fit what is recorded by now. Nothing was changed."),
    "BUSY": N_("The agent does not do this now: it starts or stops, is at work on the same thing, or waits for koshelek-agent release."),
    "BACKUP_FAILED": N_("The backup was not made."),
    "INTERNAL": N_("The agent has failed at this. Whether it was done is not known: ask again; the reference finds it in the log."),
}
"""Where the text for a cashier in front of a register would mislead a technician."""


def refusal(code: str, message: str, data: Mapping[str, Any], say: Translate) -> str:
    """The text of a refusal. ``message``: the agent's own words; ``data``: what came with them. A code of a later agent has those alone."""
    reason = data.get("reason")
    known = TEXTS.get(code) or ({**BILLS, **RETURNS}.get(reason) if isinstance(reason, str) else None) or ERRORS.get(code)
    return f"{say(known)}\n  {message}" if known and message != say(known) else message
