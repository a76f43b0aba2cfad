"""Goal: what the Russian pages name is where they say. Method: their examples are put into a configuration, their pictures and paths are
compared with what the package installs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.settings import HttpListener, load
from tests.docs.pages import DOCS
from tests.support.stand import ROOT, Plan, Port, Stand

PAGES = sorted((DOCS / "ru").glob("*.md"))
INSTALLED = "/usr/share/doc/koshelek-agent/"
BUILD = (ROOT / "systemd" / "debian" / "build.sh").read_text(encoding="utf-8")


@pytest.fixture
def till() -> Iterator[Stand]:
    """The files of a till with a way in over HTTP; nothing runs."""
    made = Stand(Plan(ports=(Port("web", "http"),)))
    made._write_files()
    yield made
    made.close()


def test_the_operators_client_can_be_pasted(till: Stand) -> None:
    """Behind the last line of the HTTP listener, as the page says: the other client stays, and this one is an operator."""
    (example,) = re.findall(r"<!-- example: operator -->\n *```toml\n(.*?)```", (DOCS / "ru" / "stranitsa.md").read_text(), re.DOTALL)
    token = till.folder / "operator-token"
    token.write_text("0" * 48)
    token.chmod(0o600)
    text = till.config.read_text()
    pasted = re.sub("^ +", "", example, flags=re.MULTILINE).replace("/etc/koshelek-agent/operator-token", str(token))
    before, http, after = text.partition('kind = "http"')
    own, header, others = after.partition("\n[[listener]]\n")
    till.config.write_text(f"{before}{http}{own}\n{pasted}{header}{others}")
    (found,) = [one for one in load(till.config).listener if isinstance(one, HttpListener)]
    assert [(one.name, str(one.role)) for one in found.client] == [("web", "pos"), ("operator", "admin")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_and_names_is_in_the_package(page: Path) -> None:
    """Pictures are shipped, files are named by where the package puts them and not by where the sources are."""
    text = page.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]*\]\(\.\./([^)]+)\)", text)
    assert [one for one in pictures if not (DOCS / one).is_file() or f"docs/{Path(one).parent}/" not in BUILD] == []
    assert re.findall(r"`(?:config|docs|systemd)/[^`]+`", text) == []
    named = [one.rstrip("/") for one in re.findall(rf"{INSTALLED}([\w./-]+)", text)]
    assert [one for one in named if f"$document/{one}" not in BUILD] == []
