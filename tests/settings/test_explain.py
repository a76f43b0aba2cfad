"""Goal: every setting can be asked about, in both languages. Method: all of them are, by the code that the command runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli
from agent.settings import Settings
from agent.settings.entries import entries, found, nearest
from agent.settings.meanings import MEANINGS, meaning
from agent.settings.part import Part
from agent.settings.shape import shape_of
from agent.texts import translator

Write = Callable[[str], Path]


def asked(path: Path | None, *words: str) -> Result:
    return CliRunner().invoke(cli, [*(("--config", str(path)) if path else ()), "config", "explain", *words], env={"LANG": "en_US.UTF-8"})


def told(path: Path | None, key: str, *words: str) -> list[dict[str, Any]]:
    answer = asked(path, key, "--json", *words)
    assert answer.exit_code == 0, answer.output
    settings: list[dict[str, Any]] = json.loads(answer.stdout)["settings"]
    return settings


def test_every_setting_has_a_meaning_in_both_languages() -> None:
    """A setting that nobody explains is named, and one that is not translated; no text is left over for a setting that is gone."""
    used = {(model, one.field) for one in entries() for model in one.model.__mro__ if one.field in MEANINGS.get(model, {})}
    for one in entries():
        english, russian = (meaning(one.model, one.field).text(translator(language)) for language in ("en", "ru"))
        assert english.endswith("."), one.name
        assert english != russian, one.name
    assert {(model, field) for model, texts in MEANINGS.items() for field in texts} <= used
    with pytest.raises(KeyError):
        meaning(Part, "no_such_setting")


def test_the_names_are_those_of_the_schema() -> None:
    """Two ways through the models find the same settings."""
    assert {one.name for one in entries()} == set(shape_of(Settings).names())


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("provider.koshelek.wait_limit_s", ["provider.koshelek.wait_limit_s"]),
        ("slip_wait_s", ["provider.koshelek.slip_wait_s"]),  # the file has no other payment system
        ("[[store]]", ["store"]),
        ("store#2.account", ["store.account"]),
        ("listener.serial.baud", ["listener.baud"]),
        ("listener.path", ["listener.path"]),
        ("PORT", ["listener.port"]),
        ("xyzzy", []),
    ],
)
def test_a_setting_is_found_as_people_name_it(key: str, names: list[str]) -> None:
    """By its whole name, copied from a message or from the file, or by its last part in the tables that are there."""
    meant = found(key, {"provider": {"koshelek": {}}, "listener": [{"kind": "unix"}]})
    assert list(dict.fromkeys(one.name for one in meant)) == names


def test_what_is_said_of_a_number(example: str, write: Write) -> None:
    """What it is, its unit, limits, default, an example; what it is set to and in which line, or that it is not set."""
    text = example.replace("# wait_limit_s = 30", "wait_limit_s = 20", 1)
    path = write(text)
    line = text.splitlines().index("wait_limit_s = 20") + 1
    (answer,) = told(path, "provider.koshelek.wait_limit_s")
    assert answer.pop("what").startswith("How long a customer may take")
    assert answer == {
        "name": "provider.koshelek.wait_limit_s",
        "required": False,
        "right": "a whole number from 5 to 30 (seconds)",
        "minimum": 5,
        "maximum": 30,
        "default": 30,
        "example": "wait_limit_s = 30",
        "restart": False,
        "now": [{"place": "provider.koshelek.wait_limit_s", "line": line, "value": 20}],
    }
    said = asked(path, "wait_limit_s", "--language", "ru").output
    assert f"Сейчас: 20 (provider.koshelek.wait_limit_s: {path}, строка {line})" in said
    assert "целое число от 5 до 30 (секунды)" in said
    assert "systemctl reload" in said
    assert f"Now: as by default ({path} does not set it)" in asked(path, "poll_cap_s", "--language", "en").output
    assert "systemctl restart" in asked(path, "journal.reserve_mb").output


def test_a_table_names_what_it_holds_and_where_it_is(example: str, write: Write) -> None:
    """Each table of a list with its line; of ways in only those of the kind that a setting belongs to."""
    (store,) = told(write(example + "[[store]]\n"), "store")
    assert [one["place"] for one in store["now"]] == ["store#1", "store#2"]
    assert {"store.account", "store.merchant_id"} <= set(store["holds"])
    socket, *others = told(write(example), "listener.path")
    assert [one["value"] for one in socket["now"]] == ["/run/koshelek-agent/pos.sock"]
    assert [(one["kind"], one["now"]) for one in others] == [("serial", []), ("pty", [])]


def test_an_unknown_name_gets_the_nearest_ones(example: str, write: Write) -> None:
    """A slip of the finger, in the table's name or in the setting's; what is like nothing gets none."""
    answer = asked(write(example), "provider.koshelk.wait_limt_s", "--json")
    assert answer.exit_code == 2
    error = json.loads(answer.stdout)["error"]
    assert (error["code"], error["nearest"][0]) == ("UNKNOWN_SETTING", "provider.koshelek.wait_limit_s")
    assert "provider.paycore.send_metadata" in nearest("sendmetadata")
    assert "Настройки xyzzy нет." in asked(None, "xyzzy", "--language", "ru").output


def test_a_file_that_cannot_be_read_is_no_hindrance(write: Write, tmp_path: Path) -> None:
    """What a setting is can be asked before there is a file, and when it is broken; then that is said."""
    assert "cannot be read" in asked(tmp_path / "none.toml", "language", "--language", "en").output
    assert "This is not TOML" in asked(write("= 1"), "language", "--language", "en").output
