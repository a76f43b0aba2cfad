"""Goal: the package carries a till through its whole life: a newcomer gets from a bare Debian to a paid checkout by the page alone, and
then comes what comes.

Method: a bare Debian root is booted once, without any network but its own. What people do there is read from the pages in docs/ru and done
word by word; what happens to tills - hanging, killing, a wrong file, a new version, a debt - is done to it in between. The second version
is the same package with a higher number and two migrations of the journal.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.running.projecting import PLAN
from tests.docs.pages import DOCS
from tests.support import bare
from tests.support.machine import CannotBoot, Machine
from tests.support.package import DEBIAN_PYTHON
from tests.support.patience import until
from tests.system import lacking, require

UNIT = "koshelek-agent.service"
CONFIG = "/etc/koshelek-agent/koshelek-agent.toml"
JOURNAL = "/var/lib/koshelek-agent/journal.sqlite3"
RULES = "/etc/udev/rules.d/61-koshelek-agent.rules"
DROP_IN = "/run/systemd/system/koshelek-agent.service.d/watchdog.conf"
NEWER = "99.0"
PATIENCE_S = 40.0  # a whole start of the service, on a loaded machine
RUSSIAN = "ru_RU.UTF-8"
WATCHDOG_S = 2
SIGNS_OF_LIFE = 8  # more than fit into one period
PAGE = """
[[listener]]
kind = "http"
port = 7432
[[listener.client]]
name = "kassa"
token_file = "/etc/koshelek-agent/page.token"
terminals = ["*/*"]
"""
EXAMINE = """
import json, urllib.request
here = "http://127.0.0.1:7432"
asked = urllib.request.Request(here + "/page/examine", b"", {"Origin": here})
print(json.load(urllib.request.urlopen(asked, timeout=60))["html"])
"""
MIGRATION = """
from agent.edges.journal import schema as _schema
for _name in ("later", "latest"):
    _added = f"CREATE TABLE {_name} (id INTEGER PRIMARY KEY) STRICT;"
    PLAN = replace(PLAN, schema=PLAN.schema + _added, migrations=(*PLAN.migrations, _schema.Migration(PLAN.version + 1, _added)))
"""
"""What a later version does to the journal, added to the module that holds the plan."""
COPY = f"{JOURNAL}.before-version-{PLAN.version + 2}"  # what it keeps of the journal as it was
OLDER = f"{JOURNAL}.before-version-99"  # what an update has left that was taken back long ago

_MARK = re.compile(r"<!-- (run|file|background|typed): (.+?) -->")
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """A page of docs/ru as things to do: each marked block by its name, with what is typed into it."""

    def __init__(self, name: str) -> None:
        text = (DOCS / "ru" / name).read_text(encoding="utf-8")
        self.blocks: dict[str, tuple[str, str]] = {}  # name: text of the block, what is typed
        name, typed = "", ""
        for found in re.finditer(f"{_MARK.pattern}|{_FENCE.pattern}", text, re.MULTILINE | re.DOTALL):
            kind, value, block = found.groups()
            if kind == "typed":
                typed = f"{value}\n"
            elif kind:
                name = value
            elif name:
                self.blocks[name], name, typed = (block, typed), "", ""


class Till:
    """The machine, and what people do at it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pages = {name: Page(f"{name}.md") for name in ("ustanovka", "obnovlenie")}
        self.done: set[tuple[str, str]] = set()

    def follow(self, page: str, name: str, fails: bool = False) -> str:
        """Do what a block of the page says; what it printed."""
        text, typed = self.pages[page].blocks[name]
        self.done.add((page, name))
        ran = self.machine.run("bash", "-ec", text, language=RUSSIAN, typed=typed)
        assert (ran.returncode != 0) is fails, f"{name}: {ran.stdout}{ran.stderr}{self.log()}"
        return ran.stdout + ran.stderr

    def put(self, page: str, name: str) -> None:
        """Make a file of the page."""
        self.done.add((page, name))
        place = self.machine.inside(name)
        place.write_text(self.pages[page].blocks[name][0])

    def leave_running(self, page: str, name: str) -> None:
        self.done.add((page, name))
        self.machine.begin("bash", "-c", f"exec {self.pages[page].blocks[name][0]}")

    def run(self, command: str, status: int = 0) -> str:
        """What tests do beside the pages."""
        ran = self.machine.run("bash", "-c", command, language=RUSSIAN)
        assert ran.returncode == status, f"{command}: {ran.returncode}: {ran.stdout}{ran.stderr}{self.log()}"
        return ran.stdout + ran.stderr

    def asked(self, command: str, statuses: Sequence[int] = (0,)) -> Mapping[str, Any]:
        """The answer of one of our commands."""
        ran = self.machine.run("koshelek-agent", *command.split(), "--json")
        assert ran.returncode in statuses, f"{command}: {ran.returncode}: {ran.stdout}{ran.stderr}{self.log()}"
        answer: Mapping[str, Any] = json.loads(ran.stdout)
        return answer

    def shown(self, *names: str) -> list[str]:
        """What systemd says of the service."""
        lines = self.machine.run("systemctl", "show", UNIT, f"--property={','.join(names)}").stdout.splitlines()
        found = dict(line.split("=", 1) for line in lines)
        return [found[name] for name in names]

    def states(self) -> Mapping[str, str]:
        """Of all sales by their keys."""
        return {one["key"]: one["state"] for one in self.asked("list")["operations"]}

    def sell(self, key: str, card: str, status: int = 0) -> None:
        self.run(f"echo {card} | koshelek-agent pay 90 --key {key} --card-session-from - --token-from ~/token", status)

    def begin_sale(self, key: str) -> None:
        """A customer who does not confirm."""
        self.machine.begin("bash", "-c", f"echo WAIT{key} | koshelek-agent pay 90 --key {key} --card-session-from - --token-from ~/token")
        until(lambda: self.states().get(key) == "pending", PATIENCE_S)

    def log(self) -> str:
        return self.machine.run("journalctl", "--unit", UNIT, "--no-pager", "--lines=25", "--output=cat").stdout


