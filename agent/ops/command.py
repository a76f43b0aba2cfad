"""Another program of this machine, asked beside the event loop. However the asking ends, the program has ended with it: whoever does not
wait any more, for the time is up or a person pressed Ctrl-C, leaves nothing behind on a till.
"""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping

UNIT = "koshelek-agent.service"
"""The service, as systemctl and journalctl know it."""


@contextlib.asynccontextmanager
async def asked(*command: str, stderr: int = DEVNULL, environment: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """The program at work, with its output in a pipe and nothing to read. ``environment`` None: ours. Raises OSError where it cannot be
    started."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=stderr, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                process.kill()
            await process.wait()
