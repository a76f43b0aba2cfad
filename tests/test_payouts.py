"""Goal: a till that pays out does so once, whatever dies. Method: the daemon and the sandbox as processes, kill -9 between them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.doors import keyring_of
from agent.settings import TcpListener
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Plan, Socket, Stand

CARD = "2200000000000004"
PAYOUTS = """
[provider.paycore.payouts]
enabled = true
service = "payout_card_rub"
most_amount = 5000000
most_per_day = 20000000
searches = 2
search_pause_s = 5
"""


class PayingStand(Stand):
    """PayCore pays out; the register's socket and the operator's may."""

    def configuration(self) -> str:
        return super().configuration() + PAYOUTS

    def _system(self, name: str) -> dict[str, object]:
        public = {"public_base_url": f"http://127.0.0.1:{self.sandbox_port}/paycore/public-api", "public_key": "pk_test_1"}
        return super()._system(name) | public


@pytest.fixture(scope="module")
def stand() -> Iterator[PayingStand]:
    sockets = (Socket("pos", options={"payouts": True}), Socket("admin", "admin", options={"payouts": True}))
    with PayingStand(Plan(tills={TERMINAL: {"provider": "paycore"}}, sockets=sockets, systems={"paycore": {}})) as made:
        yield made


def wish(key: str, **changes: Any) -> dict[str, Any]:
    body = {"storeId": STORE, "terminalId": TERMINAL, "key": key, "amount": 45_000, "description": f"Deposit {key}"}
    return {**body, "fields": {"card_number": CARD}, **changes}


def named(key: str) -> dict[str, Any]:
    return {"storeId": STORE, "terminalId": TERMINAL, "key": key}


def made(stand: Stand, key: str) -> list[dict[str, Any]]:
    """The payouts of a key at the payment system, by what they were for."""
    return [one for one in stand.control("GET", "/payouts") if one["description"] == f"Deposit {key}"]


def bank(stand: Stand, key: str, action: str) -> None:
    """What the recipient's bank does with the next payout of a key."""
    stand.control("POST", "/customers", {"action": action, "orderId": f"Deposit {key}", "afterMs": 0})


def test_it_is_paid_out_once_and_its_story_told(stand: PayingStand) -> None:
    """By the command line, the recipient from a file; asked again it is the same; the card number stands nowhere."""
    fields = stand.folder / "recipient.json"
    fields.write_text(json.dumps({"card_number": CARD}))
    ran = stand.cli("payout", "create", "450", "--fields-from", str(fields), "--description", "Deposit P1", "--key", "P1", "--json")
    answer = json.loads(ran.stdout)
    assert (ran.returncode, answer["state"], answer["success"], answer["amount"]) == (0, "paid_out", True, 45_000), ran
    again = stand.call("payout.create", **wish("P1", wait=20))
    assert (again["transactionId"], again["told"]) == (answer["transactionId"], True)
    assert len(made(stand, "P1")) == 1
    shown = stand.cli("show", "payout:P1")
    assert "payout_accepted" in shown.stdout
    assert "450.00" in shown.stdout
    assert [one["key"] for one in json.loads(stand.cli("list", "--payouts", "--json").stdout)["operations"]] == ["payout:P1"]
    assert (stand.cli("payout", "get", "P1").returncode, stand.cli("payout", "cancel", "P1").returncode) == (0, 0)
    services = json.loads(stand.cli("payout", "services", "450", "--json").stdout)
    assert (services["state"], services["services"][0]["service"]) == ("ready", "payout_card_rub")
    journal = b"".join(path.read_bytes() for path in stand.journal.parent.iterdir() if path.is_file())
    for where, text in (("the story", shown.stdout), ("the log", stand.log.read_text()), ("the journal", journal.decode("latin-1"))):
        assert CARD not in text, f"{where} holds the card number"


def test_a_lost_answer_leads_to_a_search(stand: PayingStand) -> None:
    """The payout is made, nobody heard of it; it is found by our own id, not made again."""
    stand.fault("lose_answer", "payout")
    assert stand.call("payout.create", **wish("P2", wait=40))["state"] == "paid_out"
    assert len(made(stand, "P2")) == 1


def test_killed_in_the_middle(stand: PayingStand) -> None:
    """kill -9 while the request is under way: the payout that arrived is found, and paid out once."""
    stand.fault("delay", "payout", ms=3_000)
    assert stand.call("payout.create", **wish("P3"))["state"] in ("queued", "sending")
    owed = stand.cli("owed", "--json")
    assert (owed.returncode, [one["key"] for one in json.loads(owed.stdout)["owed"]]) == (4, ["payout:P3"])
    until(lambda: bool(made(stand, "P3")))
    stand.restart()
    assert stand.call("payout.get", **named("P3"), wait=40)["state"] == "paid_out"
    assert len(made(stand, "P3")) == 1
    story = json.loads(stand.cli("show", "payout:P3", "--json").stdout)
    (lost,) = [one for one in story["events"] if one["event"] == "attempt_lost"]
    assert lost["reason"] == "restart"
    with stand.down():
        offline = json.loads(stand.cli("show", "payout:P3", "--json").stdout)
    assert offline == {**story, "offline": True}


def test_what_no_search_finds_is_a_persons(stand: PayingStand) -> None:
    """The request was lost: two searches, then attention; an operator decides in two steps, and a register gets the answer."""
    stand.fault("lose_request", "payout")
    answer = stand.call("payout.create", **wish("P4", wait=40))
    assert (answer["state"], answer["next"], answer["reason"]) == ("attention", "person", "PAYOUT_NOT_FOUND")
    listed = json.loads(stand.cli("list", "--attention", "--json").stdout)["operations"]
    assert [one["key"] for one in listed] == ["payout:P4"]
    decision = ("payout", "resolve", "P4", "not_made", "--reason", "support: not received", "--json")
    word = json.loads(stand.cli(*decision).stdout)["confirmation"]
    assert json.loads(stand.cli(*decision, "--confirmation", word).stdout)["payout"]["state"] == "failed"
    assert stand.call("payout.get", **named("P4"))["success"] is False
    assert made(stand, "P4") == []


def test_a_client_may_pay_out_only_if_its_table_says_so(tmp_path: Path) -> None:
    """The same for those who show a token: off unless it is switched on."""
    token = tmp_path / "token"
    token.write_text("token-of-kassa-0123456789")
    token.chmod(0o600)
    given = {"name": "kassa", "token_file": str(token), "terminals": ["*/*"]}
    for more, may in (({}, False), ({"payouts": True}, True)):
        listener = TcpListener.model_validate({"kind": "tcp", "port": 7431, "client": [{**given, **more}]})
        holder = keyring_of(listener).holder("token-of-kassa-0123456789")
        assert holder is not None
        assert holder.payouts is may


def test_a_refused_one_is_not_made(stand: PayingStand) -> None:
    """A service that the account does not have: a definite refusal, and no money has left."""
    answer = stand.call("payout.create", **wish("P5", service="no_such_service", wait=20))
    assert (answer["state"], answer["money"]) == ("failed", "none")