@pytest.fixture
def usb(deb: Path, tmp_path: Path) -> Path:
    """What the technician brings: the package; ``later``: the next version."""
    folder = tmp_path / "usb"
    (folder / "old").mkdir(parents=True)
    shutil.copy(deb, folder)
    return folder


@pytest.fixture
def till(usb: Path, tmp_path: Path) -> Iterator[Till]:
    for tool in ("root", "unshare", "nsenter", "setpriv", "systemctl", "tar", "dpkg"):
        require(tool)
    root = tmp_path / "debian"
    root.mkdir()
    try:
        bare.make(root)
        with Machine(root, {}, {usb: "/media/usb"}) as machine:
            yield Till(machine)
    except (CannotBoot, bare.NotDebian) as refused:
        lacking(f"this machine does not let a Debian be booted in it: {refused}")


def later(deb: Path, folder: Path) -> Path:
    """The same package with a higher number, whose journal has two tables more."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    for name in ("control", "preinst", "prerm"):
        place = folder / "DEBIAN" / name
        place.write_text(place.read_text().replace(deb.name.split("_")[1], NEWER))
    (module,) = folder.rglob("running/projecting.py")
    module.write_text(module.read_text() + MIGRATION)
    compiler = [DEBIAN_PYTHON, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", str(module)]
    subprocess.run(compiler, check=True)
    package = folder.parent / f"koshelek-agent_{NEWER}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder, package], check=True, stdout=subprocess.DEVNULL)
    return package


@pytest.mark.system
@pytest.mark.timeout(480)
def test_a_life_from_the_package(till: Till, usb: Path, tmp_path: Path) -> None:
    """Install, set up, sell; hang, be killed, reload; upgrade with an open sale, go back, be purged only without a debt. Every command of
    the pages about installing and updating is among what was done."""
    _newcomer(till)
    _keeps_passwords(till)
    _hangs(till)
    _is_killed(till)
    _reloads(till)
    _is_examined(till)
    _stops(till)
    _upgrades(till, usb, later(next(usb.glob("*.deb")), tmp_path / "later"))
    _goes_back(till)
    _is_removed_in_spite_of_a_debt(till)
    _is_purged(till)
    marked = {(page, name) for page, one in till.pages.items() for name in one.blocks}
    assert till.done == marked


def _newcomer(till: Till) -> None:
    """A bare Debian, the page, and nothing else: at its end a checkout is paid. Nothing was started before it was configured."""
    assert "koshelek-agent setup" in till.follow("ustanovka", "install")
    assert till.shown("ActiveState", "UnitFileState") == ["inactive", "disabled"]
    assert till.run(f"systemd-analyze verify --man=no {UNIT}") == ""
    assert "_koshelek_agent" in till.run("source /usr/share/bash-completion/completions/koshelek-agent && complete -p koshelek-agent")
    till.put("ustanovka", "/etc/koshelek-agent/answers.toml")
    till.follow("ustanovka", "password")
    till.leave_running("ustanovka", "sandbox")
    until(lambda: till.machine.run("bash", "-c", ": </dev/tcp/127.0.0.1/8099").returncode == 0, PATIENCE_S)
    till.follow("ustanovka", "setup")
    till.follow("ustanovka", "tidy")
    with till.machine.inside(CONFIG).open("a") as configuration:
        configuration.write("\n[journal]\nallow_volatile = true\n")  # this till's disk is memory
    till.follow("ustanovka", "start")
    assert till.shown("ActiveState", "UnitFileState", "StatusText") == ["active", "enabled", "test"]
    assert "PAID  90.00" in till.follow("ustanovka", "pay")
    assert "dialout" in till.run("id koshelek-agent")
    owner = till.run("stat --format='%U %a' /etc/koshelek-agent/koshelek-password /var/lib/koshelek-agent /var/backups/koshelek-agent")
    assert owner.splitlines() == ["root 600", "koshelek-agent 700", "koshelek-agent 700"]


def _keeps_passwords(till: Till) -> None:
    """A new one in clear, then an encrypted one: the service sells with both. From here on the watchdog is quick."""
    till.follow("ustanovka", "new-password")
    till.sell("clear", "FAST1")
    till.follow("ustanovka", "encrypt")
    till.put("ustanovka", "/etc/systemd/system/koshelek-agent.service.d/password.conf")
    quick = till.machine.inside(DROP_IN)
    quick.parent.mkdir(parents=True)
    quick.write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
    till.follow("ustanovka", "encrypted")
    till.sell("encrypted", "FAST2")


def _hangs(till: Till) -> None:
    """The watchdog is fed as long as work goes on, and ends a process that stands still; where it stood is in the log."""
    fed: set[str] = set()

    def fed_often() -> bool:
        fed.update(till.shown("WatchdogTimestampMonotonic"))
        return len(fed) > SIGNS_OF_LIFE

    until(fed_often, PATIENCE_S)
    running = till.shown("MainPID", "NRestarts", "ActiveState")
    assert running[1:] == ["0", "active"], till.log()
    till.run(f"kill -STOP {running[0]}")
    until(lambda: till.shown("NRestarts", "ActiveState") == ["1", "active"], PATIENCE_S)
    assert till.states()["encrypted"] == "paid"
    assert "Fatal Python error: Aborted" in till.run(f"journalctl --unit {UNIT} --no-pager --output=cat")
    till.machine.inside(DROP_IN).unlink()
    till.run("systemctl daemon-reload")


def _is_killed(till: Till) -> None:
    (before,) = till.shown("MainPID")
    till.run("systemctl kill --signal=KILL koshelek-agent")
    until(lambda: till.shown("NRestarts", "ActiveState") == ["2", "active"], PATIENCE_S)
    assert till.shown("MainPID") != [before]
    assert {till.states()[key] for key in ("clear", "encrypted")} == {"paid"}


def _reloads(till: Till) -> None:
    """A changed file is taken without a restart; a wrong one is not, which the reload and the status line say."""
    config, running = till.machine.inside(CONFIG), till.shown("MainPID", "NRestarts")
    good = config.read_text()
    assert till.asked("show clear")["message"] == "Оплачено."
    config.write_text(good.replace('language = "ru"', 'language = "en"'))
    till.run("systemctl reload koshelek-agent")
    assert till.asked("show clear")["message"] == "Paid."
    config.write_text(good.replace("[journal]", "[jurnal]"))
    till.run("systemctl reload koshelek-agent", 1)
    active, status = till.shown("ActiveState", "StatusText")
    assert (active, "NOT USED" in status) == ("active", True), status
    config.write_text(good)
    till.run("systemctl reload koshelek-agent")
    assert till.shown("StatusText", "MainPID", "NRestarts") == ["test", *running]


def _is_examined(till: Till) -> None:
    """The button of the status page, under all that the unit forbids: every check is made, and what cannot be seen from there is told."""
    config = till.machine.inside(CONFIG)
    good = config.read_text()
    till.run(f"install -o koshelek-agent -m 600 /dev/stdin /etc/koshelek-agent/page.token <<<{'t' * 32}")
    config.write_text(good + PAGE)
    till.run("systemctl reload koshelek-agent")
    found = till.run(f"/usr/bin/python3 -c '{EXAMINE}'")
    assert "Программ других пользователей отсюда не видно" in found, found
    assert "проверку провести не удалось" not in found, found
    assert "проверка не закончилась" not in found, found
    config.write_text(good)
    till.run("systemctl reload koshelek-agent; rm /etc/koshelek-agent/page.token")


def _stops(till: Till) -> None:
    """A stop is orderly. With a wrong file it stays down instead of starting for ever."""
    till.run("systemctl stop koshelek-agent")
    assert till.shown("ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "0"]
    config = till.machine.inside(CONFIG)
    good = config.read_text()
    config.write_text("environment = 7")
    till.run("systemctl start koshelek-agent", 1)
    assert till.shown("ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "78", "0"]
    config.write_text(good)
    till.run("systemctl start koshelek-agent")
    assert till.states()["encrypted"] == "paid"


def _upgrades(till: Till, usb: Path, package: Path) -> None:
    """During a sale purge is refused, the upgrade is not. What people changed stays, the journal is migrated, and kept as it was."""
    till.run(f"echo '# mine' >>{RULES}")
    till.follow("obnovlenie", "before")
    assert len(list(till.machine.inside("/var/backups/koshelek-agent").iterdir())) == 1  # the setup had offered the package's folder
    till.begin_sale("open")
    assert [one["key"] for one in till.asked("owed", (4,))["owed"]] == ["open"]
    refusal = till.follow("ustanovka", "purge", fails=True)
    assert "НЕ УДАЛЁН" in refusal
    assert "open" in refusal
    assert till.shown("ActiveState", "UnitFileState") == ["active", "enabled"]
    _old(usb).rename(usb / "old" / _old(usb).name)
    shutil.copy(package, usb)
    till.follow("obnovlenie", "update")
    assert till.shown("ActiveState") == ["active"], till.log()
    till.follow("obnovlenie", "after")
    assert NEWER in till.run("dpkg-query --show koshelek-agent")
    assert "# mine" in till.machine.inside(RULES).read_text()
    assert till.machine.inside(COPY).exists()
    till.run("koshelek-agent cancel open")
    states = till.states()
    assert (states["open"], states["encrypted"]) == ("canceled", "paid")  # what the old version began, the new one ends
    till.sell("later", "FAST3")


def _old(usb: Path) -> Path:
    return next(usb.glob("*.deb"))


def _goes_back(till: Till) -> None:
    """An older package is refused and the service goes on; by force it is installed, finds a newer journal, says so and stays down. The
    copy from before the migration brings it back, and new payments wait for a person."""
    running = till.shown("MainPID", "ActiveState")
    refused = till.run("dpkg -i /media/usb/old/*.deb", 1)
    assert "старее" in refused
    assert till.shown("MainPID", "ActiveState") == running
    assert "НЕ ЗАПУСТИЛАСЬ" in till.follow("obnovlenie", "downgrade")
    assert till.shown("ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "78", "0"]
    assert "более новым агентом" in till.log()
    till.run(f"touch --date='last month' {OLDER}")
    assert [line.split()[-1] for line in till.follow("obnovlenie", "copies").splitlines()] == [COPY, OLDER]
    assert f"{COPY}\n" in till.follow("obnovlenie", "restore")
    assert till.shown("ActiveState") == ["active"], till.log()
    assert till.states()["encrypted"] == "paid"
    until(lambda: not till.asked("status")["details"].get("restore", {}).get("lookingAt"), PATIENCE_S)
    till.follow("obnovlenie", "release")
    till.sell("back", "FAST4")


def _is_removed_in_spite_of_a_debt(till: Till) -> None:
    """Who insists gets the program removed, not its journal: not by a purge with the same word, nor by one afterwards. Installed again, it
    ends what it had begun."""
    till.begin_sale("left")
    said = till.run("KOSHELEK_AGENT_REMOVE=yes dpkg -P koshelek-agent", 1)
    assert "Журнал остаётся" in said
    assert "НЕ УДАЛЕНО" in said
    assert till.machine.inside(CONFIG).exists()
    assert not till.machine.inside("/opt/koshelek-agent/bin/koshelek-agent").exists()
    refused = till.run("KOSHELEK_AGENT_REMOVE=yes dpkg -P koshelek-agent", 1)
    assert "НЕ УДАЛЕНО" in refused
    assert "left" in refused
    assert till.machine.inside(JOURNAL).exists()
    assert "настройки сохранились" in till.run("dpkg -i /media/usb/old/koshelek-agent_*.deb")
    till.run("systemctl enable --now koshelek-agent; koshelek-agent cancel left")
    assert till.states()["left"] == "canceled"


def _is_purged(till: Till) -> None:
    """Without a debt all of it goes, but backups would stay."""
    until(lambda: till.machine.run("koshelek-agent", "owed").returncode == 0, PATIENCE_S)
    till.follow("ustanovka", "owed")
    till.follow("ustanovka", "purge")
    left = till.run("ls -d /opt/koshelek-agent /etc/koshelek-agent /var/lib/koshelek-agent /usr/bin/koshelek-agent 2>/dev/null", 2)
    assert left == ""
    assert not till.machine.inside("/etc/systemd/system/multi-user.target.wants/koshelek-agent.service").is_symlink()
    assert "rc" not in till.run("dpkg-query --show --showformat='${db:Status-Abbrev}' koshelek-agent 2>/dev/null; true")
