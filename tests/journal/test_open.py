"""Goal: the journal opens only where and how it is safe, and says what to do otherwise. Method: real files, locks and libraries; texts
of mount tables and version numbers where the machine has only one of them."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.ports import JournalError, Query
from agent.edges.journal import (
    JournalDamaged,
    JournalFromFuture,
    JournalLocked,
    JournalPlaceRefused,
    JournalUnusable,
    NotAJournal,
    SqliteJournal,
    SqliteUnfit,
    connect,
    place,
    rows,
    schema,
)
from agent.edges.journal.lock import FileLock
from agent.edges.journal.schema import CURRENT, Migration, Plan
from tests.journal.support import NOW, opened, run_python, sale_id, step

# --- the place ---

MOUNTS = r"""27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
25 24 0:23 / /dev/shm rw,relatime shared:3 master:2 - tmpfs tmpfs rw
40 27 8:1 / /data rw - xfs /dev/sda1 rw
41 27 0:40 / /data/over\040lay rw - overlay overlay rw
42 27 0:41 / /usb rw - fuseblk /dev/sdb1 rw
43 27 0:42 / /net rw - nfs4 server:/ rw
44 27 0:43 / /net rw - ext4 /dev/sdc rw
broken line
45 27 0:44 / /broken
"""


@pytest.mark.parametrize(
    ("path", "kind", "volatile"),
    [
        ("/var/lib/koshelek-agent", "ext4", False),
        ("/", "ext4", False),
        ("/dev/shm", "tmpfs", True),
        ("/dev/shm/deep/er", "tmpfs", True),
        ("/dev/shmoo", "ext4", False),
        ("/data/x", "xfs", False),
        ("/data/over lay/x", "overlay", True),
        ("/usb/x", "fuseblk", True),
        ("/net/x", "ext4", False),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str, volatile: bool) -> None:
    """The longest mount point wins, the later of two on one point covers the earlier, escapes are read, other lines are ignored."""
    mount = place.mount_of(path, MOUNTS)
    assert (mount.type, mount.volatile) == (kind, volatile)


def test_an_unknown_mount_table_is_not_refused() -> None:
    """Without any line nothing is known, and nothing is claimed."""
    assert not place.mount_of("/x", "").volatile


async def test_a_volatile_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On tmpfs the journal is refused, naming the mount and what to do, unless it is allowed."""
    mounts = tmp_path / "mounts"
    mounts.write_text("1 1 0:1 / / rw - tmpfs tmpfs rw\n")
    monkeypatch.setattr(place, "MOUNT_INFO", mounts)
    with pytest.raises(JournalPlaceRefused, match="type tmpfs"):
        await SqliteJournal.open(tmp_path / "journal.db")
    assert not (tmp_path / "journal.db").exists()
    await (await opened(tmp_path / "journal.db")).close()


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_the_files_are_private(tmp_path: Path) -> None:
    """All files of the journal are readable by their owner alone, whatever the umask."""
    path, old = tmp_path / "journal.db", os.umask(0)
    try:
        async with await opened(path) as journal:
            await journal.append(step(sale_id(1)))
            names = ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock")
            assert modes_in(tmp_path) == dict.fromkeys(names, 0o600)
    finally:
        os.umask(old)


def link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def log_link(path: Path) -> None:
    path.with_name("journal.db-wal").symlink_to(path.with_name("elsewhere"))


def socket_in_place(path: Path) -> None:
    os.mkfifo(path)


def socket_beside(path: Path) -> None:
    os.mkfifo(path.with_name("journal.db-wal"))


def headless(path: Path) -> None:
    """Somebody moved the file away under a working agent, which was killed then."""
    log = path.with_name("journal.db-wal")
    log.write_bytes(b"the newest records")
    log.chmod(0o600)


def lock_link(path: Path) -> None:
    path.with_name("journal.db.lock").symlink_to(path.with_name("elsewhere"))


def readable(path: Path) -> None:
    path.touch(0o644)
    path.chmod(0o644)


