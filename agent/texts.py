"""Texts for people: written in English in the code, translated by a catalogue, chosen at the moment they are shown.

A text that is made in one place and shown in another (a problem in the configuration, a reason for the cashier) travels as a
``Message``: the English sentence with its values beside it. So one value can be logged in English and shown in Russian. The catalogue is
read as ``.po`` at start, because a compiled ``.mo`` beside it would be a second truth that can be forgotten.
"""

import gettext
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import polib

LANGUAGES = ("ru", "en")
CATALOGUES = Path(__file__).parent / "locale"

Translate = Callable[[str], str]


def N_(msgid: str) -> str:  # noqa: N802 - the name every gettext tool looks for
    """Mark a text for translation without translating it yet."""
    return msgid


@dataclass(frozen=True, slots=True)
class Message:
    """An English sentence with ``{names}`` and their values. A value may be a Message itself."""

    msgid: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, translate: Translate) -> str:
        """The sentence in a language. The values are inserted after translating, so they may hold braces."""
        values = {name: value.text(translate) if isinstance(value, Message) else value for name, value in self.values.items()}
        return translate(self.msgid).format(**values)

    def __str__(self) -> str:
        return self.text(N_)


def message(msgid: str, **values: object) -> Message:
    """Short for ``Message(msgid, values)``; mark the msgid with ``N_`` at the call."""
    return Message(msgid, values)


@lru_cache(maxsize=len(LANGUAGES))
def translator(language: str) -> Translate:
    """The translating function of a language. English, and a language without a catalogue, leave texts as they are."""
    catalogue = CATALOGUES / f"{language}.po"
    if language not in LANGUAGES or not catalogue.is_file():
        return N_
    compiled = polib.pofile(str(catalogue)).to_binary()
    return gettext.GNUTranslations(io.BytesIO(compiled)).gettext
