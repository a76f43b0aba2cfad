"""``pip install .`` gives the command with everything it reads: built as a wheel, unpacked elsewhere, run from another folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agent import __version__

ROOT = Path(__file__).parents[1]
READ_AT_RUN_TIME = ("agent/locale/ru.po", "agent/edges/journal/schema.sql", "agent/py.typed", "drivers/py.typed")
READ_AT_RUN_TIME += tuple(f"agent/sandbox/page/assets/{name}" for name in ("page.css", "page.js", "icon.svg"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, timeout=100, capture_output=True)
    return next(folder.glob("koshelek_agent-*.whl"))


def test_wheel_holds_what_is_read(wheel: Path) -> None:
    """The catalogue and the schema travel with the code; tests and configuration do not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(READ_AT_RUN_TIME) <= names
    assert not [name for name in names if name.startswith(("tests/", "config/", "docs/"))]


def test_wheel_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """The command answers from the unpacked wheel alone, and speaks Russian."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        entry = archive.read(f"koshelek_agent-{__version__}.dist-info/entry_points.txt").decode()
    assert "koshelek-agent = agent.cli:main" in entry
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "LC_ALL": "ru_RU.UTF-8"}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agent", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert command("version").stdout == f"koshelek-agent {__version__}\n"
    missing = command("--config", str(tmp_path / "none.toml"), "config", "check")
    assert missing.returncode == 78
    assert f"Файла {tmp_path}/none.toml нет" in missing.stderr
