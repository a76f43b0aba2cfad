"""Goal: a register sells over any wire. Method: real sessions at both ends, over bytes in memory and over pseudo-terminals, four kinds of
wire."""

from pathlib import Path

import pytest

from tests.drivers.support import checkout
from tests.serial.support import Desk, LineRecorder, serving
from tests.support.wires import PATIENT, QUICK, SPOILERS, WIRES, Register

SALES = 6


@pytest.mark.parametrize("spoiled", SPOILERS)
@pytest.mark.parametrize("kind", WIRES)
async def test_every_sale_is_answered(tmp_path: Path, kind: str, spoiled: str) -> None:
    """Requests and answers of several parts. Each is answered with its own key; without faults of the wire nothing is asked twice."""
    desk, recorder, clean = Desk(), LineRecorder(), spoiled in {"ideal", "bytewise"}
    rules = PATIENT if clean else QUICK
    with WIRES[kind](tmp_path, SPOILERS[spoiled], seed=7) as wire:
        async with (
            serving(wire.place, desk, recorder=recorder, rules=rules),
            Register(lambda: wire.connect(rules, 5.0 if clean else 0.8)) as register,
        ):
            for number in range(SALES):
                answer = await register.insist("checkout.create", **checkout(f"sale-{number}"))
                assert answer["key"] == f"sale-{number}"
    assert set(desk.asked) == {f"sale-{number}" for number in range(SALES)}
    assert recorder.of("failed") == []
    if clean:
        assert (len(desk.asked), register.doubts, recorder.of("damaged")) == (SALES, 0, [])
