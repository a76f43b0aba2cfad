"""Goal: the rules of the house hold by themselves. Method: every source is read as a tree, every file of the repository as text.

Each rule is a function from a source to what breaks it, and a small offender proves that it would be noticed.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import agent

ROOT = Path(__file__).parents[1]

# Who may import whom inside agent; a part may always import itself. Top-level modules are parts of their own.
SUPPORT = {"texts", "reasons", "remedies", "secrets", "log", "lean", "sdnotify"}
MAY_IMPORT = {
    "core": set(),
    "providers": {"core"},
    "engine": {"core"},
    "texts": set(),
    "reasons": {"texts"},
    "remedies": {"texts"},
    "secrets": {"texts"},
    "log": {"secrets", "texts", "journald"},
    "journald": set(),
    "lean": set(),
    "sdnotify": set(),
    "settings": {"core", "texts", "secrets"},
    "web": {"texts"},  # how a live page is made, and nothing of what is on it
    "edges": {"core", "engine", "web", *SUPPORT},
    "ops": {"running", "lines", "doors", "assembly", "core", "engine", "providers", "edges", "settings", *SUPPORT},
    "sandbox": {"web", *SUPPORT},  # the other party: it must not share our mistakes
    "assembly": {"core", "engine", "providers", "edges", "settings", *SUPPORT},  # the wiring, for the runtime alone
    "lines": {"settings", "texts"},
    "doors": {"lines", "core", "engine", "edges", "settings", *SUPPORT},
    "running": {"lines", "assembly", "doors", "core", "engine", "edges", "settings", *SUPPORT},
    "runtime": {"running", "assembly", "doors", "core", "engine", "providers", "edges", "ops", "settings", *SUPPORT},
}
MAY_IMPORT_ALL = {"cli*", "demo", "__main__"}
MAY_IMPORT_DRIVERS = (
    "agent/edges/pos/*",
    "agent/edges/http/*",
    "agent/edges/hooks/*",
    "agent/edges/page/*",
    "agent/doors.py",
    "agent/lines.py",
    "agent/assembly/*",
    "agent/runtime.py",
    "agent/running/*",
    "agent/ops/*",
    "agent/cli*",
    "agent/demo/*",
    "agent/__main__.py",
)

PURE = ("agent/core/", "agent/providers/")
IMPURE_MODULES = {
    *("time", "random", "uuid", "asyncio", "os", "pathlib", "io", "socket", "ssl", "select", "signal", "subprocess", "threading"),
    *("multiprocessing", "concurrent", "tempfile", "shutil", "secrets", "logging", "sqlite3", "urllib.request", "http"),
    *("httpx", "aiosqlite", "starlette", "uvicorn", "structlog", "anyio"),
}
ENGINE_IMPURE_MODULES = IMPURE_MODULES - {"asyncio"} - {"structlog"}

# third-party modules that only named places know, so that exchanging one changes one place
KEPT_TO = {
    "httpx": ("agent/edges/transport.py", "agent/edges/wire.py", "agent/edges/flights.py", "agent/demo/*", "agent/cli*"),
    "aiosqlite": ("agent/edges/journal/*",),
    "sqlite3": ("agent/edges/journal/*",),
    "serial": ("drivers/serial_port.py",),
    "polib": ("agent/texts.py",),
    "segno": ("agent/edges/qr.py",),
    "prometheus_client": ("agent/edges/metrics/exposition.py",),
    "starlette": ("agent/edges/http/*", "agent/edges/hooks/*", "agent/edges/page/*", "agent/sandbox/*"),
    "uvicorn": ("agent/edges/http/*", "agent/sandbox/*"),
    "rich": ("agent/cli*", "agent/demo/*"),
    "click": ("agent/cli*",),
}


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """(path below the root, text) of every Python file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def imports(source: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, wherever in the file; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(name: str) -> str:
    """The part of agent a dotted name or a path belongs to."""
    return name.removesuffix(".py").replace("/", ".").split(".")[1]


def one_way(path: str, source: str) -> Iterator[str]:
    """Imports inside agent and between agent and drivers that point the wrong way."""
    package = path.split("/", 1)[0]
    for line, name in imports(source):
        top = name.split(".", 1)[0]
        if package == "drivers" and top == "agent":
            yield f"{path}:{line}: drivers know nothing of agent"
        if package == "agent" and top == "drivers" and not any(fnmatch(path, place) for place in MAY_IMPORT_DRIVERS):
            yield f"{path}:{line}: only the edge of the POS, the runtime and the command line import drivers"
        if package == "agent" and top == "agent" and name not in {"agent", "agent.__version__"}:
            part, wanted = part_of(path), part_of(name)
            if wanted != part and not any(fnmatch(part, free) for free in MAY_IMPORT_ALL) and wanted not in MAY_IMPORT.get(part, set()):
                yield f"{path}:{line}: {part} must not import {wanted}"


def purity(path: str, source: str) -> Iterator[str]:
    """A clock, randomness, input or output where only values belong."""
    pure, engine = path.startswith(PURE), path.startswith("agent/engine/")
    if not (pure or engine):
        return
    forbidden = IMPURE_MODULES if pure else ENGINE_IMPURE_MODULES
    for line, name in imports(source):
        parts = name.split(".")
        if any(".".join(parts[:length]) in forbidden for length in range(1, len(parts) + 1)) and parts[0] != "agent":
            yield f"{path}:{line}: {name} has no place here"
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" as name), attr="now" | "utcnow" | "today" as method)):
                yield f"{path}:{node.lineno}: {name}.{method}() reads a clock"
            case ast.Call(func=ast.Name(id="open" | "print" | "input" as name)):
                yield f"{path}:{node.lineno}: {name}() has no place here"
            case _:
                pass


def kept(path: str, source: str) -> Iterator[str]:
    """A third-party module outside of the places that may know it."""
    for line, name in imports(source):
        places = KEPT_TO.get(name.split(".", 1)[0])
        if places and not any(fnmatch(path, place) for place in places):
            yield f"{path}:{line}: {name} is known only to {', '.join(places)}"


RULES = [one_way, purity, kept]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep_the_rule(rule: object) -> None:
    """No source breaks it."""
    assert callable(rule)
    assert [offence for path, source in sources("agent", "drivers") for offence in rule(path, source)] == []


OFFENDERS = [
    (one_way, "drivers/x.py", "from agent.core import model"),
    (one_way, "drivers/x.py", "def f():\n    import agent"),
    (one_way, "agent/core/x.py", "import agent.engine.lanes"),
    (one_way, "agent/core/x.py", "from agent import settings"),
    (one_way, "agent/providers/x.py", "from agent.engine import lanes"),
    (one_way, "agent/engine/x.py", "from agent.edges import clock"),
    (one_way, "agent/edges/x.py", "from agent.runtime import run"),
    (one_way, "agent/edges/x.py", "from agent.ops import doctor"),
    (one_way, "agent/running/x.py", "from agent.ops import doctor"),
    (one_way, "agent/ops/x.py", "from agent.cli import common"),
    (one_way, "agent/runtime.py", "from agent.cli import main"),
    (one_way, "agent/sandbox/x.py", "from agent.core import payment"),
    (one_way, "agent/engine/x.py", "from drivers import session"),
    (one_way, "agent/engine/x.py", "from agent.providers.koshelek import provider"),
    (one_way, "agent/unheard_of/x.py", "from agent.core import model"),
    (purity, "agent/core/x.py", "import time"),
    (purity, "agent/core/x.py", "from datetime import datetime\ndatetime.now()"),
    (purity, "agent/core/x.py", "from datetime import date\ndate.today()"),
    (purity, "agent/core/x.py", "from uuid import uuid4"),
    (purity, "agent/core/x.py", "import asyncio"),
    (purity, "agent/providers/koshelek/x.py", "import os.path"),
    (purity, "agent/providers/koshelek/x.py", "from urllib.request import urlopen"),
    (purity, "agent/core/x.py", "open('x')"),
    (purity, "agent/engine/x.py", "import random"),
    (kept, "agent/edges/accounts.py", "import httpx"),
    (kept, "agent/engine/x.py", "import aiosqlite"),
    (kept, "agent/runtime.py", "from rich.console import Console"),
]


@pytest.mark.parametrize(("rule", "path", "source"), OFFENDERS)
def test_an_offender_is_noticed(rule: object, path: str, source: str) -> None:
    """Each rule can fail: the offence is named with its line."""
    assert callable(rule)
    (offence,) = rule(path, source)
    assert offence.startswith(f"{path}:{source.count(chr(10)) + 1}: ")


def test_innocents_are_left_alone() -> None:
    """What the rules allow they let through."""
    innocent = "from datetime import datetime\nfrom agent import __version__\nfrom agent.core.contract import X\nx = datetime.min"
    assert [offence for rule in RULES for offence in rule("agent/engine/x.py", innocent)] == []
    assert list(one_way("agent/cli/pay.py", "import agent\nfrom agent.demo import play\nimport drivers.client")) == []
    assert list(kept("agent/edges/journal/writer.py", "import aiosqlite")) == []


def git(*arguments: str) -> list[str]:
    """Names that a git command lists. Skips where the sources are not a repository."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    command = ["git", "-c", "core.quotePath=false", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def repository_texts() -> Iterator[tuple[str, str]]:
    """(path, text) of every file that is, or would be, in the repository."""
    for name in git("ls-files", "--cached", "--others", "--exclude-standard"):
        path = ROOT / name
        if path.is_file() and path != Path(__file__) and b"\0" not in (content := path.read_bytes()):  # pictures are not read
            yield name, content.decode(errors="replace")


UNWANTED = {
    "a package registry's host": re.compile(
        r"pypi\.|pythonhosted|files\.python|devpi|artifactory|--(?:extra-)?index-url|npmjs|ghcr\.io", re.IGNORECASE
    ),
    "a path of one machine": re.compile(r"(?<![\w.-])/(?:work|root|Users)/|/home/\w"),
    "unfinished work": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
    "certificates that are not checked": re.compile(r"verify=False|CERT_NONE"),
    "a leftover of merging": re.compile(r"^(?:<<<<<<<|>>>>>>>) ", re.MULTILINE),
}


@pytest.mark.parametrize("name", UNWANTED)
def test_no_file_holds(name: str) -> None:
    """Nothing in the repository mentions it; this file alone knows the words."""
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in repository_texts()
        for match in UNWANTED[name].finditer(text)
    ]
    assert found == []


def test_every_unwanted_thing_would_be_found() -> None:
    """The control: one sample of each is recognised, and an ordinary line is not."""
    samples = ["see https://pypi.org/x", "cd /Users/me", "# TODO: later", "client(verify=False)", "<<<<<<< HEAD"]
    assert [bool(pattern.search(sample)) for pattern, sample in zip(UNWANTED.values(), samples, strict=True)] == [True] * 5
    homes = ["work", "root", "Users", "home"]
    assert [home for home in homes if not UNWANTED["a path of one machine"].search(f"cd /{home}/project")] == []
    assert not any(pattern.search("a network/work/load of /var/lib, todos and https://api.example") for pattern in UNWANTED.values())


def test_nothing_ignored_is_tracked() -> None:
    """What .gitignore names never comes into the repository."""
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []


def test_versions_agree() -> None:
    """pyproject, the package and the newest entry of the change log say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[?v?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None, "CHANGELOG.md has no entry of the form: ## 1.2.3"
    assert project == agent.__version__ == newest[1]


@pytest.mark.parametrize("folder", ["config", "systemd"])
def test_data_folders_hold_no_code(folder: str) -> None:
    """config/ and systemd/ are data."""
    assert list((ROOT / folder).rglob("*.py")) == []


def test_every_locked_package_has_hashes() -> None:
    """Each requirement of both locks is pinned and has at least one hash, and the runtime's versions are the developers' too."""
    pins = []
    for name in ("requirements.lock", "requirements-dev.lock"):
        blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text().strip())
        assert all(re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==", block) and "--hash=sha256:" in block for block in blocks)
        pins.append({block.split(" ", 1)[0] for block in blocks})
    assert {pin.split("[")[0] for pin in pins[0]} <= {re.sub(r"\[.*\]", "", pin) for pin in pins[1]}
