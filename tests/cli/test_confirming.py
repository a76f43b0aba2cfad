"""Goal: a person is understood who answers yes or no, in either language. Method: the real commands."""

import click
import pytest
from click.testing import CliRunner

from agent.cli.common import Exit
from agent.cli.confirming import confirmed
from tests.support.stand import Plan, Stand


@click.command()
def asks() -> None:
    click.echo(confirmed("Sure?"))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("y", True), ("yes", True), ("д", True), ("ДА", True), ("n", False), ("no", False), ("н", False), ("Нет ", False), ("", False)],
)
def test_a_yes_and_a_no_in_both_languages(typed: str, answer: bool) -> None:
    """Enter alone is a no: what is asked here cannot be undone."""
    ran = CliRunner().invoke(asks, input=f"{typed}\n", env={"LANG": "C.UTF-8", "LC_ALL": ""})
    assert (ran.exit_code, ran.stdout, ran.stderr.startswith("Sure? [y/N]")) == (0, f"{answer}\n", True)


def test_what_is_neither_is_asked_again_and_an_end_decides_nothing() -> None:
    """In the language of the terminal; a closed input is no yes."""
    ran = CliRunner().invoke(asks, input="ага\nда\n", env={"LC_ALL": "ru_RU.UTF-8"})
    assert (ran.stdout, "Sure? [да/НЕТ]" in ran.stderr, ran.stderr.count("Ответьте «да» или «нет».")) == ("True\n", True, 1)
    ended = CliRunner().invoke(asks, input="")
    assert (ended.exit_code, ended.stdout) == (1, "")


def test_a_restore_is_taken_back_in_russian() -> None:
    """A no leaves the journal alone and says so; nothing of the machine is looked at before the answer."""
    with Stand(Plan(language="ru")) as stand:
        stand.stop()
        before = stand.journal.read_bytes()
        ran = stand.cli("restore", str(stand.config), given="нет\n", LANG="ru_RU.UTF-8")
        assert (ran.returncode, "INTERRUPTED: Ничего не сделано." in ran.stderr) == (Exit.USAGE, True), ran.stderr
        assert stand.journal.read_bytes() == before
