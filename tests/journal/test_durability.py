"""Goal: what was acknowledged is there after anything, and after an I/O error nothing more is claimed. Method: real processes, killed or
with system calls made to fail by strace; a small tmpfs; then the file is opened again."""

import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.core.ports import Query
from tests.journal.support import environment, opened
from tests.system import require

CHILD = [sys.executable, "-m", "tests.journal.child"]


def run(path: Path, count: int, *way: str, strace: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    before = ["strace", "-f", "-qq", "-o", f"{path.parent}.strace", *strace] if strace else []
    return subprocess.run(
        [*before, *CHILD, str(path), str(count), *way], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )


def acknowledged(output: str) -> set[int]:
    return {int(number) for number in re.findall(r"^ack (\d+)$", output, re.MULTILINE)}


async def stored(path: Path) -> set[int]:
    """The numbers of the sales in the file, all verified."""
    async with await opened(path) as journal:
        assert (await journal.verify_all()).damages == ()
        found = await journal.find(Query(limit=10_000))
        for row in found:
            assert len(await journal.stream(row.id) or ()) == 1
            assert await journal.secrets(row.id) == {"token": f"t{row.id.key.removeprefix('key-')}"}
        return {int(row.id.key.removeprefix("key-")) for row in found}


def run_and_kill(path: Path, way: str, lines: int) -> str:
    """The output of a child that was killed after so many lines."""
    with subprocess.Popen([*CHILD, str(path), "400", way], env=environment(), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        output = b"".join(child.stdout.readline() for _ in range(lines))
        child.send_signal(signal.SIGKILL)
        return (output + child.stdout.read()).decode()


@pytest.mark.parametrize("way", ["one", "together"])
async def test_after_kill_every_acknowledged_step_is_there(tmp_path: Path, way: str) -> None:
    """Killed at random moments, four times over one file: acknowledged steps are stored, and the file opens by itself."""
    path, chance, known = tmp_path / "journal.db", random.Random(way), set[int]()
    for _ in range(4):
        known |= acknowledged(run_and_kill(path, way, chance.randrange(1, 120)))
        found = await stored(path)
        assert known <= found
        known = found
    assert len(known) > 20


@pytest.mark.system
def test_a_single_step_costs_one_flush(tmp_path: Path) -> None:
    """Twenty steps one after the other, the first included: twenty fdatasync and not one more."""
    require("strace")
    trace = Path(f"{tmp_path}.strace")
    result = run(tmp_path / "journal.db", 20, strace=("-e", "trace=fdatasync,fsync,write"))
    assert result.stdout.count("ack") == 20, result.stderr
    calls = trace.read_text()
    during = calls[calls.index("BEGIN") : calls.index("END")]
    assert len(re.findall(r"\bfdatasync\(", during)) == 20
    assert "fsync(" not in during.replace("fdatasync(", "")


@pytest.mark.system
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
async def test_an_io_error_ends_it_for_good(tmp_path: Path, call: str) -> None:
    """EIO in the middle: from then on everything is broken, closing included; the file keeps what was acknowledged, perhaps one more."""
    require("strace")
    for when in (8, 11) if call == "fdatasync" else (40, 61):
        path = tmp_path / f"{call}-{when}" / "journal.db"
        path.parent.mkdir(mode=0o700)
        await (await opened(path)).close()
        result = run(path, 20, strace=("-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={when}"))
        lines = result.stdout.split("\n")
        acks, broken = acknowledged(result.stdout), [line for line in lines if line.startswith("broken")]
        assert len(acks) + len(broken) == 20, result.stderr
        assert 0 < len(acks) < 20
        assert max(acks) == len(acks) - 1
        assert lines.count("still broken") == 4
        assert "1 io error" in lines
        assert "closed" in lines
        assert not any(line.startswith("not broken") for line in lines)
        found = await stored(path)
        assert acks <= found <= acks | {max(acks) + 1}


@pytest.mark.system
async def test_a_failed_flush_may_have_happened(tmp_path: Path) -> None:
    """Why broken is not "not stored": the step whose flush failed is in the file after the next start."""
    require("strace")
    path = tmp_path / "journal.db"
    await (await opened(path)).close()
    result = run(path, 5, strace=("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6"))
    acks = acknowledged(result.stdout)
    assert 0 < len(acks) < 5, result.stderr
    assert await stored(path) == acks | {max(acks) + 1}


@pytest.mark.system
async def test_no_space_at_one_write(tmp_path: Path) -> None:
    """ENOSPC once: that step is refused as full, the next are stored, and closing is orderly."""
    require("strace")
    path = tmp_path / "journal.db"
    await (await opened(path)).close()
    result = run(path, 20, strace=("-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC:when=50"))
    lines = result.stdout.split("\n")
    assert len([line for line in lines if line.startswith("full")]) == 1, result.stdout + result.stderr
    assert len(acknowledged(result.stdout)) == 19
    assert lines[-2] == "closed"
    assert await stored(path) == acknowledged(result.stdout)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a tmpfs of its own of 2000 KiB, most of it ballast: moving the log into the file needs as much space again."""
    require("root")
    require("mount")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2000k,mode=0700", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.system
@pytest.mark.parametrize("way", ["one", "together"])
async def test_a_full_disk_refuses_and_recovers(small_disk: Path, way: str) -> None:
    """On a full disk steps are refused as full, nothing is broken; with space again the same file takes steps."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_200_000))
    path = small_disk / "journal.db"
    result = run(path, 300, way)
    assert "full" in result.stdout, result.stderr
    assert "broken" not in result.stdout
    acks = acknowledged(result.stdout)
    assert acks
    ballast.unlink()
    assert await stored(path) == acks
    again = run(path, 1)
    assert len(acknowledged(again.stdout)) == 1, again.stdout + again.stderr


def test_the_child_says_what_it_does(tmp_path: Path) -> None:
    """The negative control of the above: without a fault all steps are acknowledged and it ends by itself."""
    result = run(tmp_path / "journal.db", 3)
    assert result.stdout == "BEGIN 0\nack 0\nack 1\nack 2\nEND\nclosed\n"
    assert result.returncode == 0
