"""The sandbox as a server: every wire fault over a real socket, outages, TLS, start and stop."""

import asyncio
import json
import os
import signal
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
import trustme

from agent.sandbox.server import Sandbox, serve
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.words import Operation
from tests.sandbox.running import House, running
from tests.sandbox.till import HEADERS, PATHS

BROKEN = (httpx.RemoteProtocolError, httpx.ReadError)


async def test_a_sale_over_http() -> None:
    """Checkout, status, refund over one kept-alive connection, under the partner's path."""
    async with running(bank=BankSettings(partner="acme")) as house:
        assert house.sandbox.base_url.endswith("/acme")
        started = await house.checkout("FAST01")
        assert (started.status_code, started.headers["content-type"]) == (200, "application/json; charset=utf-8")
        transaction = started.json()["transactionId"]
        status = await house.pay(Operation.STATUS, house.bodies.status_body(transaction))
        assert status.json()["status"] == "accepted"
        refund = await house.pay(Operation.REFUND, house.bodies.refund_body(transaction))
        assert refund.json()["status"] == "refunded"
        assert house.sandbox.bank.ledger.net() == 0


@pytest.mark.parametrize(("kind", "transactions"), [("lose_request", 0), ("lose_answer", 1), ("late_first_copy", 0)])
async def test_a_connection_drops_without_an_answer(kind: str, transactions: int) -> None:
    """Not one byte comes; the next request is served."""
    async with running() as house:
        await house.fault(kind)
        with pytest.raises(BROKEN):
            await house.checkout()
        assert len(house.sandbox.bank.transactions()) == transactions
        assert (await house.checkout("OTHER1")).status_code == 200


async def test_silence_before_the_connection_drops() -> None:
    """A client with less patience times out first; the server does not mind."""
    async with running() as house:
        await house.fault("lose_answer", hang_ms=500)
        with pytest.raises(httpx.ReadTimeout):
            await house.checkout(timeout=0.1)
        assert len(house.sandbox.bank.transactions()) == 1
        assert (await house.checkout("OTHER1")).status_code == 200


async def test_a_late_first_copy_is_executed_later() -> None:
    """The payment appears after its time, not before."""
    async with running() as house:
        await house.fault("late_first_copy", ms=200)
        with pytest.raises(BROKEN):
            await house.checkout("FAST01")
        assert (await house.control("GET", "/transactions")).json() == []
        await asyncio.sleep(0.25)
        assert [shown["status"] for shown in (await house.control("GET", "/transactions")).json()] == ["accepted"]


@pytest.mark.parametrize("before", [True, False])
async def test_a_delay(before: bool) -> None:
    """The answer comes whole, but late; a client that leaves does not undo what was asked."""
    async with running() as house:
        await house.fault("delay", ms=200, before=before)
        started = time.monotonic()
        assert (await house.checkout("SESSION1")).status_code == 200
        assert time.monotonic() - started >= 0.2
        await house.fault("delay", ms=200, before=before)
        with pytest.raises(httpx.ReadTimeout):
            await house.checkout("SESSION2", timeout=0.05)
        await asyncio.sleep(0.3)
        assert len(house.sandbox.bank.transactions()) == 2


async def test_a_duplicate() -> None:
    """One answer, one payment, two executions on record."""
    async with running() as house:
        await house.fault("duplicate")
        assert (await house.checkout("FAST01")).status_code == 200
        assert [received.executed for received in house.sandbox.bank.log] == [2]
        assert len(house.sandbox.bank.ledger.entries) == 1


@pytest.mark.parametrize(
    ("kind", "params", "status"),
    [
        ("error_5xx", {"status": 502, "retry_after_s": 5}, 502),
        ("unauthorized", {}, 401),
        ("too_many", {"retry_after_s": 5}, 429),
        ("refuse_422", {"code": "TRANSACTION_IN_PROCESSING"}, 422),
        ("html", {}, 200),
        ("garbage", {"size_bytes": 2_000_000}, 200),
    ],
)
async def test_another_answer_instead(kind: str, params: dict[str, object], status: int) -> None:
    """It arrives whole, and the next one is the bank's own again."""
    async with running() as house:
        await house.fault(kind, **params)
        answer = await house.checkout()
        assert answer.status_code == status
        if "retry_after_s" in params:
            assert answer.headers["retry-after"] == "5"
        if "size_bytes" in params:
            assert len(answer.content) == 2_000_000
        assert (await house.checkout("OTHER1")).json()["status"] == "new"


