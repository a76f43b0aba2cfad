"""Compares what a page promises with what a program said.

A page shows real ids and times, and those of a test run differ. Two ids of the same form may stand for each other, as long as they do so
throughout the page; times and versions need only have the same form. ``…`` stands for anything, as a value or inside a text; as the last
member of a list for any more members.
"""

import re
from typing import Any

ANY = "…"
_MOMENT_MS = 10**12  # 2001, in milliseconds since 1970: no amount is as large
_IDS = [
    re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    re.compile(r"AD[0-9A-F]{30}"),  # qrcId
    re.compile(r"A[0-9A-F]{20}"),  # operationId
    re.compile(r"[0-9A-F]{8}"),  # kzo
    re.compile(r"[B-DF-HJ-NP-TV-XZ]{6}"),  # the word that confirms a decision
]
_FORMS = [
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"),
    re.compile(r"\d{4}-\d\d-\d\d"),
    re.compile(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d"),
    re.compile(r"\d+\.\d+\.\d+"),
]


class Likeness:
    """What stands for what: ids of the page to ids of the run."""

    def __init__(self) -> None:
        self.bound: dict[str, str] = {}

    def differences(self, documented: Any, actual: Any, path: str = "") -> list[str]:
        """Every place where the two differ; none if the page is right."""
        match documented, actual:
            case str(), _ if documented == ANY:
                return []
            case dict(), dict():
                return self._objects(documented, actual, path)
            case list(), list():
                return self._lists(documented, actual, path)
            case int(), int() if min(documented, actual) > _MOMENT_MS:
                return []
            case str(), str():
                return [] if self._texts(documented, actual) else [f"{path}: the page says {documented!r}, it is {actual!r}"]
            case _ if type(documented) is type(actual) and documented == actual:
                return []
            case _:
                return [f"{path}: the page says {documented!r}, it is {actual!r}"]

    def put_in(self, request: Any) -> Any:
        """A request of the page with the ids of the run."""
        match request:
            case dict():
                return {name: self.put_in(value) for name, value in request.items()}
            case list():
                return [self.put_in(value) for value in request]
            case str():
                return self.bound.get(request, request)
            case _:
                return request

    def _objects(self, documented: dict[str, Any], actual: dict[str, Any], path: str) -> list[str]:
        found = [f"{path}.{name}: not on the page, it is {actual[name]!r}" for name in actual.keys() - documented.keys()]
        found += [f"{path}.{name}: on the page, but not there" for name in documented.keys() - actual.keys()]
        for name in documented.keys() & actual.keys():
            found += self.differences(documented[name], actual[name], f"{path}.{name}")
        return sorted(found)

    def _lists(self, documented: list[Any], actual: list[Any], path: str) -> list[str]:
        if documented and documented[-1] == ANY:
            documented = documented[:-1]
            actual = actual[: len(documented)]
        if len(documented) != len(actual):
            return [f"{path}: the page shows {len(documented)}, there are {len(actual)}: {actual!r}"]
        pairs = zip(documented, actual, strict=True)
        return [found for place, (one, other) in enumerate(pairs) for found in self.differences(one, other, f"{path}[{place}]")]

    def _texts(self, documented: str, actual: str) -> bool:
        if documented in self.bound:
            return self.bound[documented] == actual
        if any(form.fullmatch(documented) and form.fullmatch(actual) for form in _IDS):
            self.bound[documented] = actual
            return True
        if any(form.fullmatch(documented) and form.fullmatch(actual) for form in _FORMS):
            return True
        if ANY in documented:
            return re.fullmatch(".*".join(map(re.escape, documented.split(ANY))), actual, re.DOTALL) is not None
        return documented == actual
