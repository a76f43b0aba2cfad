"""Goal: support gets what it asks for in one archive, from a till on which much is broken too, and no secret leaves the shop with it.

Method: secrets of every kind that can be recognised anywhere are planted in the configuration, its files, the journal and the log of a real
till; the command is run as a technician runs it; then every byte of the archive is searched for them, spelt in every way.
"""

import asyncio
import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli.bundling import _print as told_to_a_person
from agent.core import events
from agent.core.answer import CUSTOMER
from agent.core.model import LinkMethod, PaymentLink, SaleId, Stamp
from agent.edges.journal import SqliteJournal, open_read_only
from agent.engine.steward import first_step
from agent.ops.bundle import archive, logs
from agent.ops.bundle.archive import MAX_PART_BYTES, Part, make
from agent.ops.bundle.configuration import shown
from agent.ops.bundle.logs import MAX_BYTES, of_file, of_unit
from agent.ops.bundle.scrub import Scrubber
from agent.secrets import STARS
from tests.core.samples import ACCEPTED, SENT
from tests.support.stand import STORE, TERMINAL, Line, Plan, Port, Stand
from tests.test_canary import forms

PARTS = {"versions.json", "machine.json", "configuration.json", "status.json", "doctor.json", "events.jsonl", "log.txt", "service.txt"}
SALE = SaleId(STORE, TERMINAL, "planted-1")

# Secrets that the machine can name: in files that the configuration names, and in the journal.
PASSWORD, API_KEY, HOOK_SECRET, LISTENER_TOKEN = "cAnArY-password+1/", "cAnArY-api-key-2", "cAnArY-hook-3==", "cAnArY-listener-token-4"
KEPT: Mapping[str, str] = {
    "cardSession": "cAnArY5cardSession",
    "token": "cAnArY6/token==",
    "barcode": "4601234567890",
    "loyaltyId": "2912345678901234",
    **{name: f"cAnArY7 {name}" for name in CUSTOMER},
    "customer.phone": "+79161234567",
    "customer.email": "ivan.canary@example.org",
    "recipient.card": "4276380012345678",
    "recipient.phone": "89031234567",
    "recipient.name": "cAnArY8 Иван Кошкин",
}
LINK, LINK_FIELD = "https://pay.example/l/cAnArY9link", "cAnArY10field"
KNOWN = [PASSWORD, API_KEY, HOOK_SECRET, LISTENER_TOKEN, *KEPT.values(), LINK, LINK_FIELD]