async def test_a_truncated_answer() -> None:
    """The announced length is not reached; the part that came is the beginning of the true answer."""
    async with running() as house:
        await house.fault("truncated", percent=30)
        request = house.client.build_request(
            "POST", house.sandbox.base_url + PATHS[Operation.CHECKOUT], json=house.bodies.checkout_body(), headers=HEADERS
        )
        response = await house.client.send(request, stream=True)
        pieces = response.aiter_raw()
        received = await anext(pieces)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)
        assert len(received) == int(response.headers["content-length"]) * 30 // 100
        assert received.startswith(b'{"requestId":')


async def test_a_dripping_answer_defeats_a_timeout_per_read() -> None:
    """Each byte is in time for the client's read limit; the whole takes far longer."""
    async with running() as house:
        await house.fault("drip", ms=4)
        started = time.monotonic()
        answer = await house.checkout(timeout=0.2)
        assert answer.json()["status"] == "new"
        assert time.monotonic() - started >= 0.004 * len(answer.content)


async def test_an_outage_refuses_connections_and_ends_by_itself() -> None:
    """A refused connect is the proof of not sent that a client relies on; kept-alive connections end as well."""
    async with running() as house:
        assert (await house.checkout("SESSION1")).status_code == 200
        answer = await house.control("POST", "/outage", {"ms": 400})
        assert answer.status_code == 200
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.ConnectError):
            await house.checkout("SESSION2")
        await asyncio.sleep(0.5)
        assert (await house.checkout("SESSION2")).status_code == 200
        assert len(house.sandbox.bank.transactions()) == 2


async def test_the_control_port_stays_open_in_an_outage_and_can_end_it() -> None:
    """Two outages in a row; the second is ended by hand."""
    async with running(control_port=0) as house:
        assert house.sandbox.control_url not in house.sandbox.base_url
        for _ in range(2):
            await house.control("POST", "/outage", {"ms": 60_000})
            with pytest.raises(httpx.ConnectError):
                await house.checkout()
            await house.control("DELETE", "/outage")
            await asyncio.sleep(0.05)
            assert (await house.checkout()).status_code in (200, 422)


async def test_an_outage_can_be_made_longer() -> None:
    """The end of the first one does not open the door in the second."""
    async with running(control_port=0) as house:
        for milliseconds in (100, 60_000):
            await house.control("POST", "/outage", {"ms": milliseconds})
        await asyncio.sleep(0.2)
        with pytest.raises(httpx.ConnectError):
            await house.checkout()


async def test_an_outage_cuts_an_answer_that_is_under_way() -> None:
    """The request was executed, its answer never arrives."""
    async with running(control_port=0) as house:
        await house.fault("delay", ms=2_000)
        waiting = asyncio.create_task(house.checkout())
        await asyncio.sleep(0.1)
        await house.control("POST", "/outage", {"ms": 100})
        with pytest.raises(BROKEN):
            await waiting
        assert len(house.sandbox.bank.transactions()) == 1


async def test_nobody_can_take_the_port_in_an_outage() -> None:
    """The address is held although nobody listens."""
    async with running(control_port=0) as house:
        port = int(httpx.URL(house.sandbox.base_url).port or 0)
        await house.control("POST", "/outage", {"ms": 60_000})
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


