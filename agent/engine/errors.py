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


def unknown_terminal(store_id: str, terminal_id: str) -> Refusal:
    """Never NOT_FOUND, which says that a sale was not accepted: of a till that is not set up here nobody can say that."""
    return Refusal("UNKNOWN_TERMINAL", f"terminal {terminal_id!r} of store {store_id!r} is not in the configuration")


class Stopped(Exception):
    """The engine is stopping or its journal is broken: nothing more is taken or decided until the next start."""
