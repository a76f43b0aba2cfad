"""Goal: only a proven message of a payment system gets in, and whatever else comes learns nothing (promises P8, P24, P25).
Method: a real listener on a real port, raw bytes, the real readers of three systems."""

import asyncio
import hashlib
import json
import time
from base64 import b64encode
from typing import Any

import pytest

from agent.core.hints import Hint, HookRefused, Unheard
from agent.core.money import Kopecks
from agent.edges.hooks import application
from agent.edges.hooks.tally import TOLD_EVERY_S, Passed, Tally
from agent.engine.errors import Refusal, Stopped
from agent.providers.paycore import hook as paycore
from agent.providers.softline import hook as softline
from drivers.limits import Limits
from tests.edges.hooks.listening import NEW, OLD, PAYCORE_KEY, SOFTLINE_KEY, STATUS, answer, basic, close, listening, request, send, silent

KOSHELEK_HINT = ("koshelek", Hint(transaction_id="t-1", order_id="S12-1", amount=Kopecks(45000)))
PAYCORE_BODY = rb'{"data":{"type":"payment-invoices","id":"cpi_example","attributes":{"url":"https:\/\/x","status":"processed"}}}'
SOFTLINE_BODY: dict[str, Any] = {
    "event": "order.created",
    "order_id": 5555555,
    "status": "paid",
    "external_id": "our-id",
    "create_date": "2021-08-13T09:16:35+03:00",
    "currency": "RUB",
    "customer": {"email": "customer@mail.ru"},
    "payment": {"payment_method": "CreditCard"},
}


# --- good ones ---


async def test_a_proven_message_is_heard() -> None:
    """Koshelek's postback with either of the two passwords, the scheme spelt anyhow: 200 and nothing more; only names are passed on."""
    async with listening() as here:
        for headers in (basic(OLD), basic(NEW), basic(scheme="basic")):
            found = await send(here.port, request(headers=headers))
            assert (found.status, found.body, found.headers["cache-control"]) == (200, b"", "no-store")
        assert here.heard == [KOSHELEK_HINT] * 3


async def test_signatures_over_the_raw_body() -> None:
    """PayCore's and Softline's: the vectors of their documents' formulas; escaped slashes stay as they came."""
    async with listening() as here:
        signed = {"X-Signature": paycore.signature(PAYCORE_KEY, PAYCORE_BODY)}
        found = await send(here.port, request("/paycore", PAYCORE_BODY, signed))
        assert (found.status, found.body) == (200, b"OK"), "PayCore takes 201 and 204 for failures"
        vector = b'{"data":{"type":"payment-invoices","id":"cpi_example"}}'
        assert (await send(here.port, request("/paycore", vector, {"X-Signature": "KXwfswnBUyZW3KAGvOW56MOO7OA="}))).status == 200
        published = (
            "e970dee7309c7793d2ef33e991c9603487a35eaa26c1f159a2fdad1c049671ff"
            "c4b8e887e2eb52c2cdbfc495ec528130d25575a0ecff386aad8096e20094003c"
        )
        assert (await send(here.port, request("/softline", json.dumps(SOFTLINE_BODY).encode(), {"signature": published}))).status == 200
        again = json.dumps(json.loads(PAYCORE_BODY)).encode()
        assert (await send(here.port, request("/paycore", again, signed))).status == 401, "written anew it is another message"
        assert here.heard == [
            ("paycore", Hint(transaction_id="cpi_example")),
            ("paycore", Hint(transaction_id="cpi_example")),
            ("softline", Hint(transaction_id="5555555", reference="our-id")),
        ]


async def test_a_message_that_concerns_no_till_is_thanked_for() -> None:
    """Its sender did nothing wrong and would send it a hundred times; nothing is passed on."""
    body = {**SOFTLINE_BODY, "event": "subscription.created"}
    headers = {"signature": softline.signature(SOFTLINE_KEY, body)}
    async with listening() as here:
        assert (await send(here.port, request("/softline", json.dumps(body).encode(), headers))).status == 200
        assert here.heard == []


