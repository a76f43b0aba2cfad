"""Every (state, event) pair of every machine, against grids written by hand from the money rules."""

from datetime import UTC, datetime

import pytest

from agent.core import call, delivery, payment, refund
from agent.core.call import Call, CallEvent, CallState, may_start
from agent.core.delivery import DeliveryEvent, DeliveryState
from agent.core.machine import IllegalTransition, Table
from agent.core.model import Stamp
from agent.core.payment import PaymentEvent, PaymentState
from agent.core.payout import machine as payout
from agent.core.payout.machine import PayoutEvent, PayoutState
from agent.core.refund import RefundEvent, RefundState
from agent.core.verdict import Operation, Request

# One row per state, one column per event; "." means that it cannot happen. "-" stands for the row's own state.
PAYMENT_GRID = """
           sent     held    lost    known     offered cancel_wanted paid declined canceled expired late_money reversed attention
queued     sending  .       .       .         .       .             .    declined canceled expired .          .        attention
sending    .        queued  unknown pending   pending canceling     .    declined .        .       .          .        .
unknown    -        -       -       pending   pending canceling     .    .        .        .       .          .        attention
pending    .        .       .       -         .       canceling     paid declined canceled .       .          .        attention
canceling  -        -       -       -         .       -             paid declined canceled .       .          .        attention
attention  .        .       .       canceling .       .             paid declined canceled .       .          .        -
paid       .        .       .       .         .       .             .    .        .        .       .          reversed .
declined   .        .       .       .         .       .             paid .        .        .       -          .        attention
canceled   .        .       .       -         .       .             paid .        .        .       -          .        attention
expired    .        .       .       .         .       .             .    .        .        .       .          .        .
reversed   .        .       .       .         .       .             .    .        .        .       .          .        .
elsewhere  .        .       .       .         .       .             .    .        .        .       .          .        .
"""

REFUND_GRID = """
           sent    held   lost    known   requested reopened refunded declined attention retried dropped
queued     sending .      .       pending .         .        refunded declined attention .       declined
sending    .       queued unknown pending requested queued   refunded declined .         .       .
unknown    -       -      -       pending requested queued   refunded declined attention .       declined
pending    .       .      .       .       .         queued   refunded declined .         .       declined
requested  .       .      .       .       .         .        refunded .        attention .       declined
refunded   .       .      .       .       .         .        .        .        .         .       .
declined   .       .      .       .       .         .        .        .        .         .       .
attention  .       .      .       .       .         queued   refunded .        .         unknown declined
"""

DELIVERY_GRID = """
           sent    held   lost    reopened delivered refused dropped
queued     sending .      .       .        .         .       refused
sending    .       queued unknown queued   delivered refused .
unknown    -       -      -       .        delivered refused refused
delivered  .       .      .       .        .         .       .
refused    .       .      .       .        .         .       .
"""

PAYOUT_GRID = """
          sent    held   lost    known   paid_out failed canceled expired attention returned
queued    sending .      unknown .       .        failed canceled expired attention .
sending   .       queued unknown pending .        failed .        .       .         .
unknown   .       .      .       pending .        .      .        .       attention .
pending   .       .      .       .       paid_out failed canceled .       attention .
attention .       .      .       pending paid_out failed canceled .       -         .
paid_out  .       .      .       .       .        .      .        .       .         returned
failed    .       .      .       .       .        .      .        .       .         .
canceled  .       .      .       .       .        .      .        .       .         .
expired   .       .      .       .       .        .      .        .       .         .
returned  .       .      .       .       .        .      .        .       .         .
"""

CALL_GRID = """
           started   held lost answered
idle       flying    .    .    .
flying     .         idle lost answered
lost       repeating .    .    answered
repeating  .         lost lost answered
answered   .         .    .    .
"""


def cells(grid: str) -> list[tuple[str, str, str]]:
    """(state, event, target or '.') of a grid."""
    head, *rows = [line.split() for line in grid.strip().splitlines()]
    return [(row[0], event, row[0] if target == "-" else target) for row in rows for event, target in zip(head, row[1:], strict=True)]


MACHINES = {
    "payment": (payment.TABLE, PaymentState, PaymentEvent, PAYMENT_GRID),
    "refund": (refund.TABLE, RefundState, RefundEvent, REFUND_GRID),
    "delivery": (delivery.TABLE, DeliveryState, DeliveryEvent, DELIVERY_GRID),
    "payout": (payout.TABLE, PayoutState, PayoutEvent, PAYOUT_GRID),
    "call": (call.TABLE, CallState, CallEvent, CALL_GRID),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_grid_names_every_state_and_event(name: str) -> None:
    """No pair is left out of the grids below."""
    _, states, machine_events, grid = MACHINES[name]
    assert {(state, event) for state, event, _ in cells(grid)} == {(s.value, e.value) for s in states for e in machine_events}


@pytest.mark.parametrize(
    ("name", "state", "event", "target"), [(name, *cell) for name, (_, _, _, grid) in MACHINES.items() for cell in cells(grid)]
)
def test_every_pair(name: str, state: str, event: str, target: str) -> None:
    """A pair moves where the grid says, or is refused with both names in the message."""
    table, states, machine_events, _ = MACHINES[name]
    assert isinstance(table, Table)
    if target == ".":
        with pytest.raises(IllegalTransition, match=f"{name}: {event} cannot happen in {state}"):
            table.next(states(state), machine_events(event))
    else:
        assert table.next(states(state), machine_events(event)) is states(target)
    assert table.allows(states(state), machine_events(event)) is (target != ".")


def test_the_diagram_has_every_move() -> None:
    """What the documentation draws is the table."""
    text = refund.TABLE.mermaid()
    assert text.startswith("stateDiagram-v2\n    [*] --> queued\n")
    assert sum(line.count(",") + 1 for line in text.splitlines()[2:]) == len(refund.TABLE.moves)


def test_what_may_start_on_top_of_a_call() -> None:
    """A repeat while nothing was answered; another id once it was; nothing beside an attempt at work or after a late answer."""
    now = Stamp(datetime(2026, 1, 1, tzinfo=UTC), "boot", 0)
    idle = Call("id-1", Request(Operation.CANCEL, "POST", "/x", {}))
    flying = idle.started(now)
    lost = flying.lost_at(now)
    answered = lost.answered(now)
    assert [may_start(one, "id-1") for one in (None, idle, flying, lost, answered)] == [True, True, False, True, False]
    assert [may_start(one, "id-2") for one in (None, idle, flying, lost, answered)] == [True, False, False, False, True]
    for one in (flying, answered):
        with pytest.raises(IllegalTransition):
            one.started(now)
