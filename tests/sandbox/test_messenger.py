"""Goal: messages reach those who asked for them and hold up nobody. Method: a sandbox behind its real socket, and real listeners that take
them, are slow, broken, encrypted, or not there."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner

from agent.cli import cli
from agent.sandbox import messenger
from agent.sandbox.customer import Action, Customer
from agent.sandbox.outbox import Message, Webhook
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.sandbox.running import House, running
from tests.support.patience import soon
from tests.support.stand import free_port

PATIENCE_S = 5.0
SECRET = "MARK-secret"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK"
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


def says(answer: bytes) -> Answering:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


class Listener:
    """Somebody's server. ``heard``: head and body of every request."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self.heard: list[tuple[str, bytes]] = []
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.heard.append((head, await reader.readexactly(length)))
        await self._answering(writer)
        writer.close()


@asynccontextmanager
async def listening(answering: Answering, context: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    listener = Listener(answering)
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    listener.url = f"{'https' if context else 'http'}://127.0.0.1:{port}/hooks/koshelek?shop=1"
    try:
        yield listener
    finally:
        server.close()


@asynccontextmanager
async def telling(url: str) -> AsyncIterator[House]:
    """A sandbox that tells this address of Koshelek's payments; nobody looks at its page."""
    bank = BankSettings(webhooks={"koshelek": Webhook(url, SECRET)}, customer=Customer(Action.CONFIRM, 50), pending_after_ms=10)
    async with running(bank=bank) as house:
        yield house


async def messages(house: House) -> list[dict[str, Any]]:
    found = (await house.control("GET", "/messages")).json()
    assert isinstance(found, list)
    return found


async def test_a_message_arrives_though_nobody_asks() -> None:
    """The customer pays by himself, and the shop hears of it: one request, with the query of its address, and the proof in a header. Who
    looks at the list finds neither the proof nor the secret; a reset forgets it."""
    async with listening(says(OK)) as shop, telling(shop.url) as house:
        transaction = (await house.checkout()).json()["transactionId"]
        await soon(lambda: bool(shop.heard))
        ((head, body),) = shop.heard
        assert head.startswith("POST /hooks/koshelek?shop=1 HTTP/1.1\r\n")
        assert "content-type: application/json" in head
        assert "\r\nauthorization: Basic " in head
        assert (json.loads(body)["transactionId"], json.loads(body)["status"]) == (transaction, "accepted")
        await soon(lambda: house.sandbox.bank.outbox.sendings[-1].attempts == 1)
        (shown,) = await messages(house)
        assert shown.items() >= {"system": "koshelek", "event": "accepted", "fate": "taken", "status": 200, "fault": None}.items()
        assert (shown["transaction_id"], SECRET in json.dumps(shown), "Basic" in json.dumps(shown)) == (transaction, False, False)
        assert SECRET not in repr(house.sandbox.settings)
        await house.control("POST", "/reset")
        assert await messages(house) == []


async def test_a_slow_address_holds_up_no_answer() -> None:
    """While a message waits for its answer for ever, payments and reads go on as if nobody were told; the end does not wait for it."""
    never = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await never.wait()

    async with listening(silent) as shop:
        async with telling(shop.url) as house:
            await house.checkout("FAST01")
            await soon(lambda: bool(shop.heard))
            began = time.monotonic()
            for number in range(10):
                paid = (await house.checkout(f"FAST{number}X")).json()
                assert (await house.pay(Operation.STATUS, house.bodies.status_body(paid["transactionId"]))).json()["status"] == "accepted"
            assert time.monotonic() - began < PATIENCE_S / 2
            assert len(shop.heard) == 1, "one at a time"
            assert [one["fate"] for one in await messages(house)] == ["waiting"] * 11
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE_S / 2
        never.set()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.0 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 500\r\n\r\n", 500),
        (b"HTTP/1.1 20x OK\r\n\r\n", None),
        (b"SSH-2.0-hello\r\n", None),
        (b"x" * 100_000, None),
        (b"", None),
    ],
)
async def test_what_is_no_thanks(answer: bytes, status: int | None) -> None:
    """Another status, no HTTP, too much, nothing: none of it is taken for 200, and none of it breaks the messenger."""
    async with listening(says(answer)) as shop:
        assert await messenger.post(shop.url, Message("paid", {}, b"{}")) == status


async def test_who_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, or nobody answers in time: no status, and the message will be repeated."""
    message = Message("paid", {}, b"{}")
    assert await messenger.post(f"http://127.0.0.1:{free_port()}/", message) is None
    assert await messenger.post("http://nobody.invalid/", message) is None
    monkeypatch.setattr(messenger, "ANSWER_LIMIT_S", 0.05)
    never = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await never.wait()

    async with listening(silent) as shop:
        assert await messenger.post(shop.url, message) is None
        never.set()


async def test_an_encrypted_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its certificate is verified."""
    authority, message = trustme.CA(), Message("paid", {}, b"{}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with listening(says(OK), context) as shop:
        assert await messenger.post(shop.url, message) is None
        trusted = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(trusted)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert await messenger.post(shop.url, message) == 200


async def test_a_fault_of_the_sandbox_itself_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the log, with its cause; everything else goes on."""

    async def broken(_: str, __: Message) -> int | None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(messenger, "post", broken)
    async with telling("http://127.0.0.1:9/") as house:
        await house.checkout("FAST01")
        await soon(lambda: "the messages of koshelek are not sent any more" in caplog.text)
        assert "a bug" in caplog.text
        assert (await house.checkout("FAST02")).json()["status"] == "accepted"


def test_the_options_are_looked_at(tmp_path: Path) -> None:
    """A system that is not there, one twice, no address, a secret without one or that cannot be read: each is said, and no secret is."""
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    here = "http://127.0.0.1:7440/x"
    for options, said in (
        (["--webhook", f"softine={here}"], "SYSTEM is one of paycore, softline, payconnect, koshelek"),
        (["--webhook", here], "takes SYSTEM=VALUE"),
        (["--webhook", f"paycore={here}", "--webhook", f"paycore={here}"], "is given twice for paycore"),
        (["--webhook", "paycore=127.0.0.1:7440"], "not an address for messages: 127.0.0.1:7440"),
        (["--webhook-secret-file", f"paycore={secret}"], "give --webhook paycore=URL"),
        (["--webhook", f"paycore={here}", "--webhook-secret-file", f"paycore={tmp_path}/none"], "a secret cannot be read"),
        (["--webhook", f"paycore={here}", "--webhook-secret-file", f"paycore={empty}"], "the secret is empty"),
    ):
        ran = CliRunner().invoke(cli, ["sandbox", *options])
        assert (ran.exit_code, said in ran.output, SECRET in ran.output) == (2, True, False), ran.output
