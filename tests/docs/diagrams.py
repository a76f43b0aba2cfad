"""The state diagrams of docs/architecture.md, drawn from the tables the code runs on.

``python -m tests.docs.diagrams --write`` puts them into the document.
"""

import re
import sys
from pathlib import Path

from agent.core import call, delivery, payment, refund
from agent.core.payout import machine as payout

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
TABLES = {table.name: table for table in (payment.TABLE, refund.TABLE, delivery.TABLE, payout.TABLE, call.TABLE)}
_BLOCK = re.compile(r"<!-- diagram: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def drawn(text: str) -> str:
    """The document with every diagram as the tables have it now."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- diagram: {name} -->\n```mermaid\n{TABLES[name].mermaid()}\n```\n<!-- end -->"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    current = DOCUMENT.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        DOCUMENT.write_text(drawn(current), encoding="utf-8")
    elif drawn(current) != current:
        sys.exit("docs/architecture.md is stale: python -m tests.docs.diagrams --write")
