"""What is wrong, and what to do about it, as every page shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.edges.page.words import Tongue
from agent.reasons import explain, explain_payout
from agent.remedies import remedy
from agent.texts import N_, Message
from agent.web.html import Child, Html, tag, told


def what_to_do(text: Message | None, tongue: Tongue) -> Html | None:
    """A remedy; None where there is none."""
    return None if text is None else advised(text.text(tongue.translate), tongue)


def advised(text: str, tongue: Tongue) -> Html:
    """A remedy that is in the page's language already."""
    return tag("p", tongue(N_("What to do:")), " ", told(text))


def troubles(one: Mapping[str, Any], alarms: Sequence[str], tongue: Tongue, *, payout: bool) -> Child:
    """The alarms of an operation as the desk answers it, and what the settings may have to do with them and with how it ended."""
    meaning = explain_payout if payout else explain
    codes = dict.fromkeys([*alarms, one["reason"] or ""])
    return [
        [tag("p", tongue(N_("ALARM")), ": ", tag("code", code), " ", meaning(code, tongue.translate), class_="loud") for code in alarms],
        [what_to_do(remedy(code, one["provider"]), tongue) for code in codes],
    ]
