"""A state machine as a table: what is not in the table cannot happen.

The business machines are values of this type, so that a reader sees all of a machine at once, a test can walk every (state, event) pair,
and the diagrams of the documentation are drawn from the very tables the code runs on.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class IllegalTransition(Exception):
    """A recorded event does not fit the state it meets. Either the code or the record is wrong: the sale must not be used."""


class Table(Generic[S, E]):
    """A named transition table with its start state."""

    def __init__(self, name: str, moves: Mapping[tuple[S, E], S], start: S) -> None:
        self.name = name
        self.moves = dict(moves)
        self.start = start

    def next(self, state: S, event: E) -> S:
        """The state after ``event``. Raises IllegalTransition."""
        try:
            return self.moves[state, event]
        except KeyError:
            raise IllegalTransition(f"{self.name}: {event.value} cannot happen in {state.value}") from None

    def allows(self, state: S, event: E) -> bool:
        return (state, event) in self.moves

    def mermaid(self) -> str:
        """The diagram of the table, for the documentation. Self-loops of one state share a line."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        edges: dict[tuple[S, S], list[str]] = {}
        for (state, event), target in self.moves.items():
            edges.setdefault((state, target), []).append(event.value)
        lines += [f"    {source.value} --> {target.value}: {', '.join(events)}" for (source, target), events in edges.items()]
        return "\n".join(lines)
