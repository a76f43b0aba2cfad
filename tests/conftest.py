"""Shared by all tests: one kind of event loop, and what coverage is measured by."""

import os
import signal
from collections.abc import Generator, Sequence

import pytest

# Where the processes that tests start are measured: there all commands, the daemon's life and the sandbox are walked through. To measure a
# process costs as much again as to start it, and a thousand are started.
MEASURED_PROCESSES = (
    "tests/cli/",
    "tests/demo/",
    "tests/sandbox/",
    "tests/test_reload.py",
    "tests/test_backup.py",
    "tests/test_service.py",
)
UNMEASURED = ("tests/simulation/", "tests/engine/test_hint_orders.py", "tests/core/test_thousand_tills.py")
PROCESS_CONFIG = "COVERAGE_PROCESS_CONFIG"  # without it coverage leaves a fresh process alone


def pytest_configure() -> None:
    """A shell lets the jobs that it puts into the background ignore Ctrl-C, and all that they start inherits this: tests press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests first
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Random examples do not count for the coverage gate: what they reach changes from run to run, and measuring them doubles the time. Nor
    do thousands of deaths: they show what holds together, and each part has tests of its own."""
    for item in items:
        if item.get_closest_marker("hypothesis") or item.nodeid.startswith(UNMEASURED):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Before fixtures are made, for they start processes as well."""
    measured = os.environ.get(PROCESS_CONFIG)
    if measured is not None and not item.nodeid.startswith(MEASURED_PROCESSES):
        del os.environ[PROCESS_CONFIG]
    try:
        return (yield)
    finally:
        if measured is not None:
            os.environ[PROCESS_CONFIG] = measured
