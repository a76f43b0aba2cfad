"""What the demonstration prints: lines while it runs, tables at the end. Reads the same in a terminal, in a pipe and in a log.

rich draws the tables; it is imported here alone, when something is printed, so that nobody else has to pay for it.
"""

import sys
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_COLUMNS = 132  # where there is no terminal to ask
_TILL_COLUMNS = 7
_ORDER_COLUMNS = 5


class Screen:
    """Times are seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._console: Console | None = None

    @property
    def console(self) -> "Console":
        if self._console is None:
            from rich.console import Console

            self._console = Console(width=None if sys.stdout.isatty() else WIDTH_COLUMNS, highlight=False)
        return self._console

    def line(self, text: str = "", style: str = "") -> None:
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def happened(self, text: str) -> None:
        """Something of the whole house."""
        self.line(f"{self.seconds:6.1f} s  {text}")

    def told(self, terminal: str, order_id: str, text: str) -> None:
        """Something a cashier sees."""
        self.happened(f"{terminal:{_TILL_COLUMNS}}  {order_id:{_ORDER_COLUMNS}}  {text}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()) -> None:
        """``numbers``: the columns that are written right-aligned and never broken; others may be broken between words."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for place, column in enumerate(columns):
            longest_word = max((len(word) for row in rows for word in row[place].split()), default=0)
            right = column in numbers
            table.add_column(column, justify="right" if right else "left", no_wrap=right, min_width=longest_word)
        for row in rows:
            table.add_row(*row)
        self.line()
        self.console.print(table, markup=False)
