"""Goal: no password, token, card session, barcode or loyalty number gets out (promise P21).

Method: a real daemon and a real sandbox are led through every kind of outcome with secrets that can be recognised anywhere. Then everything
that comes out is searched for them, spelt in every way a program might spell them: log, answers and errors, the command line's output,
the journal's files once nothing needs the secrets any more, and what the system shows of the process.
"""

import base64
import hashlib
import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, quote_plus

import pytest

from tests.support.pos import Failed, Pos
from tests.support.stand import STORE, TERMINAL, Plan, Stand

SETTLE_S = 40.0  # the last look after a cancel and the return of an unclaimed payment, on a loaded machine
EMPTY_LOG_BYTES = 8_192  # a header and one page: what the journal writes at once into a log it has emptied
TILL_2, TILL_3 = "till-04", "till-05"

# The daemon with two bugs: a request that fails inside, and a sale whose driver fails. Both hold secrets when they do.
BUGGY = """
from agent.engine.accept import Acceptance
from agent.engine.duties import Duties

real_digest, real_launch = Acceptance._digest, Duties._launch

def digest(self, order, provider):
    if order.id.key == "bug":
        card, token = order.secrets["cardSession"], order.secrets["token"]
        raise RuntimeError(f"cardSession={card} token: '{token}'")
    return real_digest(self, order, provider)

async def launch(self, name, request_id, request, secrets):
    if self._steward.sale.id.key == "bug-parked":
        held = request.fill(secrets)
        raise LookupError(name)
    await real_launch(self, name, request_id, request, secrets)

Acceptance._digest, Duties._launch = digest, launch
from agent.cli import main
main()
"""


@dataclass
class Canaries:
    """Secrets that occur nowhere else, by what they are."""

    known: dict[str, str] = field(default_factory=dict)

    def session(self, name: str, prefix: str) -> str:
        """A card session: its beginning tells the sandbox what the customer does."""
        return self._new(f"card session of {name}", prefix + "cAnArY" + secrets.token_hex(6))

    def token(self, name: str) -> str:
        return self._new(f"token of {name}", f"cAnArY+tok/{secrets.token_hex(6)}==")

    def loyalty(self) -> str:
        return self._new("loyalty number", f"29{secrets.randbelow(10**14):014}")

    def barcode(self, name: str, prefix: str) -> str:
        return self._new(f"barcode of {name}", f"{prefix} cAnArY/{secrets.token_hex(6)}")

    def _new(self, name: str, value: str) -> str:
        self.known[name] = value
        return value


def forms(secret: str) -> dict[str, bytes]:
    """The ways in which a secret might be written down."""
    data = secret.encode()
    found = {
        "as it is": data,
        "reversed": data[::-1],
        "hex": data.hex().encode(),
        "HEX": data.hex().upper().encode(),
        "URL": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(secret))[3:-3].encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "SHA-256": hashlib.sha256(data).hexdigest().encode(),
        "SHA-1": hashlib.sha1(data, usedforsecurity=False).hexdigest().encode(),
        "MD5": hashlib.md5(data, usedforsecurity=False).hexdigest().encode(),
    }
    for shift in range(3):  # base64 of a text that holds the secret somewhere
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(bytes(shift) + data).rstrip(b"=")
            whole = text[(0, 2, 3)[shift] :]
            found[f"{name} {shift}"] = whole if (shift + len(data)) % 3 == 0 else whole[:-1]
    return found


def leaks(canaries: Canaries, outputs: Mapping[str, bytes]) -> list[str]:
    """Every secret that stands in an output, and how it is spelt there."""
    return [
        f"{name} stands in {place} ({spelling})"
        for name, secret in canaries.known.items()
        for spelling, pattern in forms(secret).items()
        for place, content in outputs.items()
        if pattern in content
    ]


