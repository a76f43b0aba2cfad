"""The tables of docs/monitoring.md, made from what the daemon writes.

``python -m tests.docs.monitoring_page --write`` puts them into the page.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from agent.edges.metrics.exposition import PREFIX, families
from agent.edges.metrics.tally import Tally
from agent.journald import FIELDS
from tests.metrics.everything import EVERYTHING

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
_BLOCK = re.compile(r"<!-- (?P<name>metrics|fields) -->\n.*?<!-- end -->", re.DOTALL)
PLAIN = {"CHECKOUT": "the sale", "STORE": "its store", "TERMINAL": "its till", "PRIORITY": "syslog's number of the level"}


def drawn(text: str) -> str:
    """The page with its tables as they are now."""
    made = {"metrics": [*_metrics()], "fields": [*_fields()]}
    return _BLOCK.sub(lambda found: f"<!-- {found['name']} -->\n" + "\n".join(made[found["name"]]) + "\n<!-- end -->", text)


def _metrics() -> Iterator[str]:
    yield from (f"| Name, after `{PREFIX}` | Labels | What it is |", "|---|---|---|")
    for family in families(Tally(), EVERYTHING):
        name = family.name.removeprefix(PREFIX) + ("_total" if family.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
        yield f"| `{name}` | {labels} | {family.documentation} |"


def _fields() -> Iterator[str]:
    yield from ("| Field | What it is |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in PLAIN.items())
    for name in dict.fromkeys(FIELDS.values()):
        keys = ", ".join(f"`{key}`" for key, field in FIELDS.items() if field == name)
        yield f"| `{name}` | {keys} of the line |"


if __name__ == "__main__":
    current = PAGE.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        PAGE.write_text(drawn(current), encoding="utf-8")
    elif drawn(current) != current:
        sys.exit("docs/monitoring.md is stale: python -m tests.docs.monitoring_page --write")
