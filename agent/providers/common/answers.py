"""What answers of all payment systems have in common: the pause they ask for, a token, a code that may be kept, a page that is none."""

import re
from collections.abc import Mapping
from typing import Final

from agent.core.verdict import Reply

MAX_RETRY_AFTER_S: Final = 86_400  # a day: a longer wait would outlive every deadline, and one wrong header must not stop a till for good
MAX_CODE_CHARACTERS: Final = 64
MAX_CODE_DIGITS: Final = 5  # known codes have four at most; a phone has ten, a card sixteen, however they are spelled

_DELTA_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_CODE: Final = re.compile(rf"(?=.*[A-Za-z])[A-Za-z0-9_.:-]{{1,{MAX_CODE_CHARACTERS}}}")
_DIGIT: Final = re.compile(r"[0-9]")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")  # what fits into a header line; known ones are JSON web tokens of under 1 KiB


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """Seconds, at most a day. The date form is left alone: it needs a clock, and the machines have a back-off of their own."""
    text = headers.get("retry-after", "").strip()
    return min(int(text), MAX_RETRY_AFTER_S) if _DELTA_SECONDS.fullmatch(text) else None


def code_of(value: object) -> str | None:
    """A code in letters, as it may stand in a log and in the record; None for anything else. Free text may quote a buyer, and so may a
    word: what has as many digits as a card or a phone, or digits alone, which could be a part of one, is no code."""
    if not isinstance(value, str) or not _CODE.fullmatch(value) or len(_DIGIT.findall(value)) > MAX_CODE_DIGITS:
        return None
    return value


def token_of(value: object) -> str | None:
    """What a login brought, if it can stand in a header."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def is_page(reply: Reply) -> bool:
    """A page of some machine in between, which answers 200 to everything: no answer of an API."""
    return reply.headers.get("content-type", "").strip().lower().startswith("text/html")
