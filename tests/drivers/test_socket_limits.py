"""Every limit of a connection, shown on real sockets, and that nobody else suffers from the peer that reached it."""

import asyncio
import json
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from drivers.framing import Fault
from drivers.limits import Limits
from drivers.link import LinkLost
from drivers.socket_link import SocketLink
from tests.drivers.support import Agent, Raw, Recorder, get, listening, request
from tests.support.patience import soon

SHOW = {"storeId": "s", "terminalId": "t"}


async def assert_served(path: Path, seconds: float = 0.5) -> None:
    """A new connection is answered at once."""
    began = time.monotonic()
    with Raw(path) as other:
        await other.send(request("other", "agent.status"))
        assert ((await other.line()) or {})["id"] == "other"
    assert time.monotonic() - began < seconds


async def test_connections_of_one_user(tmp_path: Path) -> None:
    """The ninth is told why and closed; when one goes there is room again."""
    recorder = Recorder()
    async with listening(tmp_path / "s", Agent(), recorder=recorder) as listener:
        connected = [Raw(tmp_path / "s") for _ in range(8)]
        with Raw(tmp_path / "s") as ninth:
            answer = await ninth.line()
            assert answer is not None
            assert (answer["id"], answer["error"]["data"]["code"]) == (None, "LIMIT")
            assert await ninth.line() is None
        assert recorder.of("turned_away") == ["LIMIT"]
        connected.pop().close()
        await soon(lambda: listener.connections == 7)
        await assert_served(tmp_path / "s")
        for each in connected:
            each.close()


async def test_connections_of_all_users(tmp_path: Path) -> None:
    """The total has its own limit."""
    async with listening(tmp_path / "s", Agent(), limits=Limits(connections=3, connections_per_user=99)):
        connected = [Raw(tmp_path / "s") for _ in range(3)]
        with Raw(tmp_path / "s") as fourth:
            assert ((await fourth.line()) or {})["error"]["data"]["code"] == "LIMIT"
        for each in connected:
            each.close()


async def test_who_is_not_admitted(tmp_path: Path) -> None:
    """Told that it is forbidden, and closed before anything is read."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder, admit=lambda peer: False):
        with Raw(tmp_path / "s") as pos:
            assert ((await pos.line()) or {})["error"]["data"]["code"] == "FORBIDDEN"
            assert await pos.line() is None
    assert recorder.events == [("turned_away", "FORBIDDEN")]


async def test_a_fault_in_admit_ends_one_connection(tmp_path: Path) -> None:
    """It is reported, and the listener goes on."""
    recorder = Recorder()
    calls: list[int] = []

    def admit(peer: object) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("boom")
        return True

    async with listening(tmp_path / "s", Agent(), recorder=recorder, admit=admit):
        with Raw(tmp_path / "s") as pos:
            assert await pos.line() is None
        await assert_served(tmp_path / "s")
    assert len(recorder.of("failed")) == 1


async def test_a_thousand_connections(tmp_path: Path) -> None:
    """Eight are kept, the others are told and closed; an admitted one is served meanwhile, and everybody afterwards."""
    async with listening(tmp_path / "s", Agent()) as listener:
        with Raw(tmp_path / "s") as admitted:
            raws: list[Raw] = []

            def storm() -> None:
                for _ in range(1000):
                    while True:
                        try:
                            raws.append(Raw(tmp_path / "s"))
                        except BlockingIOError:  # the backlog is full: the kernel makes us wait
                            time.sleep(0.001)
                        else:
                            break

            thread = threading.Thread(target=storm)
            thread.start()
            slowest = 0.0
            while thread.is_alive():
                began = time.monotonic()
                await admitted.send(request(1, "agent.status"))
                assert await admitted.line() is not None
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.025)
            thread.join()
            assert 0 < slowest < 0.5
            assert listener.connections == 8
            refused = [await raw.line() for raw in raws[7:]]
            assert len(refused) == 993
            assert all(answer and answer["error"]["data"]["code"] == "LIMIT" for answer in refused)
            for raw in raws:
                raw.close()
        await soon(lambda: listener.connections == 0)
        await assert_served(tmp_path / "s")


async def test_the_length_of_a_line(tmp_path: Path) -> None:
    """64 KiB are taken; one byte more is an error, once, and the next line is read."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            whole = request(1, "agent.status").rstrip()
            await pos.send(whole + b" " * (64 * 1024 - len(whole)) + b"\n")
            assert ((await pos.line()) or {})["id"] == 1
            await pos.send(whole + b" " * (64 * 1024 - len(whole) + 1) + b" " * 50_000 + b"\n" + request(2, "agent.status"))
            answer = await pos.line()
            assert answer is not None
            assert "65536 bytes" in answer["error"]["message"]
            assert ((await pos.line()) or {})["id"] == 2
    assert recorder.of("misbehaved") == [Fault.TOO_LONG]


