"""The script played to a person: one question after another, and back again. It neither prints nor reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.ops.setup.question import Kind, Question, Value
from agent.ops.setup.script import Known, play
from agent.settings.places import Place


class Unanswered(Exception):
    """The play has come to a question that nobody has answered yet."""

    def __init__(self, question: Question) -> None:
        super().__init__(str(question.text))
        self.question = question


class Interview:
    """What has been answered so far, in the order of asking. An answer that was taken back is offered again."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._given: dict[Place, Value] = {}
        self._taken_back: dict[Place, Value] = {}

    @property
    def question(self) -> Question | None:
        """The one that is to be answered now; None when all are."""
        try:
            play(self._answer, self._known)
        except Unanswered as pause:
            return pause.question
        return None

    @property
    def answers(self) -> Mapping[Place, Value]:
        """What was given, by the places of the questions."""
        return self._given

    def give(self, question: Question, value: Value) -> None:
        """Answer it. What is right or wrong about the answer others judge before."""
        self._given[question.place] = value
        self._taken_back.pop(question.place, None)

    def back(self) -> bool:
        """Take the last answer back; False if there is none."""
        if not self._given:
            return False
        place, value = self._given.popitem()
        self._taken_back[place] = value
        return True

    def back_to(self, place: Place) -> None:
        """Take answers back until this one is asked for again."""
        while place in self._given:
            self.back()

    def _answer(self, question: Question) -> Value:
        if question.place in self._given:
            return self._given[question.place]
        offered: Any = self._taken_back.get(question.place)
        raise Unanswered(_with_default(question, offered) if offered is not None else question)


def _with_default(question: Question, value: Value) -> Question:
    """Secrets are typed again: nothing stands for them on the screen."""
    return question if question.kind is Kind.SECRET else replace(question, default=value)
