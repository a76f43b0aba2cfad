"""The log: events with keys, for people who look for a fault. The journal is the record; losing a log line loses no money.

Every line passes one redaction: secrets by type, secrets by the name of their key, and what looks like a secret inside a text (a library's
exception can quote a header). Under systemd a line is JSON, with the fields of ``journald`` beside it; on a terminal it is coloured for
reading.
A log that cannot be written (a closed pipe, a full disk) is dropped: a sale must not fail because of it.
"""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import Any, TextIO

import structlog

from agent import journald
from agent.secrets import STARS, Secret
from agent.texts import Message, Translate, translator

MAX_DEPTH = 8  # deeper values are shown as stars: nothing the agent logs is nested like that
MAX_TEXT_CHARACTERS = 4_000  # one value; a provider's page of HTML must not fill the disk
MAX_SCANNED_CHARACTERS = 20_000  # of one value are searched for secrets; the rest is not shown
MAX_MEMBERS = 100  # of one collection

# One table for both uses: a word as it may stand in a key, written so that it also finds the key inside a text.
_SECRET_NAMES = (
    "pass(?:word|wd|code)",
    "secrets?",
    "token",
    "card[-_]?session",
    "card[-_]?number",
    "bar[-_]?code",
    "loyalty[-_]?(?:id|number)",
    "(?:proxy-)?authorization",
    "(?:set-)?cookie",
    "credentials?",
    "fingerprint",
    "one[-_]?time[-_]?(?:password|code)",
    "totp",
    "phone",
)
# Whoever has a payment link can pay by it. It is an address: in a text it ends at a space or a quotation mark, not at "&".
_LINK_NAME = "(?:payment|pay|hpp|checkout|order[-_]?detail)[-_ ]?(?:page[-_ ]?)?(?:url|link)"
_IN_KEY = re.compile("|".join(_SECRET_NAMES) + f"|loyalty|onetime|{_LINK_NAME}", re.IGNORECASE)
_IN_TEXT = re.compile(
    rf"""(?ix)
      (?P<link> {_LINK_NAME} \\* ["']? \s* [:=] \s* \\* ["']? ) [^\s"']+
    | (?P<name> (?: {"|".join(_SECRET_NAMES)} ) \\* ["']? \s* [:=] \s* (?: b (?=["']) )? \\* ["']? )
      (?: (?:basic|bearer) \s+ )? [^\s"',;&}})\]\\]+
    | (?P<scheme> \b (?:basic|bearer) \s+ ) [A-Za-z0-9+/_.~-]{{6,}} =*
    | (?P<address> \b https?:// ) [^\s/@]+ (?= @ )"""
)


class Mode(StrEnum):
    """How lines look."""

    JSON = "json"
    CONSOLE = "console"


def mode_for(stream: TextIO, environment: Mapping[str, str]) -> Mode:
    """JSON under systemd (which sets JOURNAL_STREAM) and wherever nobody watches; coloured lines on a terminal."""
    return Mode.CONSOLE if stream.isatty() and "JOURNAL_STREAM" not in environment else Mode.JSON


def configure(mode: Mode | None = None, level: str = "info", stream: TextIO | None = None, language: str = "en") -> None:
    """Set up structlog and the standard library's logging for this process. ``level``: debug, info, warning or error. ``language`` of what
    is said to people in a line (a ``Message``: a problem, what it means, what to do); events and keys are the same in all."""
    output = stream or sys.stdout
    mode = mode or mode_for(output, os.environ)
    to_journal = mode is Mode.JSON and journald.is_journal(output, os.environ)
    minimum = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _Spoken(translator(language)),
            structlog.processors.format_exc_info,  # tracebacks without local variables: those hold bodies, headers and passwords
            redact,
            *([_with_fields] if to_journal else [_renderer(mode)]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=lambda *_: _Lines(output),
        cache_logger_on_first_use=False,  # a logger made before this call must follow it
    )
    _route_standard_logging()


class _Spoken:
    """Puts what is said to people into their language."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: value.text(self._translate) if isinstance(value, Message) else value for key, value in event.items()}


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The one redaction: keys that name a secret, values that are one, and texts that quote one. Also used for exports."""
    return {key: STARS if _is_secret_name(key) else _clean(value, 0) for key, value in event.items()}


def _is_secret_name(key: str) -> bool:
    return _IN_KEY.search(key) is not None


def _clean(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        return STARS
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _clean_text(value)
        case Secret():
            return STARS
        case Mapping():
            members = list(value.items())[:MAX_MEMBERS]
            return {str(key): STARS if _is_secret_name(str(key)) else _clean(item, depth + 1) for key, item in members}
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Sequence() | set() | frozenset():
            return [_clean(item, depth + 1) for item in list(value)[:MAX_MEMBERS]]
        case _:
            return _clean_text(str(value))


def _clean_text(text: str) -> str:
    """Stars first, then the cut, so that the cut cannot separate a secret from its name. The end of a text is kept: it names the fault."""
    cleaned = _IN_TEXT.sub(lambda found: "".join(part for part in found.groups() if part) + STARS, text[:MAX_SCANNED_CHARACTERS])
    if len(cleaned) <= MAX_TEXT_CHARACTERS:
        return cleaned
    half = MAX_TEXT_CHARACTERS // 2
    return f"{cleaned[:half]} … {cleaned[-half:]}"


def _renderer(mode: Mode) -> structlog.typing.Processor:
    if mode is Mode.CONSOLE:
        return structlog.dev.ConsoleRenderer(colors=True, timestamp_key="at", exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _with_fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    """The line as it would be on standard output, and the fields it can be found by."""
    fields = list(journald.fields_of(event))
    line = structlog.processors.JSONRenderer(ensure_ascii=False)(None, "", event)
    return (str(line),), {"fields": fields}


class _Lines:
    """Writes finished lines; every level is the same method. What cannot be written is lost, and nobody waits for it twice. ``fields``: for
    systemd's journal; what it does not take goes to the stream, which ends there as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str, fields: Sequence[tuple[str, str]] = ()) -> None:
        if fields and journald.send(line, fields):
            return
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class _Routed(logging.Handler):
    """Passes what libraries log to structlog as ``library.said``."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(record.levelno, "library.said", library=record.name, text=record.getMessage(), exc_info=record.exc_info or None)


def _route_standard_logging() -> None:
    """Libraries speak from WARNING up: httpx logs every request's URL at INFO, uvicorn every poll of the POS."""
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Routed)] + [_Routed()]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "asyncio"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)
    logging.captureWarnings(True)
