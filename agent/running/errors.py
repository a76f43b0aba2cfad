"""Why the daemon cannot work as it is configured."""

from agent.texts import Message


class CannotStart(Exception):
    """The agent cannot work as it is configured; a technician must act (exit status 78). ``text`` says what to do."""

    def __init__(self, text: Message) -> None:
        super().__init__(str(text))
        self.text = text