async def test_a_started_line_must_be_finished(tmp_path: Path) -> None:
    """A byte now and then does not extend the time; what is at work is answered first; whole lines have no limit between them."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, limits=Limits(line_seconds=0.3), recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await asyncio.sleep(0.4)
            await pos.send(request(1, "agent.status"))
            assert ((await pos.line()) or {})["id"] == 1
            began = time.monotonic()

            async def trickle() -> None:
                for byte in request(2, "agent.status"):
                    await pos.send(bytes([byte]))
                    await asyncio.sleep(0.05)

            trickling = asyncio.create_task(trickle())
            answer = await pos.line()
            assert answer is not None
            assert (answer["error"]["data"]["code"], answer["id"]) == ("LIMIT", None)
            assert 0.25 < time.monotonic() - began < 1.5
            assert await pos.line() is None
            await asyncio.gather(trickling, return_exceptions=True)
    assert recorder.of("disconnected") == ["slow"]


async def test_each_line_has_its_own_time(tmp_path: Path) -> None:
    """A peer that always has a line begun is not taken for a slow one as long as it finishes them."""
    async with listening(tmp_path / "s", Agent(), limits=Limits(line_seconds=0.3)):
        with Raw(tmp_path / "s") as pos:
            line = request(1, "agent.status")
            await pos.send(line[:10])
            for _ in range(5):
                await asyncio.sleep(0.15)
                await pos.send(line[10:] + line[:10])
                assert ((await pos.line()) or {})["id"] == 1


async def test_requests_at_work(tmp_path: Path) -> None:
    """The seventeenth is refused under its own id; when one is answered there is room again."""
    agent = Agent()
    async with listening(tmp_path / "s", agent):
        with Raw(tmp_path / "s") as pos:
            await pos.send(b"".join(get(n, f"k{n}") for n in range(17)))
            answer = await pos.line()
            assert answer is not None
            assert (answer["id"], answer["error"]["code"], answer["error"]["data"]["code"]) == (16, -32000, "LIMIT")
            agent.release.set()
            assert len({((await pos.line()) or {})["id"] for _ in range(16)}) == 16
            await pos.send(get(99, "again"))
            assert ((await pos.line()) or {})["id"] == 99


async def test_the_rate_of_requests(tmp_path: Path) -> None:
    """Above the burst a peer gets its answers at the permitted rate, all of them, and others are not delayed."""
    async with listening(tmp_path / "s", Agent(), limits=Limits(requests_per_second=100, request_burst=20)):
        with Raw(tmp_path / "s") as pos:
            began = time.monotonic()
            sending = asyncio.create_task(pos.send(b"".join(request(n, "agent.status") for n in range(70))))
            await assert_served(tmp_path / "s")
            answers = [((await pos.line()) or {})["id"] for _ in range(70)]
            await sending
            assert sorted(answers) == list(range(70))
            assert time.monotonic() - began >= 0.45


@pytest.mark.parametrize("flood", [b"\n" * 65536, b"x\n" * 32768, b"x" * 65536], ids=["blank", "garbage", "endless"])
async def test_a_flood_delays_nobody_else(tmp_path: Path, flood: bytes) -> None:
    """Whatever one peer pours in, another is answered quickly, and stopping does not wait for the flood."""
    async with listening(tmp_path / "s", Agent()) as listener:
        with Raw(tmp_path / "s") as bad, Raw(tmp_path / "s") as good:

            async def pour() -> None:
                while True:
                    await bad.send(flood)

            pouring = asyncio.create_task(pour())
            await asyncio.sleep(0.1)
            waits = []
            for n in range(20):
                began = time.monotonic()
                await good.send(request(n, "agent.status"))
                assert ((await good.line()) or {})["id"] == n
                waits.append(time.monotonic() - began)
                await asyncio.sleep(0.025)
            assert sorted(waits)[10] < 0.1
            assert max(waits) < 1
            began = time.monotonic()
            await listener.stop(grace_seconds=5)
            assert time.monotonic() - began < 1
            pouring.cancel()
            await asyncio.gather(pouring, return_exceptions=True)


async def test_a_peer_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    """Answers pile up no further than the limit in bytes; the connection ends, and others are served all the time."""
    recorder = Recorder()
    limits = Limits(answer_bytes=600_000, unsent_bytes=1_000_000, unread_seconds=60)
    async with listening(tmp_path / "s", Agent(), limits=limits, recorder=recorder) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(b"".join(request(n, "operation.show", key="500000", **SHOW) for n in range(4)))
            await soon(lambda: "lost" in recorder.of("disconnected"))
            await assert_served(tmp_path / "s")
            assert listener.connections <= 1


async def test_a_peer_that_does_not_read_in_time_is_dropped(tmp_path: Path) -> None:
    """One answer may take so long to be read and no longer."""
    recorder = Recorder()
    async with listening(tmp_path / "s", Agent(), limits=Limits(unread_seconds=0.2), recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "operation.show", key="2000000", **SHOW))
            await asyncio.sleep(0.1)
            assert recorder.of("disconnected") == []
            await soon(lambda: recorder.of("disconnected") == ["lost"])


async def test_nonsense_without_reading_stops_itself(tmp_path: Path) -> None:
    """Errors that nobody reads are not piled up: the reader waits for them, then the connection is dropped."""
    recorder = Recorder()
    limits = Limits(unread_seconds=0.3, request_burst=100_000, byte_burst=10**8)
    async with listening(tmp_path / "s", Agent(), limits=limits, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            pouring = asyncio.create_task(pos.send(b"x\n" * 100_000))
            await soon(lambda: recorder.of("disconnected") == ["lost"], 10)
            await asyncio.gather(pouring, return_exceptions=True)


async def test_a_slow_reader_gets_everything(tmp_path: Path) -> None:
    """Answers of a megabyte arrive whole and unmixed although the peer reads in small portions and asks several at once."""
    async with listening(tmp_path / "s", Agent()):
        with Raw(tmp_path / "s") as pos:
            await pos.send(b"".join(request(n, "operation.show", key="1000000", **SHOW) for n in range(3)))
            received = bytearray()
            while received.count(b"\n") < 3:
                received += await asyncio.get_running_loop().sock_recv(pos.socket, 50_000)
                await asyncio.sleep(0.001)
            found = [json.loads(line) for line in received.splitlines()]
            assert {answer["id"] for answer in found} == {0, 1, 2}
            assert all(len(answer["result"]["filler"]) == 1_000_000 for answer in found)


async def test_an_answer_that_is_too_long(tmp_path: Path) -> None:
    """The POS is told to ask for less instead of being flooded."""
    async with listening(tmp_path / "s", Agent(), limits=Limits(answer_bytes=1000)):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "operation.show", key="1000", **SHOW))
            answer = await pos.line()
            assert answer is not None
            assert (answer["id"], answer["error"]["data"]["code"]) == (1, "LIMIT")


async def test_who_floods_and_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    """The rest of a flood whose sender has gone is not worked off at the permitted rate."""
    recorder = Recorder()
    async with listening(tmp_path / "s", Agent(), limits=Limits(requests_per_second=20, request_burst=1), recorder=recorder) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(b"".join(request(n, "agent.status") for n in range(80)))
            await soon(lambda: listener.connections == 1)
        await soon(lambda: listener.connections == 0, 1)


async def test_a_peer_that_resets_is_lost(tmp_path: Path) -> None:
    """Closing with an answer unread is an error on our side of the socket, and no more than the end of this connection."""
    recorder = Recorder()
    async with listening(tmp_path / "s", Agent(), recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "agent.status"))
            await asyncio.get_running_loop().sock_recv(pos.socket, 1)
        await soon(lambda: recorder.of("disconnected") == ["lost"])
        await assert_served(tmp_path / "s")


async def test_nothing_follows_half_an_answer() -> None:
    """When an answer was given up in its middle, none is sent after it, even if the peer reads again: the lines would run together."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        link = SocketLink(ours, Limits(unread_seconds=0.1))
        with pytest.raises(LinkLost, match="does not read"):
            await link.send(b"x" * 2_000_000)
        received = 0
        while True:
            try:
                received += len(theirs.recv(65536))
            except BlockingIOError:
                break
        assert 0 < received < 2_000_000
        with pytest.raises(LinkLost, match="cut off"):
            await link.send(b"y")