# Secrets that nobody but the log, or a technician's mistake in the configuration, has ever heard of: they go by their name or their looks.
GONE = {
    "one-time password": "cAnArY20otp",
    "old password": "cAnArY21old",
    "phone": "+7 (921) 765-43-21",
    "phone without plus": "8 (921) 765-43-22",
    "phone digits": "79217654323",
    "card": "5469 3800 1234 5679",
    "bar code": "4609876543210",
    "e-mail": "petr@canary.example",
    "link": "https://qr.example/AD10cAnArY22?x=1",
    "comment": "cAnArY23comment",
    "unknown setting": "cAnArY24unknown",
    "helper argument": "cAnArY25argument",
    "buyer": "cAnArY26buyer",
    "Russian": "cAnArY27парольный",
    "recipient": "cAnArY28recipient",
    "URL login": "cAnArY29login",
    "phone of ten digits": "9991234567",
    "phone with dots": "+7.999.123.45.68",
    "phone with brackets": "7(999)1234569",
    "phone in brackets": "(999) 123-45-60",
    "card with dots": "4111.1111.1111.1111",
    "card behind a colon": "5555555555554444",
    "recipient alone": "cAnArY30alone",
    "customer alone": "cAnArY31alone",
    "customer's number": "cAnArY32number",
    "fio": "cAnArY33fio",
    "ФИО": "cAnArY34ФИО",
    "passport": "4510 123456",
    "passport of a key": "4511 123457",
    "escaped link": r"https:\/\/qr.nspk.ru\/AS10cAnArY35",
    "path of an escaped link": "AS10cAnArY35",
    "bare link": "qr.nspk.ru/AS10cAnArY36",
    "quoted link": "AS10cAnArY37",
    "key of a provider": "sk_live_cAnArY38",
    "token for a key": "Zx81kslQpw09cAnArY39",
    "phone for an order": "+79991234561",
    "card for an id": "4276380012345679",
    "e-mail for a key": "anna@canary.example",
    "cut object": "cAnArY40cut",
}
OTP = GONE["one-time password"]
LOG = f"""
2026-11-23T06:00:00+03:00 kassa systemd[1]: Started koshelek-agent.service.
2026-11-23T06:00:01+03:00 kassa koshelek-agent[7]: {{"event": "sale.paid", "sale": "S12/till-03/20260131034500017", "otp": "{OTP}"}}
{{"event": "x", "text": "one-time password: {GONE["one-time password"]}", "recipient.card": "{GONE["recipient"]}", "level": "info"}}
{{"event": "x", "text": "call {GONE["phone"]} or {GONE["phone without plus"]} or {GONE["phone digits"]}, card {GONE["card"]}"}}
{{"event": "x", "deep": [{{"apiKey": "{GONE["old password"]}", "customer": {{"firstName": "{GONE["buyer"]}"}}}}]}}
customer.name={GONE["buyer"]} recipient_name: {GONE["recipient"]}, old password={GONE["old password"]}
пароль: {GONE["Russian"]}; покупатель — {GONE["buyer"]}
code {GONE["bar code"]} of {GONE["e-mail"]} at {GONE["link"]} and https://{GONE["URL login"]}:x@host/path
{{"cut json": "{GONE["bar code"]}", "password": "{GONE["old password"]}
call {GONE["phone of ten digits"]}, {GONE["phone with dots"]}, {GONE["phone with brackets"]} or {GONE["phone in brackets"]}
card {GONE["card with dots"]}, карта:{GONE["card behind a colon"]}, паспорт {GONE["passport"]}, ФИО {GONE["ФИО"]}
{{"event": "x", "recipient": "{GONE["recipient alone"]}", "customer": {{"n": "{GONE["customer alone"]}"}}, "fio": "{GONE["fio"]}"}}
{{"event": "x", "ФИО": "{GONE["ФИО"]}", "паспорт": "{GONE["passport of a key"]}", "buyer": ["{GONE["customer's number"]}"]}}
{{"event": "x", "key": "{GONE["key of a provider"]}", "order": "{GONE["phone for an order"]}", "id": "{GONE["card for an id"]}"}}
{{"event": "x", "deep": {{"key": "{GONE["token for a key"]}"}}, "orderId": "{GONE["e-mail for a key"]}", "order": "20260131034500018"}}
{{"event": "x", "link_is": "{GONE["escaped link"]}", "more": "{GONE["bare link"]}"}}
said {GONE["escaped link"]} and {GONE["bare link"]}; https%3A%2F%2Fqr.nspk.ru%2F{GONE["quoted link"]}
body={{\\"recipient\\": \\"{GONE["recipient alone"]}\\", "customer": {{"n": "{GONE["cut object"]}"
""" + "\n".join(f"said {one} {json.dumps(one)} {form.decode(errors='replace')}" for one in KNOWN for form in forms(one).values())


def planted(text: str, folder: Path) -> str:
    """The configuration with every mistake of a technician in it."""
    mistakes = f'login = "sandbox"\n# the old one was {GONE["comment"]}\npasword = "{GONE["unknown setting"]}"'
    more = f"""
[helper]
command = ["/bin/true", "--otp", "{GONE["helper argument"]}"]
[webhooks]
port = 1
[webhooks.koshelek]
login = "l"
secret_files = ["{folder / "hook"}"]
[provider.paycore]
login = "coma_x"
password_file = "{folder / "key"}"
[provider.softline]
login = "x"
password_file = "{folder / "password"}"
[provider.softline.customer]
email = "{GONE["buyer"]}@x"
"""
    return text.replace('login = "sandbox"', mistakes, 1) + more


