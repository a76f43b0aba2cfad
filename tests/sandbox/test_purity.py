"""The model is pure: no clock, no chance, no input or output, and nothing shared with the code it judges."""

import ast
from pathlib import Path

import pytest

import agent.sandbox

HOME = Path(agent.sandbox.__file__).parent
SHELL = {"server", "listening", "asgi", "pay", "control", "gate", "messenger"}
FORBIDDEN = {"asyncio", "time", "random", "uuid", "socket", "os", "secrets", "uvicorn", "starlette", "httpx", "logging", "io"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted(HOME.glob("*.py")), ids=lambda path: path.stem)
def test_no_module_reaches_too_far(path: Path) -> None:
    """The model imports no machinery and none of the server; nothing imports the agent proper."""
    roots = {name.split(".")[0] for name in imports(path)}
    ours = {name for name in imports(path) if name.startswith("agent.")}
    assert all(name.startswith("agent.sandbox") for name in ours)
    if path.stem not in SHELL:
        assert not roots & FORBIDDEN
        assert not {name.rpartition(".")[2] for name in ours} & SHELL
