"""docs/providers.md names what there is: files, classes, settings; and every payment system stands on it with its own part."""

import re
from pathlib import Path

import pytest

from agent.core.capability import TABLE, Capabilities, Refunds
from agent.settings import SYSTEMS, Webhooks
from tests.contract.kits import KITS
from tests.docs.pages import Page

ROOT = Path(__file__).parents[2]
PAGE = Page("providers.md")
TITLES = {"koshelek": "Koshelek Pay", "paycore": "PayCore.io", "softline": "Softline Payments", "payconnect": "PayConnect"}
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.text.splitlines() if line.startswith("| ")]
SPANS = set(PAGE.code_spans())
REPLIES = {"reference_id", "requestId", "payment_id", "description", "request_id", "transactionId"}  # names on the wire
REPLIES |= {"processed_amount", "partially_processed", "cancel_failed"}  # of payouts
CODE = "\n".join(path.read_text() for folder in ("agent", "tests/contract") for path in (ROOT / folder).rglob("*.py"))


def column(name: str, row: str) -> str:
    """What the first table says of a system."""
    return next(cells for cells in ROWS if cells[0] == row)[1 + list(TITLES).index(name)]


def test_named_files_exist() -> None:
    """A path leads somewhere; a link does."""
    named = {one for one in SPANS if re.match(r"(agent|tests|config|docs)/", one)} - {"agent/providers/NAME/"}
    assert len(named) > 20
    assert [one for one in sorted(named) if not (ROOT / one.rstrip("/")).exists()] == []
    assert [*PAGE.links()]
    assert [one for one in PAGE.links() if not (ROOT / "docs" / one.partition("#")[0]).is_file()] == []
    modules = {one for one in SPANS if re.fullmatch(r"\w+\.py", one)}
    assert [one for one in sorted(modules) if not (ROOT / "agent/providers/softline" / one).is_file()] == []


def test_named_classes_exist() -> None:
    """Every name of a class, and every member of one, is one of the code's."""
    classes = {one for one in SPANS if re.fullmatch(r"[A-Z][a-z]\w*", one)}
    assert {"Provider", "FindsByKey", "LogsIn", "Kit"} <= classes
    assert [one for one in sorted(classes) if not re.search(rf"^class {one}\b", CODE, re.MULTILINE)] == []
    members = {one for one in SPANS if re.fullmatch(r"[A-Z]\w+\.[A-Z]+", one)}
    assert members
    assert [one for one in sorted(members) if not re.search(rf"^    {one.partition('.')[2]} = ", CODE, re.MULTILINE)] == []


def test_named_settings_and_functions_exist() -> None:
    """A word in small letters is a setting of a payment system, or a name of the code or of the wire."""
    settings = {*Webhooks.model_fields, *(name for system in SYSTEMS.values() for name in system.model_fields)}
    words = {one for one in SPANS if re.fullmatch(r"[a-z]+(_[a-z]+)+", one)} - REPLIES - settings
    assert words
    assert [one for one in sorted(words) if not re.search(rf"\b(def {one}\b|{one}: )", CODE)] == []
    tables = {one for one in SPANS if re.fullmatch(r"\[provider\.\w+\]", one)}
    assert tables == {f"[provider.{name}]" for name in SYSTEMS}


@pytest.mark.parametrize("name", TABLE)
def test_every_system_has_its_part(name: str) -> None:
    """Its own notes, its columns; and the table says what the capabilities say."""
    can: Capabilities = TABLE[name]
    assert f"\n### {TITLES[name]}\n" in PAGE.text
    assert any(cells[0] == TITLES[name] for cells in ROWS)
    assert (column(name, "Cancel") == "a call") is can.cancel
    assert ("search" in column(name, "The answer to a create is lost")) is can.find_by_key
    refund = column(name, "Refund")
    assert refund.startswith({Refunds.CALL: "a call", Refunds.REQUEST: "a request that people", Refunds.NONE: "by hand"}[can.refunds])
    assert (column(name, "Fiscal receipts, list of means") == "yes") is can.receipts is can.availability


def test_the_contract_suite_knows_every_system() -> None:
    """A system without an entry in the suite would be held to nothing."""
    assert [kit.name for kit in KITS] == list(TABLE)
