"""The tables of docs/ru/nastroyka.md: every setting with its meaning, values and default, and every question of the setup.

``python -m tests.docs.settings_page --write`` puts them into the page.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agent.ops.setup.question import Kind, Question, Value
from agent.ops.setup.rollout import FROM
from agent.ops.setup.script import CONNECTIONS, Known, play
from agent.settings.entries import Entry, entries
from agent.settings.explain import right_value, toml
from agent.settings.meanings import meaning
from agent.settings.providers import SYSTEMS
from agent.settings.shape import shape_of
from agent.texts import translator

PAGE = Path(__file__).parents[2] / "docs" / "ru" / "nastroyka.md"
_BLOCK = re.compile(r"<!-- table: (?P<name>[\w.]+) -->\n.*?<!-- end -->", re.DOTALL)
say = translator("ru")


def tables() -> Mapping[str, Sequence[str]]:
    """The lines of every table by its name."""
    made: dict[str, list[str]] = {}
    for one in entries():
        name = one.name.rpartition(".")[0] or "top"
        if name == "listener":
            name = f"listener.{one.kind}"
        if name != "provider":  # the systems have headings of their own
            made.setdefault(name, []).append(_setting(one))
    head = _head("Настройка", "Что это", "Значения", "По умолчанию")
    found = {name: [head, *dict.fromkeys(rows)] for name, rows in made.items()}
    return found | {"answers": [_head("Ответ", "Вопрос", "Если не указан"), *_answers()]}


def drawn(text: str) -> str:
    """The page with its tables as they are now."""
    made = tables()

    def block(match: re.Match[str]) -> str:
        lines = "\n".join(made[match["name"]])
        return f"<!-- table: {match['name']} -->\n{lines}\n<!-- end -->"

    return _BLOCK.sub(block, text)


def _setting(one: Entry) -> str:
    shape = shape_of(one.model)
    fact = shape.at((one.field,), {})
    what = meaning(one.model, one.field).text(say)
    if one.inner:
        return _row(f"`{one.field}`", what, "таблица", "")
    default = "нужно указать" if one.required else "не указано" if fact.get("default") is None else f"`{toml(fact['default'])}`"
    return _row(f"`{one.field}`", what, right_value((one.field,), fact, shape).text(say), default)


def _answers() -> Iterator[str]:
    """Every question that any till is asked, once."""
    seen: dict[str, str] = {}
    for side in ("test", "production"):
        for kind in CONNECTIONS:
            play(_Everything(side, kind, seen).answer, Known())
    order = ["", *SYSTEMS, "store", "terminal", "connection"]
    yield from (seen[name] for name in sorted(seen, key=lambda name: order.index(name.rpartition(".")[0])))


class _Everything:
    """Somebody who has every payment system and two shops."""

    def __init__(self, side: str, kind: str, seen: dict[str, str]) -> None:
        self._side, self._kind, self._seen = side, kind, seen

    def answer(self, question: Question) -> Value:
        last = str(question.place[-1])
        if last == "another":
            return question.place == ("store", 0, "another")
        name = ".".join(part for part in question.place if isinstance(part, str)) + (FROM if question.kind is Kind.SECRET else "")
        if name not in self._seen and 1 not in question.place:
            self._seen[name] = _row(f"`{name}`", _asked(question), _left_out(question))
        chosen = {"environment": self._side, "kind": self._kind, "systems": list(SYSTEMS), "store_id": f"S{question.place[1:2]}"}
        return chosen.get(last, question.default if question.default is not None else "x")


def _asked(question: Question) -> str:
    """The text without the number of a table, and what may be answered."""
    text = re.sub(r"^(Магазин|Касса) 1: ", "", question.text.text(say))
    options = ", ".join(f"`{option.value}`" for option in question.options if not option.value.startswith("("))
    named = question.kind in (Kind.CHOICE, Kind.SEVERAL) and question.place[-1] != "store_id"
    return f"{text.rstrip('?.')}: {options}" if named else f"{text} — файл, где он лежит" if question.kind is Kind.SECRET else text


# What is taken where a question is left out, by the last name of its key.
LEFT_OUT = {
    "provider": "`koshelek`, если он есть",
    "password": "уже сохранённый",
    "token": "уже сохранённый, иначе новый",
    "backups": "папка пакета `/var/backups/koshelek-agent`, если она есть",
    "users": "кто запустил мастер",
    "timezone": "пояс машины, иначе `Europe/Moscow`",
    "port": "`7431` (TCP) или `7432` (HTTP); у каждой следующей таблицы `connection` на 2 больше",
    "name": '`"kassa-1"`; у второй таблицы `connection` — `"kassa-2"` и так далее',
}


def _left_out(question: Question) -> str:
    match question.place[-1]:
        case "store_id" if question.place[0] == "terminal":
            return "единственный магазин"
        case "address" if question.place[0] in ("koshelek", "payconnect") or question.default is None:
            return "нужно указать"
        case "address":
            return "известный адрес системы"
        case "path" if question.default is not None:
            return "в `/run/koshelek-agent`; у последовательного порта нужно указать"
        case last if last in LEFT_OUT:
            return LEFT_OUT[str(last)]
        case _ if question.default is not None:
            return f"`{toml(question.default)}`"
        case _:
            return "ничего" if question.optional else "нужно указать"


def _head(*columns: str) -> str:
    return "\n".join([_row(*columns), _row(*("---" for _ in columns))])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    current = PAGE.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        PAGE.write_text(drawn(current), encoding="utf-8")
    elif drawn(current) != current:
        sys.exit("docs/ru/nastroyka.md is stale: python -m tests.docs.settings_page --write")
