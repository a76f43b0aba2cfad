"""Reading beside the daemon: what it is asked for, or, when it does not answer, read from its journal's file."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent.cli.common import Context, Exit, say
from agent.core.ports import JournalError
from agent.edges.journal import Reader, open_read_only, said
from agent.texts import N_
from drivers.client import CallFailed, Client, Unreachable

T = TypeVar("T")

NO_FILE = N_("no daemon answers, and its journal cannot be read: {problem}")


def ask_or_read(context: Context, ask: Callable[[Client], Awaitable[T]], read: Callable[[Reader], Awaitable[T]]) -> T:
    """Ask the daemon; if none answers, read its file."""

    async def talk() -> T:
        async with await Client.connect(context.socket()) as client:
            return await ask(client)

    async def look() -> T:
        journal = await open_read_only(context.settings().journal_path())
        try:
            return await read(journal)
        finally:
            await journal.close()

    try:
        return asyncio.run(talk())
    except CallFailed as error:
        context.refused(error)
    except Unreachable as unreachable:
        if context.socket_path:
            context.fail(Exit.UNREACHABLE, "UNREACHABLE", context.gone(unreachable))
    try:
        return asyncio.run(look())
    except (JournalError, OSError) as error:
        problem = said(error).text(say) if isinstance(error, JournalError) else error
        context.fail(Exit.UNREACHABLE, "UNREACHABLE", say(NO_FILE).format(problem=problem))
