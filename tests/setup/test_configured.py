"""Goal: the answers are in the configuration, and what nobody was asked about is still there. Method: there and back, by the loader."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.ops.setup import machine
from agent.ops.setup.configured import answers_of
from agent.ops.setup.machine import Machine, known
from agent.ops.setup.script import PASSWORD_NAMES, Known
from agent.ops.setup.writing import toml, written
from agent.settings.load import judge
from agent.texts import translator
from tests.settings.conftest import EXAMPLE, FILLING
from tests.settings.test_example import uncommented

from .support import SHOP, answers_text, data_of, played

CONNECTIONS = {
    "unix": 'kind = "unix"\nusers = ["root", "1000"]\npath = "/run/x/pos.sock"\nterminals = ["S12/*"]',
    "tcp": 'kind = "tcp"\nport = 7500\nname = "front"',
    "http": 'kind = "http"\nname = "web"',
    "serial": 'kind = "serial"\npath = "/dev/ttyS0"\nbaud = 9600',
    "pty": 'kind = "pty"\ngroup = "root"',
}
SYSTEMS = {
    "paycore": '[paycore]\naddress = "https://pay.brand.example/api"\nlogin = "c"\nservice = "card"\npage = "https://pay.brand.example/hpp/"',
    "softline": """[softline]
login = "s@s.example"
payment_method = "Card"
return_success_url = "https://s.example/"
refund_email = "s@s.example"
""",
    "payconnect": '[payconnect]\naddress = "http://127.0.0.1:8099/payconnect"',
}


def sound(text: str) -> dict[str, Any]:
    """The configuration of an answers file, proved by the loader."""
    text = re.sub(r"password_from.*\n", "", text)  # it is stored already
    rollout = played(text, Known(stored=frozenset(PASSWORD_NAMES)))
    assert not rollout.findings
    data = data_of(rollout.answers)
    settings, findings = judge(data, machine=False)
    assert settings is not None
    assert not findings
    return data


@pytest.mark.parametrize("kind", CONNECTIONS)
def test_every_way_in_is_a_configuration_and_leads_back_to_its_answers(tmp_path: Path, kind: str) -> None:
    """The same answers give the same configuration again, whatever was left to its default."""
    text = answers_text(tmp_path, connection=CONNECTIONS[kind])
    data = sound(text)
    again = data_of(answers_of(data), data)
    assert again == data
    assert tomllib.loads(written(data, translator("ru"))) == data


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_payment_system_too(system: str) -> None:
    """Alone, without what only Koshelek asks for."""
    shop = "".join(line + "\n" for line in SHOP.splitlines() if line.startswith(("store_id", "brand", "legal_name")))
    text = f'environment = "test"\nsystems = ["{system}"]\n{SYSTEMS[system]}\n[[store]]\n{shop}[[terminal]]\nterminal_id = "1"\n'
    data = sound(f'{text}[[connection]]\nkind = "unix"\n')
    assert data_of(answers_of(data), data) == data


def test_what_nobody_asks_about_stays() -> None:
    """The example with everything in it switched on: set up again with its own answers it is what it was, to the last tuned limit."""
    text = EXAMPLE.read_text()
    for placeholder, value in FILLING.items():
        text = text.replace(placeholder, value)
    before = tomllib.loads(uncommented(text).replace("poll_cap_s = 15", "poll_cap_s = 14", 1))
    answers = answers_of(before)
    after = data_of(answers, before)
    old, new = (judge(data, machine=False)[0] for data in (before, after))
    assert old is not None
    assert new is not None
    assert old.provider.koshelek is not None
    assert old.provider.koshelek.poll_cap_s == 14
    assert new.model_copy(update={"listener": ()}) == old.model_copy(update={"listener": ()})
    admin = [one for one in new.listener if getattr(one, "role", "pos") == "admin"]
    assert {*old.listener} | {*admin} == {*new.listener}, "the ways in, and one for operators, which the example leaves out"


def test_an_answer_that_is_taken_out_is_taken_out() -> None:
    """The setting goes; its table stays."""
    present = {"environment": "test", "provider": {"paycore": {"login": "c", "service": "card", "password_file": "/p"}}}
    answers = {**answers_of(present), ("paycore", "service"): None}
    assert data_of(answers, present)["provider"]["paycore"] == {"login": "c", "password_file": "/p"}


def test_copies_of_the_journal_go_where_the_answer_says(tmp_path: Path) -> None:
    """Without one there are none, and what was tuned goes with them; with another folder it stays."""
    data = sound(answers_text(tmp_path))
    assert "backup" not in data
    asked = sound(f'backups = "/srv/copies"\n{answers_text(tmp_path)}')
    assert asked["backup"] == {"directory": "/srv/copies"}
    tuned = data | {"backup": {"directory": "/srv/copies", "keep": 3}}
    answers = answers_of(tuned)
    assert data_of({**answers, ("backups",): "/mnt/copies"}, tuned)["backup"] == {"directory": "/mnt/copies", "keep": 3}
    assert "backup" not in data_of({**answers, ("backups",): None}, tuned)
    assert "backup" in data_of({place: value for place, value in answers.items() if place != ("backups",)}, tuned), "not asked yet"


def test_the_package_s_folder_for_copies_is_offered_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the till's own configuration alone; a trial in somebody's home gets none."""
    system, trial = Machine(Path("/etc/koshelek-agent/koshelek-agent.toml")), Machine(tmp_path / "koshelek-agent.toml")
    for folder, offered in ((tmp_path, str(tmp_path)), (tmp_path / "none", None)):
        monkeypatch.setattr(machine, "BACKUPS", folder)
        assert (known(system, {}, {}, "ru").backups, known(trial, {}, {}, "ru").backups) == (offered, None)


