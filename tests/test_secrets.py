"""Goal: a secret is taken only from a safe place and shown nowhere. Method: real files with real modes and owners."""

import copy
import json
import os
import pickle
import pwd
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent import secrets
from agent.secrets import MAX_SECRET_BYTES, SERVICE_USER, STARS, BadSecret, Secret, read_credential, read_file
from agent.texts import translator
from tests.support.stand import ROOT
from tests.system import require

READ_AS_SOMEBODY = """
import os, sys
from pathlib import Path
from agent.secrets import BadSecret, read_file
os.setgroups([]); os.setgid(12345); os.setuid(12345)
try:
    read_file(Path(sys.argv[1]))
except BadSecret as bad:
    print(bad.problem, bad.hint, sep="\\n")
"""


def secret_file(folder: Path, content: bytes = b"word", mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_secret_prints_as_stars() -> None:
    """str, repr, format, f-strings with a specification, and containers show stars; only reveal shows the text."""
    secret = Secret("word")
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>10}", f"{secret!r}", "%s" % secret} == {STARS}  # noqa: UP031 - a way to print
    assert repr([secret]) == f"[{STARS}]"
    assert secret.reveal() == "word"
    assert bool(secret) is True
    assert bool(Secret("")) is False


def test_a_secret_does_not_leave_as_data() -> None:
    """It is neither pickled, copied, hashed, nor written as JSON, and has no attributes to list."""
    secret = Secret("word")
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, hash, vars):
        with pytest.raises(TypeError):
            leak(secret)


def test_secrets_compare_by_value() -> None:
    """Equal texts are equal, others are not, and a plain text never equals a secret."""
    assert Secret("пароль") == Secret("пароль")
    assert Secret("word") != Secret("wort")
    assert Secret("word") != "word"


@pytest.mark.parametrize("content", [b"word", b"word\n", b"word\r\n"])
def test_a_safe_file_is_read_without_its_line_end(tmp_path: Path, content: bytes) -> None:
    """A file of ours that only we can read gives its one line."""
    assert read_file(secret_file(tmp_path, content)).reveal() == "word"
    assert read_file(secret_file(tmp_path, content, 0o400)).reveal() == "word"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """Any bit for group or others is too much; the message has the command that cures it."""
    path = secret_file(tmp_path, mode=mode)
    with pytest.raises(BadSecret) as bad:
        read_file(path)
    assert str(bad.value.hint) == f"Run: sudo chmod 600 {path}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo", "more than one line"),
        (b"a\x00b", "unprintable"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "longer than"),
    ],
)
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Empty, many lines, binary, huge: the wrong file, said in words that do not quote it."""
    with pytest.raises(BadSecret, match=words):
        read_file(secret_file(tmp_path, content))


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    """Who owns the link would choose the file."""
    link = tmp_path / "link"
    link.symlink_to(secret_file(tmp_path))
    with pytest.raises(BadSecret, match="symbolic link"):
        read_file(link)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder and a pipe (which must not hang the start) are no files; a missing file comes with the command that makes it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (pipe, tmp_path):
        with pytest.raises(BadSecret, match="is not a file"):
            read_file(path)
    with pytest.raises(BadSecret, match="no file") as bad:
        read_file(tmp_path / "missing file")
    assert re.search(r"type the password.*install -o \S+ -m 0600 /dev/stdin '", str(bad.value.hint))
    with pytest.raises(BadSecret, match="cannot be read: Not a directory"):
        read_file(secret_file(tmp_path) / "below")


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Another user's file could be changed by that user."""
    require("root")
    path = secret_file(tmp_path)
    os.chown(path, 12345, 0)
    with pytest.raises(BadSecret, match="another user") as bad:
        read_file(path)
    assert "12345" in str(bad.value)
    assert f"sudo chown {_own_name()} {path} && sudo chmod 600 {path}" in str(bad.value.hint)


def _own_name() -> str:
    """Who reads secrets here: the service's user where root checks for it, else whoever runs this."""
    try:
        return pwd.getpwnam(SERVICE_USER).pw_name
    except KeyError:
        return pwd.getpwuid(os.geteuid()).pw_name


def test_a_file_that_the_agent_cannot_read_says_whose_it_is_and_what_to_do() -> None:
    """Made by root, as by ``sudo install`` without an owner: the service's user is told owner, mode, the command, and the other way."""
    require("root")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = secret_file(Path(folder))
        command = [sys.executable, "-c", READ_AS_SOMEBODY, str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    problem, hint = ran.stdout.splitlines()
    assert problem == f"The file {path} belongs to root (mode 600) and cannot be read by 12345, who runs the agent."
    assert f"Run: sudo chown 12345 {path} && sudo chmod 600 {path}." in hint
    assert f"LoadCredential=password:{path}" in hint


def test_root_who_checks_for_the_service_takes_its_user_s_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that the recipe makes is right for ``sudo koshelek-agent config check`` too; any other user's is not."""
    require("root")
    monkeypatch.setattr(secrets, "_service_id", lambda: 12345)
    path = secret_file(tmp_path)
    os.chown(path, 12345, 0)
    assert read_file(path).reveal() == "word"
    os.chown(path, 12346, 0)
    with pytest.raises(BadSecret, match="another user"):
        read_file(path)


def test_a_credential_comes_from_systemds_folder(tmp_path: Path) -> None:
    """The named file is read whatever its mode: systemd guards the folder. Missing ones say what to add to the unit."""
    secret_file(tmp_path, b"word\n", 0o444)
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_credential("password", environment).reveal() == "word"
    with pytest.raises(BadSecret, match="gave the agent no credential other") as bad:
        read_credential("other", environment)
    assert "LoadCredential=other:/etc/koshelek-agent/other" in str(bad.value.hint)
    with pytest.raises(BadSecret, match="not started by systemd"):
        read_credential("password", {})


def test_the_words_are_translated(tmp_path: Path) -> None:
    """A technician reads Russian."""
    with pytest.raises(BadSecret) as bad:
        read_file(tmp_path / "x")
    assert bad.value.problem.text(translator("ru")) == f"Файла {tmp_path / 'x'} нет."
