"""A folder for journals that are written thousands of times: in memory where the machine has it, for a simulated crash needs no disk."""

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="koshelek-", dir=MEMORY if MEMORY.is_dir() else None))
    gc.freeze()  # what the collector need not look at again during thousands of runs
    yield folder
    gc.unfreeze()
    shutil.rmtree(folder, ignore_errors=True)
