"""Two drawings of the day, as SVG inside the page: how long answers took, and what became of the payments of each hour.

Colours come from the style, by class; so a drawing is right in light and dark. Who cannot see it hears its title, and the figures stand
beside it as text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from agent.edges.page.day import CANCELED, DECLINED, HOURS, OPEN, PAID
from agent.edges.page.pulse import SLOT_S, Beat
from agent.web.html import Html, tag

WIDTH, HEIGHT = 720, 180  # of the drawing's own units; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 8, 22  # room for the scale
STACK = (PAID, CANCELED, DECLINED, OPEN)  # from below
LEAST_MS = 100  # top of the scale at least: noise on a fast line is not drawn as mountains
LABELLED_HOURS = range(0, HOURS + 1, 4)
SECONDS_OF_A_DAY = 86_400

_INNER_WIDTH, _INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM


def latency(beats: Sequence[Beat], zone: tzinfo, title: str, unit: str) -> Html:
    """Median and the time within which nine of ten came, over today's 24 hours; a mark below where attempts failed."""
    today = [(_share_of_day(beat, zone), beat) for beat in beats]
    top = _nice(max([LEAST_MS, *(beat.slow_ms for _, beat in today)]))
    lines = [
        tag("polyline", points=" ".join(f"{_x(share)},{_y(value(beat), top)}" for share, beat in run), class_=name)
        for name, value in (("slow", _slow), ("median", _median))
        for run in _runs([one for one in today if one[1].answered])
    ]
    dots = [tag("circle", cx=_x(share), cy=_y(beat.median_ms, top), r=3, class_="median-dot") for share, beat in today if beat.answered]
    marks = [
        tag("rect", x=_x(share), y=HEIGHT - BOTTOM - 8, width=_width(SLOT_S / SECONDS_OF_A_DAY), height=8, class_="failures")
        for share, beat in today
        if beat.failures
    ]
    return _drawing(title, [_scale(top, f" {unit}"), _hours(), *lines, *dots, *marks])


def outcomes(hours: Mapping[str, Sequence[int]], title: str) -> Html:
    """A bar for each hour, divided by outcome."""
    totals = [sum(hours[name][hour] for name in STACK) for hour in range(HOURS)]
    top = _nice(max([4, *totals]))
    bars: list[Html] = []
    for hour in range(HOURS):
        below = 0
        for name in STACK:
            count = hours[name][hour]
            if count:
                upper, lower = _y(below + count, top), _y(below, top)
                width = f"{float(_width(1 / HOURS)) - 4:.1f}"
                bars.append(tag("rect", x=_x(hour / HOURS), y=upper, width=width, height=f"{float(lower) - float(upper):.1f}", class_=name))
                below += count
    return _drawing(title, [_scale(top, ""), _hours(), *bars])


def _drawing(title: str, parts: Sequence[Html]) -> Html:
    return tag("svg", tag("title", title), parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="plot")


def _scale(top: int, unit: str) -> Html:
    """Lines at none, half and all of the scale."""
    return tag(
        "g",
        [
            [
                tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_y(value, top), y2=_y(value, top)),
                tag("text", f"{value}{unit}", x=LEFT - 6, y=f"{float(_y(value, top)) + 4:.1f}", text_anchor="end"),
            ]
            for value in (0, top // 2, top)
        ],
        class_="scale",
    )


def _hours() -> Html:
    return tag(
        "g",
        [tag("text", f"{hour:02d}", x=_x(hour / HOURS), y=HEIGHT - 6, text_anchor="middle") for hour in LABELLED_HOURS],
        class_="scale",
    )


def _runs(points: Sequence[tuple[float, Beat]]) -> list[list[tuple[float, Beat]]]:
    """Points without a gap between them: a line over hours in which nothing was asked would be made up."""
    runs: list[list[tuple[float, Beat]]] = []
    for share, beat in points:
        if runs and beat.at_s - runs[-1][-1][1].at_s <= 2 * SLOT_S and share > runs[-1][-1][0]:
            runs[-1].append((share, beat))
        else:
            runs.append([(share, beat)])
    return runs


def _share_of_day(beat: Beat, zone: tzinfo) -> float:
    """Where in the day it is, 0 to 1. Yesterday's evening stands at its own hour: the drawing is a day long and turns."""
    moment = datetime.fromtimestamp(beat.at_s, zone)
    return (moment.hour * 3600 + moment.minute * 60 + moment.second) / SECONDS_OF_A_DAY


def _median(beat: Beat) -> int:
    return beat.median_ms


def _slow(beat: Beat) -> int:
    return beat.slow_ms


def _x(share: float) -> str:
    return f"{LEFT + share * _INNER_WIDTH:.1f}"


def _width(share: float) -> str:
    return f"{share * _INNER_WIDTH:.1f}"


def _y(value: float, top: int) -> str:
    return f"{TOP + _INNER_HEIGHT * (1 - min(value, top) / top):.1f}"


def _nice(value: int) -> int:
    """The next round figure that can be halved."""
    power = 1
    while True:
        for step in (2, 4, 6, 10):
            if step * power >= value:
                return step * power
        power *= 10
