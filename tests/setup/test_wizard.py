"""Goal: a technician at a terminal gets a till that sells, and leaves nothing behind if she leaves. Method: the command at a real
pseudo-terminal and the sandbox; the daemon then sells by what was written."""

import json
import os
import pwd
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.ops.setup.machine import Machine
from agent.ops.setup.plan import CheckFailed, plan_of
from agent.secrets import Secret
from agent.settings import load
from agent.texts import translator
from tests.support.pos import Pos
from tests.support.stand import Stand, free_port
from tests.support.terminal import Terminal

from .support import a_stick, answers_text, played

SHOP = ["S12", "Ромашка", "ООО «Ромашка»", "LB0000000001", "MB0000000001", "40702810000000000001", "100000000001"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Stand]:
    """The payment system, and a folder for the till; no daemon yet."""
    stand = Stand()
    try:
        stand.start_sandbox()
        yield stand
    finally:
        stand.close()


@pytest.fixture
def till(sandbox: Stand) -> Iterator[Stand]:
    """A new machine. All that is there is where its journal may lie, for the tests' folders are in memory."""
    for path in sandbox.folder.iterdir():
        if path.suffix != ".log":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    sandbox.journal.parent.mkdir(mode=0o700)
    sandbox.config.write_text(f'[journal]\npath = "{sandbox.journal}"\nallow_volatile = true\n')
    yield sandbox
    if sandbox._daemon is not None and sandbox._daemon.poll() is None:
        sandbox.stop()


def wizard(till: Stand, *words: str) -> Terminal:
    return Terminal(["--config", str(till.config), "setup", *words], till._environment() | {"LANG": "C.UTF-8"})


def answer(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    """To the question with these words, this answer."""
    for question, text in pairs:
        terminal.expect(question)
        terminal.expect("> ")
        terminal.type(text)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".log"}


def test_a_whole_conversation(till: Stand) -> None:
    """Wrong answers are told at once and asked again, she goes back, asks what is meant, and answers anew; a password is never
    shown. What was written is what she said, the daemon works by it, and a second run with Enter alone changes nothing."""
    port = free_port()
    with wizard(till) as terminal:
        answer(terminal, ("На какой стороне", "?"))
        terminal.expect("Платёж навсегда принадлежит своей стороне")
        answer(terminal, ("На какой стороне", "3"))
        terminal.expect("Это не ответ: 3")
        answer(terminal, ("На какой стороне", "test"), ("Язык", "2"), ("Часовой пояс", "<"), ("[en]", "1"))
        answer(terminal, ("Часовой пояс", "Europe/Mosow"))
        terminal.expect("нет часового пояса Europe/Mosow")
        answer(terminal, ("Часовой пояс", "Asia/Omsk"), ("Какие платёжные", ""))
        answer(terminal, ("имя партнёра", "https://api.koshelek.app/acme"))
        terminal.expect("Это боевой узел")
        answer(terminal, ("имя партнёра", f"http://127.0.0.1:{till.sandbox_port}/acme"), ("логин", "sandbox"))
        answer(terminal, ("Пароль от Кошелька", "wrong-word"))
        terminal.expect("неисправность")
        answer(terminal, ("Всё равно продолжить?", ""), ("Пароль от Кошелька", "sandbox"))
        answer(terminal, ("модуля карты", ""), *(("Магазин 1", text) for text in SHOP), ("Есть ещё магазин", ""))
        answer(terminal, ("terminalId", "till-03"), ("Есть ещё касса", ""), ("обращается к агенту", "http"))
        answer(terminal, ("Порт", str(till.sandbox_port)))
        terminal.expect("занят другой программой")
        answer(terminal, ("Всё равно продолжить?", "нет"), ("Порт", str(port)), ("Имя кассовой", ""), ("Токен", ""), ("Для каких", ""))
        answer(terminal, ("Есть ещё способ", "да"), ("обращается", "unix"), ("Пользователи", "nobody-here"))
        terminal.expect("нет пользователя nobody-here")
        answer(terminal, ("Пользователи", str(os.geteuid())), ("Путь сокета", str(till.pos)), ("Для каких", ""), ("Есть ещё", ""))
        answer(terminal, ("командной строкой", str(os.geteuid())), ("копии журнала", "?"))
        terminal.expect("Если откажет диск")
        answer(terminal, ("копии журнала", str(till.folder / "copies")))
        terminal.expect(f"Нет папки {till.folder / 'copies'}")
        (till.folder / "copies").mkdir(mode=0o700)
        answer(terminal, ("Всё равно продолжить?", "нет"), ("копии журнала", str(till.folder / "copies")))
        shown = terminal.expect("Записать настройки?")
        assert "koshelek.password = (введён)" in shown
        terminal.type("")
        terminal.expect("Что дальше:")
        assert terminal.ends() == 0
    assert "wrong-word" not in terminal.screen
    settings = load(till.config)
    assert (settings.timezone, settings.language, settings.journal.path) == ("Asia/Omsk", "ru", till.journal)
    assert settings.backup is not None
    assert settings.backup.directory == till.folder / "copies"
    assert (till.folder / "koshelek-password").read_text() == "sandbox\n"
    assert "sandbox\n" not in till.config.read_text().replace('login = "sandbox"\n', "")

    till.start()
    with Pos(till.pos) as register:
        assert register.call("agent.status")["environment"] == "test"
    before = snapshot(till.folder)
    with wizard(till, "--language", "en") as terminal:
        terminal.expect("The answers of today's configuration stand in the brackets.")
        while "nothing was written" not in terminal.screen:
            terminal.expect("> ")
            terminal.type("")
            terminal.expect("\n")
            if terminal.expect("\n") and "Write the" in terminal.screen:
                break
        terminal.type("")
        assert terminal.ends() == 0
    assert "The configuration is the same as before" in terminal.screen
    assert "The running agent listens at the port" in terminal.screen
    assert snapshot(till.folder) == before


