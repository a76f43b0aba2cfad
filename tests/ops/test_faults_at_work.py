"""Goal: planted faults amid which the daemon works on: the doctor, the daemon's log and its status page name the cause and the remedy,
in Russian and in English. Method: one real till with most of what can be wrong with its surroundings at once: servers with bad certificates
and clocks, a name that is not found, a proxy, a wrong password, serial lines of every misery. It is examined as it stands; then it is
started again in the other language, over a journal that is lost."""

import contextlib
import datetime as dt
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.ops.doctor import Finding, Grade
from drivers.frames import frame
from tests.ops.stage import CYRILLIC, Door, bad, checkup, examined, log_of, overview, says, second, sell, wrong_speed
from tests.support.patience import until
from tests.support.stand import Line, Plan, Port, Stand
from tests.support.wires import NullModem
from tests.test_assembly import PAYCORE, SOFTLINE

DAY = dt.timedelta(days=1)
NOBODY = "no-such-host.invalid"


class Troubled(Stand):
    """The till of the fixture; a proxy is set for its processes."""

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"HTTPS_PROXY": "http://10.0.0.1:3128"}


@dataclass
class Scene:
    """The till, its log and what its page shows in both languages."""

    stand: Stand
    unreleased: str  # the page in English, after the start on an empty journal
    waiting: list[Finding]  # what the doctor said of that
    russian: list[dict[str, Any]]
    english: list[dict[str, Any]]
    pages: Mapping[str, "Shown"]


@dataclass
class Shown:
    """The status page as text: as it opens, and its check-up."""

    overview: str
    checkup: str


def server_context(issued: trustme.LeafCert) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


