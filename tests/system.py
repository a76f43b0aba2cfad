"""Tests that need more than Python: each says with ``require`` which tool it cannot do without."""

import os
import shutil

import pytest


def require(tool: str) -> None:
    """Skip the test, saying why, if ``tool`` is not on this machine; with REQUIRE_SYSTEM=1 fail instead. ``root`` is the super-user."""
    if os.geteuid() == 0 if tool == "root" else shutil.which(tool):
        return
    reason = f"needs {tool}, which this machine does not give"
    if os.environ.get("REQUIRE_SYSTEM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
