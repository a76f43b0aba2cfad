"""The kernel says who connected: pid, user, group, further groups."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from drivers.caller import Caller, Peer
from drivers.socket_link import peer_of
from tests.drivers.support import Agent, listening, request
from tests.system import require

OTHER_USER, OTHER_GROUP, FURTHER_GROUPS = 12345, 12346, [12347, 12348]

CONNECT_AS_ANOTHER = f"""
import os, socket, sys
os.setgroups({FURTHER_GROUPS}); os.setgid({OTHER_GROUP}); os.setuid({OTHER_USER})
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(sys.argv[2].encode() + b"\\n")
print(client.makefile().readline(), end="")
"""


def test_our_own_credentials() -> None:
    """A pair of sockets of this process."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_of(one) == Peer(os.getpid(), os.getuid(), os.getgid(), frozenset({os.getgid(), *os.getgroups()}))


async def run_as_another(path: Path, line: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONNECT_AS_ANOTHER, str(path), line.decode().strip(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output


async def test_another_user_is_recognised(tmp_path: Path) -> None:
    """User, group and further groups are those of the process that connected."""
    require("root")
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == os.getuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    agent = Agent()
    async with listening(tmp_path / "s", agent):
        (tmp_path / "s").chmod(0o666)
        assert b'"ready":true' in await run_as_another(tmp_path / "s", request(1, "agent.status"))
    [peer] = agent.peers
    assert peer is not None
    assert (peer.uid, peer.gid, peer.groups) == (OTHER_USER, OTHER_GROUP, frozenset({OTHER_GROUP, *FURTHER_GROUPS}))
    assert peer.pid not in (0, os.getpid())


def test_a_caller_speaks_for_its_tills() -> None:
    """Only for those named, each part by a star as well, or for all when none are. A star that is asked for stands for nothing."""
    named = Caller("pos", tills=frozenset({("s", "t")}))
    assert (named.may("s", "t"), named.may("s", "u"), named.may("t", "s"), named.may("s", "*")) == (True, False, False, False)
    starred = Caller("pos", tills=frozenset({("s", "*"), ("*", "t")}))
    assert (starred.may("s", "u"), starred.may("r", "t"), starred.may("r", "u")) == (True, True, False)
    assert Caller("pos", tills=frozenset({("*", "*")})).may("any", "till")
    assert not Caller("pos", tills=frozenset()).may("any", "till")
    assert Caller("root").may("any", "till")
