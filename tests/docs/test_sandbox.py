"""Goal: the page about the sandbox is true and complete. Method: its commands are carried out against a real sandbox, with the real ports
in place of the page's; its tables are compared with what they describe; its configuration is read."""

import base64
import json
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agent.cli import cli
from agent.sandbox.control import ENDPOINTS, PREFIX
from agent.sandbox.customer import MAGIC_SESSIONS, Action
from agent.sandbox.faults import PARAMETERS, FaultKind
from agent.sandbox.messenger import ANSWER_LIMIT_S
from agent.sandbox.outbox import MAX_KEPT_MESSAGES, MAX_WAITING_MESSAGES, RETRY_PAUSES_MS
from agent.sandbox.payconnect import api
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.paycore import documents
from agent.sandbox.paycore import system as paycore
from agent.sandbox.settings import BankSettings
from agent.sandbox.softline import views
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.words import ErrorCode, Status
from agent.settings import load
from tests.docs.compare import Likeness
from tests.docs.pages import DOCS, Marked, Page, names_in
from tests.support.stand import Stand, http_request

PAGE = Page("sandbox.md")
PAGE_PORT, PAGE_CONTROL_PORT = 8099, 8098
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """The sandbox alone."""
    made = Stand()
    try:
        made.start_sandbox()
        yield made
    finally:
        made.close()


