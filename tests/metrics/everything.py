"""A daemon of which everything can be told."""

from agent.edges.metrics.view import JournalView, LineView, Obligations, SystemView, View

EVERYTHING = View(
    version="1.2.3",
    python="3.11.2",
    sqlite="3.40.1",
    environment="test",
    ready=True,
    restored=False,
    configuration_refused=False,
    systems={"koshelek": SystemView(True, False)},
    lines=[LineView("serial:/dev/x", "heard", 2, 3.0), LineView("serial:/dev/y", "unplugged", 0)],
    obligations=Obligations({("koshelek", "refund"): 2}, {("koshelek", "refund"): 60.0}, {("koshelek", "pending"): 1}),
    alarms={"UNCLAIMED": 1},
    attention=1,
    parked=2,
    unconfirmed=3,
    untold=4,
    journal=JournalView(9, 8, 7, 6, 5, 4, 3, 2, 1, 10, True),
    backup_failed=True,
    backup_at=1_800_000_000.0,
)
