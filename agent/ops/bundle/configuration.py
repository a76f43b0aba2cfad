"""The configuration as support may see it: the settings that are known, with their values; of everything else only that it is there.

No comment is taken along (old passwords stand in comments), no value of an unknown setting (a password under a mistyped name), nothing that
is said of buyers, and of a helper command only the program: its arguments may be anything.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from agent.ops.bundle.scrub import Scrubber
from agent.secrets import STARS
from agent.settings import Settings
from agent.settings.load import MAX_FILE_BYTES, read_regular
from agent.settings.part import Part

PRIVATE = frozenset({"customer"})  # tables of which only the names of the settings are shown


class Unreadable(Exception):
    """The configuration cannot be read as TOML; the message says where, and quotes nothing."""


def read(path: Path) -> Mapping[str, Any]:
    """The file as it is, for looking around in. Raises Unreadable, OSError."""
    data = read_regular(path, MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(f"{path} is longer than {MAX_FILE_BYTES} bytes")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is not UTF-8") from error
    except RecursionError as error:
        raise Unreadable(f"{path} is nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        _, _, place = str(error).rpartition("(at ")
        raise Unreadable(f"{path} is not TOML: see {place.rstrip(')') or 'its end'}") from error
    except ValueError as error:  # Python refuses a number of thousands of digits
        raise Unreadable(f"{path} holds a number that is too long") from error


def shown(data: Mapping[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """What support may see of it."""
    return {key: _shown(key, value, scrubber) for key, value in data.items()}


def addresses(data: object) -> Iterator[str]:
    """The addresses of payment systems: they may be shown as they are. That of a payment page is the beginning of payment links."""
    match data:
        case Mapping():
            for key, value in data.items():
                if isinstance(value, str) and key.endswith("base_url") and not key.startswith("hpp") and "@" not in value:
                    yield value
                yield from addresses(value)
        case list():
            for member in data:
                yield from addresses(member)
        case _:
            return


def _shown(key: str, value: object, scrubber: Scrubber) -> object:
    if key not in _settings():
        return STARS
    match value:
        case Mapping() if key in PRIVATE:
            return dict.fromkeys(map(str, value), STARS)
        case Mapping():
            return {str(name): _shown(str(name), one, scrubber) for name, one in value.items()}
        case list() if key == "command":
            return [scrubber.text(str(one)) for one in value[:1]] + [STARS for _ in value[1:]]
        case list():
            return [_shown(key, one, scrubber) for one in value]
        case str():
            return scrubber.value(value, key)
        case _:
            return value if isinstance(value, int | float | bool) else str(value)


@cache
def _settings() -> frozenset[str]:
    """The name of every setting and table."""

    def kinds(kind: type[Part]) -> Iterator[type[Part]]:
        yield kind
        for below in kind.__subclasses__():
            yield from kinds(below)

    assert issubclass(Settings, Part)
    return frozenset(name for kind in kinds(Part) for name in kind.model_fields)
