"""Goal: who may look, who may act, and how much the page may take from the registers. Method: one real daemon with a page of every kind,
asked by hand as browsers ask, and as those ask who are no page of its own."""

import contextlib
import http.client
import json
import re
import ssl
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.edges.page.site import LOOKS_AT_ONCE, MAX_STREAMS
from tests.edges.http.support import Reply
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Plan, Port, Stand

NAME = "till-03.shop.example"
AMOUNT = 9_000
ROUNDS, POLLS, PAUSE_S = 2, 45, 0.02  # polls on one connection, no faster than it may ask
MOST_TIMES_SLOWER = 3.0  # of the median poll with eight pages open; measured 0.9 to 1.2


@dataclass
class House:
    """The daemon, and the trust in its certificate."""

    stand: Stand
    trust: ssl.SSLContext
    tokens: dict[str, str] = field(default_factory=dict)
    sold: int = 0

    def ask(self, name: str, verb: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request to a listener. Header names with underscores. Host and Origin are right unless they are given; None is none."""
        port, secure = self.stand.ports[name], name == "shown"
        here = f"{NAME if secure else '127.0.0.1'}:{port}"
        sent = {"Host": here, **({"Origin": f"http{'s' if secure else ''}://{here}"} if verb == "POST" else {})}
        sent |= {key.replace("_", "-"): value for key, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        connection: http.client.HTTPConnection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        if secure:
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=self.trust)
        with contextlib.closing(connection):
            connection.request(verb, path, data, {key: value for key, value in sent.items() if value})
            answer = connection.getresponse()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())

    def sign_in(self, name: str) -> tuple[str, str]:
        """The cookie and the key that an operator is given."""
        answer = self.ask(name, "POST", "/page/pass", Authorization=f"Bearer {self.tokens[name]}")
        assert answer.status == 200, answer
        return answer.headers["set-cookie"], answer.json["key"]

    def sign_out(self, name: str, key: str) -> None:
        assert self.ask(name, "POST", "/page/pass", X_Page_Key=key).status == 200

    def sell(self, session: str = "FAST") -> str:
        """A sale that its register was told of; its key."""
        self.sold += 1
        key = f"site-{self.sold}"
        item = {"name": "Milk", "article": "1", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
        invoice = {"orderId": f"order-{self.sold}", "totalAmount": AMOUNT, "items": [item]}
        request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "2900001"}, "cardSession": f"{session}{self.sold}", "token": "t-1"}
        self.stand.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key=key, **request, wait=10)
        return key

    def sale(self, key: str, **more: Any) -> dict[str, Any]:
        return {"storeId": STORE, "terminalId": TERMINAL, "key": key, **more}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One daemon: a page for everybody, one for operators, none, and one behind TLS; and a listener whose client is a register."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    certificate, key = files(authority, folder)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    trust.check_hostname = False  # the tests ask 127.0.0.1 under many names; that the chain is the right one is what counts here
    shown = {"certificate_file": str(certificate), "key_file": str(key), "names": [NAME]}
    ports = (
        Port("open", "http", "admin", options={"origins": ["http://127.0.0.1:8080"]}),
        Port("guarded", "http", "admin", options={"page": "token"}),
        Port("shut", "http", "admin", options={"page": "off"}),
        Port("register", "http", "pos"),
        Port("shown", "page", "admin", options=shown),
    )
    with Stand(Plan(ports=ports)) as stand:
        yield House(stand, trust, {port.name: port.token for port in ports})


def files(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    issued = authority.issue_cert(NAME)
    certificate, key = folder / "page.pem", folder / "page.key"
    certificate.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    return certificate, key


# --- who may look ---


def test_whoever_can_reach_the_port_may_look_and_nothing_else(house: House) -> None:
    """The default: every page without a token. What changes anything wants one, although the page was shown."""
    key = house.sell()
    for path in ("/", "/page/operations", "/page/checkup", f"/page/sale?store={STORE}&terminal={TERMINAL}&key={key}"):
        answer = house.ask("open", "GET", path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    act = {"method": "operation.retry", "params": {}}
    assert house.ask("open", "POST", "/page/act", act).status == 401
    assert house.ask("open", "GET", "/v1/status").status == 401


def test_a_page_for_operators_shows_nothing_to_others(house: House) -> None:
    """Neither a page nor a stream nor the doctor without the token; with its cookie all of them; after signing out none."""
    house.sell()
    for path in ("/", "/page/operations", "/page/events?of=%2F", "/page/slip"):
        answer = house.ask("guarded", "GET", path)
        assert answer.status == 401
        assert b"order-" not in answer.body
    assert house.ask("guarded", "POST", "/page/examine", {}).status == 401
    cookie, key = house.sign_in("guarded")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    shown = house.ask("guarded", "GET", "/", Cookie=cookie.split(";")[0])
    assert (shown.status, b"order-" in shown.body) == (200, True)
    assert house.ask("guarded", "POST", "/page/pass", X_Page_Key=key).status == 200
    assert house.ask("guarded", "GET", "/", Cookie=cookie.split(";")[0]).status == 401


def test_no_page_where_none_is_wanted(house: House) -> None:
    """The port answers as for any other path that the API does not have."""
    answer = house.ask("shut", "GET", "/", Authorization=f"Bearer {house.tokens['shut']}")
    assert (answer.status, answer.code) == (404, "INVALID")


def test_the_shops_network_is_shown_the_page_alone_and_encrypted(house: House) -> None:
    """Under the names that the configuration has; with a token; the API of the registers is not there."""
    assert house.ask("shown", "GET", "/").status == 401
    cookie, _ = house.sign_in("shown")
    assert "Secure" in cookie.split("; ")
    assert house.ask("shown", "GET", "/", Cookie=cookie.split(";")[0]).status == 200
    bearer = f"Bearer {house.tokens['shown']}"
    for path in ("/v1/status", "/openapi.json", "/v1/operations"):
        assert (house.ask("shown", "GET", path, Authorization=bearer).status, path) == (404, path)
    assert house.ask("shown", "GET", "/", Host="evil.example").status == 403
    plain = http.client.HTTPConnection("127.0.0.1", house.stand.ports["shown"], timeout=5)
    plain.request("GET", "/")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        plain.getresponse()
    plain.close()


def test_pages_of_other_origins_are_served_nothing(house: House) -> None:
    """Not even those that the configuration lets call the API; and nothing acts for a request that does not say which page it is of."""
    other = "http://127.0.0.1:8080"
    assert house.ask("open", "GET", "/v1/status", Origin=other, Authorization=f"Bearer {house.tokens['open']}").status == 200
    for verb, path in (("GET", "/"), ("GET", "/page/events"), ("POST", "/page/pass"), ("POST", "/page/act")):
        answer = house.ask("open", verb, path, Origin=other, Authorization=f"Bearer {house.tokens['open']}")
        assert (answer.status, answer.code) == (403, "FORBIDDEN"), (verb, path)
    assert house.ask("open", "POST", "/page/pass", Origin="", Authorization=f"Bearer {house.tokens['open']}").status == 403
    assert house.ask("open", "GET", "/", Host="rebound.example:7432").status == 403


@pytest.mark.parametrize(
    "fetch",
    [
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
)
def test_what_a_foreign_page_embeds_takes_nothing_from_the_technician(house: House, fetch: dict[str, str]) -> None:
    """A picture or a frame of another page carries no Origin: it is refused, however often, and none of it counts; a link is followed."""
    refused = {house.ask("open", "GET", path, **fetch).status for path in ("/", "/page/events", "/openapi.json", "/page/base.css") * 20}
    assert refused == {403}
    for own in ({"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}, {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"}):
        assert house.ask("open", "GET", "/", **own).status == 200
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert house.ask("open", "GET", "/", **link).status == 200


def test_a_stream_ends_with_the_pass_that_opened_it(house: House) -> None:
    """After the sign-out nothing more is told, although the connection was there before."""
    cookie, key = house.sign_in("guarded")
    connection = http.client.HTTPConnection("127.0.0.1", house.stand.ports["guarded"], timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/page/events?of=%2F", headers={"Cookie": cookie.split(";")[0]})
        with contextlib.closing(connection.getresponse()) as events:
            assert any(line.startswith(b"data:") for line in iter(events.readline, b""))
            house.sign_out("guarded", key)
            assert len(events.read()) < 100_000, "it came to an end"


# --- who may act ---


def test_a_register_cannot_become_an_operator(house: House) -> None:
    """Its token opens no pass, and a wrong one none either; the look of a page is no key to act with."""
    refused = house.ask("register", "POST", "/page/pass", Authorization=f"Bearer {house.tokens['register']}")
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert house.ask("open", "POST", "/page/pass", Authorization="Bearer guessed-guessed-guessed").status == 401
    assert house.ask("open", "POST", "/page/pass").status == 401
    cookie, _ = house.sign_in("open")
    look = cookie.split(";")[0]
    act = {"method": "operation.retry", "params": {}}
    assert house.ask("open", "POST", "/page/act", act, Cookie=look).status == 401
    assert house.ask("open", "POST", "/page/act", act, Cookie=look, X_Page_Key=look.partition("=")[2]).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"method": "checkout.cancel", "params": {"storeId": STORE, "terminalId": TERMINAL, "key": "site-1"}}, 409),
        ({"method": "agent.reload", "params": {}}, 409),
        ({"method": "operation.resolve", "params": {"storeId": STORE, "terminalId": TERMINAL, "key": "nothing"}}, 409),
        ({"method": "operation.resolve", "params": {"storeId": 7}}, 409),
        ({"method": 7, "params": {}}, 400),
        (["operation.retry"], 400),
    ],
)
def test_an_operator_is_given_no_more_than_the_page_offers(house: House, body: object, status: int) -> None:
    """Not what a register does, nor what the page has no button for; what is no action at all is refused as such."""
    _, key = house.sign_in("open")
    answer = house.ask("open", "POST", "/page/act", body, X_Page_Key=key)
    assert answer.status == status
    assert "html" not in answer.json


def test_every_act_leaves_a_trace(house: House) -> None:
    """Who signed in, what he tried and what he did, in the log; the decision also in the record."""
    house.stand.fault("wrong_amount")
    sale = house.sale(house.sell())
    _, key = house.sign_in("open")
    params = sale | {"resolution": "returned", "reason": "the registry"}
    first = house.ask("open", "POST", "/page/act", {"method": "operation.resolve", "params": params}, X_Page_Key=key)
    found = re.search(r"&quot;confirmation&quot;: &quot;([A-Z]{6})", first.json["html"])
    assert found is not None, first.json
    wrong = house.ask(
        "open", "POST", "/page/act", {"method": "operation.resolve", "params": params | {"confirmation": "QQQQQQ"}}, X_Page_Key=key
    )
    assert wrong.status == 409
    done = house.ask(
        "open", "POST", "/page/act", {"method": "operation.resolve", "params": params | {"confirmation": found[1]}}, X_Page_Key=key
    )
    assert done.status == 200, done
    lines = [json.loads(line) for line in house.stand.log.read_text().splitlines() if '"operator.' in line]
    traced = [(one["event"], one["step"], one["by"]) for one in lines if sale["key"] in one.get("sale", "")]
    assert traced == [("operator.acted", 1, "client:open"), ("operator.refused", 2, "client:open"), ("operator.acted", 2, "client:open")]
    assert any(one["event"] == "operator.signed_in" for one in lines)
    story = house.stand.call("operation.show", "admin", **sale, events=True)["events"]
    assert {(one["by"], one["reason"]) for one in story if one["event"] == "resolved"} == {("client:open", "the registry")}


# --- what it shows ---


def test_the_sums_of_the_day_are_those_of_the_report(house: House) -> None:
    """Paid, declined and in attention, as ``operation.report`` counts them; a return is counted beside what was paid."""
    house.sell("DECL")
    paid = house.sell()
    house.stand.call("refund.create", **house.sale(paid), refundKey="back", token="t-2", wait=10)
    report = house.stand.call("operation.report", "admin", storeId=STORE)
    page = house.ask("open", "GET", "/").body.decode()
    shown = re.findall(r'<td class="state (\w+)">[^<]*</td><td class="number">(\d+)</td><td class="number">₽([\d.,]+)</td>', page)
    rows = [(state, int(count), round(float(amount.replace(",", "")) * 100)) for state, count, amount in shown]
    assert sorted(rows) == sorted((one["kind"], one["count"], one["amount"]) for one in report["sales"])
    assert "₽90.00</td></tr>" in page, "what went back"


def test_an_address_that_means_nothing_is_told_so(house: House) -> None:
    """An unknown sale, an unknown page, a mangled cursor, a width that no printer has."""
    for path, status in (
        (f"/page/sale?store={STORE}&terminal={TERMINAL}&key=nope", 404),
        ("/page/sale", 400),
        ("/page/nothing", 404),
        ("/page/operations?before=%00", 400),
        ("/page/operations?before=abc", 409),
        ("/page/slip?store=a&terminal=b&key=c", 404),
        ("/page/operations?only=nonsense&q=%00%ff", 200),
        ("/?of=x", 200),
        ("/?path=x&self=y", 200),
        ("/page/operations?of=x&q=y", 200),
    ):
        assert (house.ask("open", "GET", path).status, path) == (status, path)
    assert house.ask("open", "PUT", "/").status == 405


# --- what it takes ---


@contextlib.contextmanager
def watching(house: House, number: int) -> Iterator[list[http.client.HTTPResponse]]:
    """So many open pages whose first event has come."""
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(number):
            connection = http.client.HTTPConnection("127.0.0.1", house.stand.ports["open"], timeout=30)
            stack.callback(connection.close)
            connection.request("GET", "/page/events?of=%2F")
            answer = connection.getresponse()
            stack.callback(answer.close)
            assert answer.status == 200
            lines = iter(answer.readline, b"")
            assert any(line.startswith(b"data:") for line in lines), "a first event"
            streams.append(answer)
        yield streams


def test_open_pages_are_bounded(house: House) -> None:
    """One more than there may be is told to come later; the registers are served all the while; a closed page makes room."""
    with watching(house, MAX_STREAMS):
        assert opened(house) == (503, "1")
        assert house.stand.call("agent.status")["ready"]
    until(lambda: reopened(house))


def opened(house: House) -> tuple[int, str | None]:
    """What a further page is answered, which may last: its body is not read."""
    connection = http.client.HTTPConnection("127.0.0.1", house.stand.ports["open"], timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/page/events?of=%2F")
        answer = connection.getresponse()
        with contextlib.closing(answer):
            return answer.status, answer.getheader("retry-after")


def reopened(house: House) -> bool:
    """Whether a page can be opened again: the daemon has seen that others were closed."""
    with contextlib.suppress(AssertionError), watching(house, 1):
        return True
    return False


def test_a_program_that_asks_without_end_is_slowed(house: House) -> None:
    """More pages a second than a person needs: 429; the API on the same port does not feel it."""
    cookie, _ = house.sign_in("guarded")
    answers = [house.ask("guarded", "GET", "/").status for _ in range(LOOKS_AT_ONCE + 20)]
    assert set(answers) == {401, 429}
    assert house.ask("guarded", "GET", "/page/operations", Cookie=cookie.split(";")[0]).status == 200, "it is not the technician's part"
    assert house.ask("guarded", "GET", "/v1/status", Authorization=f"Bearer {house.tokens['guarded']}").status == 200


def test_registers_do_not_feel_the_page(house: House, record_property: Any) -> None:
    """Polls of a register with every page open that there may be, beside polls with none, in turns: the median as a ratio."""
    key = house.sell()
    alone, watched = [], []
    for _ in range(ROUNDS):
        alone += polls(house, key)
        with watching(house, MAX_STREAMS):
            watched += polls(house, key)
    ratio = statistics.median(watched) / statistics.median(alone)
    record_property("poll_latency_ratio", round(ratio, 2))
    print(f"poll latency with {MAX_STREAMS} pages open: {ratio:.2f} times that without; medians {statistics.median(alone) * 1e3:.2f} ms")
    assert ratio < MOST_TIMES_SLOWER


def polls(house: House, key: str) -> list[float]:
    """Seconds that each of the polls took, over more than a second, so that they meet a look of the page."""
    found = []
    with house.stand.connect() as pos:
        for _ in range(POLLS):
            began = time.perf_counter()
            pos.call("checkout.get", **house.sale(key))
            found.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)
    return found
