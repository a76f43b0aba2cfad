"""Goal: an answers file is told every mistake with its line, and writes nothing then. Method: the command, without a network."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli, setting_up
from agent.ops.doctor import shelf
from agent.ops.setup import plan as plans
from agent.ops.setup.machine import Machine
from agent.settings import load
from tests.ops.stage import systemctl_says

from .support import SHOP, a_stick, answers_text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the till is set up. The check runs here instead of in a process of its own, which another test shows."""

    def check(plan: plans.Plan) -> None:
        load(plan.machine.config)

    monkeypatch.setattr(plans.Plan, "_check", check)
    a_stick(tmp_path)
    (tmp_path / "etc").mkdir()
    return tmp_path


def set_up(folder: Path, text: str, *words: str) -> Result:
    """``setup --answers``, of the file ``answers.toml``."""
    (folder / "answers.toml").write_text(text)
    command = ["--config", str(folder / "etc" / "agent.toml"), "setup", "--answers", str(folder / "answers.toml"), "--offline", *words]
    return CliRunner().invoke(cli, command)


def problems(folder: Path, text: str) -> list[dict[str, Any]]:
    """What is wrong with a file, which then has written nothing."""
    refused = set_up(folder, text, "--json", "--language", "en")
    assert refused.exit_code == 78, refused.output
    assert not list((folder / "etc").iterdir())
    found: list[dict[str, Any]] = json.loads(refused.stdout)["error"]["problems"]
    return found


def test_a_pipe_answers_nothing(folder: Path) -> None:
    """It would be waited for without an end."""
    os.mkfifo(folder / "pipe")
    command = ["--config", str(folder / "etc" / "agent.toml"), "setup", "--answers", str(folder / "pipe"), "--offline", "--language", "en"]
    refused = CliRunner().invoke(cli, command)
    assert (refused.exit_code, "is not a file" in refused.output) == (78, True), refused.output


def test_a_till_is_set_up(folder: Path) -> None:
    """The configuration with the password's place, the password beside it, what comes next; twice is once."""
    done = set_up(folder, answers_text(folder))
    assert done.exit_code == 0, done.output
    settings = load(folder / "etc" / "agent.toml")
    assert settings.provider.koshelek is not None
    assert settings.provider.koshelek.password_file == folder / "etc" / "koshelek-password"
    assert (folder / "etc" / "koshelek-password").read_text() == "sandbox\n"
    assert "sandbox\n" not in (folder / "etc" / "agent.toml").read_text().replace('login = "sandbox"\n', "")
    assert f"koshelek-agent --config {folder / 'etc' / 'agent.toml'} run" in done.stdout
    before = sorted((folder / "etc").iterdir())
    again = set_up(folder, answers_text(folder), "--json")
    assert json.loads(again.stdout) == {"file": str(folder / "etc" / "agent.toml"), "written": []}
    assert sorted((folder / "etc").iterdir()) == before


def test_a_change_keeps_the_file_from_before(folder: Path) -> None:
    """And the tuned limit in it; the answers that were not given anew stay."""
    set_up(folder, answers_text(folder))
    file = folder / "etc" / "agent.toml"
    file.write_text(file.read_text().replace("[provider.koshelek]", "[provider.koshelek]\npoll_cap_s = 14"))
    answers = answers_text(folder).replace('terminal_id = "till-03"', 'terminal_id = "till-04"').replace('login = "sandbox"\n', "")
    done = set_up(folder, answers.replace(f'password_from = "{folder / "stick"}"', ""), "--json")
    assert done.exit_code == 0, done.output
    (copy,) = json.loads(done.stdout)["copies"]
    assert 'terminal_id = "till-03"' in Path(copy).read_text()
    settings = load(file)
    assert settings.provider.koshelek is not None
    assert (settings.terminal[0].terminal_id, settings.provider.koshelek.poll_cap_s) == ("till-04", 14)


def test_a_register_gets_a_token_that_stays(folder: Path) -> None:
    """Made at random, told by its file; another setup leaves it, one with another token changes it."""
    text = answers_text(folder, connection='kind = "http"\nport = 7499')
    assert f"sudo cat {folder / 'etc' / 'kassa-1-token'}" in set_up(folder, text).stdout
    token = (folder / "etc" / "kassa-1-token").read_text()
    assert len(token.strip()) >= 32
    assert json.loads(set_up(folder, text, "--json").stdout)["written"] == []
    a_stick(folder, "0123456789abcdef")
    given = set_up(folder, f'{text}token_from = "{folder / "stick"}"\n', "--json")
    assert str(folder / "etc" / "kassa-1-token") in json.loads(given.stdout)["written"]


