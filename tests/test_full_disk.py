"""Goal: promise P13 - with a full disk new checkouts are refused with a code of their own, those in flight finish, and service returns by
itself. Method: the real daemon with its journal on a real, small file system in memory, which is filled and freed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import until
from tests.support.pos import Failed, Pos
from tests.support.stand import STORE, TERMINAL, Plan, Stand
from tests.system import lacking, require

FILE_SYSTEM_MB = 12
RESERVE_MB = 2
PATIENCE_S = 20.0

pytestmark = pytest.mark.system


@pytest.fixture
def stand() -> Iterator[Stand]:
    """A stand whose journal lies alone on a small tmpfs."""
    require("root")
    require("mount")
    with Stand(Plan(tills={TERMINAL: {}, "till-04": {}})) as made:
        made.stop()
        folder = made.journal.parent
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={FILE_SYSTEM_MB}m,mode=0700", "tmpfs", str(folder)], check=False)
        if mounted.returncode:
            lacking("this machine does not let a file system be mounted")
        try:
            made.config.write_text(made.config.read_text().replace("allow_volatile", f"reserve_mb = {RESERVE_MB}\nallow_volatile"))
            made.start()
            yield made
        finally:
            made.close()
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Another program takes all that is left."""
    hog = folder / "hog"
    with hog.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return hog


def sell(pos: Pos, key: str, card: str, terminal: str = TERMINAL, wait: float = 0) -> str:
    """The state it comes to, or the code of its refusal."""
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": card, "token": "t-1", "wait": wait}
    try:
        return str(pos.call("checkout.create", storeId=STORE, terminalId=terminal, key=key, **request)["state"])
    except Failed as refused:
        return refused.code


def refund(pos: Pos, key: str) -> str:
    names = {"storeId": STORE, "terminalId": TERMINAL, "key": key, "refundKey": "back-1"}
    return str(pos.call("refund.create", **names, token="t-1", wait=15)["state"])


def lines(stand: Stand, event: str) -> int:
    return stand.log.read_text().count(f'"event": "{event}"')


def test_in_flight_finish_new_ones_are_refused_and_service_returns(stand: Stand) -> None:
    """Filled to the last byte while one customer confirms and another is about to give up: the first is paid, the second canceled, a refund
    goes through; checkouts are refused DISK_FULL and status says so; freed, they are taken again. Beginning and end are a line each."""
    with stand.connect() as pos:
        assert sell(pos, "before", "PAY001", wait=15) == "paid"
        sell(pos, "paying", "PAY002")
        sell(pos, "waiting", "WAIT03", terminal="till-04", wait=1)
        hog = fill(stand.journal.parent)
        assert sell(pos, "new-1", "PAY004") == "DISK_FULL"
        until(lambda: lines(stand, "disk.full") == 1, PATIENCE_S)
        shown = stand.call("agent.status", "admin")
        assert (shown["ready"], shown["disk"]) == (False, {"full": True})
        names = {"storeId": STORE, "terminalId": TERMINAL}
        assert pos.call("checkout.get", **names, key="paying", wait=15)["state"] == "paid"
        names["terminalId"] = "till-04"
        pos.call("checkout.cancel", **names, key="waiting")
        assert pos.call("checkout.get", **names, key="waiting", wait=15)["state"] == "canceled"
        assert refund(pos, "before") == "refunded"
        assert sell(pos, "new-1", "PAY004") == "DISK_FULL"
        hog.unlink()
        until(lambda: stand.call("agent.status", "admin")["ready"] is True, PATIENCE_S)
        assert sell(pos, "new-1", "PAY004", wait=15) == "paid"
    until(lambda: lines(stand, "disk.room") == 1, PATIENCE_S)
    assert lines(stand, "disk.full") == 1
    assert Path(f"{stand.journal}.reserve").stat().st_blocks * 512 == RESERVE_MB * 1024 * 1024


def test_it_starts_on_a_full_disk(stand: Stand) -> None:
    """Killed with a payment open and the disk full to the last byte: the next start gives the reserve up, resolves the payment in it,
    and refuses new ones until there is room."""
    with stand.connect() as pos:
        sell(pos, "open", "PAY001")
    stand.kill()
    hog = fill(stand.journal.parent)
    stand.start()
    with stand.connect() as pos:
        names = {"storeId": STORE, "terminalId": TERMINAL, "key": "open"}
        assert pos.call("checkout.get", **names, wait=20)["state"] in ("paid", "canceled")
        assert sell(pos, "new-1", "PAY002") == "DISK_FULL"
        hog.unlink()
        until(lambda: sell(pos, "new-1", "PAY002") != "DISK_FULL", PATIENCE_S)
