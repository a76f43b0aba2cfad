"""Goal: the manual page and the completion say what the commands are. Method: both are made and compared with the commands themselves."""

import os
import re
import subprocess
import sys

import click
import pytest

from agent import __version__
from agent.cli import COMMANDS, cli
from agent.cli.common import COMMON_OPTIONS, Exit
from agent.cli.manual import EXITS, commands, manual
from tests.system import require

DAY = "1767225600"


@pytest.fixture(scope="module")
def page() -> str:
    old = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = DAY
    try:
        return manual()
    finally:
        os.environ.pop("SOURCE_DATE_EPOCH") if old is None else os.environ.update(SOURCE_DATE_EPOCH=old)


def plain(text: str) -> str:
    return text.replace("\\-", "-")


def test_the_page_has_every_command_with_every_option(page: str) -> None:
    """In a section of its own; the common options once, at the top."""
    parts = dict(re.findall(r"^\.SS (.+?)\n(.*?)(?=^\.S[SH]|\Z)", plain(page), re.MULTILINE | re.DOTALL))
    common = {word for option in COMMON_OPTIONS for word in option.opts}
    found = dict(commands(cli))
    assert parts.keys() == found.keys()
    assert {name.split()[0] for name in found} == {*COMMANDS, "version"}
    for name, command in found.items():
        own = {parameter.opts[0] for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden} - common
        assert own == set(re.findall(r"^\.B (?:-\w, )?(--[a-z-]+)", parts[name], re.MULTILINE)), name
    head = plain(page).partition(".SH COMMANDS")[0]
    assert {word for word in common if f".B {word}" in head} == common


def test_the_page_has_a_head_and_every_exit_status(page: str) -> None:
    """The version, the day of the build, and what a script relies on."""
    assert page.startswith(f'.TH KOSHELEK\\-AGENT 1 "2026-01-01" "koshelek-agent {__version__}"')
    assert EXITS.keys() == set(Exit)
    for status in Exit:
        assert f".B {int(status)}\n" in page


@pytest.mark.system
def test_the_page_is_set_without_a_complaint(page: str) -> None:
    """groff with all its warnings has none; of a page with an unknown request it has one (control)."""
    require("groff")

    def complaints(text: str) -> str:
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, capture_output=True, text=True, check=False)
        return done.stderr

    assert complaints(page) == ""
    assert complaints(f"{page}.nonsense\n") != ""


def test_the_shell_completes_commands_and_options() -> None:
    """The script for bash asks the program, so it knows what the program knows."""

    def completed(words: str) -> set[str]:
        asked = {**os.environ, "_KOSHELEK_AGENT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        ran = subprocess.run([sys.executable, "-m", "agent"], env=asked, capture_output=True, text=True, check=True)
        return {line.split(",", 1)[1] for line in ran.stdout.splitlines()}

    assert completed("koshelek-agent ") >= {"status", "owed", "config"}
    assert completed("koshelek-agent config ch") == {"check"}
    assert "--attention" in completed("koshelek-agent list --")