def name_taken(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def directory_readable(path: Path) -> None:
    path.parent.chmod(0o755)


def no_directory(path: Path) -> None:
    path.parent.rmdir()


def file_as_directory(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (link, r'is a link to \S*/elsewhere\. .*path = "\S*/elsewhere"\. Remove neither'),
        (log_link, "is a link to .*put this one back"),
        (socket_in_place, "is no regular file. Name another"),
        (socket_beside, "-wal is no regular file, .*Move this one"),
        (headless, "is gone or empty, and .*-wal .*Put the file back"),
        (lock_link, "lock file"),
        (readable, "chmod 0600"),
        (directory_readable, "chmod 0700"),
        (no_directory, "install -d"),
        (file_as_directory, "not a directory"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_unsafe_place_is_refused(tmp_path: Path, prepare: Callable[[Path], None], says: str) -> None:
    """Links and rights for others are refused with the command that mends them."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    prepare(folder / "journal.db")
    with pytest.raises(JournalPlaceRefused, match=says):
        await opened(folder / "journal.db")


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The directory passed and the file cannot be made in it all the same: what the system says, and no traceback."""
    name_taken(tmp_path / "journal.db")
    with pytest.raises(JournalPlaceRefused, match="cannot be made"):
        place.create(tmp_path / "journal.db")


async def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's user must own directory and file."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(JournalPlaceRefused, match="chown 4711"):
        await opened(tmp_path / "journal.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_root_is_not_told_to_take_the_services_files(tmp_path: Path) -> None:
    """A start by hand, as root, of what is the service's: it is told to start the service, and nothing is made over to root."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65_534, -1)
    with pytest.raises(JournalPlaceRefused, match=r"belongs to user nobody .*systemctl start.*runuser -u nobody") as refused:
        await opened(folder / "journal.db")
    assert "chown" not in str(refused.value)


async def test_what_an_agent_left_of_a_journal_is_not_thrown_away(tmp_path: Path) -> None:
    """The file was moved away under the agent, which died: its log stays as it is, and with the file back every sale is there."""
    journal = await opened(tmp_path / "journal.db")
    await journal.append(step(sale_id(1)))
    for name in ("journal.db", "journal.db-wal"):  # as they lie on the disk after a death
        (tmp_path / f"{name}.left").write_bytes((tmp_path / name).read_bytes())
    await journal.close()
    assert not (tmp_path / "journal.db-wal").exists()
    (tmp_path / "journal.db-wal.left").rename(tmp_path / "journal.db-wal")
    (tmp_path / "journal.db-wal").chmod(0o600)
    (tmp_path / "journal.db").unlink()
    with pytest.raises(JournalPlaceRefused, match="Put the file back"):
        await opened(tmp_path / "journal.db")
    (tmp_path / "journal.db.left").rename(tmp_path / "journal.db")
    (tmp_path / "journal.db").chmod(0o600)
    journal = await opened(tmp_path / "journal.db")
    assert await journal.stream(sale_id(1)) is not None
    await journal.close()


# --- the lock ---


def test_a_lock_is_released_once(tmp_path: Path) -> None:
    """A second release does nothing, also when its descriptor has a new owner."""
    lock = FileLock(tmp_path / "x")
    lock.release()
    other = os.open(tmp_path / "x.lock", os.O_RDONLY)
    lock.release()
    os.close(other)


async def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    """The second one learns the process id of the first; when that has closed, it may open."""
    path = tmp_path / "journal.db"
    async with await opened(path):
        with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
            await opened(path)
        program = "import asyncio,sys\nfrom pathlib import Path\nfrom agent.edges.journal import SqliteJournal\n"
        program += "asyncio.run(SqliteJournal.open(Path(sys.argv[1]), allow_volatile=True))"
        other = run_python(program, path)
        assert "JournalLocked" in other.stderr
        assert str(os.getpid()) in other.stderr
    async with await opened(path):
        pass


# --- SQLite ---


def test_an_old_sqlite_is_refused() -> None:
    """Below 3.37 there are no STRICT tables."""
    with pytest.raises(SqliteUnfit, match=r"3\.36\.0 is too old"):
        connect.check_version((3, 36, 0))
    connect.check_version((3, 37, 0))


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), True),
        ((3, 53, 0), False),
    ],
)
def test_the_wal_reset_bug_by_version(version: tuple[int, int, int], bug: bool) -> None:
    """Known versions with and without the fix."""
    assert connect.has_wal_reset_bug(version) is bug


async def test_the_journal_tells_of_the_bug(tmp_path: Path) -> None:
    """The property speaks of the library that is loaded."""
    async with await opened(tmp_path / "journal.db") as journal:
        assert journal.wal_reset_bug is connect.has_wal_reset_bug(sqlite3.sqlite_version_info)


def test_every_setting_is_read_back(tmp_path: Path) -> None:
    """A library that does not keep a setting is refused; the settings that matter are all there."""
    connection = sqlite3.connect(tmp_path / "x.db")
    connect.configure(connection, connect.WRITER_SETTINGS)
    with pytest.raises(SqliteUnfit, match="synchronous=OFF"):
        connect.configure(connection, [("synchronous", "OFF", frozenset({2}))])
    with pytest.raises(SqliteUnfit, match="None"):
        connect.configure(connection, [("no_such_pragma", "1", frozenset({1}))])
    connection.close()
    settings = {name: value for name, value, _ in connect.WRITER_SETTINGS}
    assert settings["synchronous"] == "FULL"
    assert settings["wal_autocheckpoint"] == "0"


def test_the_columns_of_a_sale_are_the_fields_of_a_row() -> None:
    """The schema and the program agree on what a row is."""
    model = sqlite3.connect(":memory:")
    model.executescript(CURRENT.schema)
    columns = tuple(name for (name,) in model.execute("SELECT name FROM pragma_table_info('sale')"))
    model.close()
    assert columns == ("id", *rows.COLUMNS, "hash")


# --- versions and migrations ---

EXTRA = "CREATE TABLE extra (name TEXT NOT NULL) STRICT;\nCREATE INDEX extra_name ON extra (name);\n"
GROWN = CURRENT.schema.replace("CREATE INDEX sale_order_id", f"{EXTRA}CREATE INDEX sale_order_id")
SECOND = Migration(2, "CREATE TABLE extra (name TEXT NOT NULL) STRICT;")
THIRD = Migration(3, "CREATE INDEX extra_name\n    ON extra (name); -- as in the schema")
NEXT = Plan(GROWN, (SECOND, THIRD))


async def test_an_older_file_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    """Old file + migrations == schema; the sales are there, and so is a copy of the old file, without its secrets, that opens."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1), put={"token": "MARK-SECRET"}))
    async with await opened(path, plan=NEXT) as journal:
        assert len(await journal.find(Query())) == 1
        assert await journal.secrets(sale_id(1)) == {"token": "MARK-SECRET"}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert schema.spelling(connection) == schema.expected(NEXT)
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    copy = tmp_path / "journal.db.before-version-3"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert b"MARK-SECRET" not in copy.read_bytes()
    async with await opened(copy) as journal:
        assert len(await journal.stream(sale_id(1)) or ()) == 1
        assert await journal.secrets(sale_id(1)) == {}


async def test_a_failed_migration_leaves_the_old_file(tmp_path: Path) -> None:
    """The second of two migrations fails: the first stays with its number, nothing of the second, and the next try goes on from there."""
    path = tmp_path / "journal.db"
    await (await opened(path)).close()
    broken = Plan(GROWN, (SECOND, Migration(3, "CREATE TABLE half (a); SELECT a FROM nowhere;")))
    with pytest.raises(JournalError, match="nowhere"):
        await opened(path, plan=broken)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)
    await (await opened(path, plan=NEXT)).close()
    with pytest.raises(JournalError, match="syntax"):
        await opened(tmp_path / "other.db", plan=Plan("CREATE TABLE;"))


async def test_a_file_from_the_future_is_refused(tmp_path: Path) -> None:
    """An older agent explains itself and does not touch the file."""
    path = tmp_path / "journal.db"
    await (await opened(path, plan=NEXT)).close()
    before = path.read_bytes()
    with pytest.raises(JournalFromFuture, match="newer agent"):
        await opened(path)
    assert path.read_bytes() == before


async def test_a_migration_that_misses_the_schema_is_refused(tmp_path: Path) -> None:
    """What the migrations made is compared with the schema."""
    path = tmp_path / "journal.db"
    await (await opened(path)).close()
    with pytest.raises(JournalDamaged, match="tables"):
        await opened(path, plan=Plan(GROWN, (SECOND,)))


def test_migrations_are_numbered_without_gaps() -> None:
    """A plan with a hole cannot even be made."""
    with pytest.raises(AssertionError):
        Plan(GROWN, (THIRD,))


@pytest.mark.parametrize("content", [b"a text file that is long enough to be taken for a database" * 100, None])
async def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Neither a text nor another program's database is touched."""
    path = tmp_path / "journal.db"
    if content is None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript("CREATE TABLE accounts (a); PRAGMA user_version=1;")
    else:
        path.write_bytes(content)
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(NotAJournal, match="heck the"):
        await opened(path)
    assert path.read_bytes() == before


async def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    """Half a file is refused as a whole."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
    path.write_bytes(path.read_bytes()[: 4096 * 6])
    with pytest.raises(JournalDamaged, match="estore a backup"):
        await opened(path)


async def test_a_start_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    """An empty file, and one with tables but without its key, become a journal."""
    path = tmp_path / "journal.db"
    path.touch(0o600)
    path.chmod(0o600)
    await (await opened(path)).close()
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.executescript(f"PRAGMA application_id={schema.APPLICATION_ID}; {CURRENT.schema}; PRAGMA user_version=1;")
    other.chmod(0o600)
    async with await opened(other) as journal:
        assert len(journal.digest_key) == 32


async def test_the_digest_key_stays(tmp_path: Path) -> None:
    """Random at the first start, the same ever after."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        key = journal.digest_key
    async with await opened(path) as journal:
        assert journal.digest_key == key
    async with await opened(tmp_path / "other.db", entropy=lambda count: b"7" * count) as other:
        assert other.digest_key == b"7" * 32 != key


async def test_a_place_that_cannot_be_opened(tmp_path: Path) -> None:
    """SQLite cannot open its files: an error that names the file, and no thread left behind."""
    path = tmp_path / "nowhere" / "journal.db"
    with pytest.raises(JournalError, match=r"journal\.db"):
        await connect.connect(f"{connect.file_uri(path)}?mode=rw", path, connect.WriterConnection, lambda _: 1)


def test_start_errors_have_one_root() -> None:
    """Whoever starts the agent catches one class and prints its text."""
    for error in (JournalLocked, JournalPlaceRefused, SqliteUnfit, JournalFromFuture, NotAJournal, JournalDamaged):
        assert issubclass(error, JournalUnusable)
        assert issubclass(error, JournalError)
    assert NOW.tzinfo is not None
