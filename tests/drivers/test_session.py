"""The pump on real Unix sockets: concurrency, hanging up, half-closing, faults, stopping."""

import asyncio
import json
import socket
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.caller import Caller
from drivers.framing import Fault
from drivers.limits import Limits
from drivers.session import Refused, Session
from drivers.socket_link import SocketLink
from tests.drivers.support import Agent, Raw, Recorder, checkout, get, listening, request
from tests.support.patience import soon


async def test_long_polls_do_not_hold_up_other_calls(tmp_path: Path) -> None:
    """Ten waiting calls, one quick one: the quick one is answered first, the others by id when they are ready."""
    agent = Agent()
    async with listening(tmp_path / "s", agent):
        with Raw(tmp_path / "s") as pos:
            await pos.send(b"".join(get(n, f"k{n}") for n in range(10)) + request("quick", "agent.status"))
            first = await pos.line()
            assert first is not None
            assert (first["id"], first["result"]) == ("quick", {"ready": True})
            agent.release.set()
            rest = [await pos.line() for _ in range(10)]
            assert {(answer or {})["id"]: (answer or {})["result"]["key"] for answer in rest} == {n: f"k{n}" for n in range(10)}


async def test_a_pos_that_hangs_up_ends_its_long_polls_and_nothing_else(tmp_path: Path) -> None:
    """The poll is cancelled at once; the checkout is carried out and knows that nobody is there."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "checkout.create", **checkout("sale")) + get(2, "poll"))
            await soon(lambda: len(agent.log) == 2)
        await soon(lambda: "cancelled checkout.get poll" in agent.log)
        assert "end checkout.create sale" not in agent.log
        assert listener.connections == 1
        agent.release.set()
        await soon(lambda: listener.connections == 0)
        assert "end checkout.create sale" in agent.log
        assert "cancelled checkout.create sale" not in agent.log
        assert recorder.of("disconnected") == ["closed"]


async def test_half_close_still_gets_every_answer(tmp_path: Path) -> None:
    """A POS that sends its requests and closes its sending half (a shell pipe) waits for the answers, and gets them."""
    agent = Agent()
    async with listening(tmp_path / "s", agent) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(get(1, "a") + request(2, "agent.status"))
            pos.socket.shutdown(1)
            assert ((await pos.line()) or {})["id"] == 2
            await asyncio.sleep(0.15)
            assert listener.connections == 1
            agent.release.set()
            assert ((await pos.line()) or {})["id"] == 1
            assert await pos.line() is None


async def test_a_half_closed_pos_that_goes_is_noticed(tmp_path: Path) -> None:
    """After the half-close no byte tells of the end; the long poll ends all the same."""
    agent = Agent()
    async with listening(tmp_path / "s", agent) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(get(1, "a"))
            pos.socket.shutdown(1)
            await soon(lambda: len(agent.log) == 1)
        await soon(lambda: listener.connections == 0)


async def test_a_line_cut_off_by_the_end_is_not_executed(tmp_path: Path) -> None:
    """Even if it is complete JSON: its newline is missing, so more may have been meant."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "checkout.create", **checkout("sale")).rstrip())
            pos.socket.shutdown(1)
            answer = await pos.line()
            assert answer is not None
            assert answer["error"]["code"] == -32700
            assert await pos.line() is None
    assert agent.log == []
    assert recorder.of("misbehaved") == [Fault.INCOMPLETE]


