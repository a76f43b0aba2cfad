"""Payment systems whose documents leave much open: with real money nothing may rest on a guess that nobody has confirmed."""

from collections.abc import Iterator

from agent.settings.payconnect import QUESTIONS, PayConnect
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.providers import PAYCONNECT
from agent.settings.tables import Data, tables
from agent.texts import N_, Message, message

_WORDS = ("pending_words", "succeeded_words", "failed_words", "expired_words", "refunded_words")


def assumptions(data: Data) -> Iterator[Finding]:
    """What is wrong with the assumptions about PayConnect."""
    for place, table in tables(data, "provider", PAYCONNECT):
        if data.get("environment") == "production":
            yield from _unconfirmed(place, table)
        yield from _double_words(place, table)


def _unconfirmed(place: Place, table: Data) -> Iterator[Finding]:
    """All that is missing is told at once, and whom to ask."""
    given = table.get("confirmed_assumptions", [])
    missing = [one for one in QUESTIONS if isinstance(given, list) and one not in given]
    if missing:
        text = N_("PayConnect has not documented these, and real money must not rest on a guess: {questions}.")
        hint = N_("Ask PayConnect's support in writing, put the answers into this table, and name here what they have confirmed.")
        example = ", ".join(f'"{one}"' for one in QUESTIONS)
        key = (*place, "confirmed_assumptions")
        yield Finding(key, message(text, questions=_listed(missing)), message(hint), f"confirmed_assumptions = [{example}]")


def _listed(names: list[str]) -> Message:
    """The questions, one after another."""
    first, *others = (message(N_("{name} ({question})"), name=name, question=message(QUESTIONS[name])) for name in names)
    for other in others:
        first = message(N_("{first}; {second}"), first=first, second=other)
    return first


def _double_words(place: Place, table: Data) -> Iterator[Finding]:
    """A status word must have one meaning."""
    seen: dict[str, str] = {}
    for key in _WORDS:
        words = table.get(key, PayConnect.model_fields[key].default)
        for word in words if isinstance(words, list | tuple) else ():
            if isinstance(word, str) and seen.setdefault(word, key) != key:
                text = N_("The word {word} stands in {other} already: it can have one meaning only.")
                yield Finding((*place, key), message(text, word=word, other=seen[word]))
