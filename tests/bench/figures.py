"""A figure: what was measured in each round, the floor of the same round, their ratio, and the goal it is held to."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Goal:
    """``limit`` of what is judged: at most so much, or at least. ``binding``: missing it is a fault; otherwise it is only worth knowing."""

    limit: float
    at_least: bool = False
    binding: bool = True

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """``values`` and ``floors`` are one number per round, in ``unit``. Without floors the value itself is judged, else the ratio."""

    name: str
    disk: str
    unit: str
    values: Sequence[float]
    floors: Sequence[float] = ()
    goal: Goal | None = None
    floor: str = ""  # what the floor is
    note: str = ""

    @property
    def ratios(self) -> Sequence[float]:
        return [value / floor for value, floor in zip(self.values, self.floors, strict=True)] if self.floors else []

    @property
    def judged(self) -> float:
        """The median that is held against the goal."""
        return statistics.median(self.ratios or self.values)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.goal.met(self.judged)

    @property
    def missed(self) -> bool:
        """A binding goal that was not reached."""
        return self.goal is not None and self.goal.binding and not self.met

    def plain(self) -> dict[str, Any]:
        """For the file of results."""
        return {**asdict(self), "ratios": list(self.ratios), "judged": self.judged, "met": self.met}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Figure":
        """What ``plain`` wrote."""
        kept = {field.name: plain[field.name] for field in fields(cls)}
        return cls(**{**kept, "goal": None if plain["goal"] is None else Goal(**plain["goal"])})


def middle(times: Sequence[float]) -> float:
    """The median."""
    return statistics.median(times)


def tail(times: Sequence[float]) -> float:
    """The time that 99 of 100 do not exceed."""
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]
