"""Reads a page of the documentation as data: its examples, its marked tables, its commands.

Invisible comments mark what tests look for: ``<!-- example: name -->`` before a request and its answer, ``<!-- parameters: name -->``
before a table of parameters, and so on. A comment may carry attributes: ``<!-- example: name socket=admin -->``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"

PROTOCOL = (
    "pos-protocol.md",
    "pos-methods.md",
    "pos-errors.md",
    "pos-operator.md",
    "pos-payouts.md",
    "pos-socket.md",
    "pos-http.md",
    "pos-serial.md",
)
"""The pages for the programmers of registers, in the order in which their examples are carried out."""

_COMMENT = re.compile(r"<!-- (?P<kind>[a-z-]+)(?:: (?P<name>\S+))?(?P<attributes>(?: [a-z]+=\S+)*) -->")
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\|(?P<cells>.*)\|$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins at, and its place in the page."""

    language: str
    text: str
    line: int
    span: tuple[int, int]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Marked:
    """A comment and what follows it until the next one or the next heading."""

    kind: str
    name: str
    attributes: Mapping[str, str]
    blocks: Sequence[Block]
    rows: Sequence[Sequence[str]]
    line: int


class Page:
    """One Markdown file below ``docs/``."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text(encoding="utf-8")

    @classmethod
    def joined(cls, *names: str) -> "Page":
        """Several files as one page, in this order."""
        page = cls(names[0])
        page.text = "\n".join((DOCS / name).read_text(encoding="utf-8") for name in names)
        return page

    def blocks(self) -> list[Block]:
        """Every fenced block."""
        return [
            Block(found["language"], found["text"], self.text.count("\n", 0, found.start()) + 1, found.span("text"))
            for found in _FENCE.finditer(self.text)
        ]

    def marked(self, kind: str) -> list[Marked]:
        """Everything that comments of this kind mark, in the order of the page."""
        return [one for one in self._all() if one.kind == kind]

    def code_spans(self) -> Iterator[str]:
        """Every `code` in the running text, outside of fenced blocks."""
        for found in re.finditer(r"`([^`\n]+)`", _FENCE.sub("", self.text)):
            yield found[1]

    def links(self) -> Iterator[str]:
        """The target of every link."""
        for found in re.finditer(r"\]\(([^)\s]+)\)", _FENCE.sub("", self.text)):
            yield found[1]

    def anchors(self) -> set[str]:
        """What a link inside the page can point to."""
        headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", self.text), re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def _all(self) -> Iterator[Marked]:
        comments = [found for found in _COMMENT.finditer(self.text) if self.text[found.start() - 1 : found.start()] in ("", "\n")]
        headings = [found.start() for found in re.finditer(r"^#", _FENCE.sub(lambda block: " " * len(block[0]), self.text), re.MULTILINE)]
        blocks = self.blocks()
        for place, found in enumerate(comments):
            ends = [other.start() for other in comments[place + 1 :]] + [start for start in headings if start > found.end()]
            end = min(ends, default=len(self.text))
            yield Marked(
                found["kind"],
                found["name"] or "",
                dict(pair.split("=", 1) for pair in found["attributes"].split()),
                [block for block in blocks if found.end() <= block.span[0] < end],
                _rows(self.text[found.end() : end]),
                self.text.count("\n", 0, found.start()) + 1,
            )


def _rows(text: str) -> list[list[str]]:
    """The rows of the table that comes first, without head and rule."""
    lines = text.strip().splitlines()
    table: list[list[str]] = []
    for line in lines:
        row = _ROW.match(line)
        if row is None:
            break
        table.append([cell.strip() for cell in row["cells"].split("|")])
    return table[2:]


def names_in(cell: str) -> list[str]:
    """The `names` of a table's cell."""
    return re.findall(r"`([^`]+)`", cell)
