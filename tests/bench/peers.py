"""Two well-known durable queues on SQLite, told to flush: ``python -m tests.bench.peers NAME FOLDER CYCLES THREADS``.

It prints cycles a second. A cycle puts a job of some 540 bytes, takes it and acknowledges it. huey has no acknowledgement: taking a job
deletes it, which is less than
the agent promises.
"""

import json
import logging
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

JOB = json.dumps({"storeId": "S12", "terminalId": "till-03", "bill": "x" * 480})


def _persist_queue(folder: Path) -> Callable[[], None]:
    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(str(folder), auto_commit=True, multithreading=True)

    def cycle() -> None:
        queue.put(JOB)
        queue.ack(queue.get())

    return cycle


def _huey(folder: Path) -> Callable[[], None]:
    from huey import SqliteHuey

    queue = SqliteHuey(filename=str(folder / "huey.db"), fsync=True)

    @queue.task()  # type: ignore[untyped-decorator]  # the library has no types
    def job(text: str) -> None:
        """Never run: what is measured is the queue."""

    def cycle() -> None:
        job(JOB)
        assert queue.dequeue() is not None

    return cycle


PEERS: dict[str, Callable[[Path], Callable[[], None]]] = {"persist-queue": _persist_queue, "huey": _huey}


def main(arguments: Sequence[str]) -> None:
    name, folder, cycles, threads = arguments
    logging.disable()
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        print(json.dumps(rate(PEERS[name](place), int(cycles), int(threads))))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def rate(cycle: Callable[[], None], cycles: int, threads: int) -> float:
    """Cycles a second of so many threads together, after one to begin with."""
    cycle()

    def work() -> None:
        for _ in range(cycles // threads):
            cycle()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return cycles // threads * threads / (time.perf_counter() - begin)


if __name__ == "__main__":
    main(sys.argv[1:])
