"""Goal: ``status`` is in the person's language as a whole. Method: a status in which everything is said that can be, its values written so
that they are told from words."""

import re
from typing import Any

from agent.cli.status import LINES, rows
from agent.core.payment import PaymentState
from agent.texts import translator

VALUE = "1"  # in the place of whatever is a value
STATUS: dict[str, Any] = {
    "ready": False,
    "version": VALUE,
    "environment": "production",
    "providers": {VALUE: {"reachable": False, "reason": "ACCESS_DENIED", "message": VALUE}, "2": {"reachable": True}},
    "backup": {"last": None, "file": None, "problem": VALUE},
    "disk": {"full": True},
    "journal": {"inPlace": False},
    "configuration": {
        "problem": VALUE,
        "problems": [{"file": VALUE, "line": 2, "key": VALUE, "problem": VALUE, "hint": VALUE, "example": VALUE}],
    },
    "details": {
        "restore": {"lookingAt": 3, "differences": [VALUE], "file": VALUE},
        "lines": [{"name": VALUE, "state": state, "heardSecondsAgo": 4, "damagedFrames": 5, "problem": VALUE} for state in LINES],
        "open": {state.value: 6 for state in PaymentState},
        "alarms": [{"sale": VALUE, "codes": [VALUE]}],
        "parked": [{"sale": VALUE, "reason": VALUE}],
    },
}
VALUES = {"ACCESS_DENIED", "koshelek-agent", "release", "sudo", "doctor", *(state.value for state in PaymentState)}  # codes, commands


def words(status: dict[str, Any], language: str) -> set[str]:
    """The Latin words of what is shown, without those that are values."""
    shown = "\n".join(f"{what} {how}" for what, how in rows(status, translator(language)))
    return set(re.findall(r"[A-Za-z][A-Za-z_-]+", shown)) - VALUES


def test_a_russian_technician_reads_russian() -> None:
    """No English word is left, whatever there is to say; in English there are many (control)."""
    well = STATUS | {"ready": True, "environment": "test", "backup": {"last": VALUE, "file": VALUE, "problem": None}}
    assert words(STATUS, "ru") | words(well, "ru") == set()
    assert len(words(STATUS, "en")) > 60


def test_a_connection_that_nobody_has_tried_is_no_yes() -> None:
    """Right after the start, and while no answer comes: neither yes nor no."""
    shown = dict(rows(STATUS | {"providers": {"1": {"reachable": True, "known": False}, "2": {"reachable": True}}}, translator("ru")))
    assert shown["связь с 1"] == "неизвестно: запросов ещё не было или ответ не пришёл"
    assert shown["связь с 2"] == "есть"


def test_a_journal_begun_anew_is_not_called_restored() -> None:
    """No backup is named: it came from nowhere."""
    anew = STATUS | {"details": {"restore": {"lookingAt": 0, "differences": [], "file": ""}}}
    loud = {what for what, _ in rows(anew, translator("ru")) if what.isupper()}
    assert {"ЖУРНАЛ НАЧАТ ЗАНОВО ИЛИ ПОДМЕНЁН СТАРЫМ"} == {what for what in loud if "ЗАНОВО" in what or "ВОССТАНОВЛЕНО" in what}


def test_what_needs_somebody_stands_in_capitals() -> None:
    """And a till that is well has none of it."""
    well = {"ready": True, "version": VALUE, "environment": "test", "providers": {"2": {"reachable": True}}}
    assert not [what for what, _ in rows(well, translator("ru")) if what.isupper()]
    loud = {what for what, _ in rows(STATUS, translator("ru")) if what.isupper()}
    assert loud == {
        "КОПИЯ НЕ СДЕЛАНА",
        "ВОССТАНОВЛЕНО",
        "РАСХОЖДЕНИЕ",
        "ДИСК",
        "ЖУРНАЛ",
        "КОНФИГУРАЦИЯ",
        "ТРЕВОГА",
        "НЕ ИСПОЛЬЗУЕТСЯ",
        "НЕ ПУСКАЕТ 1",
    }
