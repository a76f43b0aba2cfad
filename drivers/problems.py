"""What is wrong with a message, told so that the programmer of a POS can repair it without asking anybody.

A problem names the place as the POS wrote it, the rule, and an example that is right. It never repeats the value received:
the value may be a secret, and error texts end in logs.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

MAX_PROBLEMS = 50  # enough to repair a bill; a list of thousands would help nobody
MAX_NAME_CHARACTERS = 64  # of a name repeated in a text; no name of ours is longer
_SIMILARITY = 0.6

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong place: ``path`` as written by the POS (``checkoutInvoice.items[2].price``), what is wrong, a right value (JSON)."""

    path: str
    problem: str
    example: object = None

    def as_data(self) -> dict[str, object]:
        """For ``error.data.details``."""
        data: dict[str, object] = {"path": self.path, "problem": self.problem}
        if self.example is not None:
            data["example"] = self.example
        return data


def collect(found: Sequence[Found], tell: Callable[[Found], Problem]) -> list[Problem]:
    """Tell the first MAX_PROBLEMS, and how many more there are. The bound is on the telling: comparing names takes time."""
    problems = [tell(entry) for entry in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        problems.append(Problem("", f"and {len(found) - MAX_PROBLEMS} more"))
    return problems


def shorten(name: str) -> str:
    """A name from the peer, cut for a text."""
    return name if len(name) <= MAX_NAME_CHARACTERS else name[:MAX_NAME_CHARACTERS] + "..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean "orderId"?`` for a name that resembles a known one, ignoring case and separators; else nothing."""
    plain = {_plain(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(_plain(name[:MAX_NAME_CHARACTERS]), plain, n=1, cutoff=_SIMILARITY)
    return f'; did you mean "{plain[close[0]]}"?' if close else ""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
