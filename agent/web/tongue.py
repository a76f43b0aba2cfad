"""A language to speak on a page: ``tongue("text")`` translates; how money is written comes with it."""

from dataclasses import dataclass

from agent.texts import Translate, translator


@dataclass(frozen=True, slots=True)
class Tongue:
    """``language`` is one of ``agent.texts.LANGUAGES``."""

    language: str

    def __call__(self, msgid: str, **values: object) -> str:
        """The text with its ``{names}`` filled in. The result is text: it is escaped like any other."""
        return self.translate(msgid).format(**values)

    @property
    def translate(self) -> Translate:
        return translator(self.language)

    def roubles(self, kopecks: int) -> str:
        """With thousands set apart: 1 234,50 ₽ or ₽1,234.50. Spaces do not break."""
        whole, part = divmod(abs(kopecks), 100)
        sign = "−" if kopecks < 0 else ""
        if self.language == "ru":
            return f"{sign}{whole:,}".replace(",", "\u00a0") + f",{part:02d}\u00a0₽"
        return f"{sign}₽{whole:,}.{part:02d}"
