"""The first page: is the till well, what is at work, what has happened, what the day came to."""

from collections.abc import Mapping, Sequence

from agent.edges.page import health
from agent.edges.page.day import CANCELED, DECLINED, OPEN, PAID, Figures
from agent.edges.page.deciding import empty_step, sign_in, sure
from agent.edges.page.document import SALE, address, section
from agent.edges.page.facts import Overview, Waiting
from agent.edges.page.operations import operation_row
from agent.edges.page.plots import latency, outcomes
from agent.edges.page.pulse import Beat, Pulse
from agent.edges.page.words import DUTIES, Tongue
from agent.texts import N_
from agent.web.html import Html, tag, told
from agent.web.live import Region, Row, row

OUTCOME_NAMES = {PAID: N_("Paid"), CANCELED: N_("Canceled"), DECLINED: N_("Declined"), OPEN: N_("Not finished")}


def regions(seen: Overview, pulse: Pulse, tongue: Tongue) -> list[Region]:
    """Everything on the first page that changes by itself."""
    beats = {system.name: pulse.day(system.account) for system in seen.systems}
    return [
        Region("state", [health.state(seen, tongue)]),
        Region("alarms", health.alarms(seen, tongue)),
        Region("systems", [health.system_row(seen, system, beats[system.name], tongue) for system in seen.systems]),
        Region("tills", [health.till_row(till, tongue) for till in seen.tills] + health.lines(seen, tongue)),
        Region("queue", _queue(seen, tongue)),
        Region(
            "latest",
            [operation_row(one, seen.now, tongue) for one in seen.latest]
            or [health.none_yet(tongue, "latest-none", N_("No payment yet."))],
        ),
        Region("sums", _sums(seen.figures, tongue)),
        Region("plots", _plots(seen, beats, tongue)),
    ]


def _queue(seen: Overview, tongue: Tongue) -> list[Row]:
    shown = [_waiting(seen, one, tongue) for one in seen.queue]
    more = [row("li", "queue-more", tongue(N_("and {number} more"), number=seen.queue_left), class_="none")] if seen.queue_left else []
    return [*shown, *more] or [health.none_yet(tongue, "queue-none", N_("Nothing is at work, and nothing is owed."))]


def _waiting(seen: Overview, one: Waiting, tongue: Tongue) -> Row:
    age = tongue.age((seen.now - one.accepted).total_seconds())
    href = address(SALE, {"store": one.id.store_id, "terminal": one.id.terminal_id, "key": one.id.key})
    return row(
        "li",
        f"waiting-{one.id}",
        tag("a", told(one.order_id), " ", tongue.roubles(one.amount), href=href),
        " ",
        tag("span", tongue.state(one.state), class_=f"state {one.state}"),
        " ",
        tag("span", tongue(N_("{age} old"), age=age), class_="soft"),
        " ",
        tag("span", _duty(one, tongue)),
        class_="card",
    )


def _duty(one: Waiting, tongue: Tongue) -> str:
    if one.duty is None:
        return tongue(N_("waits for a person")) if one.state == "attention" else ""
    what = tongue(DUTIES[one.duty.duty])
    if one.due_s <= 1:
        return tongue(N_("next: {what}, now"), what=what)
    return tongue(N_("next: {what}, in {age}"), what=what, age=tongue.age(one.due_s))


def _sums(figures: Figures, tongue: Tongue) -> list[Row]:
    """A table: payment system, result, how many, how much, what of it went back."""
    columns = ((N_("System"), ""), (N_("Result"), ""), (N_("Number"), "number"), (N_("Sum"), "number"), (N_("Went back"), "number"))
    head = tag("thead", tag("tr", [tag("th", tongue(name), scope="col", class_=kind or None) for name, kind in columns]))
    lines = [
        tag(
            "tr",
            tag("td", tongue.system(one.provider)),
            tag("td", tongue.state(one.state), class_=f"state {one.state}"),
            tag("td", str(one.count), class_="number"),
            tag("td", tongue.roubles(one.amount), class_="number"),
            tag("td", tongue.roubles(one.refunded) if one.refunded else "", class_="number"),
        )
        for one in figures.sums
    ]
    caption = tag("caption", tongue(N_("Business day {day}"), day=f"{figures.day:%d.%m.%Y}"))
    nothing = None if lines else tag("p", tongue(N_("No payment yet.")), class_="none")
    cut = None if figures.whole else tag("p", tongue(N_("There are more than can be counted here.")), class_="warn")
    table = tag("table", caption, head, tag("tbody", lines)) if lines else None
    title = tongue(N_("Today"))
    return [row("div", "sums-day", tag("div", table, nothing, cut, class_="wide", tabindex=0, role="group", aria_label=title))]


def _plots(seen: Overview, beats: Mapping[str, Sequence[Beat]], tongue: Tongue) -> list[Row]:
    hours = seen.figures.hours
    parts = [f"{tongue(text)}: {sum(hours[name])}" for name, text in OUTCOME_NAMES.items()]
    legend = [tag("li", tag("span", class_=f"mark {name}"), said) for name, said in zip(OUTCOME_NAMES, parts, strict=True)]
    title = tongue(N_("What became of the payments of each hour"))
    bars = outcomes(hours, f"{title}. {', '.join(parts)}")
    drawn = [row("figure", "plot-outcomes", tag("figcaption", title), bars, tag("ul", legend, class_="legend"))]
    for system in seen.systems:
        name = tongue(N_("How long {system} took to answer"), system=tongue.system(system.name))
        about = f"{name}. {health.speed(beats[system.name], tongue)}"
        lines = latency(beats[system.name], tongue.zone, about, tongue(N_("ms")))
        drawn.append(row("figure", f"plot-{system.name}", tag("figcaption", name), lines, _latency_legend(tongue)))
    return drawn


def _latency_legend(tongue: Tongue) -> Html:
    named = (("median", N_("half of the answers")), ("slow", N_("nine of ten")), ("failures", N_("without an answer")))
    return tag("ul", [tag("li", tag("span", class_=f"mark {name}"), tongue(text)) for name, text in named], class_="legend")


def content(live: Mapping[str, Html], tongue: Tongue) -> list[Html]:
    """What stands in the page."""
    hurry = sure(
        "hurry-all",
        tongue(N_("Do now what is owed")),
        tongue(N_("Of all sales and payouts: what is owed and waits for its time is done at once. Nothing becomes owed by it.")),
        tongue(N_("Do it now")),
        "operation.retry",
        {},
    )
    now = [
        section("health", tongue(N_("State")), live["state"], live["alarms"]),
        section("connection", tongue(N_("Payment systems")), live["systems"]),
        section("registers", tongue(N_("Tills and their registers")), live["tills"]),
        section("work", tongue(N_("At work and owed")), live["queue"]),
        section("today", tongue(N_("Today")), live["sums"], live["plots"]),
    ]
    day = [
        section("last", tongue(N_("Last operations")), live["latest"]),
        section("operator", tongue(N_("Operator")), sign_in(tongue), hurry, empty_step()),
    ]
    return [tag("div", tag("div", now), tag("div", day), id="overview")]
