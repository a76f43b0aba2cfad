"""What the daemon never uses is not looked for."""

import subprocess
import sys

PROGRAM = """
import asyncio, importlib.abc, sys
{cure}
import httpx, httpcore
from httpcore._synchronization import current_async_library

class Counter(importlib.abc.MetaPathFinder):
    sought = 0
    def find_spec(self, name, path, target=None):
        Counter.sought += 1

async def main():
    assert current_async_library() == "asyncio"
    sys.meta_path.insert(0, Counter())
    current_async_library()
    print(Counter.sought)

asyncio.run(main())
"""


def sought(cure: str) -> int:
    """Modules looked for when an HTTP request begins."""
    run = subprocess.run([sys.executable, "-c", PROGRAM.format(cure=cure)], capture_output=True, text=True, check=True)
    return int(run.stdout)


def test_a_request_looks_for_no_module() -> None:
    """Without the cure every request searches all folders for a module that is not there (control); with it none does."""
    assert sought("") > 0
    assert sought("import agent.lean; agent.lean.without_unused()") == 0