def plan(folder: Path, ports: Mapping[str, int], foreign: Path, held: Path, cable: Path, silent: Path) -> Plan:
    """The configuration of the till, everything in it well-formed."""
    lines = [
        Line("missing", "serial", options={"path": str(folder / "tty-missing")}),
        Line("held", "serial", options={"path": str(held)}),
        Line("cable", "serial", options={"path": str(cable), "baud": 9600}),
        Line("silent", "serial", options={"path": str(silent)}),
    ]
    systems = {
        "paycore": {**PAYCORE, "test_base_url": f"http://127.0.0.1:{ports['slow_clock']}/api"},
        "softline": {**SOFTLINE, "test_base_url": f"https://localhost:{ports['expired']}", "ca_file": str(folder / "ca.pem")},
        "payconnect": {"test_base_url": f"https://localhost:{ports['good']}", "ca_file": str(foreign)},
    }
    return Plan(lines=lines, systems=systems, ports=[Port("page", "http")], language="ru")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything is planted, the daemon has met it in both languages, and runs."""
    folder = tmp_path_factory.mktemp("faults")
    ours, others = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(folder / "ca.pem"))
    others.cert_pem.write_to_path(str(folder / "foreign.pem"))
    now = dt.datetime.now(dt.UTC)
    expired = ours.issue_cert("localhost", not_after=now - DAY)
    with contextlib.ExitStack() as stack:
        doors = {
            "slow_clock": stack.enter_context(Door(shift=-DAY)),
            "expired": stack.enter_context(Door(server_context(expired))),
            "good": stack.enter_context(Door(server_context(ours.issue_cert("localhost")))),
        }
        master, slave = os.openpty()  # this process has the port
        stack.callback(os.close, master)
        stack.callback(os.close, slave)
        for name in ("cable", "silent"):
            (folder / name).mkdir()
        modem = stack.enter_context(NullModem(folder / "cable", wrong_speed(115_200, 9_600)))
        silent = stack.enter_context(NullModem(folder / "silent"))
        ports = {name: door.port for name, door in doors.items()}
        stand = Troubled(plan(folder, ports, folder / "foreign.pem", Path(os.ttyname(slave)), modem.agent, silent.agent))
        stack.callback(stand.close)
        stand._write_files()
        old = {"environment": "test", "base_url": f"https://{NOBODY}/acme", "login": "x", "password_file": str(stand.folder / "password")}
        retired = "".join(f"{key} = {json.dumps(value)}\n" for key, value in old.items())
        stand.config.write_text(f"{stand.config.read_text()}\n[[provider.koshelek.retired]]\n{retired}")
        (stand.folder / "password").write_text("not the password")
        stand.start_sandbox()
        stand.start()
        russian, pages = met(stand, modem), {"ru": Shown(overview(stand), checkup(stand))}
        stand.stop()
        (folder / "backups").mkdir(mode=0o700)
        stand.journal.rename(folder / "backups" / "koshelek-agent-20260101T040000Z.sqlite3")
        stand.config.write_text(stand.config.read_text().replace('language = "ru"', 'language = "en"'))
        with stand.config.open("a") as file:
            file.write(f'\n[backup]\ndirectory = "{folder / "backups"}"\n')
        stand.log.unlink()
        stand.start()
        unreleased, waiting = overview(stand), bad(examined(stand.config, "journal"), "journal")
        assert sell(stand) == "BUSY", "it does not know what the journal that is gone held"
        assert stand.cli("release", "--reason", "compared with the registry").returncode == 0
        yield Scene(stand, unreleased, waiting, russian, met(stand, modem), pages | {"en": Shown(overview(stand), checkup(stand))})


def met(stand: Stand, modem: NullModem) -> list[dict[str, Any]]:
    """Sell once, let the register speak at its speed, and wait until the log has told of everything."""
    until(lambda: any(one["event"] == "line.opened" and str(modem.agent) in one["line"] for one in log_of(stand)))
    speaks(modem)
    sell(stand)
    wanted = {"line.unplugged", "line.busy", "line.damaged", "clock.wrong", "alarm.alarm_raised", "proxy.ignored"}
    try:
        until(lambda: wanted <= {one["event"] for one in log_of(stand)} and down(log_of(stand)) == 3)
    except AssertionError as error:
        raise AssertionError(stand.log.read_text()[-6000:]) from error
    return log_of(stand)


def down(lines: list[dict[str, Any]]) -> int:
    return len([one for one in lines if one["event"] == "connection.down"])


def speaks(modem: NullModem) -> None:
    """A register that uses another speed sends a request."""
    port = os.open(modem.register, os.O_RDWR | os.O_NOCTTY)
    os.write(port, frame(b'{"jsonrpc": "2.0", "id": 1, "method": "agent.status", "params": {}}' + b" " * 200))
    os.close(port)


def logged(scene: Scene, event: str, about: str, english: str, russian: str) -> None:
    """The daemon's log has such a line about something, which names cause and remedy in its language. Raises AssertionError."""
    for lines, pattern, is_russian in ((scene.english, english, False), (scene.russian, russian, True)):
        found = [one for one in lines if one["event"] == event and about in json.dumps(one, ensure_ascii=False)]
        assert found, f"no {event} about {about}"
        text = " // ".join(str(found[0].get(key, "")) for key in ("problem", "meaning", "remedy"))
        assert re.search(pattern, text), text
        assert bool(CYRILLIC.search(text)) is is_russian, text


def test_the_log_names_cause_and_remedy_in_both_languages(scene: Scene) -> None:
    """Wrong password, expired certificate, wrong authority, clock, name, proxy, ports, speed, lost journal: each in a line of its own."""
    logged(scene, "alarm.alarm_raised", "ACCESS_DENIED", "not let .* in.*login", "не пускает.*login")
    logged(scene, "connection.down", "#sandbox", "expired.*clock", "истёк.*[Чч]асы")
    logged(scene, "connection.down", "payconnect", "does not trust.*ca_file", "не доверяет.*ca_file")
    logged(scene, "connection.down", NOBODY, "cannot be resolved.*getent", "не найден.*getent")
    logged(scene, "clock.wrong", "paycore", "1 days ahead.*timedatectl", "на 1 дн.*timedatectl")
    logged(scene, "proxy.ignored", "HTTPS_PROXY", "does not use it.*environment", "не использует.*environment")
    logged(scene, "line.unplugged", "tty-missing", "no port.*koshelek-agent ports", "Порта .* нет.*koshelek-agent ports")
    logged(scene, "line.busy", f"pid {os.getpid()}", "Another program.*End that program", "другая программа.*Завершите")
    logged(scene, "line.damaged", "cable", "speed or parity.*probe", "скорость или чётность.*probe")
    lost = [one for one in scene.english if one["event"] == "journal.lost"]
    assert [bool(re.search("gone.*restore", json.dumps(one))) for one in lost] == [True]
    assert not [one for one in scene.russian if one["event"] == "journal.lost"]