@pytest.mark.parametrize("moment", ["Пароль от Кошелька", "Записать настройки?"])
def test_ctrl_c_leaves_no_trace(till: Stand, moment: str) -> None:
    """While a password is typed, and before the last Enter: every file is as it was."""
    before = snapshot(till.folder)
    answers = [("На какой стороне", "test"), ("Язык", ""), ("Часовой пояс", ""), ("Какие платёжные", ""), ("имя партнёра", "acme")]
    answers += [("логин", "sandbox"), ("Пароль от Кошелька", "sandbox"), ("модуля карты", ""), *(("Магазин 1", text) for text in SHOP)]
    answers += [("Есть ещё магазин", ""), ("terminalId", "till-03"), ("Есть ещё касса", ""), ("обращается к агенту", "pty")]
    answers += [("Путь ссылки", ""), ("Группа", ""), ("Для каких", ""), ("Есть ещё", ""), ("командной строкой", ""), ("копии журнала", "")]
    with wizard(till, "--offline") as terminal:
        for question, text in answers:
            if question == moment:
                break
            answer(terminal, (question, text))
        terminal.expect(moment)
        terminal.expect("> ")
        terminal.interrupt("Ничего не изменено.")
        assert terminal.ends() == 2
    assert snapshot(till.folder) == before


def test_from_an_answers_file_to_a_paid_sale(till: Stand) -> None:
    """The rollout: one command, the daemon, and money from the bank, without a person; every file has its mode."""
    a_stick(till.folder)
    connection = f'kind = "unix"\nusers = ["{os.geteuid()}"]'
    answers = till.folder / "answers.toml"
    address = f"http://127.0.0.1:{till.sandbox_port}/acme"
    text = answers_text(till.folder, address, connection).replace(
        'systems = ["koshelek"]', f'systems = ["koshelek"]\noperators = ["{os.geteuid()}"]'
    )
    answers.write_text(text.replace("/acme", "/nobody"))
    refused = till.cli("setup", "--answers", str(answers), "--language", "en")
    assert (refused.returncode, "answers.toml, line 8: koshelek.password_from" in refused.stderr) == (78, True), refused.stderr
    assert not (till.folder / "koshelek-password").exists()
    answers.write_text(text)
    done = till.cli("setup", "--answers", str(answers), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["written"] == [str(till.config), str(till.folder / "koshelek-password")]
    assert {one["grade"] for one in told["findings"]} == {"ok"}
    assert [oct((till.folder / name).stat().st_mode & 0o777) for name in (till.config.name, "koshelek-password")] == ["0o644", "0o600"]

    till.start()
    (till.folder / "token").write_text("till-03-token\n")
    paid = till.cli("pay", "450", "--card-session-from", "-", "--token-from", str(till.folder / "token"), "--json", given="FAST01\n")
    assert (paid.returncode, json.loads(paid.stdout)["state"]) == (0, "paid"), paid.stdout


def test_a_mistake_in_what_is_not_asked_is_told_by_its_own_name(till: Stand, tmp_path: Path) -> None:
    """A certificate file that is gone: no answer could mend that, so the setting of the configuration is named, and nothing is written."""
    a_stick(till.folder)
    answers = till.folder / "answers.toml"
    answers.write_text(answers_text(till.folder, f"http://127.0.0.1:{till.sandbox_port}/acme"))
    till.config.write_text(till.config.read_text() + f'[provider.koshelek]\nca_file = "{tmp_path / "ca.pem"}"\n')
    before = snapshot(till.folder)
    refused = till.cli("setup", "--answers", str(answers), "--offline", "--json")
    assert refused.returncode == 78
    (problem,) = json.loads(refused.stdout)["error"]["problems"]
    assert problem["key"] == "provider.koshelek.ca_file"
    assert snapshot(till.folder) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sets a till up for another user")
def test_a_check_that_refuses_puts_everything_back(till: Stand) -> None:
    """The real check runs after the writing, as the service's user: who cannot read the folder would not start either."""
    nobody = pwd.getpwnam("nobody")
    rollout = played(answers_text(till.folder).replace(f'password_from = "{till.folder / "stick"}"', ""))
    before = snapshot(till.folder)
    plan = plan_of(Machine(till.config, service=(nobody.pw_uid, nobody.pw_gid)), "ru")
    plan.secrets["koshelek", "password"] = Secret("sandbox")
    with pytest.raises(CheckFailed) as failed:
        plan.write(rollout.answers, translator("ru"), datetime.now(UTC))
    assert len(failed.value.problems) == 1
    assert snapshot(till.folder) == before
