"""Goal: planted faults of the record and of the settings amid which the daemon works on: its status page names cause and remedy as well, in
Russian and in English. Method: one real till in each language, whose record lies on a small file system in memory, whose port its user may
not open, and one of whose payment systems has an address that nobody knows; then a second agent, a record that is taken away, a wrong
partner, a misspelt setting and a full disk, one after another."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.stage import CYRILLIC, checkup, fill, log_of, mounted, overview, second, sell
from tests.support.patience import until
from tests.support.stand import Line, Plan, Port, Stand
from tests.system import require

pytestmark = pytest.mark.system

NOBODY = 65_534
DIALOUT = 20  # the group of serial ports, on Debian
LAUNCHER = ("setpriv", "--bounding-set=-dac_override", sys.executable, "-m", "agent")  # the rights of a file hold for this root, too


class Till(Stand):
    """One of whose kind runs in each language. It goes on where ``hog`` fills its disk."""

    @property
    def is_russian(self) -> bool:
        return self.plan.language == "ru"

    def shows(self, text: str, english: str, russian: str) -> None:
        """A page's text matches the pattern of its language. Raises AssertionError."""
        assert re.search(russian if self.is_russian else english, text), text
        assert bool(CYRILLIC.search(text)) is self.is_russian, text

    def has_logged(self, event: str) -> bool:
        return any(one["event"] == event for one in log_of(self))

    def soon_shows(self, english: str, russian: str) -> None:
        """The page as it opens does so within the time in which it looks anew."""
        until(lambda: re.search(russian if self.is_russian else english, overview(self)), pause_s=1.0)


@pytest.fixture(scope="module", params=["en", "ru"])
def till(request: pytest.FixtureRequest) -> Iterator[Till]:
    """It runs, and has met what is wrong from the start."""
    require("root")
    require("mount")
    require("setpriv")
    with contextlib.ExitStack() as stack:
        master, slave = os.openpty()
        stack.callback(os.close, master)
        stack.callback(os.close, slave)
        port = Path(os.ttyname(slave))
        os.chown(slave, NOBODY, DIALOUT)
        port.chmod(0o660)
        systems = {"payconnect": {"test_base_url": "https://no-such-host.invalid"}}
        lines = [Line("forbidden", "serial", options={"path": str(port)})]
        made = Till(Plan(lines=lines, systems=systems, ports=[Port("page", "http")], language=request.param))
        stack.callback(made.close)
        made._write_files()
        stack.enter_context(mounted(made.journal.parent, 64))
        made.start_sandbox()
        made.start(LAUNCHER)
        until(lambda: made.has_logged("connection.down") and made.has_logged("line.failed"))
        yield made
        made.stop()


def test_a_name_and_a_port_stand_there_as_it_opens(till: Till) -> None:
    """A payment system whose name is not found, and a port that the agent's user may not open."""
    text = overview(till)
    till.shows(text, "cannot be resolved.*getent hosts no-such-host.invalid", "не найден.*getent hosts no-such-host.invalid")
    till.shows(
        text,
        "cannot be used.*may not open the port /dev/.*usermod -aG dialout",
        "не работает.*нельзя открыть порт /dev/.*usermod -aG dialout",
    )


def test_the_check_up_finds_memory_a_second_agent_and_a_record_that_is_gone(till: Till, tmp_path: Path) -> None:
    """One press on the button, while all of that is so."""
    aside = till.journal.with_suffix(".bak")
    with second(till, tmp_path) as pid:
        till.journal.rename(aside)
        try:
            text = checkup(till)
        finally:
            aside.rename(till.journal)
    till.shows(text, "line The agent's user may not open the port.*usermod", "line Пользователю агента нельзя открыть порт.*usermod")
    till.shows(text, "tmpfs.*trials only.*local disk", "tmpfs.*только для проб.*локальном диске")
    till.shows(text, rf"Two agents.*process {pid}.*sudo kill {pid}", rf"Два агента.*процесс {pid}.*sudo kill {pid}")
    till.shows(text, "removed or exchanged.*Do not stop the service.*/fd", "удалён или подменён.*Не останавливайте.*/fd")


def test_a_wrong_partner_stands_there_after_a_sale(till: Till) -> None:
    """Before it nothing is wrong with the address (control); the sale says why it was declined, and what to compare."""
    wrong = (
        "does not know this shop.*What to do: Compare test_base_url .*in .provider.koshelek",
        "не знает этот магазин.*Сверьте test_base_url .*в .provider.koshelek",
    )
    assert not re.search(wrong[till.is_russian], overview(till))
    text = till.config.read_text()
    till.config.write_text(text.replace(f'{till.base_url}"', f'{till.base_url}x"'))
    assert till.cli("reload").returncode == 0
    assert sell(till) == "declined"
    till.soon_shows(*wrong)
    till.config.write_text(text)
    assert till.cli("reload").returncode == 0


def test_a_misspelt_setting_stands_there_until_it_is_mended(till: Till) -> None:
    """What was read anew was not taken: file, line, setting, and what was meant; when it is taken nothing of it is left."""
    text = till.config.read_text()
    till.config.write_text(text.replace("login =", "logn =", 1))
    assert till.cli("reload").returncode != 0
    wrong = (
        r"has a mistake.*config check.*koshelek-agent.toml:\d+ provider.koshelek.logn .*login",
        r"ошибка.*config check.*koshelek-agent.toml:\d+ provider.koshelek.logn .*login",
    )
    till.soon_shows(*wrong)
    till.config.write_text(text)
    assert till.cli("reload").returncode == 0
    until(lambda: "logn" not in overview(till), pause_s=1.0)


def test_a_full_disk_stands_there_until_there_is_room(till: Till) -> None:
    """Sales are refused; the first thing on the page says why and how to make room."""
    wrong = (
        "ARE NOT TAKEN.*The disk is full.*What to do: Make room.*vacuum",
        "НЕ ПРИНИМАЮТСЯ.*Диск заполнен.*Что делать: Освободите место.*vacuum",
    )
    assert not re.search(wrong[till.is_russian], overview(till))
    fill(till.journal.parent)
    until(lambda: sell(till) == "DISK_FULL")
    until(lambda: till.has_logged("disk.full"))
    till.soon_shows(*wrong)
    (till.journal.parent / "hog").unlink()
    until(lambda: till.has_logged("disk.room"))
    until(lambda: not re.search(wrong[till.is_russian], overview(till)), pause_s=1.0)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_check_up_finds_a_damaged_page_of_the_record(language: str) -> None:
    """Bytes in the file are others than were written, while the agent works."""
    with Till(Plan(ports=[Port("page", "http")], language=language)) as stand:
        with stand.journal.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (stand.journal.stat().st_size - 4096))
        stand.shows(checkup(stand), "damaged.*restore", "повреждён.*restore")
        shutil.rmtree(stand.journal.parent)