def test_a_shop_keeps_what_is_not_asked_by_its_name_and_loses_it_with_it(tmp_path: Path) -> None:
    """Known again by its id, not by its number; another shop has its own."""
    data = sound(answers_text(tmp_path))
    data["store"][0]["payment_purpose"] = "Оплата"
    answers = answers_of(data)
    assert data_of(answers, data)["store"][0]["payment_purpose"] == "Оплата"
    assert "payment_purpose" not in data_of({**answers, ("store", 0, "store_id"): "S13"}, data)["store"][0]


def test_a_system_that_is_given_up_goes_with_its_messages(tmp_path: Path) -> None:
    """Its table, its webhook, and the program of its card module; the dated copy keeps them."""
    data = sound(answers_text(tmp_path))
    data |= {"webhooks": {"port": 1, "koshelek": {"login": "k", "secret_files": ["/s"]}}, "helper": {"command": ["/opt/x"]}}
    answers = {place: value for place, value in answers_of(data).items() if place != ("helper",)} | {("systems",): ["paycore"]}
    after = data_of({**answers, ("paycore", "address"): "https://com.paycore.io/api", ("paycore", "login"): "c"}, data)
    assert list(after["provider"]) == ["paycore"]
    assert not {"webhooks", "helper"} & after.keys()


@pytest.mark.parametrize(
    ("given", "side", "address"),
    [
        ("acme", "test", "https://api-test.koshelek.app/acme"),
        ("acme", "production", "https://api.koshelek.app/acme"),
        ("https://proxy.example/acme", "production", "https://proxy.example/acme"),
    ],
)
def test_a_partners_name_is_an_address(given: str, side: str, address: str) -> None:
    """Koshelek's addresses differ in nothing else."""
    answers = {("environment",): side, ("systems",): ["koshelek"], ("koshelek", "address"): given}
    assert data_of(answers)["provider"]["koshelek"][f"{side}_base_url"] == address


def test_where_a_password_belongs(tmp_path: Path) -> None:
    """A credential where the unit loads that very file, else a file beside the configuration; today's place stays."""
    unit = "[Service]\nLoadCredential=koshelek-password:/etc/koshelek-agent/koshelek-password\n"
    packaged = Machine(Path("/etc/koshelek-agent/koshelek-agent.toml"), unit)
    assert packaged.locate("koshelek-password") == {"credential": "koshelek-password"}
    assert packaged.locate("kassa-1-token") == {"file": "/etc/koshelek-agent/kassa-1-token"}
    assert packaged.file_of("koshelek-password") == Path("/etc/koshelek-agent/koshelek-password")
    assert Machine(Path("/srv/x.toml"), unit).locate("koshelek-password") == {"file": "/srv/koshelek-password"}
    (tmp_path / "paycore-key.cred").touch()
    (tmp_path / "softline-password").write_text("x")
    (tmp_path / "softline-password").chmod(0o600)
    assert known(Machine(tmp_path / "x.toml"), {}, {}, "ru").stored == {"paycore", "softline"}, "one of them encrypted"
    present = {"environment": "test", "provider": {"koshelek": {"password_file": "/srv/old"}}}
    assert data_of({("systems",): ["koshelek"]}, present)["provider"]["koshelek"] == {"password_file": "/srv/old"}


@pytest.mark.parametrize("value", ['a"b\\c\x7f\n\u2028', True, 5, ["ю", "]"], {"a b": "1", "c": ["}"]}])
def test_any_value_can_be_written(value: object) -> None:
    """What is written is read as it was."""
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}
