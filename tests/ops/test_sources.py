"""Goal: where the service's passwords come from is looked at as systemd will, and what is wrong there is named with the file that counts.
Method: the unit as the package has it, real files; the checks with the sources that a till has."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agent.ops.doctor import Grade, network, storage
from agent.ops.doctor.sources import Source, exposed, lacking, named_in
from agent.secrets import MAX_SECRET_BYTES
from tests.ops.stage import bad, examined, says
from tests.support.stand import ROOT, Stand
from tests.system import require

UNIT = ROOT / "systemd/koshelek-agent.service"
FOLDER = Path("/etc/koshelek-agent")
PATIENCE_S = 5.0
DROP_IN = (
    "[Service]\nLoadCredential=\nSetCredential=\nLoadCredentialEncrypted=koshelek-password:/etc/koshelek-agent/koshelek-password.cred\n"
)


def test_the_unit_names_the_files() -> None:
    """Those of the package; a drop-in takes them all away and names an encrypted one; what lies with systemd itself has no path."""
    unit = UNIT.read_text()
    assert named_in(unit)["koshelek-password"] == Source("koshelek-password", FOLDER / "koshelek-password")
    assert {one.encrypted for one in named_in(unit).values()} == {False}
    assert named_in(unit + DROP_IN) == {"koshelek-password": Source("koshelek-password", FOLDER / "koshelek-password.cred", True)}
    assert named_in("LoadCredential=somewhere\n") == {}
    assert named_in("  LoadCredential = koshelek-password:/x \n") == {"koshelek-password": Source("koshelek-password", Path("/x"))}


async def test_a_source_that_gives_no_password(tmp_path: Path) -> None:
    """Missing, empty, an empty line; one with a password gives it."""
    source = Source("koshelek-password", tmp_path / "password")
    assert "there is no file" in str(await lacking(source))
    for text in ("", "\n"):
        source.path.write_text(text)
        assert "is empty" in str(await lacking(source))
    source.path.write_text("sandbox\n")
    assert await lacking(source) is None


async def test_a_source_on_a_disk_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    """A pipe to which nobody writes stands for it: whoever waits may stop waiting. Of a long file only the beginning is read."""
    source = Source("koshelek-password", tmp_path / "password")
    os.mkfifo(source.path)
    answering = threading.Timer(PATIENCE_S, lambda: os.close(os.open(source.path, os.O_RDWR)))
    answering.start()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await lacking(source)
    answering.cancel()
    pipe = os.open(source.path, os.O_RDWR)
    try:
        os.write(pipe, b"x" * (3 * MAX_SECRET_BYTES))  # for both who read now; and it has no end
        async with asyncio.timeout(PATIENCE_S):
            assert await lacking(source) is None
    finally:
        os.close(pipe)


@pytest.mark.system
async def test_a_source_that_cannot_be_decrypted(tmp_path: Path) -> None:
    """What systemd itself says of it: a file that no key of this till opens."""
    require("systemd-creds")
    source = Source("koshelek-password", tmp_path / "password.cred", encrypted=True)
    source.path.write_text("bm90IGEgY3JlZGVudGlhbA==\n")
    assert "cannot be decrypted" in str(await lacking(source))


@pytest.mark.system
def test_a_source_that_others_may_use(tmp_path: Path) -> None:
    """By its mode and by its owner; the command mends it."""
    require("root")
    source = Source("koshelek-password", tmp_path / "password")
    assert list(exposed(source)) == []
    source.path.write_text("sandbox")
    source.path.chmod(0o600)
    assert list(exposed(source)) == []
    source.path.chmod(0o666)
    ((what, command),) = exposed(source)
    assert ("mode 0666" in str(what), command) == (True, f"sudo chmod 600 {source.path}")
    assert list(exposed(Source(source.name, source.path, encrypted=True))) != []
    source.path.chmod(0o644)  # as systemd-creds makes it
    assert list(exposed(Source(source.name, source.path, encrypted=True))) == []
    (found,) = storage._source_rights([source])
    says(found, Grade.FAULT, "used by others.*chmod 600", "доступен другим.*chmod 600")


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """A till that works."""
    with Stand() as made:
        yield made


@pytest.fixture
def source(stand: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Source:
    """Its password as a credential: the till is the service's, and its unit names this encrypted file."""
    made = Source("koshelek-password", tmp_path / "password.cred", encrypted=True)

    async def known(case: object) -> Mapping[str, Source]:
        return {"koshelek": made}

    monkeypatch.setattr(network, "_sources", known)
    return made


@pytest.mark.system
def test_a_missing_source_is_a_fault_for_root(stand: Stand, source: Source) -> None:
    """Whatever the running agent still has from before: it is named with what puts the password there."""
    require("root")
    (gone,) = bad(examined(stand.config, "credentials"), "credentials")
    says(
        gone,
        Grade.FAULT,
        f"no password.*no file {source.path}.*systemd-creds encrypt --name=koshelek-password - {source.path}",
        f"не получит пароля.*файла {source.path} нет.*systemd-creds encrypt --name=koshelek-password - {source.path}",
    )


def test_a_wrong_password_is_mended_where_it_is_read(stand: Stand, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit's file and its command, not the plain file that nobody reads."""
    monkeypatch.setattr(network, "by_root", lambda: False)
    password = stand.folder / "password"
    password.write_text("wrong")
    try:
        (found,) = bad(examined(stand.config, "credentials"), "credentials")
        says(found, Grade.FAULT, f"does not let.*{source.path}.*systemd-creds encrypt", f"не пускает.*{source.path}.*systemd-creds encrypt")
    finally:
        password.write_text("sandbox")
