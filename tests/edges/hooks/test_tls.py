"""Goal: messages that come over a network are encrypted, and nobody who only begins to shake hands holds a place for long.
Method: a private authority made for the test, real handshakes."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent.edges.hooks import tls
from agent.edges.hooks.tls import BadCertificate, server_context
from drivers.limits import Limits
from tests.edges.hooks.listening import answer, close, listening, request, send, silent


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    certificate, key = files(authority, tmp_path)
    return server_context(certificate, key)


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client that trusts the authority."""
    found = ssl.create_default_context()
    authority.configure_trust(found)
    return found


def files(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    issued = authority.issue_cert("localhost")
    certificate, key = folder / "webhooks.pem", folder / "webhooks.key"
    certificate.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


@contextlib.contextmanager
def old_protocol(context: ssl.SSLContext) -> Iterator[ssl.SSLContext]:
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    yield context


async def test_messages_over_tls(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """With TLS 1.2 and 1.3, several on one connection, the message in the same breath as the end of the handshake."""
    async with listening(context=context) as here:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            trusting.minimum_version = trusting.maximum_version = version
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port, ssl=trusting, server_hostname="localhost")
            for _ in range(3):
                writer.write(request())
                assert (await answer(reader)).status == 200
            await close(writer)
        assert len(here.heard) == 6


async def test_nothing_is_said_in_the_clear(context: ssl.SSLContext) -> None:
    """A message without TLS gets no answer of ours and is not heard."""
    async with listening(context=context) as here:
        assert (await send(here.port, request())).status == 0
        assert here.heard == []


async def test_old_tls_is_refused(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """TLS 1.1 is not spoken."""
    async with listening(context=context) as here:
        trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLS"), old_protocol(trusting) as old, pytest.raises((ssl.SSLError, ConnectionError)):
            await send(here.port, request(), old)


async def test_a_handshake_that_never_ends_loses_its_place(
    context: ssl.SSLContext, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent connections count from their first moment, and end after a moment."""
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.5)
    async with listening(Limits(connections=3), context) as here:
        held = [silent(here.port) for _ in range(3)]
        await asyncio.sleep(0.1)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await send(here.port, request(), trusting)
        await asyncio.sleep(0.7)
        assert (await send(here.port, request(), trusting)).status == 200
        for one in held:
            one.close()


async def test_a_stop_does_not_wait_for_handshakes(context: ssl.SSLContext) -> None:
    """Whoever has not shaken hands by then is let go."""
    async with listening(context=context) as here:
        held = [silent(here.port) for _ in range(2)]
        await asyncio.sleep(0.1)
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    for one in held:
        one.close()


def test_a_certificate_that_does_not_fit_is_named(authority: trustme.CA, tmp_path: Path) -> None:
    """Of another key, missing, or with a key that wants a password: the text names the files."""
    certificate, _ = files(authority, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    _, key = files(authority, other)
    with pytest.raises(BadCertificate, match="KEY_VALUES_MISMATCH"):
        server_context(certificate, key)
    with pytest.raises(BadCertificate, match="No such file"):
        server_context(certificate, tmp_path / "missing.key")
    key.write_text(_ENCRYPTED)
    with pytest.raises(BadCertificate, match=r"webhooks\.key"):
        server_context(certificate, key)


_ENCRYPTED = """-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00000000000000000000000000000000

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END EC PRIVATE KEY-----
"""