def test_the_first_five_minutes_leave_the_ports_of_the_page_open() -> None:
    """README starts the sandbox and sends readers here: the commands of the page find it, also during an outage."""
    (command,) = re.findall(r"^koshelek-agent sandbox (.*?) *&", (DOCS.parent / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    sandbox = cli.get_command(click.Context(cli), "sandbox")
    assert sandbox is not None
    with sandbox.make_context("sandbox", shlex.split(command)) as context:
        assert (context.params["port"], context.params["control_port"], context.params["partner"]) == (PAGE_PORT, PAGE_CONTROL_PORT, "acme")


def test_every_command_does_what_the_page_shows(stand: Stand) -> None:
    """In the order of the page; statuses and bodies are compared."""
    likeness, problems = Likeness(), []
    for example in PAGE.marked("example"):
        problems += [f"{example.name}{difference}" for difference in carry_out(example, stand, likeness)]
    assert not problems, "\n".join(problems)


def carry_out(example: Marked, stand: Stand, likeness: Likeness) -> list[str]:
    """One command of the page: what differs."""
    if example.name == "transactions":
        time.sleep(2 * BankSettings().pending_after_ms / 1000)
    status, text = curl(example.blocks[0].text, stand, likeness)
    wanted = int(example.attributes.get("status", "200"))
    if status != wanted:
        return [f": the page says {wanted}, it is {status} {text!r}"]
    if len(example.blocks) == 1:
        return [f": there is a body: {text!r}"] if text else []
    return likeness.differences(example.blocks[1].json, json.loads(text))


def curl(command: str, stand: Stand, likeness: Likeness) -> tuple[int, bytes]:
    """Do what this command line of curl means. Ids of the page become those of the run."""
    program, *words = shlex.split(command.removeprefix("$ ").replace("\\\n", " "))
    assert program == "curl"
    method, body, headers, url = "GET", None, {}, ""
    while words:
        match words.pop(0):
            case "-s":
                pass
            case "-X":
                method = words.pop(0)
            case "-u":
                headers["Authorization"] = "Basic " + base64.b64encode(words.pop(0).encode()).decode()
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = " ".join(likeness.bound.get(part, part) for part in value.split(" "))
            case "-d":
                body = words.pop(0).encode()
                method = "POST" if method == "GET" else method
            case word:
                url = word
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", url)
    assert found is not None, url
    port = {PAGE_PORT: stand.sandbox_port, PAGE_CONTROL_PORT: stand.control_port}[int(found[1])]
    path = "/".join(likeness.bound.get(part, part) for part in found[2].split("/"))
    return http_request(port, method, path, body, headers)


def test_the_start_says_what_the_page_shows(stand: Stand) -> None:
    """The addresses that the command prints, with the real ports in place of the page's."""
    documented = PAGE.text.split("$ koshelek-agent sandbox ", 1)[1].split("```", 1)[0].split("\n", 1)[1]
    real = documented.replace(str(PAGE_PORT), str(stand.sandbox_port)).replace(str(PAGE_CONTROL_PORT), str(stand.control_port))
    assert (stand.folder / "sandbox.log").read_text() == real


def test_every_endpoint_has_its_section_and_an_example() -> None:
    """The sections are the endpoints, and each of them is called."""
    endpoints = {f"{method} {PREFIX}{re.sub(':int', '', path)}" for method, path in ENDPOINTS}
    assert set(re.findall(r"^### ((?:GET|POST|DELETE) \S+)$", PAGE.text, re.MULTILINE)) == endpoints
    for endpoint in endpoints:
        section = PAGE.text.split(f"\n### {endpoint}\n", 1)[1].split("\n#", 1)[0]
        assert "$ curl" in section, endpoint


def test_the_card_sessions_are_those_of_the_sandbox() -> None:
    """Each beginning, what the customer does, and when."""
    rows = {(names_in(row[0]) or [""])[0]: row for row in PAGE.marked("sessions")[0].rows}
    assert set(rows) == {*MAGIC_SESSIONS, *BankSettings().refused_prefixes, ""}
    for prefix, customer in [*MAGIC_SESSIONS.items(), ("", BankSettings().customer)]:
        _, does, after = rows[prefix]
        assert after == ("-" if customer.action is Action.WAIT else f"{customer.after_ms // 1000} s"), prefix
        assert VERBS[customer.action] in does
        named = set(names_in(does))
        assert (customer.error_code in named) == (customer.action is Action.DECLINE)
        assert customer.method is None or customer.method in named
        assert named & set(ErrorCode) <= {customer.error_code}


VERBS = {Action.CONFIRM: "pays", Action.DECLINE: "declined", Action.WAIT: "nothing", Action.CANCEL: "cancels"}


def test_the_systems_behave_as_the_table_says() -> None:
    """The words of states and events, lives and limits, as the sandbox has them."""
    rows = {row[0]: row[1:] for row in PAGE.marked("behaviour")[0].rows}
    softline, payconnect = SoftlineKnobs(), PayConnectKnobs()
    assert rows["A token lives"] == ["-", "-", f"{softline.token_life_ms // HOUR_MS} h", f"{payconnect.token_life_ms // HOUR_MS} h"]
    assert rows["Requests a minute"] == ["any", "any", "any", str(payconnect.requests_per_minute)]
    session, link = f"{payconnect.session_ms // MINUTE_MS} min", f"{softline.link_life_ms // HOUR_MS // 24} days"
    assert rows["A payment waits for"] == ["ever", f"{paycore.LIFE_MS // MINUTE_MS} min", link, session]
    words = [{status: status.value for status in Status}, documents.WORDS, views.STATUSES, api.STATUSES]
    for row, status in (("The customer pays", Status.ACCEPTED), ("is declined", Status.REJECTED), ("cancels", Status.CANCELED)):
        shown = [said[Status.PENDING if "try again" in cell else status] for said, cell in zip(words, rows[row], strict=True)]
        assert [names_in(cell) for cell in rows[row]] == [[word] for word in shown], row
    assert [names_in(cell) for cell in rows["and is then"]] == [[]] + [[said[Status.EXPIRED]] for said in words[1:]]
    messages = rows["[Messages](#messages-of-the-sandbox)"]
    assert [set(names_in(cell)) for cell in messages[2:]] == [set(views.EVENTS.values()), set(api.EVENTS.values())]


def test_the_numbers_of_messages_are_those_of_the_sandbox() -> None:
    """How long one is waited for, when it is repeated, how many wait."""
    section = PAGE.text.split("\n## Messages of the sandbox\n", 1)[1].split("\n## ", 1)[0].replace("\n", " ")
    first, *others, last = (str(pause_ms // 1_000) for pause_ms in RETRY_PAUSES_MS)
    assert f"is given {ANSWER_LIMIT_S:g} s, and is sent again after {', '.join([first, *others])} and {last} s" in section
    assert (len(RETRY_PAUSES_MS) + 1, "After five tries" in section) == (5, True)
    assert f"of more than {MAX_WAITING_MESSAGES} that wait" in section
    assert f"the latest {MAX_KEPT_MESSAGES}, oldest first" in PAGE.text


def test_the_faults_are_those_of_the_sandbox() -> None:
    """Every kind in its group, with its parameters and their defaults."""
    kinds = list(FaultKind)
    bank, messages = kinds.index(FaultKind.STALE_STATUS), kinds.index(FaultKind.LOSE_MESSAGE)
    for group, known in (("wire", kinds[:bank]), ("bank", kinds[bank:messages]), ("messages", kinds[messages:])):
        (table,) = [marked for marked in PAGE.marked("faults") if marked.name == group]
        documented = {names_in(row[0])[0]: dict(re.findall(r"`(\w+)` ([\w-]+)", row[1])) for row in table.rows}
        assert documented == {kind.value: {name: shown(value) for name, value in PARAMETERS[kind].items()} for kind in known}


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_options_are_those_of_the_command() -> None:
    """Every option with its default."""
    command = cli.get_command(click.Context(cli), "sandbox")
    assert command is not None
    known = {}
    for parameter in command.params:
        if parameter.expose_value:
            default = parameter.default if isinstance(parameter.default, str | int) else None
            known[parameter.opts[0]] = "-" if default is None else f"`{default}`"
    assert {names_in(row[0])[0]: row[1] for row in PAGE.marked("options")[0].rows} == known


def test_the_configuration_can_be_used(tmp_path: Path) -> None:
    """It is read without a complaint, and leads to the address that the command on the page prints."""
    text = PAGE.marked("configuration")[0].blocks[0].text
    file = tmp_path / "sandbox.toml"
    file.write_text(text)
    assert load(file, machine=False).provider.koshelek.login == "sandbox"
    assert f"sandbox: {tomllib.loads(text)['provider']['koshelek']['test_base_url']}\n" in PAGE.text


def test_the_links_lead_somewhere() -> None:
    """Inside the page and to other pages."""
    links = [*PAGE.links()]
    assert len(links) > 5
    for link in links:
        page, _, anchor = link.partition("#")
        assert not page or (DOCS / page).is_file(), link
        assert not anchor or page or anchor in PAGE.anchors(), (link, PAGE.anchors())
