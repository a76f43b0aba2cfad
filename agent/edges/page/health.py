"""Is the till well: the first half of the first page. Each thing that is not as it should be says what it means and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from agent.edges import outage
from agent.edges.accounts import HTTPS_PORT
from agent.edges.link import LinkState, LinkStatus
from agent.edges.page.document import OPERATIONS, address
from agent.edges.page.facts import Overview, System, Till
from agent.edges.page.pulse import Beat
from agent.edges.page.trouble import what_to_do
from agent.edges.page.words import LINES, LINKS, Tongue
from agent.reasons import explain
from agent.remedies import remedy
from agent.texts import N_, message
from agent.web.html import Child, Html, tag, told
from agent.web.live import Row, row

DENIED = "ACCESS_DENIED"
UNRELEASED = N_(
    "The journal was restored from a backup, or lost and begun anew: compare it with the payment system's registry, then run "
    "koshelek-agent release."
)
MAX_LISTED = 10  # records set aside: the operations page has them all
SILENT_S = 24 * 3600.0  # a register that was not heard for so long stands out

COUNTS: Mapping[str, tuple[str, str, str]] = {  # of the status: its text, the filter of the operations page that shows them, how loud it is
    "attention": (N_("a person must look"), "attention", "loud"),
    "paidUntold": (N_("paid, told to nobody"), "untold", "loud"),
    "toldUnconfirmed": (N_("told, not confirmed"), "unconfirmed", "soft"),  # many registers never confirm
}


def none_yet(tongue: Tongue, id_: str, msgid: str) -> Row:
    """The one row of an empty list."""
    return row("li", id_, tongue(msgid), class_="none")


def state(seen: Overview, tongue: Tongue) -> Row:
    """One sentence, and what keeps it from being a better one."""
    status = seen.status
    ready = tongue(N_("New payments are taken.")) if status["ready"] else tongue(N_("NEW PAYMENTS ARE NOT TAKEN."))
    return row(
        "div",
        "state-now",
        tag("p", tag("strong", ready), class_="up" if status["ready"] else "down"),
        _troubles(seen, tongue),
        tag("p", tongue(N_("Version {version}"), version=status["version"]), class_="soft"),
    )


def _troubles(seen: Overview, tongue: Tongue) -> Iterator[Child]:
    status = seen.status
    if seen.journal:
        yield _bad(seen.journal["problem"].text(tongue.translate))
        yield _bad(seen.journal["meaning"].text(tongue.translate))
        yield what_to_do(seen.journal["remedy"], tongue)
    if status.get("disk", {}).get("full"):
        yield _bad(tongue(N_("The disk is full: new payments are refused until there is room.")))
        yield what_to_do(remedy("DISK_FULL"), tongue)
    if status["details"].get("restored"):
        yield _bad(tongue(UNRELEASED))
    if status.get("configuration", {}).get("problem"):
        yield _bad(tongue(N_("The configuration file has a mistake, so the one before is in force. Run koshelek-agent config check.")))
        yield _mistakes(status["configuration"].get("problems", []))
    if (backup := status.get("backup")) and backup.get("problem"):
        yield _bad(tongue(N_("The backup failed: {problem}"), problem=backup["problem"]))


def _bad(text: str) -> Html:
    return tag("p", text, class_="down")


def _mistakes(problems: Sequence[Mapping[str, Any]]) -> list[Html]:
    """Of the configuration file: the places, what is wrong there, and what may have been meant."""
    return [
        tag("p", tag("code", _place(one)), " ", told(f"{one['problem']} {one.get('hint', '')}".strip())) for one in problems[:MAX_LISTED]
    ]


def _place(problem: Mapping[str, Any]) -> str:
    line = "" if problem["line"] is None else f":{problem['line']}"
    return " ".join(part for part in (f"{problem['file']}{line}", problem["key"]) if part)


def alarms(seen: Overview, tongue: Tongue) -> list[Row]:
    """What needs a person, with the way to it."""
    details = seen.status["details"]
    counts = [
        row("li", f"count-{name}", tag("a", f"{tongue(text)}: {details[name]}", href=address(OPERATIONS, {"only": only})), class_=loud)
        for name, (text, only, loud) in COUNTS.items()
        if details.get(name)
    ]
    if details.get("payoutsOpen"):  # most tills pay nothing out
        said = f"{tongue(N_('payouts not settled'))}: {details['payoutsOpen']}"
        counts.append(row("li", "count-payouts", tag("a", said, href=address(OPERATIONS, {"only": "payouts"})), class_="soft"))
    parked = [
        row("li", f"parked-{index}", tongue(N_("SET ASIDE: {sale}, {reason}"), sale=one["sale"], reason=one["reason"]), class_="loud")
        for index, one in enumerate(details.get("parked", [])[:MAX_LISTED])
    ]
    if counts or parked:
        return [*counts, *parked]
    if any(True for _ in _troubles(seen, tongue)):
        return [none_yet(tongue, "alarms-above", N_("What is to be done stands above. No payment waits for a person."))]
    return [none_yet(tongue, "alarms-none", N_("Nobody has to do anything."))]


def system_row(seen: Overview, system: System, beats: Sequence[Beat], tongue: Tongue) -> Row:
    link = system.link
    place = urlsplit(system.account)
    to_do = outage.remedy(link.reason, link.failure, system=system.name, host=place.hostname or "", port=place.port or HTTPS_PORT)
    state = tag("span", _way(link, seen, tongue), class_=_word(link.status))
    return row(
        "li",
        f"system-{system.name}",
        tag("p", tag("strong", tongue.system(system.name)), " ", state),
        tag("p", tongue(N_("Last error:")), " ", told(outage.problem(link.failure).text(tongue.translate))) if link.failure else None,
        what_to_do(to_do, tongue) if link.failure else None,
        None if system.admitted else _turned_away(system, tongue),
        _clock(system, tongue),
        tag("p", speed(beats, tongue), class_="soft"),
        class_="card",
    )


def _turned_away(system: System, tongue: Tongue) -> Child:
    return [tag("p", explain(DENIED, tongue.translate), class_="down"), what_to_do(remedy(DENIED, system.name), tongue)]


def _clock(system: System, tongue: Tongue) -> Child:
    """A clock that is wrong makes everything else look wrong."""
    if system.skew_s is None or abs(system.skew_s) < outage.SKEW_WARNING_S:
        return []
    said = outage.skew(system.skew_s, tongue.system(system.name)).text(tongue.translate)
    return [tag("p", said, " ", tongue(outage.SKEW_MEANS), class_="down"), what_to_do(message(outage.SKEW_REMEDY), tongue)]


def _way(link: LinkState, seen: Overview, tongue: Tongue) -> str:
    """Whether the payment system can be reached, and since when; before the first look at it nobody knows."""
    if link.since is None:
        return tongue(N_("not looked at yet"))
    return f"{tongue(LINKS[link.status])} {tongue(N_('since {time}'), time=tongue.moment(link.since.wall, seen.now))}"


def _word(status: LinkStatus) -> str:
    return {LinkStatus.UP: "up", LinkStatus.DOWN: "no"}.get(status, "soft")


def speed(beats: Sequence[Beat], tongue: Tongue) -> str:
    if not beats:
        return tongue(N_("No payment was asked for since the start, so the speed of its answers is not known."))
    last = beats[-1]
    text = N_("Answers: half within {median} ms, nine of ten within {slow} ms; without an answer in 10 minutes: {failures}")
    return tongue(text, median=last.median_ms, slow=last.slow_ms, failures=last.failures)


def till_row(till: Till, tongue: Tongue) -> Row:
    heard = (
        tongue(N_("register not heard since the start"))
        if till.heard_s is None
        else tongue(N_("register heard {age} ago"), age=tongue.age(till.heard_s))
    )
    silent = till.heard_s is None or till.heard_s > SILENT_S
    return row(
        "li",
        f"till-{till.store_id}/{till.terminal_id}",
        tag("strong", told(f"{till.store_id}/{till.terminal_id}")),
        " ",
        tag("span", tongue.system(till.provider), class_="soft"),
        " ",
        tag("span", heard, class_="warn" if silent else "up"),
        tag("p", tongue(N_("Switch the register on and begin a sale. If it is not heard then, press Check-up."))) if silent else None,
        class_="card",
    )


def lines(seen: Overview, tongue: Tongue) -> list[Row]:
    """Serial lines and pseudo-terminals: what is known of their other ends."""
    return [_line(seen, one, tongue) for one in seen.status["details"].get("lines", [])]


def _line(seen: Overview, line: Mapping[str, Any], tongue: Tongue) -> Row:
    state = str(line["state"])
    said = tongue(LINES[state]) if state in LINES else state
    if "heardSecondsAgo" in line:
        said += ", " + tongue(N_("{age} ago"), age=tongue.age(line["heardSecondsAgo"]))
    if line["damagedFrames"]:
        said += ", " + tongue(N_("damaged frames: {count}"), count=line["damagedFrames"])
    good = state in ("heard", "waiting")
    wrong = seen.lines.get(str(line["name"]), {})
    problem = tag("p", told(wrong["problem"].text(tongue.translate))) if "problem" in wrong else None
    return row(
        "li",
        f"line-{line['name']}",
        tag("strong", told(line["name"])),
        " ",
        tag("span", said, class_="up" if good else "no"),
        problem,
        what_to_do(wrong.get("remedy"), tongue),
        class_="card",
    )
