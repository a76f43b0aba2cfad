"""Goal: what this machine lacks is found before the start, and a listener's people become numbers. Method: real users and files."""

import grp
import os
import pwd
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.secrets import BadSecret, check_private
from agent.settings import Client, Problem, UnixListener, allows, group_ids, load, password, token, user_ids

Problems = Callable[..., list[Problem]]
Write = Callable[[str], Path]

ME = pwd.getpwuid(os.geteuid()).pw_name
MY_GROUP = grp.getgrgid(os.getegid()).gr_name


def listener(**changes: object) -> UnixListener:
    return UnixListener.model_validate({"kind": "unix", "path": "/run/x.sock", "terminals": ["*/*"], **changes})


def test_unknown_people_are_problems_with_a_command(example: str, problems: Problems) -> None:
    """A user or group this machine does not know is first of all a typing error; the command that makes one comes after it. Numbers are
    taken as they are."""
    text = re.sub(r"users = \[.*\]", 'users = ["4242", "nobody-here"]\ngroups = ["' + MY_GROUP + '", "no-such-group"]', example, count=1)
    user, group = problems(text, machine=True)
    assert (user.key_path, group.key_path) == ("listener#1.users#2", "listener#1.groups#2")
    assert re.search("spelt right.*ps -eo user,comm.*sudo useradd --system nobody-here", str(user.hint))
    assert re.search("spelt right.*sudo groupadd --system no-such-group", str(group.hint))


def test_people_become_numbers() -> None:
    """Names are looked up, numbers are kept, unknown names are an error."""
    assert user_ids(listener(users=[ME, "4242"])) == {os.geteuid(), 4242}
    assert group_ids(listener(groups=[MY_GROUP, "4242"])) == {os.getegid(), 4242}
    with pytest.raises(KeyError):
        user_ids(listener(users=["nobody-here"]))
    with pytest.raises(KeyError):
        group_ids(listener(groups=["no-such-group"]))


def test_a_listener_allows_its_terminals_only() -> None:
    """Exact names, a star for all tills of a store, a star for all."""
    exact, store, everything = (listener(terminals=[name]) for name in ("a/1", "a/*", "*/*"))
    assert [allows(exact.terminals, "a", "1"), allows(exact.terminals, "a", "2"), allows(exact.terminals, "b", "1")] == [True, False, False]
    assert [allows(store.terminals, "a", "1"), allows(store.terminals, "a", "2"), allows(store.terminals, "b", "1")] == [True, True, False]
    assert allows(everything.terminals, "b", "9")


def test_a_password_file_is_tried(example: str, problems: Problems, write: Write, tmp_path: Path) -> None:
    """The check refuses a password that the start would refuse, and reads one that is right."""
    file = tmp_path / "password"
    text = example.replace('password_credential = "koshelek-password"', f'password_file = "{file}"')
    assert "no file" in str(problems(text, machine=True)[0].problem)
    file.write_text("word\n")
    file.chmod(0o644)
    (found,) = problems(text, machine=True)
    assert (found.key_path, "sudo chmod 600" in str(found.hint)) == ("provider.koshelek.password_file", True)
    file.chmod(0o600)
    assert password(load(write(text)).provider.koshelek).reveal() == "word"


def test_what_is_missing_is_made_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token at random, by a command that can be run as it stands: what is there then is a good one. An empty file is told the same way,
    a credential too; a password is typed, a certificate's key is brought."""
    file = tmp_path / "token"
    client = Client.model_validate({"name": "kassa", "token_file": str(file), "terminals": ["*/*"]})
    for _ in range(2):
        with pytest.raises(BadSecret) as bad:
            token(client)
        command = str(bad.value.hint).removeprefix("Make a new one: ")
        file.touch(0o600)
    subprocess.run(["sh", "-ec", command.replace("sudo ", "")], check=True)
    assert len(token(client).reveal()) == 48
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "handed").write_text("\n")
    with pytest.raises(BadSecret) as bad:
        token(Client.model_validate({"name": "kassa", "token_credential": "handed", "terminals": ["*/*"]}))
    assert re.search("restart the service: openssl rand -hex 24 \\| sudo install", str(bad.value.hint))
    with pytest.raises(BadSecret) as bad:
        check_private(tmp_path / "page.key")
    assert re.search("private key there.*chown.*chmod 600", str(bad.value.hint))


def test_a_credential_is_tried_inside_the_service_only(
    example: str, problems: Problems, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of the service nothing can be said about a credential; inside, a missing one is a problem."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    provider = load(write(example)).provider.koshelek
    with pytest.raises(BadSecret, match="not started by systemd"):
        password(provider)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (found,) = problems(example, machine=True)
    assert (found.key_path, "LoadCredential=" in str(found.hint)) == ("provider.koshelek.password_credential", True)
    (tmp_path / "koshelek-password").write_text("word")
    assert password(load(write(example)).provider.koshelek).reveal() == "word"


def test_files_must_be_there(example: str, problems: Problems, write: Write) -> None:
    """A certificate file that is not there and a helper that is no program are named; with real ones nothing is."""
    text = example.replace("# path_prefix", 'ca_file = "/no/such/ca.pem"\n# path_prefix', 1)
    text = text.replace("# [helper]", '[helper]\ncommand = ["/etc/passwd"]\n# [helper]', 1)
    assert [problem.key_path for problem in problems(text, machine=True)] == ["provider.koshelek.ca_file", "helper.command#1"]
    good = text.replace('["/etc/passwd"]', '["/bin/sh"]').replace("/no/such/ca.pem", "/etc/passwd")
    assert load(write(good)).helper is not None
