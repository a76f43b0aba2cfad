"""A yes or no of the person at the terminal, in any of the languages that are spoken there."""

import click

from agent.cli.common import say
from agent.ops.setup.question import YES
from agent.texts import N_

CHOICE = N_("{question} [y/N]")
AGAIN = N_("Answer yes or no.")


def confirmed(question: str) -> bool:
    """Ask until the answer is a yes or a no; Enter alone is a no. Raises click.Abort at Ctrl-C and at the end of the input."""
    while True:
        text = click.prompt(say(CHOICE).format(question=question), default="", show_default=False, err=True).strip().lower()
        if not text:
            return False
        if text in YES:
            return YES[text]
        click.echo(say(AGAIN), err=True)
