"""The tables of docs/ru/sostoyaniya.md, made from the tables the code runs on: what each state and code means, in the words of the
catalogue, and beside it what a technician does.

``python -m tests.docs.states_page --write`` puts them into the page.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agent import reasons
from agent.cli.status import LINES
from agent.core.alarms import LASTING
from agent.core.answer import Money
from agent.edges import replies
from agent.texts import translator

PAGE = Path(__file__).parents[2] / "docs" / "ru" / "sostoyaniya.md"
_BLOCK = re.compile(r"<!-- table: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)
say = translator("ru")

# What to do, by state. The test demands that every state is here, and none that does not exist.
PAYMENT = {
    "queued": "Ждать. Запрос ещё не уходил. Стоит долго — нет связи: `koshelek-agent doctor`.",
    "sending": "Ждать: идёт первый запрос.",
    "pending": "Ждать покупателя. Когда время выйдет, агент отменит оплату сам.",
    "unknown": "Ждать и не брать деньги второй раз: агент сам выясняет, прошла ли оплата.",
    "canceling": "Ждать итога. Следующего покупателя уже можно обслуживать.",
    "attention": (
        "`koshelek-agent show КЛЮЧ`, найти платёж в реестре платёжной системы, затем записать решение: `koshelek-agent resolve КЛЮЧ`. "
        "Не уверены — не решайте: такая продажа мешает только своему заказу."
    ),
    "paid": "Ничего. Касса не спросила об итоге (`koshelek-agent list --untold`) — напечатать копию слипа: `koshelek-agent reprint КЛЮЧ`.",
    "declined": "Смотреть на причину и на слово о деньгах.",
    "canceled": "Смотреть на слово о деньгах: `possible` — агент ещё следит, `returning` — деньги пришли поздно и возвращаются.",
    "expired": "Запрос не уходил, денег не брали. Если таких много — проверить связь: `koshelek-agent doctor`.",
    "reversed": "Оплата прошла, но касса не спросила об итоге, и деньги возвращаются. Выяснить, почему касса молчала.",
    "elsewhere": "Продажа сделана на другой кассе, здесь только её возвраты.",
}
MONEY: Mapping[Money, tuple[str, str]] = {
    Money.NONE: ("Денег не взято.", "Ничего."),
    Money.POSSIBLE: (
        "Деньги могли быть взяты, или ещё могут: ответа нет, либо отозванную ссылку ещё можно оплатить.",
        "Ждать: агент выясняет. Второй раз за тот же заказ не брать.",
    ),
    Money.CHARGED: ("Деньги взяты.", "При `paid` — ничего. При `attention` — решить, см. выше."),
    Money.RETURNING: ("Деньги взяты и возвращаются покупателю.", "Ждать: возврат повторяется сам, пока не пройдёт."),
    Money.RETURNED: ("Деньги вернулись покупателю целиком.", "Не возвращать второй раз."),
    Money.STUCK: (
        "Деньги взяты, вернуть их не удаётся.",
        "`koshelek-agent show КЛЮЧ` называет возврат и причину; затем `koshelek-agent resolve КЛЮЧ` (`retry`, `refunded` или `drop`).",
    ),
}
REFUND = {
    "queued": "Ждать. Причина `TOKEN_UNAVAILABLE` — касса должна прислать ключ: повторить возврат на кассе.",
    "sending": "Ждать: идёт запрос.",
    "unknown": "Ждать и не возвращать другим способом: агент выясняет, прошёл ли возврат.",
    "pending": "Ждать: платёжная система выполняет возврат.",
    "requested": "Ждать решения людей в платёжной системе. Отказали — `koshelek-agent resolve КЛЮЧ drop` и вернуть другим способом.",
    "refunded": "Ничего: деньги возвращены.",
    "declined": "Смотреть на причину. Деньги не возвращены.",
    "attention": "Проверить возврат в реестре платёжной системы, затем `koshelek-agent resolve КЛЮЧ`: `retry`, `refunded` или `drop`.",
}
RECEIPT = {
    "queued": "Ждать: чек уйдёт, когда будет связь.",
    "sending": "Ждать.",
    "unknown": "Ждать: чек отправляется ещё раз, второго не появится.",
    "delivered": "Ничего.",
    "refused": "Продажи это не касается. Причина — в `koshelek-agent show КЛЮЧ`.",
}
PAYOUT = {
    "queued": "Ждать. Касса ещё может отменить выплату.",
    "sending": "Ждать: идёт запрос.",
    "unknown": "Ждать и не выплачивать второй раз: агент ищет выплату, сам он её не повторит.",
    "pending": "Ждать: платёжная система выполняет выплату.",
    "attention": (
        "Найти выплату в кабинете платёжной системы, затем записать решение: на [странице](stranitsa.md) этой выплаты "
        "или командой `koshelek-agent payout resolve КЛЮЧ`."
    ),
    "paid_out": "Ничего: получателю выплачено.",
    "failed": "Смотреть на причину. Деньги не ушли, можно начать новую выплату.",
    "canceled": "Деньги не ушли.",
    "expired": "Запрос не уходил. Если таких много — проверить связь: `koshelek-agent doctor`.",
    "returned": "Получатель денег не получил. Узнать причину в платёжной системе, прежде чем выплачивать снова.",
}
LINE = {
    "unplugged": "Проверить кабель и имя порта: `koshelek-agent ports`.",
    "busy": "Порт держит другая программа; её называет `koshelek-agent ports`.",
    "failed": "Причина стоит рядом, в скобках; чаще всего не хватает прав (группа `dialout`).",
    "waiting": "Включить кассу и программу на ней. Молчит — проверить скорость: `koshelek-agent probe`.",
    "heard": "Ничего.",
}
STATES: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "payment": (replies.STATES, PAYMENT),
    "refund": (replies.REFUND_STATES, REFUND),
    "receipt": (replies.RECEIPT_STATES, RECEIPT),
    "payout": (replies.PAYOUT_STATES, PAYOUT),
    "lines": (LINES, LINE),
}
REASONS: Mapping[str, Mapping[str, str]] = {
    "own": reasons.OWN,
    "own_link": reasons.LINK,
    "payout_reasons": reasons.PAYOUT,
    "rejections": reasons.REJECTIONS,
    "refusals": reasons.REFUSALS,
    "paycore": reasons.PAYCORE,
    "softline": reasons.SOFTLINE,
    "payconnect": reasons.PAYCONNECT,
    "bills": reasons.BILLS,
    "returns": reasons.RETURNS,
    "errors": reasons.ERRORS,
}
SEEN, DO = "Что видит кассир", "Что делать"


def tables() -> Mapping[str, Sequence[str]]:
    """The lines of every table by its name."""
    found = {name: [_head("Код", SEEN, DO), *_states(*pair)] for name, pair in STATES.items()}
    found["lines"][0] = _head("Код", "Что говорит `status`", DO)
    other = {code: text for code, text in replies.LINK_STATES.items() if replies.STATES[code] != text}
    found["link"] = [_head("Код", SEEN), *(_row(f"`{code}`", say(text)) for code, text in other.items())]
    found["money"] = [_head("Слово", "Что оно значит", DO), *(_row(f"`{word.value}`", *texts) for word, texts in MONEY.items())]
    found["alarms"] = [_head("Код", SEEN), *(_row(f"`{code}`", say(reasons.REASONS[code])) for code in sorted(LASTING))]
    for name, texts in REASONS.items():
        found[name] = [_head("Код", "Что он значит и что делать"), *_reasons(texts)]
    return found


def drawn(text: str) -> str:
    """The page with every table as the code has it now."""
    made = tables()

    def block(match: re.Match[str]) -> str:
        lines = "\n".join(made[match["name"]])
        return f"<!-- table: {match['name']} -->\n{lines}\n<!-- end -->"

    return _BLOCK.sub(block, text)


def _states(texts: Mapping[str, str], advice: Mapping[str, str]) -> Iterator[str]:
    yield from (_row(f"`{state}`", say(text), advice[state]) for state, text in texts.items())


def _reasons(texts: Mapping[str, str]) -> Iterator[str]:
    """Codes of one meaning in one row."""
    for text in dict.fromkeys(texts.values()):
        codes = " ".join(f"`{code}`" for code in texts if texts[code] == text)
        yield _row(codes, say(text))


def _head(*columns: str) -> str:
    return "\n".join([_row(*columns), _row(*("---" for _ in columns))])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    current = PAGE.read_text(encoding="utf-8")
    if "--write" in sys.argv:
        PAGE.write_text(drawn(current), encoding="utf-8")
    elif drawn(current) != current:
        sys.exit("docs/ru/sostoyaniya.md is stale: python -m tests.docs.states_page --write")
