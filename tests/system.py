"""Tests that need more than Python: each says with ``require`` which tool it cannot do without."""

import os
import shutil
from typing import NoReturn

import pytest


def require(tool: str) -> None:
    """Skip the test, saying why, if ``tool`` is not on this machine; with REQUIRE_SYSTEM=1 fail instead. ``root`` is the super-user."""
    if os.geteuid() == 0 if tool == "root" else shutil.which(tool):
        return
    lacking(f"needs {tool}, which this machine does not give")


def lacking(reason: str) -> NoReturn:
    """The machine turns out not to give what the test needs: skip it, saying why; with REQUIRE_SYSTEM=1 fail instead."""
    if os.environ.get("REQUIRE_SYSTEM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
