"""Goal: who may send messages, and by which secrets, is said right or not at all. Method: the shipped example with tables added."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.settings import Problem, hook_secrets, load

HOOKED = """
[webhooks]
port = 7440
{webhooks}
[webhooks.koshelek]
login = "koshelek"
{hook}
"""
ONE = 'secret_files = ["/etc/koshelek-agent/postback-password"]'


def hooked(example: str, webhooks: str = "", hook: str = ONE) -> str:
    return example + HOOKED.format(webhooks=webhooks, hook=hook)


def secret(path: Path, text: str = "one", mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_least_is_a_port_and_a_secret(example: str, write: Callable[[str], Path]) -> None:
    """This machine alone, the usual limits, the usual path; without the table nobody is listened to."""
    found = load(write(hooked(example)), machine=False).webhooks
    assert found is not None
    assert (found.address, found.connections, found.requests_per_s, found.time_limit_s) == ("127.0.0.1", 32, 20, 10)
    assert {name: hook.path for name, hook in found.hooks.items()} == {"koshelek": "/koshelek"}
    assert load(write(example)).webhooks is None


def test_two_secrets_count_at_a_time(example: str, write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From files and from credentials, each read as passwords are."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret(tmp_path / "today", "two")
    secret(tmp_path / "koshelek-password", "three")
    text = f'secret_files = ["{secret(tmp_path / "old")}"]\nsecret_credentials = ["today"]'
    found = load(write(hooked(example, hook=text))).webhooks
    assert found is not None
    assert found.koshelek is not None
    assert [one.reveal() for one in hook_secrets(found.koshelek)] == ["one", "two"]


WRONG: dict[str, tuple[str, str, str, str]] = {
    "nobody": ("", "", "webhooks", "No payment system could send anything"),
    "no secret": ("", "", "webhooks.koshelek.secret_files", "place of the secret is missing"),
    "three": ("", 'secret_credentials = ["a", "b", "c"]', "webhooks.koshelek.secret_credentials", "At most 2 secrets"),
    "three files": ("", 'secret_files = ["/a", "/b", "/c"]', "webhooks.koshelek.secret_files", "At most 2 secrets"),
    "relative": ("", 'secret_files = ["secret"]', "webhooks.koshelek.secret_files#1", "must begin with a slash"),
    "in the clear": ('address = "0.0.0.0"', ONE, "webhooks.address", "must be encrypted"),
    "no address": ('address = "1.2.3"', ONE, "webhooks.address", "no address of this machine"),
    "no key": ('certificate_file = "/a.pem"', ONE, "webhooks.key_file", "TLS needs both"),
    "no certificate": ('key_file = "/a.key"', ONE, "webhooks.certificate_file", "TLS needs both"),
    "one path": ("", f'{ONE}\npath = "/x"\n[webhooks.paycore]\npath = "/x"\n{ONE}', "webhooks.paycore.path", "Two payment systems"),
    "unused": ("", f"{ONE}\n[webhooks.paycore]\n{ONE}", "webhooks.paycore", "paycore is not configured"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str, example: str, problems: Callable[..., list[Problem]]) -> None:
    """With its place and what to do."""
    webhooks, hook, place, text = WRONG[name]
    given = example + "[webhooks]\nport = 7440\n" if name == "nobody" else hooked(example, webhooks, hook)
    found = problems(given)
    assert (place, True) in [(one.key_path, text in str(one.problem)) for one in found], [(one.key_path, str(one.problem)) for one in found]


def test_a_port_of_registers_is_taken(example: str, problems: Callable[..., list[Problem]]) -> None:
    """Two ways in cannot share one."""
    listener = '[[listener]]\nkind = "tcp"\nport = 7440\n[[listener.client]]\nname = "a"\ntoken_file = "/t"\nterminals = ["*/*"]\n'
    (found,) = problems(hooked(example + listener))
    assert (found.key_path, "has this port" in str(found.problem)) == ("webhooks.port", True)


@pytest.mark.parametrize("line", ['certificate_file = "/c.pem"\nkey_file = "/k.key"', "behind_proxy = true"])
def test_beyond_this_machine_it_is_encrypted(line: str, example: str, write: Callable[[str], Path]) -> None:
    """By the agent, or by a proxy that a technician vouches for."""
    assert load(write(hooked(example, f'address = "0.0.0.0"\n{line}')), machine=False).webhooks is not None


def test_softline_has_a_key_for_each_event(example: str, problems: Callable[..., list[Problem]]) -> None:
    """Four events, two keys each."""
    files = ", ".join(f'"/k{number}"' for number in range(9))
    found = problems(hooked(example) + f"[webhooks.softline]\nsecret_files = [{files}]\n")
    assert any("at most 8" in str(one.problem).lower() for one in found)


def test_files_of_this_machine(example: str, problems: Callable[..., list[Problem]], tmp_path: Path) -> None:
    """Secrets and the key must be the agent's alone; the certificate is no secret, and must be there."""
    open_to_all = secret(tmp_path / "secret", mode=0o644)
    key = secret(tmp_path / "key", mode=0o640)
    text = hooked(
        example, f'certificate_file = "{tmp_path}/missing.pem"\nkey_file = "{key}"', f'secret_files = ["{open_to_all}", "{tmp_path}/none"]'
    )
    found = {one.key_path: str(one.problem) for one in problems(text, machine=True)}
    assert "can be read by others" in found["webhooks.koshelek.secret_files#1"]
    assert "There is no file" in found["webhooks.koshelek.secret_files#2"]
    assert "can be read by others" in found["webhooks.key_file"]
    assert "cannot be read" in found["webhooks.certificate_file"]
    (tmp_path / "link").symlink_to(key)
    linked = hooked(example, f'certificate_file = "{key}"\nkey_file = "{tmp_path}/link"', f'secret_files = ["{tmp_path}/link"]')
    assert any("symbolic link" in str(one.problem) for one in problems(linked, machine=True))
