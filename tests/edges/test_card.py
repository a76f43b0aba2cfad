"""The helper command with real processes: what it may print, and everything it may do wrong."""

import asyncio
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.ports import HelperFailed
from agent.edges.card import MAX_BARCODE_BYTES, MAX_OUTPUT_BYTES, MAX_WAITING, HelperCard, _converse

Write = Callable[[str], str]
BARCODE = "CM4321\x1dcanary-barcode"


@pytest.fixture
def helper(tmp_path: Path) -> Write:
    """Writes a shell script and gives its path."""

    def write(text: str) -> str:
        path = tmp_path / f"helper-{time.monotonic_ns()}"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(stat.S_IRWXU)
        return str(path)

    return write


def prints(text: str) -> str:
    return f"cat >/dev/null; cat <<'END'\n{text}\nEND"


def read(path: str) -> str:
    return Path(path).read_text()


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in read(f"/proc/{pid}/status")
    except (FileNotFoundError, ProcessLookupError):
        return False


async def fails(card: HelperCard, barcode: str | None = None) -> str:
    """The text of the failure."""
    with pytest.raises(HelperFailed) as caught:
        await (card.token() if barcode is None else card.card_session(barcode))
    text = str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:  # nothing secret in any cause either
        assert "canary" not in repr(vars(error)) + repr(error.args)
        error = error.__cause__ or error.__context__
    return text


async def test_a_token_is_asked_for(helper: Write) -> None:
    """``COMMAND token``, options kept, nothing on its input."""
    script = helper('[ "$*" = "--till 7 token" ] && [ -z "$(cat)" ] && echo \'{"token": "AQ==123", "more": 1}\'')
    card = HelperCard([script, "--till", "7"])
    assert await card.token() == "AQ==123"
    card.close()


async def test_the_barcode_goes_in_by_standard_input_alone(helper: Write, tmp_path: Path) -> None:
    """Byte for byte, without a line end; arguments and environment do not hold it; nothing of our environment is inherited."""
    seen = tmp_path / "seen"
    script = helper(
        f"cat >{seen}.in; tr '\\0' '\\n' </proc/$$/cmdline >{seen}.argv; env >{seen}.env; pwd >{seen}.cwd; "
        'echo \'{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "Abc123"}\''
    )
    os.environ["CANARY_OF_OURS"] = "1"
    try:
        card = HelperCard([script], environment={"VENDOR_HOME": "/opt/vendor"})
        assert await card.card_session(BARCODE) == "Abc123"
        card.close()
    finally:
        del os.environ["CANARY_OF_OURS"]
    assert read(f"{seen}.in") == BARCODE
    assert "canary" not in read(f"{seen}.argv")
    environment = read(f"{seen}.env")
    assert "CANARY" not in environment
    assert "VENDOR_HOME=/opt/vendor" in environment
    assert read(f"{seen}.cwd") == "/\n"


@pytest.mark.parametrize(
    ("answer", "session"),
    [
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "S1"}', "S1"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": false, "cardSession": "S1"}', None),
        ('{"resultCode": "CARDSESSION_AVAILABLE_SOON", "totpCodeValid": true, "cardSession": "S1"}', None),
        ('{"resultCode": "NO_SESSION", "totpCodeValid": true}', None),
        ('{"resultCode": "NOT_OURS", "totpCodeValid": false, "cardSession": null}', None),
    ],
)
async def test_a_card_session_needs_both_yeses(helper: Write, answer: str, session: str | None) -> None:
    """Only the documented success counts; every other code, known or not, means an ordinary payment."""
    card = HelperCard([helper(prints(answer))])
    assert await card.card_session(BARCODE) == session
    card.close()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("", "JSON"),
        ("canary", "JSON"),
        ("[]", "JSON"),
        ('"canary"', "JSON"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "canary"', "JSON"),
        ("[" * 20_000, "JSON"),
        ('{"totpCodeValid": true, "cardSession": "canary"}', "resultCode"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "cardSession": "canary"}', "totpCodeValid"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": "true", "cardSession": "canary"}', "totpCodeValid"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": 1, "cardSession": "canary"}', "totpCodeValid"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true}', "cardSession"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": ""}', "cardSession"),
        ('{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": 7}', "cardSession"),
    ],
)
async def test_another_answer_is_a_failure_that_quotes_nothing(helper: Write, answer: str, word: str) -> None:
    """The text names what is missing; what was printed appears in no message and no cause."""
    card = HelperCard([helper(prints(answer))])
    assert word in await fails(card, BARCODE)
    card.close()