class CanaryStand(Stand):
    """A stand whose account and helper are marked, and whose answers are all kept."""

    def __init__(self) -> None:
        self.canaries = Canaries()
        self.password = self.canaries._new("password", f"cAnArY-pass+{secrets.token_hex(6)}/")
        self.canaries._new("Basic", base64.b64encode(f"canary:{self.password}".encode()).decode())
        self.loyalty = self.canaries.loyalty()
        self.heard: list[str] = []
        options = {"login": "canary", "rereads_s": [10], "unclaimed_s": 10, "slip_wait_s": 1}
        tills: dict[str, Mapping[str, object]] = {TERMINAL: {}, TILL_2: {"unclaimed": "return"}, TILL_3: {"send_deadline_s": 3}}
        super().__init__(Plan(tills=tills, koshelek=options, helper=self._helper()), launcher=[sys.executable, "-c", BUGGY])

    def _helper(self) -> str:
        session, token = self.canaries.session("the helper", "FAST"), self.canaries.token("the helper")
        answer = f'{{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "{session}"}}'
        return f"""#!/bin/sh
case "$1" in
token) printf '{{"token": "{token}"}}' ;;
verify) code=$(cat); case "$code" in
  FAIL*) echo "cannot read $code" >&2; echo "$code"; exit 1 ;;
  JUNK*) echo "cardSession is $code" ;;
  *) printf '{answer}' ;;
  esac ;;
esac
"""

    def _write_files(self) -> None:
        super()._write_files()
        (self.folder / "password").write_text(self.password)

    def _spawn(self, command: Any, log: IO[bytes]) -> Any:
        if "sandbox" in command:
            command = [*command, "--login", "canary", "--password-file", str(self.folder / "password")]
        return super()._spawn(command, log)

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    # --- a register that keeps what it hears ---

    def tell(self, method: str, /, socket_name: str = "pos", **params: Any) -> dict[str, Any]:
        """One call; the answer, or the error."""
        try:
            found = self.call(method, socket_name, **params)
        except Failed as failed:
            found = failed.error
        self.heard.append(json.dumps(found, ensure_ascii=False))
        return found

    def say(self, line: bytes) -> None:
        """A line as it is; whatever comes back is kept."""
        with self.connect() as pos:
            pos.send(line + b"\n")
            self.heard.append(json.dumps(_received(pos), ensure_ascii=False))

    def bill(self, key: str, prefix: str, terminal: str = TERMINAL, **more: Any) -> dict[str, Any]:
        item = {"name": "Хлеб", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
        return {
            **sale(key, terminal),
            "checkoutInvoice": {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]},
            "user": {"loyaltyId": self.loyalty},
            "cardSession": self.canaries.session(key, prefix),
            "token": self.canaries.token(key),
            **more,
        }

    def sell(self, key: str, prefix: str, wait: int = 20, terminal: str = TERMINAL, **more: Any) -> dict[str, Any]:
        """A checkout, answered as finished or after the wait."""
        return self.tell("checkout.create", **self.bill(key, prefix, terminal, **more), wait=wait)

    def scan(self, key: str, prefix: str, terminal: str = TERMINAL) -> dict[str, Any]:
        """A checkout with a barcode, for the helper."""
        bill = {**self.bill(key, "FAST", terminal), "barcode": self.canaries.barcode(key, prefix)}
        del bill["cardSession"], bill["token"]
        return self.tell("checkout.create", **bill, wait=0 if terminal == TILL_3 else 20)


def _received(pos: Pos) -> Any:
    try:
        return pos.receive(2.0)
    except TimeoutError:
        return None


def sale(key: str, terminal: str = TERMINAL) -> dict[str, Any]:
    return {"storeId": STORE, "terminalId": terminal, "key": key}


def lead_through_everything(stand: CanaryStand) -> None:
    """Every kind of outcome. What takes long is begun first, but for the fault that the next accepted payment takes."""
    stand.fault("accepted_without_slip")
    assert stand.sell("attention", "PAY")["state"] == "attention"
    for key, prefix in (("helper-fails", "FAIL"), ("helper-talks", "JUNK")):
        stand.scan(key, prefix, TILL_3)
    assert stand.sell("reversed", "FAST", wait=0, terminal=TILL_2)["state"] == "queued"  # nobody asks for it: it goes back
    stand.sell("late", "WAIT", wait=1)
    stand.fault("cancel_then_paid", "cancel", after_ms=3_000)
    stand.tell("checkout.cancel", **sale("late"))
    assert stand.tell("checkout.get", **sale("late"), wait=10)["state"] == "canceled"
    stand.sell("canceled", "WAIT", wait=1)
    stand.tell("checkout.cancel", **sale("canceled"))
    assert stand.tell("checkout.get", **sale("canceled"), wait=10)["state"] == "canceled"
    assert stand.sell("paid", "FAST")["state"] == "paid"
    stand.tell("checkout.confirm", **sale("paid"))
    assert stand.sell("declined", "DECL")["state"] == "declined"
    assert stand.sell("unknown-session", "UNKN")["reason"] == "UNKNOWN_SESSION_ID"
    stand.fault("unauthorized", "checkout")
    assert stand.sell("denied", "FAST")["reason"] == "ACCESS_DENIED"
    assert stand.scan("scanned", "GOOD")["state"] == "paid"
    with stand.outage():
        assert stand.sell("offline", "FAST", wait=1)["reason"] == "OFFLINE"
        stand.tell("checkout.cancel", **sale("offline"))
    for kind in ("garbage", "html", "error_5xx", "truncated", "lose_answer", "extra_fields"):
        stand.fault(kind, "checkout")
        assert stand.sell(kind, "FAST")["state"] == "paid", kind


