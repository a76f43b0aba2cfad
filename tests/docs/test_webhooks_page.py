"""Goal: the page about messages is true, and the daemon does what it says. Method: real daemon and sandbox; the page's configuration
with files of the test, the page's command, and messages as Koshelek would send them."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.hints import Unheard
from agent.edges.hooks import application
from agent.engine.waiting import KEPT, MAX_KEPT_HINTS
from tests.docs.pages import DOCS
from tests.edges.hooks.listening import BAD_WORDS, basic
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Plan, Stand, free_port, http_request
from tests.test_reload import log_of, reload, sell

PAGE = (DOCS / "webhooks.md").read_text()
OLD, NEW = "MARK-old-postback", "MARK-new-postback"


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """A till that asks for a status every five seconds, with the page's listener."""
    with Stand(Plan(koshelek={"poll_interval_ms": 5_000, "poll_cap_s": 5, "first_read_ms": 250})) as made:
        yield made


@pytest.fixture(scope="module")
def port(stand: Stand) -> int:
    """The listener, opened by a reload."""
    found = free_port()
    text = block("<!-- configuration: postback -->").replace("7440", str(found))
    text = text.replace("/etc/koshelek-agent/postback-password", str(secret(stand, "old", OLD)))
    with stand.config.open("a") as file:
        file.write(f"\n{text}")
    assert reload(stand)["problems"] == []
    return found


def block(mark: str) -> str:
    """The fenced block after a mark of the page."""
    found = re.search(re.escape(mark) + r"\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def secret(stand: Stand, name: str, text: str) -> Path:
    path = stand.folder / f"postback-{name}"
    path.write_text(text)
    path.chmod(0o600)
    return path


def post(port: int, body: object, password: str = OLD) -> tuple[int, bytes]:
    """What Koshelek would send."""
    return http_request(port, "POST", "/koshelek", json.dumps(body).encode(), basic(password, "koshelek"))


def transaction(stand: Stand, order: str) -> dict[str, Any]:
    (found,) = [one for one in stand.control("GET", "/transactions") if order in json.dumps(one)]
    assert isinstance(found, dict)
    return found


def id_of(stand: Stand, key: str) -> str:
    found = stand.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=key)["transactionId"]
    assert isinstance(found, str)
    return found


def test_the_command_of_the_page(port: int) -> None:
    """With the real password and port it prints what the page shows."""
    line = block("<!-- command: try -->").replace("PASSWORD", OLD).replace("7440", str(port))
    ran = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20, check=True)
    assert ran.stdout == "200\n"


def test_a_postback_hastens_the_answer(stand: Stand, port: int) -> None:
    """The customer pays a second after the sale began; the register hears of it with the message, seconds before the next question."""
    with stand.connect() as pos:
        sell(pos, "k1")
        until(lambda: stand.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key="k1")["state"] == "pending")
        time.sleep(1.3)
        assert post(port, {"transactionId": id_of(stand, "k1"), "status": "rejected"})[0] == 200
        found = pos.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key="k1", wait=2)
    assert found["state"] == "paid", "and what it says itself is wrong"
    assert [(line["sale"], line["leads_to"]) for line in log_of(stand, "hint.heard")] == [(f"{STORE}/{TERMINAL}/k1", "hurry")]


def test_a_message_that_fits_nothing_is_kept_over_a_restart(stand: Stand, port: int) -> None:
    """It waits, finds its sale by the slip once there is one, and is gone."""
    slip = {"orderId": "order-k2", "totalAmount": 9000}
    assert post(port, {"transactionId": None, "slip": slip})[0] == 200
    stand.restart()
    with stand.connect() as pos:
        assert sell(pos, "k2", "PAY002", wait=20)["state"] == "paid"
    until(lambda: any(line["sale"].endswith("/k2") for line in log_of(stand, "hint.heard")))
    assert "order-k2" in [line.get("order") for line in log_of(stand, "hint.kept")]


def test_a_secret_is_exchanged_without_a_gap(stand: Stand, port: int) -> None:
    """Both count after a reload, the new one alone after the next; no secret is in the log, nor what was forged."""
    old, new = stand.folder / "postback-old", secret(stand, "new", NEW)
    message = {"transactionId": "t-unknown"}
    assert post(port, message, NEW) == (401, b"forged")
    text = stand.config.read_text()
    stand.config.write_text(text.replace(f'["{old}"]', f'["{old}", "{new}"]'))
    assert reload(stand)["problems"] == []
    assert [post(port, message, one)[0] for one in (OLD, NEW)] == [200, 200]
    stand.config.write_text(text.replace(f'["{old}"]', f'["{new}"]'))
    assert reload(stand)["problems"] == []
    assert [post(port, message, one)[0] for one in (OLD, NEW)] == [401, 200]
    assert "MARK" not in stand.log.read_text()
    assert log_of(stand, "webhook.refused")
    stand.config.write_text(text)
    assert reload(stand)["problems"] == []


def test_a_certificate_that_cannot_be_used_is_refused_by_a_reload(stand: Stand, port: int) -> None:
    """The listener from before goes on."""
    text = stand.config.read_text()
    key = secret(stand, "key", "no key")
    stand.config.write_text(text.replace(f"port = {port}\n", f'port = {port}\ncertificate_file = "{key}"\nkey_file = "{key}"\n'))
    (problem,) = reload(stand)["problems"]
    assert "cannot be used as certificate" in problem["problem"]
    assert post(port, {"transactionId": "t"})[0] == 200
    stand.config.write_text(text)
    assert reload(stand)["problems"] == []


def test_without_the_table_nobody_listens(stand: Stand, port: int) -> None:
    """A reload closes the port, and another opens it again."""
    text = stand.config.read_text()
    stand.config.write_text(text[: text.index("[webhooks]")])
    assert reload(stand)["problems"] == []
    with pytest.raises(ConnectionError):
        post(port, {"transactionId": "t"})
    stand.config.write_text(text)
    assert reload(stand)["problems"] == []
    assert post(port, {"transactionId": "t"})[0] == 200


def test_the_page_names_every_answer_and_number() -> None:
    """The words that the listener answers, its limits, and how long messages are kept."""
    table = PAGE[PAGE.index("<!-- answers -->") :].split("\n\n")[0]
    words = set(re.findall(r"`([a-z ]+)` \|", table))
    assert words >= {one.value for one in Unheard if one is not Unheard.IRRELEVANT} | BAD_WORDS
    assert f"{application.MAX_HOOK_BYTES // 1024} KiB" in table
    assert (KEPT.total_seconds() / 3600, MAX_KEPT_HINTS) == (24, 1000)
    assert "24 hours, at most 1000" in PAGE
