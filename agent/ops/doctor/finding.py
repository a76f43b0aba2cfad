"""What a check of the doctor found: how bad it is, what it is, what it means, what to do.

A finding is made of messages and not of texts, so that one examination can be shown in English and in Russian: on the terminal, on the
status page and in an archive for support. ``told`` gives it in a language, as a program reads it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.texts import Message, Translate


class Grade(StrEnum):
    """How bad it is. WARNING: the till sells, and something will go wrong or cannot be seen. FAULT: something does not work."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


ORDER = (Grade.OK, Grade.WARNING, Grade.FAULT)
EXIT_STATUS = {Grade.OK: 0, Grade.WARNING: 10, Grade.FAULT: 11}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor. ``check`` is the name of the check, the same in every language (``journal``, ``clock``, ``port``). ``means``
    and ``remedy`` are there for everything that is not in order. Raises ValueError without them."""

    check: str
    grade: Grade
    what: Message
    means: Message | None = None
    remedy: Message | None = None

    def __post_init__(self) -> None:
        if self.grade is not Grade.OK and (self.means is None or self.remedy is None):
            raise ValueError(f"{self.check}: a {self.grade} says what it means and what to do")

    def told(self, translate: Translate) -> dict[str, str]:
        """In a language: ``check``, ``grade``, ``what``, ``means``, ``remedy``. The last two are empty where there is nothing to do."""
        texts = {"what": self.what, "means": self.means, "remedy": self.remedy}
        return {"check": self.check, "grade": self.grade.value} | {
            name: "" if text is None else text.text(translate) for name, text in texts.items()
        }


def ok(check: str, what: Message) -> Finding:
    """Short for a finding that is in order."""
    return Finding(check, Grade.OK, what)


def warning(check: str, what: Message, means: Message, remedy: Message) -> Finding:
    """Short for a warning."""
    return Finding(check, Grade.WARNING, what, means, remedy)


def fault(check: str, what: Message, means: Message, remedy: Message) -> Finding:
    """Short for a fault."""
    return Finding(check, Grade.FAULT, what, means, remedy)


def worst(findings: Iterable[Finding]) -> Grade:
    """The worst grade; OK if there is nothing."""
    return max((one.grade for one in findings), key=ORDER.index, default=Grade.OK)
