"""Shared by all tests: one event loop kind, and where optional reference material may lie."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
