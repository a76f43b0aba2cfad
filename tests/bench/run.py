"""``make bench``: every figure, in rounds, with its floors; exit status 1 if a binding goal was missed on a full run."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.bench import crowd, guard, requests, share, size
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure
from tests.bench.report import Machine, table, write
from tests.support.stand import ROOT

ROUNDS = 9
MIN_ROUNDS = 5
STARTS = 5
STORED_START, STORED_FEW, STORED_MANY = 100_000, 1_000, 1_000_000
PAYMENTS = 10_000
FULL = 100  # per cent

Part = Callable[[], Iterator[Figure]]


def parts(slowdown: Slowdown, percent: int, chance: random.Random) -> Mapping[str, Part]:
    """What there is to measure, by name. A smaller size has smaller journals and fewer rounds, never fewer than five."""
    rounds = max(MIN_ROUNDS, ROUNDS * percent // FULL)
    disks = [Disk.NATIVE, Disk.SLOW5] if slowdown.available else [Disk.NATIVE]
    found: dict[str, Part] = {"guard": partial(guard.measure, slowdown, Disk.NATIVE, 1, chance)}
    for disk in disks:
        found[f"requests-{disk}"] = partial(requests.measure, slowdown, disk, rounds, chance)
        found[f"share-{disk}"] = partial(share.measure, slowdown, disk, rounds, chance)
        found[f"crowd-{disk}"] = partial(crowd.measure, slowdown, disk, rounds, chance)
    found["starts"] = partial(size.starts, slowdown, STARTS, _of(STORED_START, percent))
    found["footprint"] = partial(size.footprint, slowdown, _of(PAYMENTS, percent))
    found["polls"] = partial(size.polls, slowdown, rounds, STORED_FEW, max(_of(STORED_MANY, percent), STORED_FEW), chance)
    return found


def _of(full: int, percent: int) -> int:
    return full * percent // FULL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the order in which floors and figures take turns")
    parser.add_argument("--size", type=int, default=0, help="per cent of the full run; 0: all of it")
    parser.add_argument("--only", action="append", help="only these parts, by the beginnings of their names")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench")
    given = parser.parse_args()
    percent = given.size or FULL
    folder, figures = Path(tempfile.mkdtemp(prefix="bench-")), list[Figure]()
    try:
        machine = Machine.this(folder)
        for name, measure in parts(Slowdown(folder), percent, random.Random(given.seed)).items():
            if given.only is None or name.startswith(tuple(given.only)):
                print(f"{name} ...", flush=True)
                figures += measure()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if sys.exception() is not None:  # an hour's work: what was measured before something broke is not lost
            print(table(figures))
    write(figures, machine, given.output, given.seed, percent)
    print(f"\n{machine}\n\n{table(figures)}\n\n{given.output}")
    return 1 if percent >= FULL and any(figure.missed for figure in figures) else 0