@pytest.mark.parametrize("token", ['""', "null", "7", '"a\\nb"', '"a\\u0000"', f'"{"x" * 4097}"'])
async def test_a_token_must_be_a_printable_text(helper: Write, token: str) -> None:
    """It becomes a header, of a length that can be stored and sent."""
    card = HelperCard([helper(prints(f'{{"token": {token}}}'))])
    assert "token" in await fails(card)
    card.close()


async def test_a_helper_that_cannot_start_is_named(tmp_path: Path, helper: Write) -> None:
    """Missing, not executable, without its interpreter, not a program: four texts for the technician."""
    plain = tmp_path / "plain"
    plain.write_text("x")
    odd = tmp_path / "odd"
    odd.write_text("#!/no/such/interpreter\n")
    odd.chmod(stat.S_IRWXU)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x00\x01")
    binary.chmod(stat.S_IRWXU)
    for path, word in (
        (tmp_path / "none", "not found"),
        (plain, "not executable"),
        (odd, "interpreter"),
        (binary, "cannot be started"),
    ):
        card = HelperCard([str(path)])
        text = await fails(card)
        card.close()
        assert word in text
        assert str(path) in text
    with pytest.raises(ValueError):
        HelperCard([])


async def test_a_bad_end_is_a_failure(helper: Write) -> None:
    """A good answer with a bad exit status does not count; what went to the error stream is not repeated."""
    good = prints('{"token": "canary"}')
    card = HelperCard([helper(f"{good}\necho canary-on-stderr >&2; exit 3")])
    assert await fails(card) == "the helper ended with exit status 3"
    card = HelperCard([helper("kill -SEGV $$")])
    assert await fails(card) == f"the helper was killed by signal {signal.SIGSEGV.value}"


async def test_too_much_output_ends_the_helper(helper: Write) -> None:
    """It prints for ever: cut at the limit, killed, and memory stays small."""
    card = HelperCard([helper("exec yes canary")], time_limit_ms=5_000)
    began = time.monotonic()
    assert await fails(card) == f"the helper printed more than {MAX_OUTPUT_BYTES} bytes"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "hang", ["sleep 60 & echo $! >PID; wait", "sleep 60 & echo $! >PID; exit 0", "sleep 60 & echo $! >PID; exec >&-; wait"]
)
async def test_a_hanging_helper_is_killed_with_its_children(helper: Write, tmp_path: Path, hang: str) -> None:
    """It waits, leaves a child with its output, or closes its output and stays: over after the time limit, nobody of the group lives."""
    pid_file = tmp_path / "pid"
    card = HelperCard([helper(hang.replace("PID", str(pid_file)))], time_limit_ms=300)
    began = time.monotonic()
    assert await fails(card, BARCODE) == "the helper timed out after 300 ms"
    assert time.monotonic() - began < 2
    child = int(pid_file.read_text())
    for _ in range(100):
        if not alive(child):
            break
        await asyncio.sleep(0.01)
    else:
        raise AssertionError("the child is still alive")


async def test_a_helper_that_ignores_the_barcode_may_still_answer(helper: Write) -> None:
    """It closes its input at once: its answer counts, the broken pipe does not."""
    card = HelperCard([helper('exec <&-; sleep 0.05; echo \'{"resultCode": "X", "totpCodeValid": false}\'')])
    assert await card.card_session("1" * MAX_BARCODE_BYTES) is None
    card.close()


def test_a_helper_that_is_gone_before_it_is_written_to_is_judged_by_its_answer() -> None:
    """The pipe is broken already: no error of its own."""
    with subprocess.Popen(["true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        process.wait()
        assert _converse(process, b"1", time.monotonic() + 1) == b""


async def test_an_endless_barcode_is_refused(helper: Write, tmp_path: Path) -> None:
    """Beyond the limit no process is started."""
    ran = tmp_path / "ran"
    card = HelperCard([helper(f"touch {ran}")])
    assert "longer" in await fails(card, "1" * (MAX_BARCODE_BYTES + 1))
    assert not ran.exists()


async def test_calls_are_bounded_and_outlive_their_callers(helper: Write) -> None:
    """Few processes at a time, a bounded queue, and a caller that goes away gives its place back when its call ends."""
    card = HelperCard([helper(prints('{"token": "t"}') + "\nsleep 0.1")])
    callers = [asyncio.create_task(card.token()) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0.05)
    assert "busy" in await fails(card)
    for caller in callers[:8]:
        caller.cancel()
    assert await asyncio.gather(*callers[8:]) == ["t"] * 8
    assert await card.token() == "t"
    card.close()
    assert await fails(card) == "the agent is stopping"
