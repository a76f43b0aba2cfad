"""What is wrong with a checkout, collected: a POS programmer mends it in one go. Contents are not echoed: a text may hold what must not
reach a log."""

from agent.core.contract import Unacceptable
from agent.core.money import MAX_KOPECKS, Kopecks

MAX_PROBLEMS = 50  # a bill of a thousand wrong lines is one mistake of a programmer, not a thousand


class Findings(list[tuple[str, str]]):
    """The problems so far, the first ``MAX_PROBLEMS`` of them, each with the register's name of the field."""

    def add(self, path: str, problem: str) -> None:
        if len(self) < MAX_PROBLEMS:
            self.append((path, problem))

    def length(self, path: str, count: int, most: int, least: int = 1) -> None:
        if not least <= count <= most:
            self.add(path, f"must have {least} to {most} characters, has {count}")

    def text(self, path: str, value: str, most: int, least: int = 1) -> None:
        self.length(path, len(value), most, least)
        try:
            value.encode()
        except UnicodeEncodeError:
            self.add(path, "holds half of a surrogate pair, which UTF-8 cannot carry")

    def name(self, path: str, value: str, most: int) -> None:
        """A text that identifies something: it is printed, searched for and compared."""
        self.length(path, len(value), most)
        if not value.isprintable():
            self.add(path, "holds a character that cannot be printed")

    def size(self, path: str, count: int, most: int) -> None:
        if count > most:
            self.add(path, f"must have at most {most} bytes of JSON, has {count}")

    def amount(self, path: str, value: Kopecks | None) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_KOPECKS):
            self.add(path, f"must be a whole number of kopecks from 0 to {MAX_KOPECKS}")

    def member(self, path: str, value: str, allowed: frozenset[str]) -> None:
        if value not in allowed:
            self.add(path, f"must be one of {', '.join(sorted(allowed))}")

    def raise_any(self) -> None:
        """Raises Unacceptable with all of them, if there are any."""
        if self:
            first, *more = self
            raise Unacceptable(*first, *more)
