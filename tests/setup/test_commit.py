"""Goal: everything is in place, or everything is as it was. Method: real files; the step that fails is each one in turn."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.ops.setup import commit as module
from agent.ops.setup.commit import CONFIGURATION_MODE, Change, commit

NOW = datetime(2026, 1, 31, 12, 30, 5, tzinfo=UTC)


def fine() -> None:
    """A check that finds nothing."""


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder with its content and mode."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777) for path in files}


def changes(folder: Path) -> list[Change]:
    return [
        Change(folder / "password", b"new\n"),
        Change(folder / "deeper" / "still" / "token", b"token\n"),
        Change(folder / "agent.toml", b"new\n", CONFIGURATION_MODE, keep=True),
    ]


def a_till(folder: Path) -> dict[str, tuple[bytes, int]]:
    """A configuration and a password from before."""
    for name, mode in (("agent.toml", 0o640), ("password", 0o600)):
        (folder / name).write_bytes(b"old\n")
        (folder / name).chmod(mode)
    return snapshot(folder)


def test_new_files_have_their_modes(tmp_path: Path) -> None:
    """A secret is its owner's alone; what the command line of operators reads is everybody's. Folders are made."""
    assert not commit(changes(tmp_path), NOW, fine).copies
    found = snapshot(tmp_path)
    assert found == {"password": (b"new\n", 0o600), "deeper/still/token": (b"token\n", 0o600), "agent.toml": (b"new\n", 0o644)}


def test_the_one_from_before_stays_under_its_date(tmp_path: Path) -> None:
    """With its mode, which holds for the new one too; a second one of the same second has another name."""
    before = a_till(tmp_path)
    done = commit(changes(tmp_path), NOW, fine)
    assert [copy.name for copy in done.copies] == ["agent.toml.2026-01-31T12-30-05Z"]
    assert snapshot(tmp_path)["agent.toml.2026-01-31T12-30-05Z"] == before["agent.toml"]
    assert snapshot(tmp_path)["agent.toml"] == (b"new\n", 0o640)
    (again,) = commit(changes(tmp_path), NOW, fine).copies
    assert again.name == "agent.toml.2026-01-31T12-30-05Z-2"


@pytest.mark.parametrize("error", [OSError("no space left on the device"), KeyboardInterrupt()])
def test_whatever_fails_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Each flush and each move fails in turn, on a new till and on one that is set up; so does the check."""
    for prepare in (a_till, snapshot):
        count = 0
        while True:
            folder = tmp_path / f"{prepare.__name__}-{type(error).__name__}-{count}"
            folder.mkdir()
            before = prepare(folder)
            with monkeypatch.context() as patched:
                fails = Failing(count, error)
                patched.setattr(module.os, "fsync", fails.around(os.fsync))
                patched.setattr(module.os, "link", fails.around(os.link))
                patched.setattr(module.shutil, "copy2", fails.around(module.shutil.copy2))
                try:
                    commit(changes(folder), NOW, fails.around(fine))
                except type(error):
                    assert snapshot(folder) == before, f"step {count}"
                    assert not (folder / "deeper").exists()
                else:
                    break
            count += 1
        assert count >= 7


class Failing:
    """The step with this number fails."""

    def __init__(self, step: int, error: BaseException) -> None:
        self._left = step
        self._error = error

    def around(self, work: Callable[..., object]) -> Callable[..., object]:
        def failing(*given: object) -> object:
            self._left -= 1
            if self._left == -1:
                raise self._error
            return work(*given)

        return failing


def test_nobody_reads_a_secret_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first byte the new file is closed to others, under any umask."""
    seen: list[int] = []
    monkeypatch.setattr(module.os, "fchmod", lambda descriptor, mode: seen.append(os.fstat(descriptor).st_mode & 0o777))
    before = os.umask(0)
    try:
        commit([Change(tmp_path / "password", b"x")], NOW, fine)
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_files_of_people_are_left_alone(tmp_path: Path) -> None:
    """Whatever lies beside: what is named like a second name of ours once was, and what a cut-off time left, which is told."""
    a_till(tmp_path)
    mine = [tmp_path / name for name in ("agent.toml.before", "agent.toml.new", "password.before", ".agent.toml.before-0123456789ab")]
    for path in mine:
        path.write_bytes(b"mine")
    done = commit(changes(tmp_path), NOW, fine)
    assert [path.read_bytes() for path in mine] == [b"mine"] * 4
    assert done.leftovers == mine[3:]
    with pytest.raises(OSError, match="refused"):
        commit(changes(tmp_path), NOW, refused)
    assert [path.read_bytes() for path in mine] == [b"mine"] * 4


def refused() -> None:
    raise OSError("refused")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_secret_of_the_services_user_is_his(tmp_path: Path) -> None:
    """And a configuration keeps its owner."""
    (tmp_path / "agent.toml").write_bytes(b"old")
    os.chown(tmp_path / "agent.toml", 4242, 4243)
    commit([Change(tmp_path / "token", b"x", owner=(4242, 4243)), Change(tmp_path / "agent.toml", b"y", keep=True)], NOW, fine)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()} == {(4242, 4243)}
