"""Goal: the demonstration closes its books, notices every planted bug, and leaves nothing behind. Method: it is played for real."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.demo import PLANTS, play
from agent.demo.configuration import configuration, write_secrets
from agent.demo.goods import BREAD, CHEESE, MILK, bill
from agent.demo.house import Scene, expect
from agent.demo.plants import FAULTS
from agent.demo.scenes import PROGRAMME, Entry
from agent.demo.ways import Way
from agent.sandbox.customer import Action
from agent.settings import SYSTEMS, load

ROOT = Path(__file__).parents[2]
END_LIMIT_S = 30  # to stop both processes on a busy machine
COMMAND = [sys.executable, "-m", "agent", "demo"]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files with a path short enough for sockets; whatever is left in it can be seen."""
    folder = Path(tempfile.mkdtemp(prefix="demo-test-", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder)


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that name the folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(folder) in text:
            found.append(text)
    return found


@pytest.mark.timeout(300)
def test_every_scene_and_every_kopeck(temporary: Path) -> None:
    """The whole demonstration as its command: all scenes end as they should, the books agree, nothing is left."""
    done = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 unaccounted"
    assert done.stderr == ""
    for way in Way:
        assert re.search(rf"^ +\d+ .* {way} ", done.stdout, re.MULTILINE), f"nobody came in by {way}"
    for number in PROGRAMME:
        assert re.search(rf"^ +{number} ", done.stdout, re.MULTILINE), f"scene {number} is not in the programme"
    assert "DIFFERS" not in done.stdout
    assert len(re.findall(r"given paymentUrl http://127\.0\.0\.1:\d+/\.\.\. and a QR code for its [a-z ]+: \d+", done.stdout)) == 3
    assert re.search(r"D-12 +requested: .* D-12 +refunded: ", done.stdout, re.DOTALL)
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_noticed(plant: str, temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bank that does wrong and says nothing of it: the books do not close, and the line names what is wrong where."""
    assert play(plant, keep=False, scenes=FAULTS[plant].scenes) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 unaccounted"
    assert any(line.startswith("Unaccounted: D-") and line.endswith("at the bank") for line in lines)
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
def test_without_a_bug_the_same_scenes_close(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The control of the plants; ``keep`` leaves the folder with everything in it, and its path is printed."""
    assert play(None, keep=True, scenes=PROGRAMME.keys() - {6, 7, 8}) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "0 unaccounted"
    (folder,) = temporary.iterdir()
    assert str(folder) in printed
    assert {"journal.sqlite3", "agent.log", "bank.log", "koshelek-agent.toml"} <= {path.name for path in folder.iterdir()}
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
def test_what_cannot_start_is_explained(temporary: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that ends at its start: the end of its log is shown, the folder stays, the status is 1."""
    monkeypatch.setattr("agent.demo.configuration.STORE", "a store with blanks")
    assert play(None, keep=False, scenes={1}) == 1
    printed = capsys.readouterr().out
    assert "broke off: the agent ended at its start" in printed
    assert "store_id" in printed
    (folder,) = temporary.iterdir()
    assert str(folder) in printed
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
def test_another_ending_is_counted(temporary: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The books may agree as they will: a scene that does not end as its story says is unaccounted, and the logs are shown."""

    async def hopeful(scene: Scene) -> None:
        sale = scene.sale("till-2", bill("D-02", MILK))
        await scene.customer(sale, Action.DECLINE)
        await sale.create()
        expect(await sale.finish(), state="paid")

    monkeypatch.setitem(PROGRAMME, 2, Entry("hope", hopeful))
    assert play(None, keep=False, scenes={2}) == 1
    printed = capsys.readouterr().out
    assert "Ended otherwise: scene 2: D-02: state is 'declined' and not 'paid'" in printed
    assert printed.splitlines()[-1] == "1 unaccounted"
    assert "agent.stopped" in printed
    (folder,) = temporary.iterdir()
    assert str(folder) in printed
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
def test_the_death_of_the_agent_ends_it(temporary: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for an agent that cannot come back."""

    async def fatal(scene: Scene) -> None:
        sale = scene.sale("till-2", bill("D-02", MILK))
        await sale.create()
        scene.house.stage.agent.kill()
        await sale.ask()

    monkeypatch.setitem(PROGRAMME, 2, Entry("death", fatal))
    began = time.monotonic()
    assert play(None, keep=False, scenes={2}) == 1
    assert time.monotonic() - began < END_LIMIT_S
    assert "broke off: no agent at" in capsys.readouterr().out
    assert processes_of(temporary) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_early_end_leaves_nothing(number: signal.Signals, temporary: Path) -> None:
    """Ctrl-C, twice, in the middle of the scenes: both processes and the folder are gone."""
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as demo:
        assert demo.stdout is not None
        while "pending" not in demo.stdout.readline():
            assert demo.poll() is None
        assert len(processes_of(temporary)) == 2
        demo.send_signal(number)
        time.sleep(0.1)
        demo.send_signal(number)
        demo.communicate(timeout=END_LIMIT_S)
    assert demo.returncode == 130
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_the_configuration_is_one(tmp_path: Path) -> None:
    """The agent's own check has nothing against it, wherever the folder lies."""
    folder = tmp_path / 'a "quoted" \\ folder'
    folder.mkdir()
    write_secrets(folder)
    text = configuration(folder, "http://127.0.0.1:8099/play-money", os.getuid(), 8097, 8098)
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    settings = load(folder / "agent.toml", machine=True)
    assert {till.terminal_id: till.send_deadline_s for till in settings.terminal}["kiosk"] == 10
    assert settings.provider.configured.keys() == SYSTEMS.keys()
    assert {settings.provider_of(till) for till in settings.terminal} == {"koshelek", "paycore", "softline"}
    assert settings.provider.koshelek is not None
    assert settings.provider.koshelek.rereads_s[0] == 10


def test_bills_add_up() -> None:
    """The sum of a bill is that of its lines, to the kopeck, also with goods by the gram."""
    assert round(CHEESE["price"] * CHEESE["quantity"]) == CHEESE["totalAmount"]
    assert bill("A", CHEESE, BREAD, MILK)["totalAmount"] == 63148 + 2 * 6450 + 9890