async def plant(stand: Stand) -> None:
    """A sale in the journal that still needs every secret, and had a payment link."""
    link = PaymentLink(LINK, LinkMethod.POST, (("session", LINK_FIELD),))
    now = Stamp(datetime.now(UTC) - timedelta(hours=1), "boot", 1)
    lost = events.AttemptLost("checkout", "r1", f"the proxy said: {GONE['phone']}, token={GONE['old password']}")
    step, _ = first_step(SALE, [ACCEPTED, SENT, lost, events.TransactionKnown("tx-1", link)], now, KEPT)
    async with await SqliteJournal.open(stand.journal, allow_volatile=True) as journal:
        await journal.append(step)
    assert (await _kept(stand.journal)).keys() == KEPT.keys(), "the plant: they are in the vault"


async def _kept(path: Path) -> Mapping[str, str]:
    async with await open_read_only(path) as journal:
        return await journal.secrets(SALE)


def bundle(stand: Stand, *arguments: str, config: Path | None = None) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of an archive, by name, and what the command said."""
    target = stand.folder / "bundle.tar.gz"
    target.unlink(missing_ok=True)
    done = stand.cli("bundle", str(target), *arguments, "--json", config=config)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as tar:
        found = {Path(one.name).name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]  # all are files
        assert len({Path(one.name).parent for one in tar}) == 1, "one folder"
    answer: dict[str, Any] = json.loads(done.stdout)
    return found, answer


async def test_no_secret_is_in_the_archive_and_everything_else_is() -> None:
    """Beside a running daemon every part is there with its hash; with the daemon down, and secrets of every kind planted in configuration,
    files, journal and log, none is in any file of the archive, however it is spelt, while ids, states and paths are."""
    plan = Plan(ports=(Port("web", "tcp"),), lines=(Line("line"),))
    with Stand(plan) as stand:
        item = {"name": "Молоко canary-goods", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
        invoice = {"orderId": "20260131034500017", "totalAmount": 9000, "items": [item]}
        bill: dict[str, Any] = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": "FAST01", "token": "t-1"}
        sold = stand.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key="20260131034500017", wait=15, **bill)
        found, answer = bundle(stand, "--log", str(stand.log))
        _check_whole(found, answer, sold)
        stand.stop()
        await plant(stand)
        for name, secret in (("password", PASSWORD), ("key", API_KEY), ("hook", HOOK_SECRET), ("web.token", LISTENER_TOKEN)):
            (stand.folder / name).write_text(secret)
        (stand.folder / "key").chmod(0o644)  # the agent would refuse it; the archive must know it all the same
        stand.config.write_text(planted(stand.config.read_text(), stand.folder))
        stand.log.write_text(LOG)
        found, answer = bundle(stand, "--log", str(stand.log))
        problems = {one["name"] for one in answer["parts"] if one["problem"]}
        assert "status.json" in problems
        assert problems <= {"status.json", "service.txt"}
        _check_clean(found)


def _check_whole(found: Mapping[str, bytes], answer: Mapping[str, Any], sold: Mapping[str, Any]) -> None:
    manifest = json.loads(found["manifest.json"])
    assert {one["name"] for one in answer["parts"]} == PARTS
    plain = [{name: value for name, value in one.items() if name != "problem" or value} for one in answer["parts"]]
    assert manifest["parts"] == plain
    for one in manifest["parts"]:
        if one["sha256"] is not None:
            data = found[one["name"]]
            assert (one["bytes"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert set(found) >= (PARTS | {"manifest.json"}) - {"service.txt"}, "only systemd may be missing here"
    story = json.loads(found["events.jsonl"].splitlines()[0])
    assert story["sale"] == f"{STORE}/{TERMINAL}/20260131034500017"
    assert [one["event"] for one in story["events"]][:1] == ["accepted"]
    assert sold["transactionId"] in found["events.jsonl"].decode()
    assert b"canary-goods" not in b"".join(found.values()), "no bills"
    assert json.loads(found["status.json"])["ready"] is True
    doctor = json.loads(found["doctor.json"])
    assert set(doctor["findings"]) == {"en", "ru"}
    assert {one["check"] for one in doctor["findings"]["en"]} == {one["check"] for one in doctor["findings"]["ru"]} != set()
    assert json.loads(found["versions.json"])["agent"] == "0.1.0"
    assert json.loads(found["configuration.json"])["terminal"] == [{"store_id": STORE, "terminal_id": TERMINAL}]
    assert b'"event": "sale.paid"' in found["log.txt"]


def _check_clean(found: Mapping[str, bytes]) -> None:
    digests = {"SHA-256", "SHA-1", "MD5", "reversed", "UTF-16"}  # nobody writes these down; the planted log holds them all the same
    leaks = [
        f"{secret!r} stands in {place} ({spelling})"
        for secret in (*KNOWN, *GONE.values())
        for spelling, pattern in forms(secret).items()
        for place, content in found.items()
        if spelling not in digests and pattern in content
    ]
    assert leaks == []
    configuration = json.loads(found["configuration.json"])
    assert configuration["provider"]["koshelek"]["pasword"] == STARS
    assert configuration["provider"]["softline"]["customer"] == {"email": STARS}
    assert configuration["helper"]["command"] == ["/bin/true", STARS, STARS]
    assert configuration["provider"]["paycore"]["password_file"].endswith("/key"), "a place is no secret"
    assert b"S12/till-03/20260131034500017" in found["log.txt"], "ids stay"
    assert b'"order": "20260131034500018"' in found["log.txt"], "an order's number is not a telephone's"
    assert b"Started koshelek-agent.service" in found["log.txt"]
    stories = [json.loads(line) for line in found["events.jsonl"].splitlines()]
    (planted,) = [one for one in stories if one["sale"] == str(SALE)]
    assert f"the proxy said: {STARS}, token={STARS}" in json.dumps(planted)


async def test_a_pipe_stops_no_archive(tmp_path: Path) -> None:
    """For a password's file, and for the log: nobody writes into it, and the archive is made all the same, at once. A link instead of a
    log is refused, wherever it leads."""
    with Stand() as stand:
        stand.stop()
        pipe, link, victim = tmp_path / "pipe", tmp_path / "link.log", tmp_path / "victim"
        os.mkfifo(pipe)
        victim.write_text("root:canary-of-another-file:1\n")
        link.symlink_to(victim)
        (stand.folder / "password").unlink()
        os.mkfifo(stand.folder / "password")
        for log, problem in ((pipe, "not a regular file"), (link, "symbolic links")):
            found, answer = bundle(stand, "--log", str(log))
            told = {one["name"]: one["problem"] for one in answer["parts"]}
            assert problem in told["log.txt"]
            assert told["configuration.json"] is None
            assert b"canary-of" not in b"".join(found.values())


async def test_of_a_cut_journal_the_first_line_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the name of a secret was cut off, its rest is not in the archive either."""
    program = tmp_path / "journalctl"
    program.write_text("#!/bin/sh\necho password: cAnArY-rest-of-it\necho second line\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert await of_unit() == b"password: cAnArY-rest-of-it\nsecond line\n"
    monkeypatch.setattr(logs, "MAX_BYTES", 24)
    assert await of_unit() == b"second line\n"


async def test_an_archive_is_made_where_everything_is_broken(tmp_path: Path) -> None:
    """A configuration that is no TOML, with a password on the broken line, no journal, no daemon: each part says what is wrong, none says
    more; nothing is overwritten."""
    config = tmp_path / "koshelek-agent.toml"
    config.write_text('environment = "test\npassword = "cAnArY-broken"\n')
    stand = Stand()
    try:
        found, answer = bundle(stand, "--log", str(config), config=config)
        problems = {one["name"]: one["problem"] for one in answer["parts"]}
        assert "line 1" in problems["configuration.json"]
        assert problems["events.jsonl"]
        assert problems["status.json"]
        assert problems["versions.json"] is problems["machine.json"] is problems["log.txt"] is None
        assert b"cAnArY" not in b"".join(found.values())
        again = stand.cli("bundle", str(stand.folder / "bundle.tar.gz"), config=config)
        assert (again.returncode, "exist" in again.stderr.lower()) == (2, True)
        nowhere = stand.cli("bundle", str(stand.folder / "none" / "bundle.tar.gz"), config=config)
        assert (nowhere.returncode, "No such file" in nowhere.stderr) == (2, True)
    finally:
        stand.close()


def test_a_person_is_told_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the archive is, how large, what is in it, and why a part is not."""
    parts = [{"name": "log.txt", "bytes": 0, "problem": "there is no journalctl"}, {"name": "doctor.json", "bytes": 7, "problem": None}]
    told_to_a_person({"file": "/tmp/x.tar.gz", "bytes": 77, "parts": parts})
    said = capsys.readouterr().out
    assert [word for word in ("/tmp/x.tar.gz", "77", "log.txt", "there is no journalctl", "doctor.json", "7") if word not in said] == []


async def test_a_part_that_fails_hangs_or_is_endless_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest tells of each; an endless one is cut at its beginning, because of a log the end counts."""
    monkeypatch.setattr(archive, "PART_LIMIT_S", 0.05)

    async def fails() -> str:
        raise RuntimeError("password: cAnArY-of-a-message")

    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    async def endless() -> str:
        return "x" * MAX_PART_BYTES + "end"

    async def good() -> str:
        return "good, known-secret"

    wanted = [Part(one.__name__, one) for one in (fails, hangs, endless, good)]
    made = await make(tmp_path / "b.tar.gz", wanted, Scrubber(["known-secret"]), datetime.now(UTC))
    told = {one.name: one for one in made.parts}
    assert told["fails"].problem == f"RuntimeError: password: {STARS}"
    assert "longer than" in str(told["hangs"].problem)
    assert (told["endless"].bytes, told["endless"].problem) == (MAX_PART_BYTES, f"cut: it had {MAX_PART_BYTES + 3} bytes")
    assert told["good"].problem is None
    with tarfile.open(made.file) as tar:
        files = {Path(one.name).name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]  # all are files
    assert files["good"] == f"good, {STARS}".encode()
    assert files["endless"].endswith(b"end")
    assert files.keys() == {"manifest.json", "endless", "good"}
    with pytest.raises(FileExistsError):  # somebody was faster
        await make(made.file, [], Scrubber(), datetime.now(UTC))


def test_of_a_long_log_the_newest_whole_lines_are_read(tmp_path: Path) -> None:
    """From the beginning of a line, and never more than the bound."""
    file = tmp_path / "log"
    line = b"x" * 99 + b"\n"
    file.write_bytes(line * (MAX_BYTES // 100 + 50) + b"last\n")
    found = of_file(file)
    assert len(found) <= MAX_BYTES
    assert found.startswith(line)
    assert found.endswith(b"last\n")


def test_tables_about_people_are_shown_without_values() -> None:
    """Whatever stands there, and however it looks."""
    data = {"provider": {"softline": {"customer": {"first_name": "Иван", "phone": 7}, "login": "x"}}, "language": "ru", "zone": 1}
    found = shown(data, Scrubber())
    customer = {"first_name": STARS, "phone": STARS}
    assert found == {"provider": {"softline": {"customer": customer, "login": "x"}}, "language": "ru", "zone": STARS}


TEXTS = [
    ("attempt 147d8d38-e309-45e2-953d-6e48ea22d5fa of 2026-11-23T07:07:58.159000+00:00", None),
    ("operation A1437F391CD063E92A7E4, order S12-000345, took 1532 ms", None),
    ("connected to https://own.example/acme/api?x=1", "connected to https://own.example/acme/api"),
    ("opened https://other.example/pay/1", f"opened https://other.example/{STARS}"),
    ("at /dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00", None),
    ("my-secret-word and myshort, not myshorts", f"{STARS} and {STARS}, not myshorts"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_what_support_needs_stays(text: str, expected: str | None) -> None:
    """Ids, times, sizes, paths and our own addresses are left as they are; a short secret is taken out only where it stands alone."""
    scrubber = Scrubber(["my-secret-word", "myshort", "abc"], ["https://own.example/acme"])
    assert scrubber.final(scrubber.text(text).encode()).decode() == (expected or text)
