"""The journal: the record of every sale on one SQLite file, written so that neither a power cut nor a changed byte goes unnoticed.

The idea. A till must be able to say, after any crash, what it had promised and what it had asked of the provider. So each step of a sale is
one transaction: its events at the end of the sale's stream, the projection row they lead to, and the secrets it puts or erases.
``append`` returns when the step is on disk, never before; a caller that was not answered does not know, and reads.

One writer. SQLite has one writer at a time, and aiosqlite does not keep the transactions of several coroutines apart. One task therefore
owns the only writing connection; it takes everything that waits, writes it as one transaction with one flush, and answers each caller
(writer, ledger). Reads go through a second connection that cannot write (reader), so a long list never holds up a payment.

Proof. SQLite notices a torn transaction but not a changed byte. Events form a hash chain with anchors, rows and facts carry hashes,
secrets a MAC (chain, verify); every record is proved before it is used. A damaged event costs its own sale; damage of the file as a
whole refuses the start with an instruction (checks, errors).

Forgetting. Events never hold secrets. These lie in a side table of fixed blocks which are overwritten in place (vault): an erased secret
is gone from the file, and with the next emptying of the log from there too.

Failing. A full device refuses a step and nothing else; what is in flight still finds room in a reserve (reserve). The first I/O error
ends the journal for this process: a commit that failed may still have happened, and only a new start can read which.

The place. A local disk, a private directory, no links, one agent at a time (place, lock); settings are read back and compared (connect).
"""

from agent.edges.journal.copying import CannotCopy, Copied, verified
from agent.edges.journal.errors import (
    JournalDamaged,
    JournalFromFuture,
    JournalLocked,
    JournalPlaceRefused,
    JournalUnusable,
    NoJournal,
    NotAJournal,
    SqliteUnfit,
    said,
)
from agent.edges.journal.journal import SqliteJournal
from agent.edges.journal.reader import Reader
from agent.edges.journal.readonly import open_read_only
from agent.edges.journal.reserve import DEFAULT_RESERVE_BYTES, MIN_RESERVE_BYTES, Reserve
from agent.edges.journal.restoring import Restored, restore
from agent.edges.journal.schema import CURRENT, Plan
from agent.edges.journal.verify import Damage, Verification
from agent.edges.journal.writer import Statistics

__all__ = [
    "CURRENT",
    "DEFAULT_RESERVE_BYTES",
    "MIN_RESERVE_BYTES",
    "CannotCopy",
    "Copied",
    "Damage",
    "JournalDamaged",
    "JournalFromFuture",
    "JournalLocked",
    "JournalPlaceRefused",
    "JournalUnusable",
    "NoJournal",
    "NotAJournal",
    "Plan",
    "Reader",
    "Reserve",
    "Restored",
    "SqliteJournal",
    "SqliteUnfit",
    "Statistics",
    "Verification",
    "open_read_only",
    "restore",
    "said",
    "verified",
]