async def test_replays_and_old_ones_are_hints_like_others() -> None:
    """None of the systems signs a moment, and their own repeats come for days: a replay is answered alike, and means a read."""
    async with listening() as here:
        for _ in range(3):
            assert (await send(here.port, request())).status == 200
        assert here.heard == [KOSHELEK_HINT] * 3


async def test_several_on_one_connection_and_in_pieces() -> None:
    """Keep-alive, chunks, a body that comes byte by byte in time."""
    chunked = request().replace(f"Content-Length: {len(json.dumps(STATUS))}".encode(), b"Transfer-Encoding: chunked")
    head, _, body = chunked.partition(b"\r\n\r\n")
    async with listening() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(request())
        assert (await answer(reader)).status == 200
        for piece in (head, b"\r\n\r\n", *(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:])), b"0\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        assert (await answer(reader)).status == 200
        await close(writer)
        assert here.heard == [KOSHELEK_HINT] * 2


# --- bad ones ---


def koshelek_signed(body: bytes) -> bytes:
    return request(body=body)


BAD: dict[str, tuple[bytes, int, str]] = {
    "no proof": (request(headers={}), 401, "unsigned"),
    "another scheme": (request(headers=basic(scheme="Bearer")), 401, "unsigned"),
    "no base64": (request(headers={"Authorization": "Basic ***"}), 401, "unsigned"),
    "not latin": (request(headers={"Authorization": "Basic \xe9\xe9"}), 401, "unsigned"),
    "cut base64": (request(headers={"Authorization": basic()["Authorization"][:-1]}), 401, "unsigned"),
    "another password": (request(headers=basic("guess")), 401, "forged"),
    "no password": (request(headers=basic("")), 401, "forged"),
    "another login": (request(headers=basic(login="acme2")), 401, "forged"),
    "twice": (request().replace(b"Host: x", b"Host: x\r\nAuthorization: Basic eA==", 1), 401, "unsigned"),
    "empty": (koshelek_signed(b""), 400, "garbled"),
    "truncated": (koshelek_signed(json.dumps(STATUS).encode()[:-20]), 400, "garbled"),
    "not JSON": (koshelek_signed(b"<html>"), 400, "garbled"),
    "no object": (koshelek_signed(b"[]"), 400, "garbled"),
    "UTF-16": (koshelek_signed(json.dumps(STATUS).encode("utf-16")), 400, "garbled"),
    "broken UTF-8": (koshelek_signed(b'{"transactionId":"\xff"}'), 400, "garbled"),
    "deep": (koshelek_signed(b'{"a":' * 2_000 + b"1" + b"}" * 2_000), 400, "garbled"),
    "two names": (koshelek_signed(b'{"transactionId":"a","transactionId":"b"}'), 400, "garbled"),
    "names nothing": (koshelek_signed(b'{"status":"accepted"}'), 400, "garbled"),
    "names with line breaks": (koshelek_signed(b'{"transactionId":"a\\nb","slip":[]}'), 400, "garbled"),
    "long for its reader": (koshelek_signed(json.dumps({**STATUS, "x": "y" * 70_000}).encode()), 400, "garbled"),
    "paycore unsigned": (request("/paycore", PAYCORE_BODY, {}), 401, "unsigned"),
    "paycore other key": (request("/paycore", PAYCORE_BODY, {"X-Signature": paycore.signature("x", PAYCORE_BODY)}), 401, "forged"),
    "paycore cut": (request("/paycore", PAYCORE_BODY[:-1], {"X-Signature": paycore.signature(PAYCORE_KEY, PAYCORE_BODY)}), 401, "forged"),
    "paycore in hex": (
        request("/paycore", PAYCORE_BODY, {"X-Signature": hashlib.sha1(PAYCORE_BODY, usedforsecurity=False).hexdigest()}),
        401,
        "unsigned",
    ),
    "softline other key": (request("/softline", json.dumps(SOFTLINE_BODY).encode(), {"signature": "0" * 128}), 401, "forged"),
    "wrong system's path": (request("/paycore"), 401, "unsigned"),
    "GET": (request(method="GET", body=b""), 405, "method"),
    "PUT": (request(method="PUT"), 405, "method"),
    "no such path": (request("/"), 404, "no such path"),
    "a slash more": (request("/koshelek/"), 404, "no such path"),
    "a slash before": (request("//koshelek"), 404, "no such path"),
    "another case": (request("/Koshelek"), 404, "no such path"),
    "escaped": (request("/%6boshelek"), 404, "no such path"),
    "dots": (request("/x/../koshelek"), 404, "no such path"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_message_is_turned_away(name: str) -> None:
    """With a status and a word: nothing is passed on, nothing of the message or of a secret is said."""
    raw, status, word = BAD[name]
    async with listening() as here:
        found = await send(here.port, raw)
        assert (found.status, found.body.decode()) == (status, word)
        assert here.heard == []
        assert found.headers.get("allow") == ("POST" if status == 405 else None)
        assert here.tally is not None
        assert list(here.tally.counts.values()) == [1]
        told = str(found) + str(here.reported)
        assert not any(mark in told for mark in (OLD, NEW, "t-1", "S12-1", PAYCORE_KEY))


async def test_what_a_401_asks_for() -> None:
    """Basic where it is Basic; a signature has no name of its own."""
    async with listening() as here:
        assert (await send(here.port, request(headers={}))).headers["www-authenticate"] == 'Basic realm="x"'
        assert "www-authenticate" not in (await send(here.port, request("/paycore", headers={}))).headers


async def test_the_proof_takes_as_long_whatever_is_wrong() -> None:
    """A login that is nearly right is turned away no later than one that is all wrong (each is digested, and digests are compared)."""

    async def least(password: str) -> float:
        times = []
        for _ in range(15):
            begin = time.perf_counter()
            assert (await send(here.port, request(headers=basic(password)))).status == 401
            times.append(time.perf_counter() - begin)
        return min(times)

    async with listening(requests_per_s=1_000) as here:
        assert abs(await least(NEW[:-1] + "x") - await least("x" * 1_000)) < 0.01


# --- limits ---


async def test_a_huge_body_is_not_read() -> None:
    """Announced or not: 413, the connection ends, and no more than the limit was held."""
    too_long = application.MAX_HOOK_BYTES + 1
    announced = request().replace(f"Content-Length: {len(json.dumps(STATUS))}".encode(), b"Content-Length: %d" % too_long)
    chunked = request(body=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with listening() as here:
        found = await send(here.port, announced)
        assert (found.status, found.headers["connection"]) == (413, "close")
        found = await send(here.port, chunked + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 5)
        assert (found.status, found.body) == (413, b"too long")
        assert here.heard == []


async def test_a_slow_message_loses_its_place() -> None:
    """Bytes that drip: the connection is ended, whether in the head or in the body."""
    async with listening(Limits(line_seconds=0.3)) as here:
        for raw in (request()[:20], request()[:-5]):
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            begin = time.monotonic()
            writer.write(raw)
            found = await answer(reader)
            assert found.status in (0, 408)
            assert 0.2 < time.monotonic() - begin < 2
            await close(writer)
        assert (await send(here.port, request())).status == 200


async def test_only_so_many_connections() -> None:
    """Silent connections make room for those that speak, or are the ones that wait."""
    async with listening(Limits(connections=3, line_seconds=5)) as here:
        held = [silent(here.port) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert (await send(here.port, request())).status in (0, 429)
        for one in held:
            one.close()
        await asyncio.sleep(0.1)
        assert (await send(here.port, request())).status == 200


async def test_only_so_many_messages() -> None:
    """Each payment system has a rate of its own; what is too much comes again later."""
    async with listening(requests_per_s=1) as here:
        assert [(await send(here.port, request())).status for _ in range(3)] == [200, 200, 429]
        found = await send(here.port, request())
        assert (found.status, found.headers["retry-after"]) == (429, "1")
        assert (await send(here.port, request("/paycore", headers={}))).status == 401, "another system is not held up"


@pytest.mark.parametrize("error", [Refusal("BUSY", "x"), Refusal("DISK_FULL", "x"), Stopped("x"), None])
async def test_what_cannot_be_taken_now_comes_again(error: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is full, stops, or takes too long: 503 with a pause."""
    monkeypatch.setattr(application, "HEARING_LIMIT_S", 0.1)

    async def hear(provider: str, hint: Hint) -> None:
        if error is not None:
            raise error
        await asyncio.sleep(60)

    async with listening(hear=hear) as here:
        found = await send(here.port, request())
        assert (found.status, found.headers["retry-after"], found.body) == (503, "30", b"come again")


async def test_what_concerns_no_till_leaves_a_line() -> None:
    """Proven, thanked for and passed on to nobody: the log says which it was, and a flood of them is a line a minute."""
    body = SOFTLINE_BODY | {"event": "product.delivered"}
    raw = request("/softline", json.dumps(body).encode(), {"signature": softline.signature(SOFTLINE_KEY, body)})
    async with listening() as here:
        for _ in range(3):
            found = await send(here.port, raw)
            assert (found.status, found.body) == (200, b"OK")
        assert (here.heard, here.reported) == ([], [])
        assert here.passed == [("softline", "irrelevant", Hint("5555555", "our-id"), 1)]


async def test_a_fault_of_ours_is_told_to_the_log_alone() -> None:
    """500 and a word; the listener goes on."""

    async def hear(provider: str, hint: Hint) -> None:
        raise ValueError(f"a fault about {hint.transaction_id}")

    async with listening(hear=hear) as here:
        found = await send(here.port, request())
        assert (found.status, found.body) == (500, b"failed")
        assert [str(one) for one in here.failed] == ["a fault about t-1"]
        assert (await send(here.port, request(headers={}))).status == 401


async def test_a_sender_that_hangs_up_is_no_fault() -> None:
    """In the middle of its body."""
    async with listening() as here:
        _, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(request()[:-5])
        await writer.drain()
        await close(writer)
        await asyncio.sleep(0.1)
        assert (here.heard, here.failed) == ([], [])


def test_refusals_are_told_now_and_then() -> None:
    """The first at once, the rest of a minute together: a flood is two lines a minute."""
    now, told = [0.0], list[tuple[str, str, int]]()
    tally = Tally(lambda *one: told.append(one), lambda: now[0])
    for second in range(int(TOLD_EVERY_S) + 1):
        now[0] = float(second)
        tally.refused("paycore", "forged")
        tally.refused("", "no such path")
    assert told == [("paycore", "forged", 1), ("", "no such path", 60), ("paycore", "forged", 60)]
    assert tally.counts["paycore", "forged"] == 61


def test_what_concerns_no_till_is_told_now_and_then() -> None:
    """As refusals are, and one payment system's noise hides no other's."""
    now, told = [0.0], list[tuple[str, str, Hint, int]]()
    passed = Passed(lambda *one: told.append(one), lambda: now[0])
    for second in range(int(TOLD_EVERY_S) + 1):
        now[0] = float(second)
        passed.noted("paycore", "irrelevant", Hint(f"cpoi_{second}"))
    passed.noted("softline", "irrelevant", Hint("7"))
    assert [(provider, about.transaction_id, count) for provider, _, about, count in told] == [
        ("paycore", "cpoi_0", 1),
        ("paycore", "cpoi_60", 60),
        ("softline", "7", 1),
    ]


def test_a_refusal_says_nothing_of_the_message() -> None:
    """It has a reason, and no room for more."""
    assert str(HookRefused(Unheard.FORGED)) == f"HookRefused(reason={Unheard.FORGED!r})"
    assert b64encode(b"x").decode() not in str(HookRefused(Unheard.UNSIGNED))
