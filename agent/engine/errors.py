"""Why the engine refuses a request of a POS: one class, its ``code`` is the contract (the same over every transport)."""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """The request was refused and changed nothing. ``data`` goes to the POS with the code."""

    def __init__(self, code: str, problem: str, **data: Any) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem
        self.data: Mapping[str, Any] = data


class Stopped(Exception):
    """The engine is stopping or its journal is broken: nothing more is taken or decided until the next start."""