OVERVIEW = {
    "wrong password": ("does not let this till in.*login, the password", "не пускает.*login, файл пароля"),
    "expired certificate": ("expired.*clock", "истёк.*[Чч]асы"),
    "wrong authority": ("does not trust.*ca_file", "не доверяет.*ca_file"),
    "clock": ("1 days ahead.*timedatectl", "на 1 дн.*timedatectl"),
    "port missing": ("no port.*tty-missing.*koshelek-agent ports", "Порта .*tty-missing нет.*koshelek-agent ports"),
    "port held": ("Another program.*End that program", "другая программа.*Завершите"),
    "wrong speed": ("cable.*makes no sense.*speed or parity.*probe", "cable.*не имеет смысла.*скорость или чётность.*probe"),
    "silent line": ("silent.*No register was heard.*begin a sale.*probe", "silent.*касса на ней не слышна.*probe"),
}
CHECKUP = {
    "proxy": ("HTTPS_PROXY.*does not use", "HTTPS_PROXY.*не использует"),
    "silent line": ("nothing was heard.*koshelek-agent probe", "ничего не слышно.*koshelek-agent probe"),
    "wrong password": ("does not let this till in.*login in", "не пускает.*login в"),
    **{name: OVERVIEW[name] for name in ("expired certificate", "wrong authority", "clock", "port missing", "port held")},
}


@pytest.mark.parametrize("fault", OVERVIEW)
def test_the_page_names_cause_and_remedy_as_it_opens(scene: Scene, fault: str) -> None:
    """Without a press on anything, in the language of the configuration."""
    for language, pattern in zip(("en", "ru"), OVERVIEW[fault], strict=True):
        assert re.search(pattern, scene.pages[language].overview), scene.pages[language].overview


@pytest.mark.parametrize("fault", CHECKUP)
def test_the_pages_check_up_names_cause_and_remedy(scene: Scene, fault: str) -> None:
    """The doctor on the button: what surrounds the till, too."""
    for language, pattern in zip(("en", "ru"), CHECKUP[fault], strict=True):
        assert re.search(pattern, scene.pages[language].checkup), scene.pages[language].checkup


def test_a_journal_begun_anew_is_named_by_the_page(scene: Scene) -> None:
    """After the restart in English only: the newest backup is of another journal."""
    assert re.search("ARE NOT TAKEN.*lost and begun anew.*koshelek-agent release", scene.unreleased)
    assert re.search("begun anew and released.*koshelek-agent backup", scene.pages["en"].checkup)
    assert "начат заново" not in scene.pages["ru"].checkup


def test_the_doctor_names_cause_and_remedy_of_all_of_them_at_once(scene: Scene) -> None:
    """One examination beside the daemon; nothing but what was planted is called a fault, and the bank has seen no payment by it."""
    found = examined(scene.stand.config)
    (password, *others) = bad(found, "credentials")
    says(password, Grade.FAULT, "does not let this till in.*login in", "не пускает.*login")
    assert {one.grade for one in others} <= {Grade.WARNING, Grade.FAULT}
    expired, foreign = bad(found, "connection")
    says(expired, Grade.FAULT, "softline.*expired.*clock", "softline.*истёк.*[Чч]асы")
    says(foreign, Grade.FAULT, "payconnect.*does not trust.*ca_file", "payconnect.*не доверяет.*ca_file")
    clock = next(one for one in bad(found, "clock") if one.grade is Grade.FAULT)
    says(clock, Grade.FAULT, "1 days ahead.*timedatectl", "на 1 дн.*timedatectl")
    (proxy,) = bad(found, "proxy")
    says(proxy, Grade.WARNING, "HTTPS_PROXY.*does not use.*/etc/environment", "HTTPS_PROXY.*не использует.*/etc/environment")
    missing, held = [one for one in bad(found, "port") if one.grade is Grade.FAULT]
    says(missing, Grade.FAULT, "no port.*tty-missing.*koshelek-agent ports", "Порта .*tty-missing нет.*koshelek-agent ports")
    says(held, Grade.FAULT, rf"Another program.*pid {os.getpid()}.*End that", rf"другая программа.*pid {os.getpid()}.*Завершите")
    lines = bad(found, "line")
    (garbled,) = [one for one in lines if "makes sense" in str(one.what)]
    says(garbled, Grade.FAULT, "cable.*speed or parity.*koshelek-agent probe", "cable.*скорость или чётность.*koshelek-agent probe")
    (silent,) = [one for one in lines if one.grade is Grade.WARNING]
    says(silent, Grade.WARNING, "nothing was heard.*koshelek-agent probe", "ничего не слышно.*koshelek-agent probe")


