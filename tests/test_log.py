"""Goal: the log helps, and never tells a secret or stops a sale. Method: real lines into real streams, canaries in every place."""

import io
import json
import logging
import pathlib
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from agent import log
from agent.log import MAX_DEPTH, MAX_MEMBERS, MAX_TEXT_CHARACTERS, Mode, configure, mode_for, redact
from agent.secrets import STARS, Secret

CANARY = "Q7W2E9canary"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """A configured log that writes JSON here; afterwards everything is as before."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    stream = io.StringIO()
    configure(Mode.JSON, "debug", stream)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.level, root.handlers = before[0], before[1]


def last(stream: io.StringIO) -> dict[str, Any]:
    line = stream.getvalue().splitlines()[-1]
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


def test_an_event_is_one_json_line_with_its_keys(lines: io.StringIO) -> None:
    """Event name, level, UTC time, the bound keys, Cyrillic as it is."""
    structlog.get_logger().bind(sale="shop/till/1").info("attempt.unclear", reason="timeout", brand="Ромашка", after_ms=5, link=None)
    line = last(lines)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "attempt.unclear",
        "level": "info",
        "sale": "shop/till/1",
        "reason": "timeout",
        "brand": "Ромашка",
        "after_ms": 5,
        "link": None,
    }
    assert "Ромашка" in lines.getvalue()


def test_a_level_hides_what_is_below(lines: io.StringIO) -> None:
    """At warning an info line is not written; a warning is."""
    configure(Mode.JSON, "warning", lines)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["loud"]


KEYS = ["password", "token", "cardSession", "card_session", "Card-Session", "barcode", "loyaltyId", "loyalty_id", "Authorization"]
KEYS += ["secrets", "put_secrets", "set-cookie", "phone", "totp", "proxy_authorization", "cashFingerPrint", "card_number"]
KEYS += ["paymentUrl", "payment_url", "payment-link", "hpp_url", "payUrl", "paymentPageUrl"]  # whoever has it can pay


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_names_a_secret_hides_its_value(lines: io.StringIO, key: str) -> None:
    """At the top, inside a mapping, and inside a list of mappings, whatever the value is."""
    for value in (CANARY, {"x": CANARY}, [CANARY], CANARY.encode()):
        structlog.get_logger().info("event", **{key: value}, body={"list": [{key: value}]})
    assert CANARY not in lines.getvalue()
    assert last(lines)["body"] == {"list": [{key: STARS}]}


QUOTES = [
    f"Authorization: Basic {CANARY}==",
    f"authorization: bearer {CANARY}",
    f"header Basic {CANARY} refused",
    f'{{"cardSession": "{CANARY}"}}',
    f"{{'card_session': '{CANARY}', 'x': 1}}",
    f'{{\\"token\\": \\"{CANARY}\\"}}',
    f"Request(token='{CANARY}')",
    f"/path?token={CANARY}&x=1",
    f"password = {CANARY}",
    f"barcode:{CANARY}",
    f"https://login:{CANARY}@host/path",
    f"https://{CANARY}@host/path",
    f'{{"paymentUrl": "https://pay.example/p?a=1&id={CANARY}", "x": 1}}',
    f"{{'payment_url': 'https://pay.example/{CANARY}'}}",
    f'{{"payment_url":"https:\\/\\/pay.example\\/{CANARY}"}}',
    f'{{\\"hppUrl\\": \\"https://pay.example/a,b;c?id={CANARY}\\"}}',
    f"payment link=https://pay.example/?x={CANARY}",
]


@pytest.mark.parametrize("text", QUOTES)
def test_a_text_that_quotes_a_secret_is_cleaned(lines: io.StringIO, text: str) -> None:
    """Headers, JSON, queries and addresses in messages lose the value, in a key's value and in the event's own name."""
    structlog.get_logger().info(text, detail=text, more=[text], error=ValueError(text))
    assert CANARY not in lines.getvalue()
    assert STARS in last(lines)["detail"]


@pytest.mark.parametrize("text", ["tokens are counted", "the password file is missing", "basic rules", "https://host/a@b", "key=value"])
def test_ordinary_texts_stay(lines: io.StringIO, text: str) -> None:
    """Words about secrets are no secrets: a log full of stars helps nobody."""
    structlog.get_logger().info("event", detail=text)
    assert last(lines)["detail"] == text


def test_secrets_by_type_print_as_stars_wherever_they_are(lines: io.StringIO) -> None:
    """A Secret under a harmless key, in a list, in a set of values and in an object's text shows stars."""
    secret = Secret(CANARY)
    structlog.get_logger().info("event", a=secret, b=[secret], c={"d": (secret,)}, e=f"{secret}", f=ValueError(secret))
    assert CANARY not in lines.getvalue()
    assert (last(lines)["a"], last(lines)["c"]) == (STARS, {"d": [STARS]})


def fail(card_session: str) -> None:
    local = card_session
    raise ValueError(f"unreadable answer, Authorization: Basic {local}")