def ask_for_means(stand: CanaryStand) -> None:
    """Lists of means of payment: had, refused, garbled, by barcode, wrongly asked for."""

    def asked(key: str, prefix: str, **more: Any) -> dict[str, Any]:
        return stand.tell("availability.create", **stand.bill(key, prefix, **more), wait=20)

    assert asked("means", "PAY")["state"] == "ready"
    assert asked("means-unknown", "UNKN")["reason"] == "UNKNOWN_SESSION_ID"
    stand.fault("garbage", "availability")
    assert asked("means-garbage", "PAY")["reason"] == "PROVIDER_UNAVAILABLE"
    assert asked("means", "PAY")["data"]["code"] == "CONFLICT"
    assert asked("means-wrong", "PAY", wrong=stand.canaries.token("a wrong field of a list"))["data"]["code"] == "INVALID"
    for prefix, reason in (("GOOD", None), ("FAIL", "HELPER_FAILED"), ("JUNK", "HELPER_FAILED")):
        bill = {**stand.bill(f"means-{prefix}", "PAY"), "barcode": stand.canaries.barcode(f"means {prefix}", prefix)}
        del bill["cardSession"], bill["token"]
        assert stand.tell("availability.create", **bill, wait=20)["reason"] == reason


def refuse_and_refund(stand: CanaryStand) -> None:
    """Refunds, refusals of ours, and requests that are wrong."""
    back = {**sale("paid"), "refundKey": "R1", "token": stand.canaries.token("refund")}
    assert stand.tell("refund.create", **back, wait=20)["state"] == "refunded"
    stand.tell("refund.create", **back)
    assert stand.sell("garbage", "FAST")["data"]["code"] == "CONFLICT"
    again = stand.bill("again", "FAST")
    again["checkoutInvoice"]["orderId"] = "order-garbage"
    assert stand.tell("checkout.create", **again)["data"]["code"] == "ORDER_PAID"
    wrong = stand.bill("wrong", "FAST")
    wrong["checkoutInvoice"]["items"][0]["tax"] = "vat99"
    assert stand.tell("checkout.create", **wrong)["data"]["code"] == "INVALID"
    broken = {
        "cardSession": stand.canaries.session("a wrong request", "FAST") + "!",
        "token": stand.canaries.token("a wrong request") + "\u0007",
        "user": {"loyaltyId": stand.loyalty + "x" * 40, "loyalty": stand.loyalty},
        "barcode": stand.canaries.barcode("a wrong request", "x" * 130),
        "amount": stand.canaries.token("a wrong field"),
    }
    assert stand.tell("checkout.create", **{**stand.bill("broken", "FAST"), **broken})["data"]["code"] == "INVALID"
    whole = {"jsonrpc": "2.0", "id": 1, "method": "checkout.create", "params": stand.bill("cut", "FAST")}
    line = json.dumps(whole).encode()
    for said in (line[:-30], b"[" + line + b"]", line.replace(b'"id": 1, ', b""), line.replace(b"create", b"invent"), line + b" " * 70_000):
        stand.say(said)
    assert stand.tell("checkout.create", **stand.bill("bug", "FAST"))["data"]["code"] == "INTERNAL"
    stand.sell("bug-parked", "FAST", wait=2, terminal=TILL_3)


def drive_by_hand(stand: CanaryStand) -> dict[str, bytes]:
    """The command line: what it prints."""
    session, token = stand.folder / "card", stand.folder / "token"
    session.write_text(stand.canaries.session("the command line", "FAST"))
    token.write_text(stand.canaries.token("the command line"))
    till = ("--store", STORE, "--terminal", TERMINAL)
    paid = ("pay", "90.00", "--key", "by-hand", "--card-session-from", str(session), "--token-from", str(token), *till)
    commands = [
        paid,
        ("list", "--json", "--limit", "100"),
        ("status", "--json"),
        ("show", "by-hand", *till, "--json"),
        ("show", "late", *till),
    ]
    outputs: dict[str, bytes] = {}
    for command in commands:
        done = stand.cli(*command)
        assert done.stdout, command
        outputs[f"koshelek-agent {' '.join(command[:2])} #{len(outputs)}"] = (done.stdout + done.stderr).encode()
    return outputs


