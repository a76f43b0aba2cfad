"""A process that writes until something kills or fails it: ``python -m tests.journal.child PATH COUNT [WAY]``.

It reports on standard output, a line for each acknowledged step, without any buffer in between.
"""

import asyncio
import os
import sys
from pathlib import Path

from agent.core.ports import JournalBroken, JournalFull, Query
from tests.journal.support import opened, sale_id, step


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def write(path: Path, count: int, *, together: bool) -> None:
    """Append and report; after an error, show that it stays (broken) or passes (full)."""
    journal = await opened(path, idle_s=60)
    say("BEGIN", journal.statistics().events)

    async def one(number: int) -> None:
        try:
            await journal.append(step(sale_id(number), put={"token": f"t{number}"}))
            say("ack", number)
        except JournalFull:
            say("full", number)
        except JournalBroken:
            say("broken", number)

    try:
        start = journal.statistics().events
        if together:
            await asyncio.gather(*(one(number) for number in range(start, start + count)))
        else:
            for number in range(start, start + count):
                await one(number)
        say("END")
        if journal._writer.failure is not None:
            for action in (journal.find(Query()), journal.stream(sale_id(0)), journal.note("n", "x"), journal.checkpoint()):
                try:
                    await action
                    say("not broken any more")
                except JournalBroken:
                    say("still broken")
            say(str(await journal.failed()).count("SQLITE_IOERR"), "io error")
    finally:
        try:
            await journal.close()
        except JournalBroken:
            say("broken at close")
    say("closed")


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2]), together="together" in sys.argv[3:]))
