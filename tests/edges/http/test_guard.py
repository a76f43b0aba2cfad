"""Goal: no page of the till's browser and no program without a token gets in (promise P22). Method: requests as browsers send them, to a
real server whose handler would notice; requests of register software are the control."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from agent.edges.http import application
from agent.edges.keyring import Holder, Keyring, SameToken
from agent.secrets import Secret
from drivers.caller import Caller
from drivers.messages import Request
from tests.drivers.support import Agent, Recorder
from tests.edges.http.support import OTHER, PAGE, SALE, TOKEN, Reply, ask, head, raw, serving


class Till:
    """A server, its handler and what its observer was told."""

    def __init__(self, port: int, agent: Agent, recorder: Recorder) -> None:
        self.port, self.agent, self.recorder = port, agent, recorder

    async def ask(self, verb: str, path: str, body: object = None, **more: str) -> Reply:
        return await asyncio.to_thread(ask, self.port, verb, path, body, **more)


@pytest.fixture
async def till(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Till]:
    monkeypatch.setattr(application, "WRONG_TOKEN_SECONDS", 0.05)
    agent, recorder = Agent(), Recorder()
    async with serving(agent.handle, observer=recorder) as port:
        yield Till(port, agent, recorder)


# --- which name was asked for ---


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
async def test_the_names_of_this_machine_are_served(till: Till, host: str) -> None:
    """With this port."""
    assert (await till.ask("GET", "/v1/status", Host=host.format(port=till.port))).status == 200


FOREIGN = [
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "",
    "0.0.0.0:{port}",
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/v1/status", "/openapi.json", "/nowhere"])
async def test_a_rebound_name_is_not(till: Till, host: str, path: str) -> None:
    """DNS rebinding: the page's own name now means this machine. Even with a right token nothing is answered but FORBIDDEN."""
    reply = await till.ask("GET", path, Host=host.format(port=till.port))
    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    assert till.agent.peers == []


async def test_without_a_host_nobody_is_served(till: Till) -> None:
    """HTTP/1.0 may leave it out, HTTP/1.1 may not, and nobody may give two."""
    bearer = f"Authorization: Bearer {TOKEN}\r\n\r\n"
    for request in ("GET /v1/status HTTP/1.0\r\n", f"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:{till.port}\r\nHost: evil.example\r\n"):
        said = await asyncio.to_thread(raw, till.port, (request + bearer).encode(), 1.0)
        assert said.split(b" ")[1] in (b"400", b"403")
    assert till.agent.peers == []


# --- which page asks ---


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://shop.example:8080", "http://shop.example", PAGE + ".evil.example", ""]
)
async def test_pages_of_others_are_not_served(till: Till, origin: str) -> None:
    """Whatever they send, nothing is carried out, no header lets them read the answer, and they are allowed nothing beforehand."""
    reply = await till.ask("POST", f"{SALE}/k/cancel", {}, Origin=origin)
    assert (reply.status, reply.code) == (403, "FORBIDDEN")
    asked = {"Origin": origin, "Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "authorization"}
    preflight = await till.ask("OPTIONS", f"{SALE}/k", token=None, **asked)
    assert preflight.status == 403
    assert not any(name.startswith("access-control") for one in (reply, preflight) for name in one.headers)
    assert till.agent.peers == []


SIMPLE = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


@pytest.mark.parametrize("kind", SIMPLE)
async def test_a_form_needs_no_permission_and_achieves_nothing(till: Till, kind: str) -> None:
    """What a page may send without asking: no origin in old browsers, a form's content type, no token. With one it is 415."""
    body = json.dumps({"cardSession": "x"}).encode()
    assert (await till.ask("POST", f"{SALE}/k/cancel", body, token=None, Content_Type=kind)).status == 401
    assert (await till.ask("POST", f"{SALE}/k/cancel", body, token=None, Content_Type=kind, Origin="http://evil.example")).status == 403
    reply = await till.ask("PUT", f"{SALE}/k", body, Content_Type=kind)
    assert (reply.status, reply.code) == (415, "INVALID")
    assert till.agent.peers == []


@pytest.mark.parametrize("origin", [PAGE, PAGE.upper(), "http://127.0.0.1:{port}", "http://localhost:{port}"])
async def test_the_configured_page_and_our_own_may_call(till: Till, origin: str) -> None:
    """The preflight names verbs and headers, the answer can be read by that page alone."""
    origin = origin.format(port=till.port)
    asked = {"Origin": origin, "Access_Control_Request_Method": "PUT", "Access_Control_Request_Private_Network": "true"}
    preflight = await till.ask("OPTIONS", f"{SALE}/k", token=None, **asked)
    assert (preflight.status, preflight.body) == (204, b"")
    allowed = {name: value for name, value in preflight.headers.items() if name.startswith("access-control-allow")}
    assert allowed == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-allow-private-network": "true",
    }
    reply = await till.ask("GET", "/v1/status", Origin=origin)
    assert (reply.status, reply.headers["access-control-allow-origin"], reply.headers["vary"]) == (200, origin, "Origin")
    refused = await till.ask("GET", "/v1/status", token=None, Origin=origin)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, origin)
    assert "access-control-allow-credentials" not in {*reply.headers, *preflight.headers}


