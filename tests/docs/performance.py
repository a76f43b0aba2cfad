"""What ``docs/performance.md`` says of the results beside it: ``python -m tests.docs.performance --write FOLDER`` takes over those of a
run (``build/bench``)."""

import shutil
import sys
from pathlib import Path

from tests.bench.report import read, table

DOCS = Path(__file__).parents[2] / "docs"
PAGE, RESULTS = DOCS / "performance.md", DOCS / "performance"


def figures(folder: Path) -> str:
    """The machine and the table."""
    machine, found = read(folder)
    return f"{machine}\n\n{table(found)}"


def missed(folder: Path) -> str:
    """Binding goals that were not reached, one line each."""
    _, found = read(folder)
    names = [f"- **{one.name}, {one.disk}**: {one.judged:.3g}, wanted {one.goal}" for one in found if one.missed]
    return "\n".join(names) or "Every goal was reached."


def filled(page: str, folder: Path) -> str:
    """The page with both lists put in."""
    for mark, text in (("figures", figures(folder)), ("missed", missed(folder))):
        begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{text}\n{end}{rest.partition(end)[2]}"
    return page


def main() -> None:
    folder = Path(sys.argv[2])
    RESULTS.mkdir(exist_ok=True)
    for name in ("results.json", "native.svg", "slow5.svg"):
        shutil.copy(folder / name, RESULTS / name)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), RESULTS), encoding="utf-8")


if __name__ == "__main__":
    main()