async def test_the_rate_of_bytes(tmp_path: Path) -> None:
    """Long lines are taken in no faster than permitted, however small the burst."""
    limits = Limits(bytes_per_second=40_000, byte_burst=1_000, line_bytes=20_000)
    async with listening(tmp_path / "s", Agent(), limits=limits):
        with Raw(tmp_path / "s") as pos:
            began = time.monotonic()
            await pos.send(b"x" * 20_000 + b"\n" + request(1, "agent.status"))
            assert ((await pos.line()) or {})["id"] is None
            assert ((await pos.line()) or {})["id"] == 1
            assert time.monotonic() - began >= 0.04


async def test_no_descriptors_left(tmp_path: Path) -> None:
    """While the process can open nothing more, connections wait; afterwards they are served, and it was reported."""
    recorder = Recorder()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with listening(tmp_path / "s", Agent(), recorder=recorder):
        waiting = socket.socket(socket.AF_UNIX)
        with waiting:
            resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 1, hard))
            try:
                waiting.connect(str(tmp_path / "s"))
                await soon(lambda: len(recorder.of("failed")) > 0)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            waiting.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(waiting, request(1, "agent.status"))
            async with asyncio.timeout(5):
                assert b'"ready":true' in await asyncio.get_running_loop().sock_recv(waiting, 65536)