async def test_errors_have_numbers_words_and_places(tmp_path: Path) -> None:
    """Each kind of error as it is on the wire; the connection goes on after each of them."""
    agent = Agent()
    async with listening(tmp_path / "s", agent):
        with Raw(tmp_path / "s") as pos:
            lines = [
                (b"garbage\n", None, -32700, "INVALID"),
                (b"\0\0\n", None, -32700, "INVALID"),
                (b"[]\n", None, -32600, "INVALID"),
                (request(1, "checkout.craete"), 1, -32601, "INVALID"),
                (request(2, "checkout.get", key="k"), 2, -32602, "INVALID"),
                (request(3, "operation.last", storeId="s", terminalId="t"), 3, -32000, "NOT_FOUND"),
            ]
            for line, call_id, number, code in lines:
                await pos.send(line)
                answer = await pos.line()
                assert answer is not None
                assert (answer["id"], answer["error"]["code"], answer["error"]["data"]["code"]) == (call_id, number, code)
            await pos.send(request(4, "checkout.get", key="k"))
            details = ((await pos.line()) or {})["error"]["data"]["details"]
            assert [entry["path"] for entry in details] == ["storeId", "terminalId"]
            await pos.send(request(5, "operation.last", storeId="s", terminalId="t"))
            assert ((await pos.line()) or {})["error"] == {
                "code": -32000,
                "message": "no such sale",
                "data": {"hint": "x", "code": "NOT_FOUND"},
            }


async def test_a_notification_is_not_executed(tmp_path: Path) -> None:
    """No answer, no effect, one line for the log."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            line = json.loads(request(1, "checkout.create", **checkout("sale")))
            del line["id"]
            await pos.send(json.dumps(line).encode() + b"\n" + request(2, "agent.status"))
            assert ((await pos.line()) or {})["id"] == 2
    assert agent.log == []
    assert recorder.of("ignored") == ["checkout.create"]


@pytest.mark.parametrize("fault", [RuntimeError("SECRET password"), TimeoutError("SECRET"), asyncio.CancelledError("SECRET")])
async def test_a_fault_of_ours_is_told_by_reference(tmp_path: Path, fault: BaseException) -> None:
    """The POS gets a reference, the log the exception; the exception's text stays inside; the connection goes on."""
    agent, recorder = Agent(), Recorder()
    agent.fault = fault
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "agent.status"))
            answer = await pos.line()
            assert answer is not None
            assert answer["error"]["code"] == -32603
            assert "SECRET" not in json.dumps(answer)
            [(reference, method, error)] = recorder.of("failed")
            assert (answer["error"]["data"]["reference"], "agent.status", fault) == (reference, method, error)
            agent.fault = None
            await pos.send(request(2, "agent.status"))
            assert "result" in ((await pos.line()) or {})


async def test_a_result_without_json_is_our_fault(tmp_path: Path) -> None:
    """Also in the data of a refusal, whose code still reaches the POS."""
    agent, recorder = Agent(), Recorder()
    agent.result = {"when": object()}
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "agent.status"))
            assert ((await pos.line()) or {})["error"]["code"] == -32603
            agent.fault = Refused("CONFLICT", "other body", {"when": object()})
            await pos.send(request(2, "agent.status"))
            assert ((await pos.line()) or {})["error"]["data"]["code"] == "CONFLICT"
    assert len(recorder.of("failed")) == 2


async def test_decimals_reach_the_pos_as_numbers(tmp_path: Path) -> None:
    """A price of a handler arrives digit by digit."""
    agent = Agent()
    agent.result = {"price": Decimal("40.10")}
    async with listening(tmp_path / "s", agent):
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "agent.status"))
            answer = await pos.line()
            assert answer is not None
            assert answer["result"]["price"] == pytest.approx(40.1)


async def test_stopping_lets_work_finish(tmp_path: Path) -> None:
    """No new connections; a long poll answers early with what is known; a checkout has until the grace is over."""
    agent = Agent()
    async with listening(tmp_path / "s", agent) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "checkout.create", **checkout("sale")) + get(2, "poll"))
            await soon(lambda: len(agent.log) == 2)
            stopping = asyncio.create_task(listener.stop(grace_seconds=5))
            answer = await pos.line()
            assert answer is not None
            assert (answer["id"], answer["result"]["hurried"], answer["result"]["gone"]) == (2, True, False)
            with pytest.raises(FileNotFoundError):
                Raw(tmp_path / "s")
            await pos.send(request(3, "agent.status"))
            agent.release.set()
            assert ((await pos.line()) or {})["id"] == 1
            assert await pos.line() is None
            await stopping
            assert listener.connections == 0


