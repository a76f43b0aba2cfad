"""Shared by all tests: one kind of event loop."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
