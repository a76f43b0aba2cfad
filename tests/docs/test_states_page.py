"""Goal: what technicians and cashiers read in Russian about states and codes is what the program says, all of it. Method: the tables of the
page are made anew from the code's own, the leaflet's words are looked for in the catalogue, the index in the folder."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent import reasons
from agent.core.answer import Money
from agent.edges import replies
from agent.texts import translator
from drivers.line import LineState
from tests.docs.leaflet import PRINTED, printed
from tests.docs.leaflet import TEXT as LEAFLET
from tests.docs.states_page import MONEY, PAGE, REASONS, STATES, drawn, tables
from tests.system import require

FOLDER = PAGE.parent
say = translator("ru")


def test_the_tables_are_fresh() -> None:
    """The page has every table, each as the code has it now, and each is drawn where its marker stands."""
    text = PAGE.read_text(encoding="utf-8")
    assert drawn(text) == text, "run: python -m tests.docs.states_page --write"
    assert sorted(re.findall(r"<!-- table: (\w+) -->", text)) == sorted(tables())


@pytest.mark.parametrize("name", STATES)
def test_every_state_has_its_advice(name: str) -> None:
    """What to do is said for each state, and for none that does not exist."""
    texts, advice = STATES[name]
    assert texts.keys() == advice.keys()
    assert all(text.endswith(".") for text in advice.values())


def test_no_table_of_the_code_is_left_out() -> None:
    """Every table of states, of reasons, of money and of lines; every code a register can be told stands on the page."""
    told = {id(texts) for texts, _ in STATES.values()} | {id(replies.LINK_STATES)}
    assert [name for name, table in vars(replies).items() if name.endswith("STATES") and id(table) not in told] == []
    listed = {code for texts in REASONS.values() for code in texts}
    assert listed == set(reasons.REASONS) | set(reasons.LINK)
    assert set(MONEY) == set(Money)
    assert set(STATES["lines"][0]) == {state.value for state in LineState}
    page = PAGE.read_text(encoding="utf-8")
    assert [code for code in listed if f"`{code}`" not in page] == []


def test_everything_on_it_is_russian() -> None:
    """No text has fallen back to English for want of a translation."""
    texts: list[Mapping[str, str]] = [*(texts for texts, _ in STATES.values()), *REASONS.values()]
    assert [text for table in texts for text in table.values() if not re.search("[а-я]", say(text))] == []


# --- the leaflet ---

CASHIERS = {  # what a cashier can see of a payment and of a return, by the leaflet's rows
    "payment": set(replies.STATES) - {"elsewhere"},
    "link": {"pending"},
    "refund": set(replies.REFUND_STATES),
}


def test_the_leaflet_quotes_what_the_screen_says() -> None:
    """Each answer that a cashier can see is there, in the very words of her screen; each quotation begins what the program can say."""
    quoted = [text.rstrip(" …") for text in re.findall(r"\*\*([^*]+)\*\*", LEAFLET.read_text(encoding="utf-8").split("\n## ")[0])][1:]
    tables = {"payment": replies.STATES, "link": replies.LINK_STATES, "refund": replies.REFUND_STATES}
    said = {(name, state): say(tables[name][state]) for name, states in CASHIERS.items() for state in states}
    said |= {("charged", code): say(text) for code, text in reasons.CHARGED.items()}
    assert [key for key, text in said.items() if not any(text.startswith(one) for one in quoted)] == []
    assert [one for one in quoted if not any(text.startswith(one) for text in said.values())] == []


def test_the_leaflets_advice_quotes_what_the_screen_says() -> None:
    """Whatever stands in quotation marks there and is a sentence is one of the program's."""
    quoted = [text for text in re.findall("«([^»]+)»", LEAFLET.read_text(encoding="utf-8")) if len(text.split()) > 2]
    said = [say(text) for text in (*replies.STATES.values(), *reasons.REASONS.values())]
    assert len(quoted) == 3
    assert [one for one in quoted if not any(text.startswith(one) for text in said)] == []


def test_the_leaflet_to_print_is_fresh() -> None:
    """The page for the printer is made from the text."""
    assert PRINTED.read_text(encoding="utf-8") == printed(LEAFLET.read_text(encoding="utf-8")), "run: python -m tests.docs.leaflet --write"


@pytest.mark.system
def test_the_leaflet_is_one_sheet_of_paper(tmp_path: Path) -> None:
    """Printed by a browser it has one page, and half as much again has two."""
    require("chromium")
    longer = tmp_path / "longer.html"
    longer.write_text(printed(LEAFLET.read_text(encoding="utf-8") + "\n\nлишнее\n" * 20), encoding="utf-8")
    assert [_pages(page, tmp_path) for page in (PRINTED, longer)] == [1, 2]


def _pages(page: Path, folder: Path) -> int:
    file = folder / "printed.pdf"
    plain = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={folder}"]
    subprocess.run(["chromium", *plain, f"--print-to-pdf={file}", page.as_uri()], capture_output=True, check=True, timeout=60)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", file.read_bytes()))


def test_the_index_names_every_page() -> None:
    """Nothing is missing in it, and nothing on it is missing."""
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", index))
    assert linked == {path.name for path in Path(FOLDER).glob("*.md")} - {"README.md"}
