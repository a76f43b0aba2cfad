"""Goal: over HTTP and TCP a register does all that it can do over the Unix socket, with the same promises.

Method: requests written by hand to a real daemon with a real journal and a real sandbox; what was told is read from the journal through the
operator's socket.
"""

import contextlib
import http.client
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agent.edges.http.routes import ROUTES
from tests.edges.http.support import Reply, ask, head
from tests.support.pos import Pos
from tests.support.stand import ROOT, STORE, TERMINAL, Plan, Port, Stand, free_port

OTHER_TILL = "till-04"
WEB = Port("web", "http", terminals=(f"*/{TERMINAL}",))
BOSS = Port("boss", "http", role="admin")
WIRE = Port("wire", "tcp", terminals=(f"*/{TERMINAL}",))
PLAN = Plan(tills={TERMINAL: {}, OTHER_TILL: {}}, ports=(WEB, BOSS, WIRE))
TILL = f"/v1/stores/{STORE}/terminals/{TERMINAL}"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand(PLAN) as found:
        yield found


def web(stand: Stand, verb: str, path: str, body: object = None, port: Port = WEB) -> Reply:
    return ask(stand.ports[port.name], verb, path if path.startswith("/") else f"{TILL}/{path}", body, token=port.token)


def key() -> str:
    return f"H-{next(_numbers)}"


def bill(order: str, session: str = "FAST") -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 2, "totalAmount": 18000, "tax": "vat10"}
    invoice = {"orderId": order, "totalAmount": 18000, "items": [item]}
    number = order.replace("-", "")
    return {"checkoutInvoice": invoice, "user": {"loyaltyId": "2900000012345"}, "cardSession": f"{session}{number}", "token": "till-token"}


def told(stand: Stand, name: str) -> list[str]:
    """Who the sale was told to, from its record."""
    record = stand.call("operation.show", socket_name="admin", storeId=STORE, terminalId=TERMINAL, key=name, events=True)
    return [event["by"] for event in record["events"] if event["event"] == "told"]


def test_a_sale_from_its_bill_to_its_refund(stand: Stand) -> None:
    """201 for what is new, 200 for what is known; long poll, confirm, refund, lists, last: the same state everywhere."""
    name = key()
    made = web(stand, "PUT", f"checkouts/{name}", bill(name))
    assert (made.status, made.json["key"], made.json["finished"], made.json["next"]) == (201, name, False, "poll")
    paid = web(stand, "GET", f"checkouts/{name}?wait=20")
    assert (paid.status, paid.json["state"], paid.json["success"], paid.json["told"]) == (200, "paid", True, True)
    assert told(stand, name) == ["client:web"]
    assert web(stand, "POST", f"checkouts/{name}/confirm").json["confirmed"] is True
    assert web(stand, "POST", f"checkouts/{name}/cancel", {}).json["state"] == "paid"
    assert web(stand, "GET", f"checkouts/{name}/slip").json["copy"] is True
    asked = {"items": [{"line": 0, "quantity": 1}], "refundAmount": 9000, "token": "till-token"}
    refund = web(stand, "PUT", f"checkouts/{name}/refunds/R1?wait=20", asked)
    assert (refund.status, refund.json["state"], refund.json["amount"]) == (201, "refunded", 9000)
    again = web(stand, "PUT", f"checkouts/{name}/refunds/R1", asked)
    assert (again.status, again.json) == (200, refund.json)
    assert web(stand, "GET", f"checkouts/{name}/refunds/R1").json == refund.json
    assert web(stand, "GET", "operations/last").json["refunds"][0]["refundKey"] == "R1"
    found = web(stand, "GET", f"operations?orderId={name}&amount=18000&state=paid&limit=1").json
    assert [(one["key"], one["refundedAmount"]) for one in found["operations"]] == [(name, 9000)]
    assert web(stand, "GET", "/v1/status").json["ready"] is True
    assert web(stand, "GET", "report").json["paid"] >= 18000


