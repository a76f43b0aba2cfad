"""What a configuration's file says before it is read as a whole, also of one that is wrong: whose till it is, and in what language."""

import os
import re
from pathlib import Path


def of_service(file: Path) -> Path:
    """The same file. With the machine's the till is the service's, whoever asks: not one that a person has of his own."""
    from agent.settings.load import SYSTEM_FILE
    from agent.settings.model import SERVICE_STATE, STATE_VARIABLE

    if file.absolute() == SYSTEM_FILE:
        os.environ.setdefault(STATE_VARIABLE, str(SERVICE_STATE))
    return file


def spoken_in(file: Path, default: str | None = None) -> str | None:
    """The language that a configuration asks for, where the rest of it cannot be read; ``default`` if it does not say, None if it cannot
    be known."""
    from agent.settings.load import MAX_FILE_BYTES, read_regular

    try:
        text = read_regular(file, MAX_FILE_BYTES).decode(errors="replace")
    except OSError:
        return None
    found = re.search(r'^\s*language\s*=\s*("(ru|en)")?', text, re.MULTILINE)
    return found[2] if found else default
