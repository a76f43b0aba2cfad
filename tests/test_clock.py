"""Goal: promise P16 - whatever the wall clock does, no deadline is wrong and no money goes astray. Method: the real daemon under
libfaketime, which moves its wall clock a year forward and back while payments wait, and leaves the monotonic clocks alone, as the kernel
does. Another boot is in tests/engine and tests/simulation, where time itself is simulated."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pos import Pos
from tests.support.stand import STORE, TERMINAL, Plan, Stand
from tests.system import require

YEAR_DAYS = 365
LIBRARY = "libfaketime.so.1"

pytestmark = pytest.mark.system


class Clock:
    """The daemon's wall clock."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.shift(0)

    def shift(self, days: int) -> None:
        """So many days beside the truth from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{days:+d}d\n")
        fresh.rename(self._file)  # never half a line


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Stand, Clock]]:
    """A till that gives a queued payment 4 s, and a customer 9 s."""
    require("faketime")
    found = sorted(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"))
    clock = Clock(tmp_path / "clock")
    preload = [f"LD_PRELOAD={found[0]}", f"FAKETIME_TIMESTAMP_FILE={tmp_path / 'clock'}", "FAKETIME_NO_CACHE=1"]
    launcher = ["env", *preload, "FAKETIME_DONT_FAKE_MONOTONIC=1", sys.executable, "-m", "agent"]
    tills: dict[str, dict[str, object]] = {TERMINAL: {"send_deadline_s": 4}, "till-04": {"send_deadline_s": 4}}
    with Stand(Plan(tills=tills, koshelek={"wait_limit_s": 9}), launcher) as stand:
        yield stand, clock


def sell(pos: Pos, key: str, card: str, terminal: str = TERMINAL, wait: float = 0) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": card, "token": "t-1", "wait": wait}
    return pos.call("checkout.create", storeId=STORE, terminalId=terminal, key=key, **request)


def get(pos: Pos, key: str, terminal: str = TERMINAL, wait: float = 20) -> dict[str, Any]:
    return pos.call("checkout.get", storeId=STORE, terminalId=terminal, key=key, wait=wait)


@pytest.mark.parametrize("days", [YEAR_DAYS, -YEAR_DAYS])
def test_a_jump_of_the_wall_clock_moves_no_deadline(shop: tuple[Stand, Clock], days: int) -> None:
    """While one customer is asked to confirm, one payment waits for the link, and one was just paid: the clock jumps. The customer keeps
    his six seconds and is canceled then; what waits is sent when the link is back within its four; the record's times follow the wall."""
    stand, clock = shop
    with stand.connect() as pos:
        before = sell(pos, "before", "PAY001", wait=10)
        began = time.monotonic()
        sell(pos, "asked", "WAIT02")
        while get(pos, "asked", wait=0)["state"] != "pending":
            assert time.monotonic() - began < 30, "he was never asked"
            time.sleep(0.05)
        asked = time.monotonic()
        with stand.outage():
            waiting = ("queued", "sending")  # between two attempts, or in one
            assert sell(pos, "queued", "PAY003", "till-04", wait=0.3)["state"] in waiting
            clock.shift(days)  # before the third attempt, which comes 1.5 s to 1.9 s after the first: the fourth might come too late
            assert get(pos, "queued", "till-04", wait=0.4)["state"] in waiting
        assert get(pos, "queued", "till-04")["state"] == "paid"
        assert get(pos, "asked", wait=0)["state"] == "pending"
        assert get(pos, "asked")["state"] == "canceled"
        ended = time.monotonic()
        assert ended - began > 8.5
        assert ended - asked < 15
        assert get(pos, "before", wait=0) == before | {"told": True}
        after = sell(pos, "after", "PAY004", wait=10)
        assert after["state"] == "paid"
        assert abs(int(after["acceptedAt"][:4]) - int(before["acceptedAt"][:4])) == 1


def test_what_waits_past_its_deadline_expires_although_the_clock_went_back(shop: tuple[Stand, Clock]) -> None:
    """Set back a year while the link is down: four seconds are four seconds, nothing is sent afterwards; and a restart under yet another
    time finds the same."""
    stand, clock = shop
    with stand.connect() as pos, stand.outage():
        sell(pos, "queued", "PAY001", wait=0.2)
        clock.shift(-YEAR_DAYS)
        assert get(pos, "queued", wait=10)["state"] == "expired"
    clock.shift(YEAR_DAYS)
    stand.restart()
    with stand.connect() as pos:
        assert get(pos, "queued")["state"] == "expired"
    assert stand.control("GET", "/transactions") == []
