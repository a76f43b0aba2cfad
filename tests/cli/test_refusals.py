"""Goal: a refusal is understood in front of the till. Method: the words for codes; and the real command against the real agent."""

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.cli.common import Exit
from agent.cli.mistakes import unwritten
from agent.cli.refusals import refusal
from agent.reasons import ERRORS, RETURNS
from agent.texts import translator
from tests.support.stand import Plan, Socket, Stand

DETAIL = "terminal 'x' is not in the configuration"


@pytest.mark.parametrize("code", [*ERRORS, "INTERNAL"])
def test_every_code_has_its_meaning_first_and_the_detail_behind(code: str) -> None:
    """In the person's language; the detail names the thing."""
    first, second = refusal(code, DETAIL, {}, translator("ru")).split("\n")
    assert not any(word in first.lower() for word in ("the ", "nothing"))
    assert (first[0].isupper(), second) == (True, f"  {DETAIL}")


def test_why_a_return_is_refused_is_said_rather_than_that_it_is() -> None:
    """A code of a later agent has its own words alone."""
    say = translator("ru")
    assert refusal("NOT_REFUNDABLE", DETAIL, {"reason": "NOTHING_LEFT"}, say).startswith(say(RETURNS["NOTHING_LEFT"]))
    assert refusal("NOT_REFUNDABLE", DETAIL, {"reason": "LATER"}, say).startswith(say(ERRORS["NOT_REFUNDABLE"]))
    assert refusal("LATER", DETAIL, {}, say) == DETAIL


def test_a_person_reads_russian_and_a_program_what_it_always_read() -> None:
    """A sale that is not there, and a till that is not set up."""
    with Stand(Plan(language="ru", sockets=(Socket("pos"), Socket("admin", "admin")))) as stand:
        shown = stand.cli("show", "nobody", LANG="ru_RU.UTF-8")
        assert shown.returncode == Exit.USAGE
        assert shown.stderr.startswith("NOT_FOUND: Такой операции на этой кассе нет.\n  ")
        assert "'nobody'" in shown.stderr
        told = json.loads(stand.cli("show", "nobody", "--json", LANG="ru_RU.UTF-8").stdout)["error"]
        assert (told["code"], told["message"].count("\n"), "nobody" in told["message"]) == ("NOT_FOUND", 0, True)
        unknown = stand.cli("cancel", "k", "--store", "S12", "--terminal", "x", LANG="ru_RU.UTF-8")
        assert unknown.stderr.startswith("UNKNOWN_TERMINAL: Эта касса не настроена")


def test_a_configuration_that_does_not_fit_on_the_disk_is_told_with_what_to_do() -> None:
    """Any other trouble names its file and what the system says of it."""
    file, say = Path("/etc/koshelek-agent/koshelek-agent.toml"), translator("ru")
    code, text = unwritten(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), file, say)
    assert (code, "На диске, где /etc/koshelek-agent, нет места." in text, "apt-get clean" in text) == ("DISK_FULL", True, True)
    assert unwritten(OSError(errno.EROFS, "Read-only file system", "/etc/x"), file, say) == (
        "INTERNAL",
        "Записать /etc/x нельзя: Read-only file system.",
    )


@pytest.mark.parametrize("command", ["probe", "loopback"])
def test_a_port_that_is_not_there_is_told_in_russian(command: str, tmp_path: Path) -> None:
    """With the command that lists those that are."""
    shown = CliRunner().invoke(cli, [command, str(tmp_path / "tty")], env={"LC_ALL": "ru_RU.UTF-8"})
    assert shown.exit_code == Exit.UNREACHABLE
    assert shown.stderr == f"PORT: Такого порта нет: {tmp_path / 'tty'}. Какие есть, покажет koshelek-agent ports.\n"
