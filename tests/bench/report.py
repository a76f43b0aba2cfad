"""What came out, for people and for programs: a table, a file of all numbers, and a drawing of the ratios against their goals."""

import json
import platform
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.bench.figures import Figure

BAR, ROW, LEFT, WIDTH, RIGHT = 14, 30, 330, 380, 90  # pixels of the drawing


@dataclass(frozen=True)
class Machine:
    """What the numbers are of."""

    processor: str
    processors: int
    kernel: str
    disk: str
    python: str
    sqlite: str

    @classmethod
    def this(cls, folder: Path) -> "Machine":
        """The machine that runs this, with the file system of ``folder``."""
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return cls(
            models[0] if models else platform.machine(),
            len(models),
            platform.release(),
            _mount(folder),
            sys.version.split()[0],
            sqlite3.sqlite_version,
        )

    def __str__(self) -> str:
        return f"{self.processors} × {self.processor}, Linux {self.kernel}, {self.disk}, Python {self.python}, SQLite {self.sqlite}"


def _mount(folder: Path) -> str:
    best = ("", "", "")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, point, kind, *_ = line.split()
        if str(folder.resolve()).startswith(point) and len(point) >= len(best[1]):
            best = (device, point, kind)
    return f"{best[2]} on {best[0]}"


def table(figures: Sequence[Figure]) -> str:
    """Markdown: one line for each figure."""
    head = "| | disk | measured | floor | ratio | goal | |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *(_line(figure) for figure in figures)])


def _line(figure: Figure) -> str:
    spread = f"{_number(min(figure.ratios))} to {_number(max(figure.ratios))}" if len(figure.ratios) > 1 else ""
    ratio = f"**{_number(figure.judged)}**" + (f" ({spread})" if spread else "") if figure.floors else ""
    floor = f"{figure.floor}: {_span(figure.floors)} {figure.unit}" if figure.floors else ""
    goal = "" if figure.goal is None else str(figure.goal) + ("" if figure.goal.binding else " (wished)")
    met = {None: "", True: "met", False: "**missed**"}[figure.met]
    return f"| {figure.name} | {figure.disk} | {_span(figure.values)} {figure.unit} | {floor} | {ratio} | {goal} | {met} |"


def _span(values: Sequence[float]) -> str:
    """The median and where the rounds lay."""
    middle = sorted(values)[len(values) // 2]
    return f"{_number(middle)} ({_number(min(values))} to {_number(max(values))})" if len(values) > 1 else _number(middle)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"


def drawing(figures: Sequence[Figure], title: str) -> str:
    """SVG: for every figure with a goal a bar, on a scale on which all goals lie on one line; the thin line is where the rounds lay."""
    judged = [figure for figure in figures if figure.goal is not None and figure.goal.limit]
    height = ROW * (len(judged) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        "<style>text{fill:#222}.met{fill:#2e7d4f}.missed{fill:#b3452c}.wished{fill:#b98a2f}.line{stroke:#222}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.line{stroke:#ddd}}</style>",
        f'<text x="{LEFT + WIDTH / 2}" y="20" text-anchor="middle">goal</text>',
        f'<line class="line" stroke-dasharray="4 3" x1="{LEFT + WIDTH / 2}" x2="{LEFT + WIDTH / 2}" y1="26" y2="{height - 10}"/>',
    ]
    for place, figure in enumerate(judged):
        parts += _bar(figure, ROW * (place + 1) + 10)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(figure: Figure, top: int) -> Iterator[str]:
    assert figure.goal is not None
    numbers = figure.ratios or figure.values

    def place(value: float) -> float:
        """The goal lies in the middle; what is twice as far ends at the right edge."""
        return LEFT + min(value / figure.goal.limit, 2.0) * WIDTH / 2 if figure.goal else LEFT

    kind = "met" if figure.met else "missed" if figure.goal.binding else "wished"
    end, low, high = place(figure.judged), place(min(numbers)), place(max(numbers))
    name = f'{escape(figure.name[:46])} <tspan opacity=".6">{figure.disk}</tspan>'
    yield f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{name}</text>'
    yield f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{max(end - LEFT, 1):.1f}" height="{BAR}"/>'
    yield f'<line class="line" x1="{low:.1f}" x2="{high:.1f}" y1="{top + BAR / 2}" y2="{top + BAR / 2}"/>'
    yield f'<text x="{max(end, high) + 6:.1f}" y="{top + 12}">{_number(figure.judged)} <tspan opacity=".6">({figure.goal})</tspan></text>'


def read(folder: Path) -> tuple[Machine, Sequence[Figure]]:
    """What ``write`` has left there."""
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return Machine(**found["machine"]), [Figure.read(plain) for plain in found["figures"]]


def write(figures: Sequence[Figure], machine: Machine, folder: Path, seed: int, size: int) -> None:
    """``results.json``, ``table.md`` and one drawing for each disk in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"machine": vars(machine), "seed": seed, "size_percent": size, "figures": [figure.plain() for figure in figures]}
    (folder / "results.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    (folder / "table.md").write_text(f"{machine}\n\n{table(figures)}\n", encoding="utf-8")
    for disk in dict.fromkeys(figure.disk for figure in figures):
        of_it = [figure for figure in figures if figure.disk == disk]
        (folder / f"{disk}.svg").write_text(drawing(of_it, f"Measured against the goals, disk {disk}"))
