"""The package under test."""

from pathlib import Path

import pytest

from tests.support.package import built


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The built package; processes of one run share it."""
    base = tmp_path_factory.getbasetemp()
    return built(base if worker_id == "master" else base.parent)
