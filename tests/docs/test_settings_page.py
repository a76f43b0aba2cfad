"""Goal: the technicians' page about the configuration is true. Method: its tables are made anew from the code, its files and commands are
carried out in their order against a sandbox."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.settings import load
from agent.settings.entries import entries
from tests.docs.settings_page import PAGE, drawn, tables
from tests.support.stand import ROOT, Stand

_MARKED = re.compile(r"<!-- (?P<kind>file|run): (?P<name>\S+) -->\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tables_are_fresh() -> None:
    """The page has every table, each as the code has it now, and no setting is in none."""
    text = PAGE.read_text(encoding="utf-8")
    assert drawn(text) == text, "run: python -m tests.docs.settings_page --write"
    assert sorted(re.findall(r"<!-- table: ([\w.]+) -->", text)) == sorted(tables())
    fields = {one.field for one in entries() if not one.name.startswith("provider.") or one.name.count(".") > 1}
    assert {field for field in fields if f"| `{field}` |" not in text} == set()


@pytest.fixture
def till() -> Iterator[Stand]:
    """A machine with the command and the sandbox; what the page calls /etc and a stick is in its folder."""
    stand = Stand()
    try:
        stand.start_sandbox()
        (stand.folder / "etc").mkdir()
        (stand.folder / "koshelek-password").write_text("sandbox\n")
        (stand.folder / "koshelek-password").chmod(0o600)
        command = stand.folder / "koshelek-agent"
        config = stand.folder / "etc" / "koshelek-agent.toml"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m agent --config {config} "$@"\n')
        command.chmod(0o755)
        yield stand
    finally:
        stand.close()


def here(till: Stand, text: str) -> str:
    """What the page says, on this machine."""
    text = text.replace("/etc/koshelek-agent/", f"{till.folder}/etc/").replace("/media/usb/", f"{till.folder}/")
    return text.replace("127.0.0.1:8099", f"127.0.0.1:{till.sandbox_port}")


def test_what_the_page_says_can_be_done(till: Stand) -> None:
    """File by file and command by command; each succeeds, and the configuration is there in the end."""
    ran: list[str] = []
    environment = till._environment() | {"PATH": f"{till.folder}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    for marked in _MARKED.finditer(PAGE.read_text(encoding="utf-8")):
        text = here(till, marked["text"])
        if marked["kind"] == "file":
            Path(here(till, marked["name"])).write_text(text, encoding="utf-8")
            continue
        command = ["bash", "-ec", text]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=till.folder, env=environment)
        assert done.returncode == 0, f"{marked['name']}: {done.stdout}{done.stderr}"
        ran.append(marked["name"])
    assert ran == ["rollout", "token", "explain", "check", "schema"]
    assert load(till.folder / "etc" / "koshelek-agent.toml").terminal[0].terminal_id == "till-03"
    assert '"description": "Файл' in (till.folder / "etc" / "koshelek-agent.schema.json").read_text(encoding="utf-8")


def test_the_links_lead_somewhere() -> None:
    """To pages that are there."""
    for link in re.findall(r"\]\(([^)#\s]+)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / link).is_file(), link