def test_a_cancel(stand: Stand) -> None:
    """A customer who does not confirm; the cashier cancels; the end is told."""
    name = key()
    assert web(stand, "PUT", f"checkouts/{name}?wait=1", bill(name, "WAIT")).json["state"] == "pending"
    assert web(stand, "POST", f"checkouts/{name}/cancel").json["state"] == "canceling"
    assert web(stand, "GET", f"checkouts/{name}?wait=20").json["state"] == "canceled"


def test_the_same_sale_over_every_way_in(stand: Stand) -> None:
    """Made over HTTP, asked for over TCP and the Unix socket: one sale, one answer; made again over TCP: a repeat."""
    name = key()
    paid = web(stand, "PUT", f"checkouts/{name}?wait=20", bill(name)).json
    sale = {"storeId": STORE, "terminalId": TERMINAL, "key": name}
    with tcp(stand) as pos:
        assert pos.call("checkout.get", **sale) == paid
        assert pos.call("checkout.create", **sale, **bill(name)) == paid
    assert stand.call("checkout.get", **sale) == paid
    assert told(stand, name) == ["client:web"]


@contextlib.contextmanager
def tcp(stand: Stand) -> Iterator[Pos]:
    """The plain register program of the Unix socket, over TCP."""
    pos = Pos.__new__(Pos)
    pos._socket, pos._unread, pos._id = socket.create_connection(("127.0.0.1", stand.ports[WIRE.name])), b"", 0
    with pos:
        assert pos.call("session.open", token=WIRE.token) == {"caller": "client:wire", "operator": False}
        yield pos


def test_a_put_repeated_after_a_crash_is_no_news(stand: Stand) -> None:
    """Killed after the answer, or before it could be read: the repeat is 200 with the same sale, and the customer paid once."""
    name, other = key(), key()
    first = web(stand, "PUT", f"checkouts/{name}?wait=20", bill(name))
    body = json.dumps(bill(other)).encode()
    put = head(
        "PUT",
        f"{TILL}/checkouts/{other}?wait=20",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        port=stand.ports["web"],
        token=WEB.token,
    )
    with socket.create_connection(("127.0.0.1", stand.ports["web"])) as wire:
        wire.sendall(put + body)
        until_known(stand, other)
        stand.restart()
    assert first.status == 201
    again = web(stand, "PUT", f"checkouts/{name}", bill(name))
    assert (again.status, again.json) == (200, first.json)
    lost = web(stand, "PUT", f"checkouts/{other}?wait=30", bill(other))
    assert (lost.status, lost.json["finished"]) == (200, True)
    assert web(stand, "GET", f"operations?orderId={name}").json["operations"][0]["amount"] == 18000


def until_known(stand: Stand, name: str) -> None:
    """Until the journal holds the sale."""
    end_at = time.monotonic() + 10
    while time.monotonic() < end_at:
        found = stand.call("operation.list", socket_name="admin", storeId=STORE, orderId=name)
        if found["operations"]:
            return
        time.sleep(0.02)
    raise AssertionError("the sale was not accepted")


def test_who_hangs_up_is_told_nothing(stand: Stand) -> None:
    """The register leaves during its long poll: the sale is carried out, paid and not told; asked for again it is told."""
    name = key()
    body = json.dumps(bill(name, "PAY")).encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", stand.ports["web"])) as wire:
        wire.sendall(head("PUT", f"{TILL}/checkouts/{name}?wait=30", *lines, port=stand.ports["web"], token=WEB.token) + body)
        until_known(stand, name)
    sale = {"storeId": STORE, "terminalId": TERMINAL, "key": name}
    end_at = time.monotonic() + 15
    while stand.call("operation.show", socket_name="admin", **sale)["state"] != "paid":
        assert time.monotonic() < end_at
        time.sleep(0.05)
    time.sleep(0.2)
    assert told(stand, name) == []
    assert web(stand, "GET", f"checkouts/{name}").json["told"] is True
    assert told(stand, name) == ["client:web"]