async def test_stopping_ends_what_does_not_finish(tmp_path: Path) -> None:
    """When the grace is over the rest is cancelled; its POS asks again by key."""
    agent, recorder = Agent(), Recorder()
    async with listening(tmp_path / "s", agent, recorder=recorder) as listener:
        with Raw(tmp_path / "s") as pos:
            await pos.send(request(1, "checkout.create", **checkout("sale")))
            await soon(lambda: len(agent.log) == 1)
            await listener.stop(grace_seconds=0.05)
            assert await pos.line() is None
    assert agent.log == ["begin checkout.create sale", "cancelled checkout.create sale"]
    assert recorder.of("disconnected") == ["stopped"]


async def test_no_secret_in_what_the_observer_is_told(tmp_path: Path) -> None:
    """Wrong, unfinished and right requests with secrets: none of their values is in any event."""
    agent, recorder = Agent(), Recorder()
    agent.release.set()
    async with listening(tmp_path / "s", agent, recorder=recorder):
        with Raw(tmp_path / "s") as pos:
            right = request(1, "checkout.create", **checkout("sale"))
            wrong = request(2, "checkout.create", **{**checkout("sale"), "token": "SECRETTOKEN\n", "cardSession": "SECRETSESSION!"})
            await pos.send(right + wrong + right.rstrip())
            pos.socket.shutdown(1)
            answers = [await pos.line() for _ in range(3)]
            assert await pos.line() is None
    assert "SECRET" not in repr(recorder.events) + json.dumps(answers)
    assert "2900000099999" not in repr(recorder.events) + json.dumps(answers)


garbage = st.lists(
    st.binary(max_size=80) | st.sampled_from([b"\n", b"{", b'{"jsonrpc":"2.0","id":1', b"\0\n", b"[" * 70 + b"\n", b"[]\n"]), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage)
def test_garbage_never_hurts(tmp_path: Path, portions: list[bytes]) -> None:
    """After any bytes one newline and a request are enough; another connection notices nothing."""

    async def scenario() -> None:
        agent = Agent()
        async with listening(tmp_path / "s", agent, limits=Limits(line_bytes=200)):
            with Raw(tmp_path / "s") as bad, Raw(tmp_path / "s") as good:
                for portion in portions:
                    await bad.send(portion)
                await bad.send(b"\n" + request("after", "agent.status"))
                await good.send(request("good", "agent.status"))
                assert ((await good.line()) or {})["id"] == "good"
                while (answer := await bad.line()) and answer["id"] != "after":
                    assert answer["error"]["code"] in (-32700, -32600, -32601, -32602)
                assert answer is not None

    asyncio.run(scenario())


async def test_a_fault_in_the_pump_ends_one_connection(tmp_path: Path) -> None:
    """Whatever breaks inside, the others are served, and the fault is reported."""

    class Broken(Recorder):
        def ignored(self, caller: Caller, method: str) -> None:
            raise RuntimeError("boom")

    recorder = Broken()
    async with listening(tmp_path / "s", Agent(), recorder=recorder):
        with Raw(tmp_path / "s") as bad, Raw(tmp_path / "s") as good:
            await bad.send(b'{"jsonrpc":"2.0","method":"agent.status"}\n')
            assert await bad.line() is None
            await good.send(request(1, "agent.status"))
            assert ((await good.line()) or {})["id"] == 1
    assert [str(error) for _, _, error in recorder.of("failed")] == ["boom"]
    assert "failed" in recorder.of("disconnected")


async def test_a_session_stopped_before_it_began_reads_nothing() -> None:
    """Stopping and connecting at the same moment: the request stays unread, and its POS repeats it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(request(1, "checkout.create", **checkout("sale")))
        agent = Agent()
        session = Session(Caller("pos"), agent.handle)
        session.stop()
        await session.run(SocketLink(ours, Limits()))
        assert agent.log == []
