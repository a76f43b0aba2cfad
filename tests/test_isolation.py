"""Goal: what is stuck at one till is nobody else's problem (promise P20).

Method: a real daemon and a real sandbox. One till sells at its normal speed, measured in the same run; then something hangs elsewhere - the
payment system for other tills, the helper command, a register that does not read, a damaged record - and it sells again. Times are
compared with each other, never with a clock's figure, so a slow machine is slow for both.
"""

import itertools
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.stand import STORE, TERMINAL, Plan, Stand

OTHERS = [f"till-{number}" for number in range(10, 16)]  # their checkouts hang
SCANNER, ROTTEN = "till-20", "till-21"  # the helper hangs, the record rots
ASKERS = [f"till-{number}" for number in range(30, 35)]  # their lists of means hang
SALES = 5  # of each measurement: the slowest counts, for what is stuck may hold up one and let go of the rest
SLOWER = 2.0  # at most so many times as long
NOISE_S = 1.0  # of a machine that runs other tests beside; what waits for something stuck here waits for two seconds and more
HANG_MS = 60_000
HELPER_LIMIT_S = 3.1  # then a call of the helper that hangs is ended
HELPER = """#!/bin/sh
# Reads a code whose end is the card session; one that begins with HANG it never gets done with.
case "$1" in
token) printf '{"token": "till-token"}' ;;
verify) code=$(cat); case "$code" in
  HANG*) sleep 60 ;;
  *) printf '{"resultCode": "CARDSESSION_AVAILABLE", "totpCodeValid": true, "cardSession": "%s"}' "${code#SCAN}" ;;
  esac ;;
esac
"""


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One agent with many tills; each test leaves its own trouble behind, which must not matter to the next."""
    plan = Plan(tills={name: {} for name in (TERMINAL, *OTHERS, SCANNER, ROTTEN, *ASKERS)}, helper=HELPER)
    with Stand(plan) as made:
        yield made


numbers = itertools.count(1)


def bill(terminal: str = TERMINAL, session: str = "FAST") -> dict[str, Any]:
    """A checkout of its own."""
    number = next(numbers)
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    return {
        "storeId": STORE,
        "terminalId": terminal,
        "key": f"K{number}",
        "checkoutInvoice": {"orderId": f"order-{number}", "totalAmount": 9000, "items": [item]},
        "user": {"loyaltyId": "29"},
        "cardSession": f"{session}{number}",
        "token": "till-token",
    }


def scanned(terminal: str = TERMINAL, code: str = "SCANFAST") -> dict[str, Any]:
    """A checkout for which the helper reads the code and makes the token."""
    params = bill(terminal)
    del params["cardSession"], params["token"]
    return {**params, "barcode": f"{code}{next(numbers)}"}


def allowed(normal: float) -> float:
    """The longest a sale may take that takes ``normal`` seconds by itself."""
    return SLOWER * normal + NOISE_S


def seconds(stand: Stand, *, scan: bool = False) -> float:
    """What a sale takes at the till that nothing is wrong with: the slowest of some."""
    found = []
    with stand.connect() as pos:
        for _ in range(SALES):
            params = scanned() if scan else bill()
            begin = time.monotonic()
            assert pos.call("checkout.create", **params, wait=30)["state"] == "paid"
            found.append(time.monotonic() - begin)
    return max(found)


def test_a_payment_system_that_hangs_for_others(stand: Stand) -> None:
    """The checkouts of six tills get no answer: the seventh sells as ever."""
    normal = seconds(stand)
    stand.fault("lose_request", "checkout", times=len(OTHERS), hang_ms=HANG_MS)
    hanging = [bill(terminal) for terminal in OTHERS]
    for params in hanging:
        stand.call("checkout.create", **params)
    while {"lose_request"} != {one["fault"] for one in stand.control("GET", "/requests")[-len(OTHERS) :]}:
        time.sleep(0.02)
    assert seconds(stand) < allowed(normal)
    states = {stand.call("checkout.get", **{name: one[name] for name in ("storeId", "terminalId", "key")})["state"] for one in hanging}
    assert states <= {"sending", "unknown"}, "they did hang all the time"


def test_a_helper_that_hangs_for_another(stand: Stand) -> None:
    """It never gets done with one till's code: another till has its codes read, and one that needs no helper does not notice."""
    normal, reading = seconds(stand), seconds(stand, scan=True)
    stuck = scanned(SCANNER, "HANG")
    stand.call("checkout.create", **stuck)
    time.sleep(0.1)
    assert seconds(stand, scan=True) < allowed(reading)
    assert seconds(stand) < allowed(normal)
    assert stand.call("checkout.get", **{name: stuck[name] for name in ("storeId", "terminalId", "key")})["state"] == "queued"
    stand.call("checkout.cancel", **{name: stuck[name] for name in ("storeId", "terminalId", "key")})
    time.sleep(HELPER_LIMIT_S)


def test_lists_of_means_that_hang(stand: Stand) -> None:
    """Every till asks for a list, none is answered, the helper hangs too: a sale needs neither."""
    normal = seconds(stand, scan=True)
    stand.fault("lose_request", "availability", times=20, hang_ms=HANG_MS)
    for terminal in ASKERS[:3]:
        stand.call("availability.create", **bill(terminal))
    stand.call("availability.create", **scanned(ASKERS[3], "HANG"))
    stand.call("availability.create", **scanned(ASKERS[4], "HANG"))
    assert seconds(stand, scan=True) < allowed(normal)
    time.sleep(HELPER_LIMIT_S)


def test_a_register_that_does_not_read(stand: Stand) -> None:
    """It asks and asks and reads nothing, and another has stopped in the middle of a line."""
    normal = seconds(stand)
    question = {"jsonrpc": "2.0", "id": 1, "method": "operation.list", "params": {"storeId": STORE, "terminalId": TERMINAL, "limit": 500}}
    line = json.dumps(question).encode() + b"\n"
    with stand.connect() as deaf, stand.connect() as silent:
        deaf.send(line * 60)
        silent.send(line[:20])
        assert seconds(stand) < allowed(normal)


def test_a_record_that_is_damaged(stand: Stand) -> None:
    """A sale that was open when its record rotted is set aside at the start; all tills sell, its own too."""
    normal = seconds(stand)
    poisoned = bill(ROTTEN, "WAIT")
    poisoned["checkoutInvoice"]["items"][0]["name"] = "Wholesome"
    stand.call("checkout.create", **poisoned, wait=1)
    stand.kill()
    damage(stand, b"Wholesome", b"Poisonous")
    stand.start()
    with stand.connect("admin") as admin:
        parked = admin.call("agent.status")["details"]["parked"]
    assert [one["sale"] for one in parked] == [f"{STORE}/{ROTTEN}/{poisoned['key']}"]
    seconds(stand)  # the first sales after a start open the connection anew
    assert seconds(stand) < allowed(normal)
    assert stand.call("checkout.create", **bill(ROTTEN), wait=30)["state"] == "paid"


def damage(stand: Stand, old: bytes, new: bytes) -> None:
    """Change some bytes of stored events, as a bad disk would: SQLite does not notice."""
    with closing(sqlite3.connect(stand.journal)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = stand.journal.read_bytes()
    assert old in content
    stand.journal.write_bytes(content.replace(old, new))


def test_the_measure_can_fail(stand: Stand) -> None:
    """The control: when the payment system is slow for the till itself, it does sell more slowly than allowed."""
    normal = seconds(stand)
    stand.fault("delay", "checkout", times=SALES, ms=round(1_000 * allowed(normal)))
    assert seconds(stand) > allowed(normal)
