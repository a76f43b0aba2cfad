"""A mistake of a configuration, as the daemon tells it, for people."""

from collections.abc import Mapping
from typing import Any

from agent.settings.problems import EXAMPLE
from agent.texts import Translate, message


def mistake(one: Mapping[str, Any], say: Translate) -> str:
    """A mistake of a configuration as the daemon tells it: where, what, and what would be right, line by line."""
    place = one["file"] if one["line"] is None else f"{one['file']}:{one['line']}"
    lines = [f"{place}: {one['key']}" if one["key"] else place, one["problem"], one.get("hint")]
    if one.get("example"):
        lines.append(message(EXAMPLE, example=one["example"]).text(say))
    return "\n  ".join(line for line in lines if line)
