"""What is wrong with a configuration, as the daemon tells it, and why one could not be written, for people."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.settings.problems import EXAMPLE
from agent.texts import N_, Translate, message

NO_ROOM = N_("There is no room on the disk of {folder}. Make some: sudo journalctl --vacuum-size=100M, sudo apt-get clean.")
NOT_WRITTEN = N_("{file} cannot be written: {problem}.")


def mistake(one: Mapping[str, Any], say: Translate) -> str:
    """A mistake of a configuration as the daemon tells it: where, what, and what would be right, line by line."""
    place = one["file"] if one["line"] is None else f"{one['file']}:{one['line']}"
    lines = [f"{place}: {one['key']}" if one["key"] else place, one["problem"], one.get("hint")]
    if one.get("example"):
        lines.append(message(EXAMPLE, example=one["example"]).text(say))
    return "\n  ".join(line for line in lines if line)


def unwritten(error: OSError, file: Path, say: Translate) -> tuple[str, str]:
    """The code and the text of why ``file``, or what belongs to it, was not written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "DISK_FULL", say(NO_ROOM).format(folder=file.parent)
    return "INTERNAL", say(NOT_WRITTEN).format(file=error.filename or file, problem=error.strerror or error)