async def test_tls(tmp_path: Path) -> None:
    """A verified connection works, drops and truncates like a plain one, and survives an outage; an unknown authority is not trusted."""
    authority = trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client = httpx.AsyncClient(verify=context, trust_env=False)
    async with running(client, certfile=tmp_path / "server.pem", keyfile=tmp_path / "server.pem", control_port=0) as house:
        assert house.sandbox.base_url.startswith("https://")
        assert (await house.checkout("SESSION1")).status_code == 200
        for kind in ("lose_answer", "truncated"):
            await house.fault(kind)
            with pytest.raises(BROKEN):
                await house.checkout(f"SESSION{kind.replace('_', '')}")
        await house.control("POST", "/outage", {"ms": 150})
        with pytest.raises(httpx.ConnectError):
            await house.checkout("SESSION3")
        await asyncio.sleep(0.25)
        assert (await house.checkout("SESSION3")).status_code == 200
        async with httpx.AsyncClient(trust_env=False) as stranger:
            with pytest.raises(httpx.ConnectError):
                await stranger.get(house.sandbox.base_url)


async def test_a_body_without_end_is_refused() -> None:
    """413, and the connection ends."""
    async with running() as house:
        assert (await house.pay(Operation.CHECKOUT, b"x" * 1_100_000)).status_code == 413
        assert (await house.checkout()).status_code == 200


async def test_half_a_request_has_no_effect() -> None:
    """A client that dies before its body is complete asked for nothing."""
    async with running() as house:
        url = httpx.URL(house.sandbox.base_url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        body = json.dumps(house.bodies.checkout_body()).encode()
        writer.write(f"POST {PATHS[Operation.CHECKOUT]} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
        assert (await house.checkout("OTHER1")).status_code == 200
        assert len(house.sandbox.bank.log) == 1


async def test_the_journal_has_a_line_per_request(tmp_path: Path) -> None:
    """What arrived, with its fault, without secrets; for the owner's eyes."""
    journal = tmp_path / "journal.jsonl"
    async with running(journal=journal) as house:
        await house.fault("lose_request")
        with pytest.raises(BROKEN):
            await house.checkout()
        await house.checkout("SECRET1")
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert [(line["operation"], line["fault"], line["status"]) for line in lines] == [
        ("checkout", "lose_request", None),
        ("checkout", None, 200),
    ]
    assert "SECRET1" not in journal.read_text(encoding="utf-8")
    assert journal.stat().st_mode & 0o777 == 0o600


async def test_serve_says_when_it_is_ready_and_stops_on_a_signal() -> None:
    """SIGTERM ends it in good order, with a hanging answer under way; the port is free afterwards."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(SandboxSettings(port=0), ready.set_result))
    async with httpx.AsyncClient(trust_env=False) as client:
        house = House(Sandbox(SandboxSettings(port=0)), client)
        house.sandbox.base_url = house.sandbox.control_url = await ready
        await house.fault("lose_answer", hang_ms=60_000)
        hanging = asyncio.create_task(house.checkout())
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, 5)
        with pytest.raises(BROKEN):
            await hanging
        with pytest.raises(httpx.ConnectError):
            await house.checkout()


async def test_serve_stops_by_an_event_and_by_cancelling() -> None:
    """Both leave nothing behind."""
    for cancel in (False, True):
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(SandboxSettings(port=0), ready.set_result, stop))
        await ready
        if cancel:
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
        else:
            stop.set()
            await serving


async def test_stopping_during_an_outage() -> None:
    """The held port is let go as well."""
    async with running(control_port=0) as house:
        port = int(httpx.URL(house.sandbox.base_url).port or 0)
        await house.control("POST", "/outage", {"ms": 60_000})
    async with Sandbox(SandboxSettings(port=port)) as again:
        assert again.base_url.endswith(str(port))


async def test_what_cannot_be_had_is_an_oserror(tmp_path: Path) -> None:
    """A port in use, a certificate that is none, a journal in no directory: said at once, and nothing stays open."""
    async with running() as house:
        port = int(httpx.URL(house.sandbox.base_url).port or 0)
        broken = [
            SandboxSettings(port=port),
            SandboxSettings(port=0, control_port=port),
            SandboxSettings(port=0, journal=tmp_path / "none" / "journal"),
            SandboxSettings(port=0, certfile=tmp_path / "none", keyfile=tmp_path / "none"),
        ]
        for settings in broken:
            with pytest.raises(OSError, match=r"."):
                await Sandbox(settings).start()


def test_half_a_certificate_is_refused() -> None:
    """certfile and keyfile go together."""
    with pytest.raises(ValueError, match="together"):
        SandboxSettings(certfile=Path("x"))
