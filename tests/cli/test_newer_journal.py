"""Goal: an agent that is older than its journal stays down and says why. Method: the real command over a journal marked as a later one."""

import sqlite3
from contextlib import closing

from agent.cli.common import Exit
from agent.edges.journal import CURRENT
from tests.support.stand import Plan, Stand


def test_a_journal_of_a_newer_agent_ends_the_start_with_78() -> None:
    """systemd does not start it again, for no start would help; the text is in the language of the configuration and says what to do. The
    journal is not touched: with its own version again, the agent starts."""
    with Stand(Plan(language="ru")) as stand:
        stand.stop()
        mark(stand, CURRENT.version + 1)
        before = stand.journal.read_bytes()
        ran = stand.cli("run")
        assert ran.returncode == Exit.CONFIGURATION
        assert "более новым агентом" in ran.stderr
        assert str(stand.journal) in ran.stderr
        assert stand.journal.read_bytes() == before
        mark(stand, CURRENT.version)
        stand.start()


def mark(stand: Stand, version: int) -> None:
    with closing(sqlite3.connect(stand.journal)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