def wait_until_settled(stand: CanaryStand) -> None:
    """Until only what needs a person is owed, and the journal's log has been emptied."""
    end = time.monotonic() + SETTLE_S
    while True:
        with closing(sqlite3.connect(f"file:{stand.journal}?mode=ro", uri=True)) as file:
            owing = {key for (key,) in file.execute("SELECT key FROM sale WHERE owes = 1")}
        if owing == {"attention", "bug-parked"} and Path(f"{stand.journal}-wal").stat().st_size <= EMPTY_LOG_BYTES:
            return
        assert time.monotonic() < end, f"still owed: {owing}"
        time.sleep(0.25)


def records(stand: CanaryStand) -> bytes:
    """Everything that stands in the journal's tables, but for the vault."""
    with closing(sqlite3.connect(f"file:{stand.journal}?mode=ro", uri=True)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        rows = [file.execute(f"SELECT * FROM {name}").fetchall() for name in tables if name != "vault"]  # noqa: S608 - names of the schema
    return repr(rows).encode()


def files(stand: CanaryStand) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in stand.journal.parent.iterdir()}


def of_system(stand: CanaryStand) -> dict[str, bytes]:
    """What other users of the machine, or its administrator, see of the process."""
    return {name: Path(f"/proc/{stand.pid}/{name}").read_bytes() for name in ("cmdline", "environ", "comm")}


@pytest.fixture(scope="module")
def stand() -> Iterator[CanaryStand]:
    with CanaryStand() as started:
        yield started


def test_nothing_secret_gets_out(stand: CanaryStand) -> None:
    """After every kind of outcome, a kill and a stop: no secret in any output, and in the journal's files only what is still needed."""
    lead_through_everything(stand)
    ask_for_means(stand)
    refuse_and_refund(stand)
    outputs = drive_by_hand(stand)
    stand.fault("lose_answer", "checkout", times=2)
    stand.sell("killed", "FAST", wait=0)
    outputs |= {f"before the kill: {name}": content for name, content in of_system(stand).items()}
    stand.restart()
    assert stand.tell("checkout.get", **sale("killed"), wait=20)["state"] == "paid"
    wait_until_settled(stand)
    outputs |= of_system(stand)
    assert stand.tell("checkout.get", **sale("late"))["money"] == "returned"
    assert stand.tell("checkout.get", **sale("reversed", TILL_2))["state"] == "reversed"
    stand.tell("agent.status", "admin")
    for key in ("paid", "late", "attention", "bug-parked"):
        stand.tell("operation.show", "admin", **sale(key, TILL_3 if key == "bug-parked" else TERMINAL), events=True)
    wait_until_settled(stand)
    kept = files(stand)
    assert stand.stop() == 0
    stopped = files(stand)
    outputs |= {"log": stand.log.read_bytes(), "answers": "\n".join(stand.heard).encode(), "records": records(stand)}

    assert leaks(stand.canaries, outputs) == []
    needed = {"token of attention", "token of bug-parked", "card session of bug-parked", "loyalty number"}
    for moment in (kept, stopped):
        found = {name for name in stand.canaries.known if leaks(Canaries({name: stand.canaries.known[name]}), moment)}
        assert found == needed
    assert b"debug" in outputs["log"]
    assert outputs["log"].count(b"\n") > 200


def test_the_search_finds_what_is_there(stand: CanaryStand) -> None:
    """The control: a secret that is planted, in any spelling and anywhere in a text, is found; another one is not."""
    planted = Canaries()
    secret = planted.token("the control")
    for spelling, pattern in forms(secret).items():
        found = leaks(planted, {"plant": b"before " + pattern + b" after"})
        assert any(f"({spelling})" in one for one in found), spelling
    for shift in range(7):
        wrapped = base64.b64encode(b"x" * shift + secret.encode() + b"tail")
        assert leaks(planted, {"plant": wrapped}), shift
    assert leaks(planted, {"nothing": b"before after" * 100, "other": Canaries().token("x").encode()}) == []
    assert leaks(stand.canaries, {"config": (stand.folder / "password").read_bytes()}) != []
