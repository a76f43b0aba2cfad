"""Goal: a person is spoken to in the language of the terminal, and in that of the configuration where the terminal names none. Method: the
real command with the environments that there are."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import cli

BLANK = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}
NO_AGENT = {"ru": "такого сокета нет", "en": "there is no such socket"}


def spoken(config: Path, **environment: str) -> str:
    """The language in which it is said that no agent runs."""
    ran = CliRunner().invoke(cli, ["--config", str(config), "status"], env=BLANK | environment)
    assert ran.exit_code == 5, ran.stderr
    (language,) = [name for name, text in NO_AGENT.items() if text in ran.stderr]
    return language


def written(folder: Path, head: str) -> Path:
    config = folder / "koshelek-agent.toml"
    config.write_text(f'{head}\n[[listener]]\nkind = "unix"\npath = "{folder}/none.sock"\nrole = "admin"\n')
    return config


@pytest.mark.parametrize("locale", ["", "C", "C.UTF-8", "POSIX"])
def test_a_terminal_without_a_language_is_spoken_to_in_that_of_the_configuration(tmp_path: Path, locale: str) -> None:
    """The named one, and by default Russian."""
    assert spoken(written(tmp_path, 'language = "ru"'), LANG=locale) == "ru"
    assert spoken(written(tmp_path, 'language = "en"'), LANG=locale) == "en"
    assert spoken(written(tmp_path, ""), LANG=locale) == "ru"
    assert spoken(written(tmp_path, 'language = "de"'), LANG=locale) == "en", "nobody knows which was meant"


def test_a_terminal_with_a_language_is_spoken_to_in_it(tmp_path: Path) -> None:
    """Whatever the configuration says; the first variable that is set counts, as everywhere."""
    english, russian = written(tmp_path, 'language = "en"'), "ru_RU.UTF-8"
    assert [spoken(english, LANG=russian), spoken(english, LC_MESSAGES=russian, LANG="en_US.UTF-8")] == ["ru", "ru"]
    assert spoken(written(tmp_path, 'language = "ru"'), LC_ALL="en_US.UTF-8", LANG=russian) == "en"


def test_without_a_configuration_it_is_english(tmp_path: Path) -> None:
    """Nobody has said anything."""
    ran = CliRunner().invoke(cli, ["--config", str(tmp_path / "none.toml"), "status"], env=BLANK | {"LANG": "C"})
    assert "There is no file" in ran.stderr