def test_a_name_that_is_not_found_is_named(scene: Scene, tmp_path: Path) -> None:
    """No network, no name server, or a misspelt address: one fault, and what could not be seen for it is no fault of its own."""
    config = tmp_path / "nameless.toml"
    config.write_text(scene.stand.config.read_text().replace(scene.stand.base_url, f"https://{NOBODY}/acme/x"))
    found = [one for one in examined(config, "name", "connection", "clock", "credentials") if "koshelek" in str(one.what)]
    (nameless,) = bad(found, "name")
    says(
        nameless,
        Grade.FAULT,
        f"cannot be resolved.*{NOBODY}.*cat /etc/resolv.conf.*test_base_url",
        f"не найдено.*{NOBODY}.*cat /etc/resolv.conf.*test_base_url",
    )
    assert bad(found, "connection") == []
    assert {one.grade for check in ("clock", "credentials") for one in bad(found, check)} == {Grade.WARNING}


def test_a_journal_that_was_begun_anew_or_taken_away_is_named(scene: Scene) -> None:
    """The newest backup is of another journal; and while the agent works its file is renamed, as a clumsy clean-up does."""
    (anew,) = scene.waiting
    says(anew, Grade.FAULT, "begun anew.*taken twice.*restore", "начат заново.*взять дважды.*restore")
    (released,) = bad(examined(scene.stand.config, "journal"), "journal")
    says(released, Grade.WARNING, "begun anew and released.*taken again", "начат заново и разрешён.*примет ещё раз")
    journal = scene.stand.journal
    journal.rename(journal.with_suffix(".bak"))
    try:
        (gone,) = bad(examined(scene.stand.config, "journal"), "journal")
        says(gone, Grade.FAULT, "removed or exchanged.*Do not stop the service.*/fd", "удалён или подменён.*Не останавливайте.*/fd")
    finally:
        journal.with_suffix(".bak").rename(journal)


def test_a_second_agent_for_the_same_till_is_named(scene: Scene, tmp_path: Path) -> None:
    """With a journal and sockets of its own it starts, and would take the same orders; the doctor names both processes."""
    stand = scene.stand
    with second(stand, tmp_path) as pid:
        (two,) = bad(examined(stand.config, "agent"), "agent")
        says(two, Grade.FAULT, rf"Two agents.*process {pid}.*sudo kill {pid}", rf"Два агента.*процесс {pid}.*sudo kill {pid}")
    assert bad(examined(stand.config, "agent"), "agent") == []


def test_a_wrong_partner_is_named_by_both(scene: Scene) -> None:
    """The password is mended, and the address names another partner: the doctor says so, and the daemon's alarm after a sale."""
    stand = scene.stand
    (stand.folder / "password").write_text("sandbox")
    stand.config.write_text(stand.config.read_text().replace(f'{stand.base_url}"', f'{stand.base_url}x"'))
    (partner, *_) = bad(examined(stand.config, "credentials"), "credentials")
    says(partner, Grade.FAULT, "partner.*UNKNOWN_PARTNER_ID.*test_base_url", "партнёра.*UNKNOWN_PARTNER_ID.*test_base_url")
    assert stand.cli("reload").returncode == 0
    sell(stand)
    until(lambda: any("UNKNOWN_PARTNER_ID" in json.dumps(one) for one in log_of(stand) if one["event"].startswith("alarm.")))
    (alarm, *_) = [one for one in log_of(stand) if one["event"].startswith("alarm.") and one["code"] == "UNKNOWN_PARTNER_ID"]
    assert "base_url" in alarm["remedy"]