def test_twins_make_one_sale_and_one_of_them_made_it(stand: Stand) -> None:
    """The same PUT eight times at once: one 201, seven 200."""
    name, found = key(), list[int]()
    threads = [threading.Thread(target=lambda: found.append(web(stand, "PUT", f"checkouts/{name}", bill(name)).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 7 + [201]


def test_refusals_have_the_codes_of_the_protocol(stand: Stand) -> None:
    """Each with its status, its cashier's sentence and what belongs to it."""
    name = key()
    web(stand, "PUT", f"checkouts/{name}?wait=20", bill(name))
    conflict = web(stand, "PUT", f"checkouts/{name}", bill(name, "OTHER"))
    paid = web(stand, "PUT", f"checkouts/{key()}", bill(name))
    unknown = web(stand, "GET", "checkouts/nobody")
    weighed = web(stand, "PUT", f"checkouts/{name}/refunds/R1", {"items": [{"line": 7, "quantity": 1}], "token": "t"})
    incomplete = web(stand, "PUT", f"checkouts/{key()}", {})
    elsewhere = web(stand, "GET", f"/v1/stores/{STORE}/terminals/{OTHER_TILL}/checkouts/{name}")
    whole_store = web(stand, "GET", f"/v1/stores/{STORE}/operations")
    operators = web(stand, "GET", f"checkouts/{name}/record")
    found = [(reply.status, reply.code) for reply in (conflict, paid, unknown, weighed, incomplete, elsewhere, whole_store, operators)]
    assert found == [
        (409, "CONFLICT"),
        (409, "ORDER_PAID"),
        (404, "NOT_FOUND"),
        (422, "NOT_REFUNDABLE"),
        (422, "INVALID"),
        (403, "FORBIDDEN"),
        (403, "FORBIDDEN"),
        (403, "FORBIDDEN"),
    ]
    assert (paid.json["key"], paid.json["terminalId"]) == (name, TERMINAL)
    assert conflict.json["message"].startswith("The register repeated a payment's key")
    assert {problem["path"] for problem in incomplete.json["details"]} == {"checkoutInvoice"}
    cardless = {name: value for name, value in bill(key()).items() if name not in ("user", "cardSession", "token")}
    unfit = web(stand, "PUT", f"checkouts/{key()}", cardless)
    assert (unfit.status, {problem["path"] for problem in unfit.json["details"]}) == (422, {"cardSession", "token", "user.loyaltyId"})


def test_a_sale_without_a_link_waits(stand: Stand) -> None:
    """It is queued, says why, and is paid when the link is back."""
    name = key()
    with stand.outage():
        web(stand, "PUT", f"checkouts/{name}?wait=1", bill(name))
        waiting = web(stand, "GET", f"checkouts/{name}").json
        assert (waiting["state"], waiting["reason"]) == ("queued", "OFFLINE")
    assert web(stand, "GET", f"checkouts/{name}?wait=30").json["state"] == "paid"


def test_what_an_operator_may_see(stand: Stand) -> None:
    """The record with its events, every terminal of the store, the details of the status; looking is not telling."""
    name = key()
    web(stand, "PUT", f"checkouts/{name}", bill(name))
    record = web(stand, "GET", f"checkouts/{name}/record?events=true", port=BOSS)
    assert record.json["events"][0]["event"] == "accepted"
    assert web(stand, "GET", f"/v1/stores/{STORE}/operations?limit=1", port=BOSS).json["operations"][0]["key"] == name
    assert "details" in web(stand, "GET", "/v1/status", port=BOSS).json
    assert web(stand, "GET", f"/v1/stores/{STORE}/operations?limit=1", port=WEB).status == 403


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_reaches_the_desk(stand: Stand, route: Any) -> None:
    """Over HTTP every method is answered by the desk or the protocol, never by "no such path"; and a register is not an operator."""
    values = {"storeId": STORE, "terminalId": TERMINAL, "key": "nobody", "refundKey": "nobody", "receiptId": "nobody"}
    reply = web(stand, route.verb, route.path.format(**values), None if route.verb == "GET" else {})
    if reply.status >= 300:
        assert reply.code in ("NOT_FOUND", "INVALID", "FORBIDDEN"), reply
        assert "no such path" not in reply.json["detail"]
        assert "message" in reply.json or "details" in reply.json, "not the desk's"


def test_connections_are_kept_between_polls(stand: Stand) -> None:
    """One connection serves a register's whole day."""
    connection = http.client.HTTPConnection("127.0.0.1", stand.ports["web"], timeout=10)
    with contextlib.closing(connection):
        sockets = set()
        for _ in range(3):
            connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {WEB.token}"})
            assert connection.getresponse().read()
            sockets.add(connection.sock)
            time.sleep(0.2)
        assert len(sockets) == 1
        assert None not in sockets


def test_no_secret_in_what_is_written(stand: Stand) -> None:
    """Tokens of clients, of the till and card sessions: neither right ones nor wrong ones nor those sent in a wrong place (promise P21)."""
    name, secret = key(), "SECRETVALUE0123456789"
    replies = [
        web(stand, "PUT", f"checkouts/{name}", bill(name, secret)),
        ask(stand.ports["web"], "GET", f"{TILL}/operations/last", token=secret),
        web(stand, "GET", f"operations/last?token={secret}"),
        web(stand, "PUT", f"checkouts/{name}", {**bill(name), "token": [secret], "cardSession": {"a": secret}}),
        web(stand, "PUT", f"checkouts/{name}", secret.encode()),
    ]
    with Pos.__new__(Pos) as pos:
        pos._socket, pos._unread, pos._id = socket.create_connection(("127.0.0.1", stand.ports[WIRE.name])), b"", 0
        said = pos.ask({"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": secret}})
    assert said["error"]["data"]["code"] == "FORBIDDEN"
    written = stand.log.read_text() + json.dumps(said) + "".join(reply.body.decode() + str(reply.headers) for reply in replies)
    assert "pos.turned_away" in written
    assert secret not in written
    for port in PLAN.ports:
        assert port.token not in written


WEAK = {"short": ("0123456789abcde", "fewer than 16"), "with a space": ("0123456789 abcdef", "fewer than 16"), "missing": (None, "no file")}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_token_is_named_before_the_start(stand: Stand, name: str) -> None:
    """``config check`` says what is wrong with it and how to make a good one, never the token; the daemon does not start with it."""
    text, words = WEAK[name]
    file = stand.folder / "weak.token"
    file.unlink(missing_ok=True)
    if text is not None:
        file.write_text(text)
        file.chmod(0o600)
    config = stand.folder / "weak.toml"
    config.write_text(
        stand.configuration()
        .replace(str(stand.folder / "web.token"), str(file))
        .replace(str(stand.journal), str(stand.folder / "other.sqlite3"))
    )
    for command in (("config", "check"), ("run",))[: 2 if name == "short" else 1]:
        ran = stand.cli(*command, config=config)
        assert ran.returncode == 78, ran
        said = ran.stdout + ran.stderr
        assert words in said
        assert text is None or (text not in said and "openssl rand -hex 24" in said)


def test_two_clients_with_one_token_are_refused(stand: Stand) -> None:
    """The daemon names both and does not start."""
    config = stand.folder / "twins.toml"
    text = stand.configuration().replace(str(stand.journal), str(stand.folder / "other.sqlite3"))
    for port in (*stand.ports.values(),):
        text = text.replace(str(port), str(free_port()))
    for socket_name in ("pos", "admin"):
        text = text.replace(str(stand.socket(socket_name)), str(stand.folder / f"twin-{socket_name}.sock"))
    twin = f'\n[[listener.client]]\nname = "twin"\ntoken_file = "{stand.folder / "wire.token"}"\nterminals = ["*/*"]\n'
    config.write_text(text + twin)
    ran = stand.cli("run", config=config)
    assert (ran.returncode, "client:wire and client:twin have the same token" in ran.stdout + ran.stderr) == (78, True), ran


def test_a_till_without_http_does_not_load_the_web_server() -> None:
    """What the daemon imports to serve Unix sockets and TCP holds neither uvicorn nor starlette."""
    program = "import sys, agent.runtime, agent.doors; print([name for name in ('uvicorn', 'starlette', 'h11') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(json.loads(ran.stdout.replace("'", '"'))) <= {"h11"}  # httpx, for the payment system, knows h11
