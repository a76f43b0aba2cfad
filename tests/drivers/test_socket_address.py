"""The name of the socket in the file system: only in a guarded directory, never over somebody else's."""

import os
import socket
import stat
from pathlib import Path

import pytest

from drivers.socket_address import CannotListen, identity, listen, remove
from tests.system import require


def test_mode_and_group_are_set(tmp_path: Path) -> None:
    """Owner and one group, nobody else; and connections are taken."""
    path = tmp_path / "s"
    group = os.getgroups()[0] if os.getgroups() else os.getgid()
    with listen(path, 0o660, group), socket.socket(socket.AF_UNIX) as client:
        found = path.stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o660
        assert found.st_gid == group
        client.connect(str(path))


def test_the_socket_of_a_killed_agent_is_replaced(tmp_path: Path) -> None:
    """A name nobody listens on is stale."""
    path = tmp_path / "s"
    listen(path, 0o660, None).close()
    assert path.exists()
    with listen(path, 0o660, None):
        pass


@pytest.mark.parametrize("waiting", [0, 300])
def test_the_socket_of_a_living_agent_is_left_alone(tmp_path: Path, waiting: int) -> None:
    """Also when its backlog is full and it takes nobody at the moment."""
    path = tmp_path / "s"
    with listen(path, 0o660, None):
        before = identity(path)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(waiting)]
        try:
            for client in clients:
                client.setblocking(False)
                client.connect_ex(str(path))
            with pytest.raises(CannotListen, match="another process listens"):
                listen(path, 0o660, None)
        finally:
            for client in clients:
                client.close()
        assert identity(path) == before


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    """Nothing but a socket is ever removed, not even a link to one."""
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(CannotListen, match="is no socket"):
        listen(path, 0o660, None)
    assert path.read_text() == "precious"
    link = tmp_path / "link"
    listen(tmp_path / "real", 0o660, None).close()
    link.symlink_to(tmp_path / "real")
    with pytest.raises(CannotListen, match="is no socket"):
        listen(link, 0o660, None)


def test_the_directory_must_guard_the_socket(tmp_path: Path) -> None:
    """No directory that others may write to, that is missing, a file, or reached by a link."""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for directory, words in [
        ("open", "everybody may write"),
        ("none", "No such file"),
        ("file", "not a directory"),
        ("link", "not a directory"),
    ]:
        with pytest.raises(CannotListen, match=words):
            listen(tmp_path / directory / "s", 0o660, None)


def test_the_directory_must_be_ours(tmp_path: Path) -> None:
    """A directory of another user is that user's to replace the socket in."""
    require("root")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, -1)
    with pytest.raises(CannotListen, match="belongs to user 12345"):
        listen(foreign / "s", 0o660, None)


@pytest.mark.parametrize(("path", "words"), [("relative/s", "absolute"), ("\0abstract", "absolute"), ("/" + "x" * 107, "107 bytes")])
def test_the_path_is_absolute_and_fits(path: str, words: str) -> None:
    """Abstract sockets have no permissions; a path that is too long would be refused without saying why."""
    with pytest.raises(CannotListen, match=words):
        listen(Path(path), 0o660, None)


def test_a_group_that_cannot_be_set_is_told(tmp_path: Path) -> None:
    """A wrong setting ends in an explanation, not in an open socket."""
    with pytest.raises(CannotListen):
        listen(tmp_path / "s", 0o660, 2**32 - 2 if os.geteuid() else -5)


def test_only_our_own_socket_is_removed(tmp_path: Path) -> None:
    """An agent that stops late does not remove the socket of the one that replaced it."""
    path = tmp_path / "s"
    first = listen(path, 0o660, None)
    ours = identity(path)
    path.rename(tmp_path / "moved")  # keeps the inode in use, as a running predecessor would
    with first, listen(path, 0o660, None):
        remove(path, ours)
        assert path.exists()
        remove(path, identity(path))
        assert not path.exists()
        remove(path, ours)
        assert identity(path) is None
