"""Shared by all tests: one kind of event loop, and what coverage is measured by."""

from collections.abc import Sequence

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests first
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Random examples do not count for the coverage gate: what they reach changes from run to run, and measuring them doubles the time."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.no_cover)
