"""Goal: the page by which a technician looks for a fault is true. Method: its commands are compared with the commands themselves, the names
of checks and log events with those of the code, and what is marked is run beside a real till."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agent.cli import cli
from agent.ops.doctor.examine import CHECKS
from agent.texts import CATALOGUES
from tests.docs.pages import DOCS, Page
from tests.docs.test_cli_page import COMMANDS
from tests.support.stand import Stand

PAGE = Page("ru/diagnostika.md")
AGENT = Path(CATALOGUES).parent


def lines() -> list[list[str]]:
    """The words behind ``koshelek-agent`` of every command of the page, in blocks and in sentences."""
    text = re.sub(r"^ *```.*$", "", PAGE.text, flags=re.MULTILINE)
    found = re.findall(r"(?:^ *(?:sudo (?:-u \S+ )?)?|`(?:sudo )?)koshelek-agent ([a-z][^`\n]*)", text, re.MULTILINE)
    return [shlex.split(one) for one in found]


def test_every_command_exists_with_its_options() -> None:
    """No command and no option is promised that there is not."""
    assert len(lines()) > 20
    for words in lines():
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), None)
        assert name is not None, words
        known = {
            option
            for parameter in (*COMMANDS[name].params, *cli.params)
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        assert {word for word in words if word.startswith("--")} <= known, words


def test_every_check_and_event_named_exists() -> None:
    """Names in backticks that look like a line of the doctor or an event of the log are in the code."""
    sources = "\n".join(path.read_text() for path in AGENT.rglob("*.py"))
    events = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE.text)) - {"alarm.alarm_raised"}  # made of two parts
    assert len(events) > 15
    assert [event for event in events if f'"{event}"' not in sources] == []
    checks = set(re.findall(r"[Сс]трок[аи] `([a-z]+)`", PAGE.text))
    assert len(checks) > 7
    assert checks - {"attention"} <= {check.name for check in CHECKS}


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made


def test_what_is_marked_runs(stand: Stand) -> None:
    """At a till that works: nothing fails but for the sale that the page only stands for."""
    ran = []
    for marked in PAGE.marked("run"):
        for line in marked.blocks[0].text.strip().splitlines():
            words = shlex.split(line)
            arguments = words[words.index("koshelek-agent") + 1 :]
            if "КЛЮЧ" in arguments:
                continue
            done = stand.cli(*arguments, cwd=stand.folder, LC_ALL="ru_RU.UTF-8")
            assert done.returncode in (0, 10), (line, done.stdout, done.stderr)
            ran.append(arguments[0])
    assert ran == ["doctor", "bundle", "ports", "list", "config"]


def test_the_links_lead_somewhere() -> None:
    """Into other pages."""
    assert [link for link in PAGE.links() if not (DOCS / "ru" / link.partition("#")[0]).is_file()] == []
