"""Goal: why the agent could not be asked is said in the person's language. Method: sockets where there is nobody, or nobody who answers."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from agent.ops.unreached import unreached
from agent.texts import translator
from drivers.client import Client, Unreachable
from tests.ops.stage import CYRILLIC
from tests.system import require

NOBODY = 65_534


async def asked(path: Path) -> Unreachable:
    try:
        async with await Client.connect(path, connect_seconds=1, answer_seconds=0.2) as client:
            await client.call("agent.status")
    except Unreachable as error:
        return error
    raise AssertionError("somebody has answered")


def told(path: Path) -> tuple[str, str]:
    said = unreached(asyncio.run(asked(path)))
    russian = said.text(translator("ru"))
    assert CYRILLIC.search(russian), russian
    return str(said), russian


def test_why_nobody_answers(tmp_path: Path) -> None:
    """No socket, nobody behind it, somebody who is silent, somebody who hangs up."""
    path = tmp_path / "s"
    assert told(path) == ("there is no such socket", "такого сокета нет")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert told(path) == ("nobody listens there", "там никто не слушает")
        listener.listen()
        assert told(path) == ("no answer", "нет ответа")


async def test_a_connection_that_ends() -> None:
    """In order, or with rubbish."""
    for word, expected in ((b"", "the agent closed the connection"), (b"rubbish\n", "the connection to the agent was lost")):
        here, there = socket.socketpair()
        client = Client(here, 5)
        there.sendall(word)
        there.shutdown(socket.SHUT_WR)
        with pytest.raises(Unreachable) as gone:
            await client.call("agent.status")
        assert str(unreached(gone.value)) == expected
        assert CYRILLIC.search(unreached(gone.value).text(translator("ru")))
        await client.close()
        there.close()


@pytest.mark.system
def test_a_user_who_may_not(open_folder: Path) -> None:
    """The socket is of somebody else."""
    require("root")
    path = open_folder / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        os.seteuid(NOBODY)
        try:
            assert told(path) == ("this user may not use it", "этому пользователю туда нельзя")
        finally:
            os.seteuid(0)
