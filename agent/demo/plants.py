"""Bugs that can be planted, so that everybody can see the books not close. Each is something the bank really does wrong.

None of them can be noticed by asking the bank: it tells the agent what it should have done. Only its ledger knows better.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from agent.settings import KOSHELEK, SOFTLINE


@dataclass(frozen=True, slots=True)
class Plant:
    """A fault for the bank before the first sale, in a payment of this system. ``scenes``: those that are enough to see it."""

    text: str
    kind: FaultKind
    operation: Operation | None
    scenes: frozenset[int]
    system: str = KOSHELEK


FAULTS: Mapping[str, Plant] = {
    "missing-refund": Plant(
        "The bank grants a refund and says so, but the money never leaves it.", FaultKind.PHANTOM_REFUND, Operation.REFUND, frozenset({9})
    ),
    "double-charge": Plant("The bank charges one payment twice.", FaultKind.DOUBLE_CHARGE, None, frozenset({1})),
    "silent-charge": Plant(
        "The bank charges a payment that it reports as declined.", FaultKind.SILENT_CHARGE, Operation.CHECKOUT, frozenset({2})
    ),
    "missing-refund-by-people": Plant(
        "The people at Softline say that they have returned the money, and have not.",
        FaultKind.PHANTOM_REFUND,
        Operation.REFUND,
        frozenset({12}),
        SOFTLINE,
    ),
}

PLANTS: Mapping[str, str] = {name: plant.text for name, plant in FAULTS.items()}
"""What ``--plant`` takes, with a line of explanation each."""