def test_with_the_package_the_password_is_a_credential(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which its unit loads; what comes next are systemd's commands, and who changes the account is told when that is refused."""
    place = folder / "etc" / "koshelek-password"
    unit = f"[Service]\nLoadCredential=koshelek-password:{place}\n"
    monkeypatch.setattr(setting_up, "this_machine", lambda config: Machine(config, unit))
    first = set_up(folder, answers_text(folder), "--language", "en")
    assert "systemctl enable --now koshelek-agent" in first.stdout
    assert "koshelek-agent doctor" in first.stdout
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("sandbox\n", 0o600)
    koshelek = tomllib.loads((folder / "etc" / "agent.toml").read_text())["provider"]["koshelek"]
    assert (koshelek["password_credential"], "password_file" in koshelek) == ("koshelek-password", False)
    (folder / "etc" / "koshelek-password.cred").touch()
    a_stick(folder, "another")
    again = set_up(folder, answers_text(folder, "http://127.0.0.1:9/other"), "--language", "en")
    assert "systemctl restart koshelek-agent" in again.stdout
    assert "the agent refuses that while money is owed" in again.stdout
    assert "still takes the old password" in again.stdout


def test_a_folder_on_another_disk_is_to_be_allowed_to_the_service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes next begins with the commands for that; the unit without it would let no copy be written."""
    monkeypatch.setattr(setting_up, "this_machine", lambda config: Machine(config, "[Service]\n"))
    monkeypatch.setattr(shelf, "SYSTEM_FILE", folder / "etc" / "agent.toml")
    monkeypatch.setenv("PATH", systemctl_says(folder, "LoadState=loaded\nProtectSystem=strict\nReadWritePaths="))
    first = set_up(folder, f'backups = "/srv/copies"\n{answers_text(folder)}', "--language", "en")
    after = first.stdout.partition("What comes next:\n")[2].splitlines()
    assert "ReadWritePaths=-/srv/copies" in after[0], first.output
    assert "daemon-reload" in after[0]
    assert "enable --now" in after[1]
    again = set_up(folder, f'backups = "/var/lib/koshelek-agent/copies"\n{answers_text(folder)}', "--language", "en")
    assert "ReadWritePaths" not in again.stdout


def test_what_was_wrong_before_is_left_out(folder: Path) -> None:
    """A setting that the check refuses today would refuse the new file as well; its dated copy keeps it."""
    set_up(folder, answers_text(folder))
    file = folder / "etc" / "agent.toml"
    file.write_text(file.read_text().replace("[provider.koshelek]", '[provider.koshelek]\npoll_cap_s = 999\nunheard_of = "x"'))
    done = json.loads(set_up(folder, answers_text(folder), "--json").stdout)
    assert sorted(done["dropped"]) == ["provider.koshelek.poll_cap_s", "provider.koshelek.unheard_of"]
    assert "unheard_of" not in file.read_text()
    file.write_text("= broken")
    refused = set_up(folder, answers_text(folder), "--language", "en")
    assert (refused.exit_code, "This is not TOML" in refused.stderr) == (78, True)
    assert file.read_text() == "= broken"


def line_of(text: str, part: str) -> int:
    """The last one that holds it."""
    return max(number for number, line in enumerate(text.splitlines(), 1) if part in line)


WRONG = [  # what of the good file becomes what; the key that is told, and words of the problem, the hint or the example
    ('environment = "test"', 'environment = "tset"', "environment", "test, production"),
    ('environment = "test"', 'environment = "test"\noperator = ["root"]', "operator", "Did you mean operators?"),
    ('systems = ["koshelek"]', 'systems = ["koshelok"]', "systems", "koshelek, paycore"),
    ('login = "sandbox"', 'login = "sand:box"', "koshelek.login", "not allowed"),
    ('login = "sandbox"', "", "koshelek.login", "missing"),
    ('login = "sandbox"', 'login = "sandbox"\npassword = "sandbox"', "koshelek.password", "never written here"),
    ("[[store]]", '[paycore]\nlogin = "x"\n[[store]]', "paycore", "Nothing asks"),
    ("http://127.0.0.1:9/acme", "https://api.koshelek.app/acme", "koshelek.address", 'address = "https://api-test'),
    ('account = "40702810000000000001"', "account = 4070", "store#1.account", "A text is needed"),
    ('store_id = "S12"', 'store_id = "S 12"', "store#1.store_id", "not allowed"),
    ('terminal_id = "till-03"', 'terminal_id = "till-03"\n[[terminal]]\nterminal_id = "till-03"', "terminal#2.terminal_id", "twice"),
    ('users = ["root"]', 'users = ["nobody-here"]', "connection#1.users#1", "useradd"),
    ('users = ["root"]', 'users = ["root"]\nterminals = ["S13/*"]', "connection#1.terminals#1", "no such terminal"),
    ('kind = "unix"', 'kind = "usb"', "connection#1.kind", "unix, tcp"),
    ('users = ["root"]', 'users = ["root"]\nbaud = 9600', "connection#1.baud", "Nothing asks"),
    ('kind = "unix"\nusers = ["root"]', 'kind = "tcp"\nport = 70000', "connection#1.port", "from 1 to 65535"),
    ('kind = "unix"\nusers = ["root"]', 'kind = "serial"\npath = "ttyS0"', "connection#1.path", "slash"),
    ("/stick", "/no-stick", "koshelek.password_from", "There is no file"),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), WRONG)
def test_a_mistake_is_told_with_its_line(folder: Path, old: str, new: str, key: str, words: str) -> None:
    """One wrong answer: one problem, at the line where it stands, with what would be right. Nothing is written."""
    text = answers_text(folder)
    assert old in text
    changed = text.replace(old, new, 1)
    (found,) = problems(folder, changed)
    assert found["key"] == key
    assert words in f"{found['problem']} {found.get('hint')} {found.get('example')}"
    assert found["line"] == line_of(changed, "[paycore]" if key == "paycore" else new.splitlines()[-1] if new else "[koshelek]")


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    """Of every kind, in the order of the file, and in Russian unless it is asked otherwise."""
    text = answers_text(folder)
    for old, new, *_ in (WRONG[0], WRONG[3], WRONG[9], WRONG[11]):
        text = text.replace(old, new, 1)
    found = problems(folder, text)
    assert [one["key"] for one in found] == ["environment", "koshelek.login", "store#1.store_id", "connection#1.users#1"]
    told = set_up(folder, text)
    assert told.exit_code == 78
    assert "строка 1: environment" in told.stderr
    assert told.stderr.rstrip().endswith("Ничего не изменено.")


def test_a_password_on_a_stick_is_taken_and_warned_of(folder: Path) -> None:
    """Its file system knows no modes, so others can read it there: it is to go when the tills are set up. The copy is closed to them.
    What is no file, or no password, is refused."""
    (folder / "stick").chmod(0o755)
    done = set_up(folder, answers_text(folder), "--language", "en")
    assert (done.exit_code, f"Others can read {folder / 'stick'}" in done.stderr) == (0, True)
    assert (folder / "etc" / "koshelek-password").stat().st_mode & 0o777 == 0o600
    for path in list((folder / "etc").iterdir()):
        path.unlink()
    for content, words in (("", "empty"), ("a\nb", "more than one line"), ("x" * 5000, "longer than")):
        (folder / "stick").write_text(content)
        assert words in problems(folder, answers_text(folder))[0]["problem"]
    assert "not a file" in problems(folder, answers_text(folder).replace("/stick", ""))[0]["problem"]


def test_several_shops_need_a_till_each_its_shop(folder: Path) -> None:
    """With one shop it need not be said."""
    more = SHOP.replace("S12", "S13").replace("MB0000000001", "MB0000000002")
    text = f"{answers_text(folder)}\n[[store]]{more}"
    (found,) = problems(folder, text)
    assert found["key"] == "terminal#1.store_id"
    assert set_up(folder, text.replace("[[terminal]]", '[[terminal]]\nstore_id = "S13"')).exit_code == 0
    assert tomllib.loads((folder / "etc" / "agent.toml").read_text())["terminal"] == [{"store_id": "S13", "terminal_id": "till-03"}]


def test_without_a_terminal_and_without_a_file_it_says_what_it_needs(folder: Path) -> None:
    """A script that forgets --answers does not hang."""
    for words in ([], ["--json"]):
        refused = CliRunner().invoke(cli, ["--config", str(folder / "etc" / "agent.toml"), "setup", *words])
        assert (refused.exit_code, "--answers" in refused.stderr) == (2, True)
