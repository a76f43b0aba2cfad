"""The doctor on a button: what it found, worst first, each with what it means and what to do."""

from collections.abc import Mapping, Sequence

from agent.edges.page.document import EXAMINE, section
from agent.edges.page.trouble import advised
from agent.edges.page.words import Tongue
from agent.texts import N_
from agent.web.html import Html, tag, told

FINDINGS = "findings"
GRADES: Mapping[str, str] = {"fault": N_("FAULT"), "warning": N_("WARNING"), "ok": N_("ok")}  # worst first


def content(tongue: Tongue) -> list[Html]:
    """What stands in the page before anybody has pressed the button."""
    return [
        section(
            "checkup",
            tongue(N_("Check-up")),
            tag("p", tongue(N_("Looks at the configuration, the disk, the clock, the connection and the ports. It moves no money."))),
            tag("button", tongue(N_("Examine")), type="button", class_="main", data_examine=EXAMINE),
            tag("div", id=FINDINGS, role="status"),
        )
    ]


def findings(found: Sequence[Mapping[str, str]], tongue: Tongue) -> Html:
    """The answer to the button, in place of the one before."""
    order = list(GRADES)
    ranked = sorted(found, key=lambda one: order.index(one["grade"]) if one["grade"] in order else 0)
    counts = ", ".join(f"{tongue(text)}: {sum(one['grade'] == grade for one in found)}" for grade, text in GRADES.items())
    return tag("div", tag("h3", counts, tabindex=-1), tag("ul", [_finding(one, tongue) for one in ranked]), id=FINDINGS, role="status")


def _finding(one: Mapping[str, str], tongue: Tongue) -> Html:
    grade = tongue(GRADES[one["grade"]]) if one["grade"] in GRADES else one["grade"]
    return tag(
        "li",
        tag("p", tag("strong", grade, class_=f"grade {one['grade']}"), " ", tag("code", one["check"]), " ", told(one["what"])),
        tag("p", told(one["means"])) if one["means"] else None,
        advised(one["remedy"], tongue) if one["remedy"] else None,
        class_="card",
    )
