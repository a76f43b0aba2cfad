"""Goal: whoever checks the service's configuration is told what he can know of it. Method: the real command, as a user who is neither root
nor the service's."""

import json
import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli
from agent.cli.common import Exit
from tests.support.stand import Stand
from tests.system import require

NOBODY = 65_534
SERVICE = "daemon"  # a user of every machine, in the place of the service's


@pytest.fixture
def config() -> Iterator[Path]:
    """The configuration of a till whose password only its owner can read; the machine's own, as far as the command knows."""
    made = Stand()
    made._write_files()
    made.folder.chmod(0o755)
    os.chown(made.folder / "password", pwd.getpwnam(SERVICE).pw_uid, -1)
    yield made.config
    made.close()


def checked(config: Path, user: int, *options: str) -> Result:
    os.seteuid(user)
    try:
        return CliRunner().invoke(cli, ["--config", str(config), "config", "check", *options], env={"LANG": "en_US.UTF-8"})
    finally:
        os.seteuid(0)


@pytest.mark.system
def test_an_ordinary_user_is_not_sent_to_break_the_service(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He cannot read the password, and the service can: no chown is advised, what was not looked at is said. For root, the service's user,
    and a file of one's own everything is looked at (control)."""
    require("root")
    refused = checked(config, NOBODY)
    assert (refused.exit_code, "cannot be read" in refused.stderr) == (Exit.CONFIGURATION, True), refused.output
    monkeypatch.setenv("STATE_DIRECTORY", "/nowhere")
    for module in ("agent.settings.load", "agent.cli.serving"):
        monkeypatch.setattr(sys.modules[module], "SYSTEM_FILE", config)
    monkeypatch.setattr("agent.cli.serving.SERVICE_USER", SERVICE)
    told = checked(config, NOBODY)
    assert (told.exit_code, f"ok. Users and the files of passwords were not looked at: sudo -u {SERVICE}" in told.stdout) == (0, True)
    assert json.loads(checked(config, NOBODY, "--json").stdout) == {"ok": True, "file": str(config), "machine": False}
    assert json.loads(checked(config, pwd.getpwnam(SERVICE).pw_uid, "--json").stdout) == {"ok": True, "file": str(config)}
    (config.parent / "password").unlink()
    assert checked(config, 0).exit_code == Exit.CONFIGURATION
