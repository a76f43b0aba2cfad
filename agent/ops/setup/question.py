"""One question of the setup: where its answer belongs, what may be answered, and what holds if nothing is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent.settings.places import Place
from agent.texts import N_, Message, message

MAX_ANSWER_CHARACTERS = 4096  # longer than any setting: somebody pasted a file

CLEAR = "-"  # takes out an optional answer that stands in the brackets

Value = Any  # str, int, bool or a list of str, by the kind


class Kind(Enum):
    """What an answer is. CHOICE: one of the options; PLACE: one of them, or any other text; SEVERAL: one or more of them; WORDS: any texts;
    SECRET: a text that is never shown, and that may be there already."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    CHOICE = "choice"
    PLACE = "place"
    SEVERAL = "several"
    WORDS = "words"
    SECRET = "secret"  # noqa: S105 - a kind of question


@dataclass(frozen=True, slots=True)
class Option:
    """A possible answer with its meaning."""

    value: str
    label: Message | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """``place``: of the answer, ``("store", 0, "store_id")``. ``default`` None: there is none. ``optional``: nothing is an answer too; of a
    secret: the one that is stored stays."""

    place: Place
    kind: Kind
    text: Message
    help: Message | None = None
    options: Sequence[Option] = ()
    default: Value = None
    optional: bool = False


class NoAnswer(Exception):
    """What was given is no answer to the question; ``problem`` says why."""

    def __init__(self, problem: Message, hint: Message | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.hint = hint


YES: Mapping[str, bool] = {"y": True, "yes": True, "д": True, "да": True, "n": False, "no": False, "н": False, "нет": False}


def typed(question: Question, text: str) -> Value:
    """What a person typed, as a value; None for nothing where that is allowed. Raises NoAnswer."""
    text = text.strip()
    if not text and (question.default is not None or question.optional):
        return question.default
    if text == CLEAR and question.optional:
        return None
    if not text:
        raise NoAnswer(message(N_("An answer is needed here.")))
    if len(text) > MAX_ANSWER_CHARACTERS or not text.isprintable():
        raise NoAnswer(message(N_("This is too long, or holds characters that cannot be shown.")))
    return _read(question, text)


def _read(question: Question, text: str) -> Value:
    match question.kind:
        case Kind.NUMBER:
            if not (text.isascii() and text.isdecimal()):
                raise NoAnswer(message(N_("A whole number is needed here.")))
            return int(_option(question, text))
        case Kind.YES_NO:
            if text.lower() not in YES:
                raise NoAnswer(message(N_("Answer yes or no.")))
            return YES[text.lower()]
        case Kind.CHOICE | Kind.PLACE:
            return checked(question, _option(question, text))
        case Kind.SEVERAL:
            return checked(question, [_option(question, word) for word in _words(text)])
        case Kind.WORDS:
            return _words(text)
        case Kind.TEXT | Kind.SECRET:
            return text


def checked(question: Question, value: object) -> Value:
    """A value, from a file or as typed, if it is of the question's kind. Raises NoAnswer."""
    names = [option.value for option in question.options]
    if question.optional and value in ("", []):
        return None
    match question.kind, value:
        case ((Kind.TEXT | Kind.SECRET | Kind.PLACE), str()) if value.strip():
            return value
        case Kind.NUMBER, int() if not isinstance(value, bool):
            return value
        case Kind.YES_NO, bool():
            return value
        case Kind.CHOICE, str() if value in names:
            return value
        case Kind.SEVERAL, list() if value and all(one in names for one in value):
            return list(dict.fromkeys(value))
        case Kind.WORDS, list() if all(isinstance(one, str) and one for one in value):
            return value
        case _:
            raise NoAnswer(message(N_("This is no answer: {value}."), value=shown(value)), right(question))


def right(question: Question) -> Message:
    """What would be an answer."""
    match question.kind:
        case Kind.CHOICE:
            return message(N_("Right is one of: {options}."), options=_names(question))
        case Kind.SEVERAL:
            return message(N_("Right are one or more of: {options}."), options=_names(question))
        case Kind.NUMBER:
            return message(N_("A whole number is needed here."))
        case Kind.YES_NO:
            return message(N_("Answer yes or no."))
        case Kind.WORDS:
            return message(N_("A list of texts is needed here."))
        case Kind.TEXT | Kind.SECRET | Kind.PLACE:
            return message(N_("A text is needed here."))


def shown(value: object) -> str:
    """A value as a person writes it."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _names(question: Question) -> str:
    return ", ".join(option.value for option in question.options)


def _option(question: Question, text: str) -> str:
    """An option by its number, from 1; other text stays as it is."""
    if text.isdecimal() and 1 <= int(text) <= len(question.options):
        return question.options[int(text) - 1].value
    return text


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]