async def test_options_is_no_verb_for_programs(till: Till) -> None:
    """Without a page that asks it is not allowed; at a path that does not exist it is not answered as if there were one."""
    assert (await till.ask("OPTIONS", "/v1/status")).status == 405
    asked = {"Origin": PAGE, "Access_Control_Request_Method": "GET"}
    assert (await till.ask("OPTIONS", "/nowhere", **asked)).status == 404


async def test_every_answer_stays_with_its_asker(till: Till) -> None:
    """Not cached, not guessed at, not embedded, and without the server's name."""
    for reply in (await till.ask("GET", "/v1/status"), await till.ask("GET", "/v1/status", token=None)):
        assert (reply.headers["cache-control"], reply.headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in reply.headers


# --- whose token ---

NO_TOKEN = ["", "Bearer", "Bearer ", "Basic a2Fzc2E6eA==", TOKEN, f"Token {TOKEN}"]


@pytest.mark.parametrize("given", NO_TOKEN)
async def test_no_token(till: Till, given: str) -> None:
    """401 with the way to do it, at every path alike, so that strangers learn nothing."""
    for path in ("/v1/status", f"{SALE}/k", "/nowhere"):
        reply = await till.ask("GET", path, token=None, Authorization=given)
        assert (reply.status, reply.code) == (401, "FORBIDDEN")
        assert reply.headers["www-authenticate"] == 'Bearer realm="koshelek-agent"'
    assert till.agent.peers == []


@pytest.mark.parametrize(
    "given", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x" * 4000, "тokеn".encode().decode("latin-1"), f"{TOKEN}, {OTHER}"]
)
async def test_a_wrong_token(till: Till, given: str) -> None:
    """401 after a while, and nobody is told what it was."""
    reply = await till.ask("GET", "/v1/status", token=given)
    assert (reply.status, reply.code) == (401, "FORBIDDEN")
    assert given.encode() not in reply.body
    assert till.recorder.events == [("turned_away", "FORBIDDEN")]


async def test_two_tokens_are_none(till: Till) -> None:
    """Which one was meant?"""
    request = head("GET", "/v1/status", f"Authorization: Bearer {OTHER}", "Connection: close", port=till.port)
    assert (await asyncio.to_thread(raw, till.port, request)).startswith(b"HTTP/1.1 401 ")


async def test_guesses_are_few(monkeypatch: pytest.MonkeyPatch, till: Till) -> None:
    """More than so many wrong tokens at once are turned away unread; meanwhile a right one is served."""
    monkeypatch.setattr(application, "WRONG_TOKEN_SECONDS", 0.5)
    monkeypatch.setattr(application, "MAX_WRONG_TOKENS", 3)
    guesses = [asyncio.ensure_future(till.ask("GET", "/v1/status", token=f"wrong-token-{number:010}")) for number in range(6)]
    await asyncio.sleep(0.2)
    assert (await till.ask("GET", "/v1/status")).status == 200
    assert sorted([reply.status for reply in await asyncio.gather(*guesses)]) == [401, 401, 401, 429, 429, 429]


async def test_the_caller_is_the_tokens_client(till: Till) -> None:
    """Two tokens are two clients."""
    names: list[str] = []
    handle = till.agent.handle

    async def noting(caller: Caller, request: Request) -> Mapping[str, Any]:
        names.append(caller.name)
        return await handle(caller, request)

    async with serving(noting) as port:
        for token in (TOKEN, OTHER):
            await asyncio.to_thread(ask, port, "GET", "/v1/status", token=token)
    assert names == ["client:kassa-1", "client:kassa-2"]


def test_a_ring_of_equal_keys_is_none() -> None:
    """Nobody could tell whose request it was; the message names both and not the token."""
    one, two = Holder("client:a", None, False), Holder("client:b", None, False)
    with pytest.raises(SameToken, match=r"^client:a and client:b have the same token$"):
        Keyring([(one, Secret(TOKEN)), (two, Secret(TOKEN))])
    ring = Keyring([(one, Secret(TOKEN)), (two, Secret(OTHER))])
    assert [ring.holder(token) for token in (TOKEN, OTHER, "", "\udc80")] == [one, two, None, None]
    assert TOKEN not in repr(vars(ring))
