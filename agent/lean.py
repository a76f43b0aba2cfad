"""Keep what the daemon never uses out of its memory.

httpx and structlog import rich and pygments when they find them, for a command line and for tracebacks that a daemon does not show. That is
5 to 7 MB and up to 100 ms on every till, because the command line of the same installation does use rich.

httpcore looks for sniffio, which trio would bring, several times in every request. A module that is not there is looked for in every folder
of the path anew, which takes longer than the rest of the request.
"""

import sys
from types import ModuleType
from typing import cast

UNUSED = ("rich", "pygments", "trio", "sniffio")


def without_unused() -> None:
    """Make ``import rich`` (and the others) fail from here on, as if they were not installed; call it before any other import.

    What is already loaded stays: it is too late to save anything, and half a package would break its users.
    """
    modules = cast("dict[str, ModuleType | None]", sys.modules)  # None is Python's documented mark for "not importable"
    for name in UNUSED:
        modules.setdefault(name, None)