def test_a_traceback_has_its_message_but_no_local_variables(lines: io.StringIO) -> None:
    """The type, the cleaned message and the lines are there; values of variables are not."""
    try:
        fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("answer.unreadable")
    shown = last(lines)["exception"]
    assert CANARY not in lines.getvalue()
    assert "ValueError: unreadable answer, Authorization: ***" in shown
    assert "in fail" in shown


def test_values_are_bounded(lines: io.StringIO) -> None:
    """A huge text keeps its beginning and its end, bytes are counted, deep and wide values are cut, other objects become text."""
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    text = "begin " + "x" * MAX_TEXT_CHARACTERS + " end"
    structlog.get_logger().info(
        "event", text=text, raw=b"123", deep=deep, wide=list(range(500)), path=pathlib.Path("/a"), many={i: i for i in range(500)}
    )
    line = last(lines)
    assert line["text"].startswith("begin x")
    assert line["text"].endswith("x end")
    assert len(line["text"]) <= MAX_TEXT_CHARACTERS + 3
    assert line["raw"] == "<3 bytes>"
    assert STARS in json.dumps(line["deep"])
    assert (len(line["wide"]), len(line["many"])) == (MAX_MEMBERS, MAX_MEMBERS)
    assert line["path"] == "/a"


def test_redaction_alone_serves_exports() -> None:
    """The same function cleans what leaves the till in other ways."""
    assert redact(None, "", {"token": "x", "a": 1.5}) == {"token": STARS, "a": 1.5}


@pytest.mark.parametrize("name", ["httpx", "uvicorn.error", "uvicorn.access", "asyncio", "some.library"])
def test_libraries_are_heard_from_warning_up(lines: io.StringIO, name: str) -> None:
    """A library's warning becomes an event with its name and passes the redaction; its chatter does not appear."""
    logging.getLogger(name).info("GET /?token=%s", CANARY)
    assert lines.getvalue() == ""
    logging.getLogger(name).warning("odd token=%s", CANARY)
    line = last(lines)
    assert (line["event"], line["level"], line["library"], line["text"]) == ("library.said", "warning", name, f"odd token={STARS}")


def test_a_librarys_own_output_is_taken_over(lines: io.StringIO) -> None:
    """What uvicorn set up for itself is replaced: its lines come once, as events."""
    own = io.StringIO()
    library = logging.getLogger("uvicorn")
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    configure(Mode.JSON, "info", lines)
    library.warning("hello")
    assert own.getvalue() == ""
    assert last(lines)["text"] == "hello"


def test_a_librarys_traceback_and_a_python_warning_are_heard(lines: io.StringIO) -> None:
    """exc_info of the standard logging is rendered, and warnings are captured."""
    try:
        fail("x")
    except ValueError:
        logging.getLogger("asyncio").exception("task failed")
    assert "ValueError" in last(lines)["exception"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("deprecated thing", stacklevel=1)
    assert "deprecated thing" in last(lines)["text"]


def test_configuring_twice_routes_once(lines: io.StringIO) -> None:
    """A second set-up replaces the first: no line appears twice."""
    configure(Mode.JSON, "info", lines)
    logging.getLogger("x").warning("once")
    assert len(lines.getvalue().splitlines()) == 1


class Full(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nothing(lines: io.StringIO) -> None:
    """A full disk, a closed pipe and a closed stream lose the line and nothing else."""
    configure(Mode.JSON, "info", Full())
    structlog.get_logger().error("lost")
    closed = io.StringIO()
    configure(Mode.JSON, "info", closed)
    closed.close()
    structlog.get_logger().error("lost")
    assert lines.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_mode_follows_the_stream() -> None:
    """A terminal gets colours; a pipe, a file and systemd's journal get JSON."""
    assert mode_for(Terminal(), {}) is Mode.CONSOLE
    assert mode_for(Terminal(), {"JOURNAL_STREAM": "8:1"}) is Mode.JSON
    assert mode_for(io.StringIO(), {}) is Mode.JSON


def test_the_console_is_coloured_and_redacted_too(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the same event is readable, with the same stars and a plain traceback; the mode is found by itself."""
    terminal = Terminal()
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    monkeypatch.setattr(log.sys, "stdout", terminal)
    configure()
    try:
        fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("attempt.unclear", reason="timeout", token=CANARY)
    shown = terminal.getvalue()
    assert "attempt.unclear" in shown
    assert "\x1b[" in shown
    assert "Traceback" in shown
    assert CANARY not in shown
    assert lines.getvalue() == ""


def test_the_daemon_does_not_load_rich() -> None:
    """After ``without_unused`` neither the log nor httpx brings rich or pygments into the process; without it they do (control)."""
    work = "import agent.log, httpx, sys; agent.log.configure(agent.log.Mode.CONSOLE); agent.log.structlog.get_logger().info('x');"
    ask = "print(sorted(m for m in ('rich', 'pygments') if sys.modules.get(m)))"
    cure = "import agent.lean; agent.lean.without_unused(); agent.lean.without_unused();"
    results = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        for code in (cure + work + ask, work + ask)
    ]
    assert results == ["[]", "['pygments', 'rich']"]
