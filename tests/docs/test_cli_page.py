"""Goal: the page about the command line is true and complete. Method: its examples are run against a real agent and a real sandbox, and
exit statuses and JSON compared; its tables are compared with the commands themselves."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

import click
import pytest

from agent.cli import cli
from agent.cli.common import COMMON_OPTIONS, Exit
from tests.docs.compare import Likeness
from tests.docs.pages import DOCS, Marked, Page, names_in
from tests.setup.support import a_stick, answers_text
from tests.support.stand import STORE, TERMINAL, Stand

PAGE = Page("cli.md")


def commands(group: click.Group = cli, prefix: str = "") -> dict[str, click.Command]:
    """Every command by its name; ``config check`` is one."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        found |= commands(command, f"{prefix}{name} ") if isinstance(command, click.Group) else {f"{prefix}{name}": command}
    return found


COMMANDS = commands()


def options(command: click.Command) -> set[str]:
    """The options of its own."""
    common = {name for option in COMMON_OPTIONS for name in option.opts}
    return {parameter.opts[0] for parameter in command.params if isinstance(parameter, click.Option)} - common


# --- examples ---


def test_every_example_does_what_the_page_shows() -> None:
    """In the order of the page: exit status, the one line of JSON, and nothing else on standard output."""
    likeness, problems = Likeness(), []
    with Stand() as stand:
        (stand.folder / "till-token").write_text("till-03-token\n")
        (stand.folder / "bad.toml").write_text(BAD)
        (stand.folder / "paycore.toml").write_text(stand.config.read_text() + paycore(stand))
        backups(stand)
        answers(stand)
        for example in PAGE.marked("example"):
            prepared = PREPARED.get(example.name)
            with contextmanager(prepared)(stand) if prepared else nullcontext():
                ran = run(example, stand, likeness)
            problems += [f"{example.name}{difference}" for difference in judge(example, ran, likeness)]
        assert "PAY001" not in stand.log.read_text()
    assert not problems, "\n".join(problems)


def run(example: Marked, stand: Stand, likeness: Likeness) -> subprocess.CompletedProcess[str]:
    """The command of an example, with this stand's configuration."""
    words = shlex.split(example.blocks[0].text.removeprefix("$ "))
    given = ""
    if words[0] == "echo":
        given, words = f"{words[1]}\n", words[3:]
    program, *arguments = words
    assert program == "koshelek-agent"
    return stand.cli(*(likeness.bound.get(word, word) for word in arguments), given=given, cwd=stand.folder)


def judge(example: Marked, ran: subprocess.CompletedProcess[str], likeness: Likeness) -> list[str]:
    """What differs from the page."""
    wanted = int(example.attributes.get("status", "0"))
    if ran.returncode != wanted:
        return [f": the page says exit status {wanted}, it is {ran.returncode}: {ran.stdout}{ran.stderr}"]
    lines = ran.stdout.splitlines()
    if len(lines) != 1 or ran.stderr:
        return [f": more than one line: {ran.stdout}{ran.stderr}"]
    return likeness.differences(example.blocks[1].json, json.loads(lines[0]))


def a_waiting_sale(stand: Stand) -> Iterator[None]:
    """A register's payment that nobody confirms."""
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    stand.call(
        "checkout.create",
        storeId=STORE,
        terminalId=TERMINAL,
        key="20260131-0347",
        checkoutInvoice={"orderId": "S12-000347", "totalAmount": 9000, "items": [item]},
        user={"loyaltyId": "0"},
        cardSession="WAIT01",
        token="till-03-token",
        wait=0.5,
    )
    yield


def stopped(stand: Stand) -> Iterator[None]:
    """The service is stopped, and stays so."""
    stand.stop()
    yield


def paycore(stand: Stand) -> str:
    """A table for PayCore, at this sandbox."""
    root = f"http://127.0.0.1:{stand.sandbox_port}/paycore"
    account = f'test_base_url = "{root}/api"\nlogin = "sandbox"\npassword_file = "{stand.folder / "password"}"\n'
    services = f'public_base_url = "{root}/public-api"\npublic_key = "pk_test_1"\nservice = "payment_card_rub_hpp"\n'
    return f'[provider.paycore]\n{account}{services}hpp_base_url = "{root}/hpp/"\n'


def backups(stand: Stand) -> None:
    """A directory for backups is configured, as on a machine in use."""
    folder = stand.folder / "backups"
    folder.mkdir(mode=0o700)
    stand.config.write_text(stand.config.read_text() + f'[backup]\ndirectory = "{folder}"\n')
    assert stand.cli("reload").returncode == 0


def answers(stand: Stand) -> None:
    """What a technician brings to another till."""
    a_stick(stand.folder)
    text = answers_text(stand.folder, stand.base_url)
    (stand.folder / "answers.toml").write_text(text)
    (stand.folder / "wrong.toml").write_text(text.replace('environment = "test"', 'environment = "tset"'))


def in_attention(stand: Stand) -> Iterator[None]:
    """A sale whose slip shows another amount."""
    stand.fault("wrong_amount")
    options = ["--key", "hand-9", "--order", "S12-000349", "--card-session-from", "-", "--token-from", "till-token"]
    assert stand.cli("pay", "90", *options, given="FAST49\n", cwd=stand.folder).returncode == Exit.UNRESOLVED
    yield


def a_backup(stand: Stand) -> Iterator[None]:
    """The newest one under the name of the example."""
    next((stand.folder / "backups").iterdir()).rename(stand.folder / "backup.sqlite3")
    yield


PREPARED: Mapping[str, Callable[[Stand], Iterator[None]]] = {
    "cancel": a_waiting_sale,
    "unreachable": stopped,
    "resolve-look": in_attention,
    "restore": a_backup,
}
BAD = 'environment = "production"\nlanguage = "de"\n[provider.koshelek]\nlogin = "acme"\n'


# --- tables ---


def test_every_command_has_its_section() -> None:
    """And no other command has one."""
    assert set(re.findall(r"^## koshelek-agent (.+)$", PAGE.text, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(name for name, command in COMMANDS.items() if options(command)))
def test_the_options_are_those_of_the_command(name: str) -> None:
    """Each option of each command stands in its table; the sandbox's stand on its own page."""
    if name == "sandbox":
        table = Page("sandbox.md").marked("options")[0]
    else:
        (table,) = [marked for marked in PAGE.marked("options") if marked.name == name.replace(" ", "-")]
    assert {option for row in table.rows for option in names_in(row[0])} == options(COMMANDS[name])


def test_the_common_options_and_the_exit_statuses_are_complete() -> None:
    """One line for each."""
    (table,) = [marked for marked in PAGE.marked("options") if marked.name == "common"]
    assert [names_in(row[0])[0] for row in table.rows] == [option.opts[0] for option in COMMON_OPTIONS]
    (table,) = PAGE.marked("exits")
    assert [int(row[0]) for row in table.rows] == sorted(Exit)


def test_every_option_named_exists() -> None:
    """No option is promised that there is not."""
    known = {
        name
        for command in [cli, *COMMANDS.values()]
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w<!-])--[a-z][a-z-]*", PAGE.text))
    assert {"--json", "--config"} <= named <= known


def test_the_links_lead_somewhere() -> None:
    """Inside the page and into other pages."""
    links = [*PAGE.links()]
    assert len(links) > 5
    for link in links:
        page, _, anchor = link.partition("#")
        assert not page or (DOCS / page).is_file(), link
        assert not anchor or anchor in (Page(page) if page else PAGE).anchors(), link
