"""Promise P23: a connection is verified TLS 1.2 or newer, or the Authorization header does not leave the till."""

import asyncio
import datetime as dt
import errno
import ipaddress
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.core.verdict import NotSent, Reply
from agent.edges.authorization import BasicLogin
from agent.edges.tls import client_context, connect_failure
from agent.edges.transport import Account, AccountRefused, LinkStatus
from tests.edges.raw_server import ACCOUNT, FAST, Exchange, RawServer, account, always, answer, once, transport

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority the till is told to trust."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_context(issued: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


def good(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority.issue_cert("127.0.0.1"))


def old_version(version: ssl.TLSVersion) -> Callable[[trustme.CA], ssl.SSLContext]:
    """A server that speaks this version and none newer. OpenSSL 3 has TLS 1.0 and 1.1 only at security level 0."""

    def build(authority: trustme.CA) -> ssl.SSLContext:
        context = good(authority)
        lower(context, version)
        return context

    return build


def lower(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version


def by_hand(tmp_path: Path, purpose: x509.ObjectIdentifier) -> ssl.SSLContext:
    """A certificate signed by its own key, valid but for that (and for its purpose)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "own.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_control_a_good_server_gets_the_authorization(authority: trustme.CA, ca_file: Path) -> None:
    """Without a fault the same set-up works, so each refusal below has the one cause it names. TLS 1.2 and 1.3 both do."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = good(authority)
        context.minimum_version = context.maximum_version = version
        async with RawServer(always(answer()), context) as server:
            outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file)
        assert isinstance(outcome, Reply)
        assert b"Authorization: Basic " in server.received


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_versions_of_tls_are_refused(authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion) -> None:
    """A server that speaks nothing newer than TLS 1.0 or 1.1 gets no request; a client that allows it would have got through."""
    async with RawServer(always(answer()), old_version(version)(authority)) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file)
        assert isinstance(outcome, NotSent)
        assert outcome.reason == "tls"
        assert server.received == b""
        assert server.connections == 0

        lax = ssl.create_default_context(cafile=str(ca_file))
        lower(lax, version)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=lax)
        assert writer.get_extra_info("ssl_object").version() in {"TLSv1", "TLSv1.1"}
        writer.transport.abort()


async def test_an_old_version_of_tls_is_named(authority: trustme.CA, ca_file: Path) -> None:
    """A server that sends the alert a good one sends (asyncio's own does not): the text says what is wrong with it."""
    context = old_version(ssl.TLSVersion.TLSv1_1)(authority)

    def shake_hands(listener: socket.socket) -> str:
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError) as caught:
            context.wrap_socket(connection, server_side=True)
        return str(caught.value.reason)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(asyncio.to_thread(shake_hands, listener))
        outcome = await once(f"https://127.0.0.1:{listener.getsockname()[1]}", ca_file=ca_file)
        assert await serving == "UNSUPPORTED_PROTOCOL"
    assert outcome == NotSent("tls", "the server speaks only TLS versions older than 1.2")


@pytest.mark.parametrize(
    ("issue", "word"),
    [
        (lambda ca: ca.issue_cert("pay.example.org"), "another"),
        (lambda ca: ca.issue_cert("127.0.0.2"), "another"),
        (lambda ca: ca.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - DAY), "expired"),
        (lambda ca: ca.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 9 * DAY), "clock is probably behind"),
        (lambda _: trustme.CA().issue_cert("127.0.0.1"), "authority this till does not trust"),
    ],
    ids=["wrong-host", "wrong-address", "expired", "not-yet-valid", "pinned-authority-mismatch"],
)
async def test_a_wrong_certificate_is_refused(
    authority: trustme.CA, ca_file: Path, issue: Callable[[trustme.CA], trustme.LeafCert], word: str
) -> None:
    """One fault in the certificate: NOT SENT with a text that names it, the link is down, and no byte of the request arrives."""
    async with RawServer(always(answer()), server_context(issue(authority))) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file)
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "tls"
    assert word in outcome.detail
    assert server.received == b""


async def test_a_self_signed_certificate_is_refused(tmp_path: Path, ca_file: Path) -> None:
    """Nobody vouches for it: refused, with the system's store and with a private authority."""
    async with RawServer(always(answer()), by_hand(tmp_path, ExtendedKeyUsageOID.SERVER_AUTH)) as server:
        for trusted in (None, ca_file):
            outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=trusted)
            assert outcome == NotSent("tls", "the server's certificate is self-signed")
    assert server.received == b""


async def test_a_certificate_for_clients_is_refused(tmp_path: Path) -> None:
    """Even a trusted certificate must be meant for a server."""
    context = by_hand(tmp_path, ExtendedKeyUsageOID.CLIENT_AUTH)
    async with RawServer(always(answer()), context) as server:
        sender = transport(f"https://127.0.0.1:{server.port}")
        line = sender._lines[ACCOUNT]
        assert line.wire.context is not None
        line.wire.context.load_verify_locations(cafile=str(tmp_path / "own.pem"))  # trusts it as its own authority
        state = await sender.probe(ACCOUNT)
        await sender.aclose(0)
    assert state.status is LinkStatus.DOWN
    assert state.failure == "the server's certificate is not meant for a server"
    assert server.received == b""


async def test_a_private_authority_is_not_trusted_by_default(authority: trustme.CA) -> None:
    """Without a CA file only the system's authorities count."""
    async with RawServer(always(answer()), good(authority)) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}")
    assert outcome == NotSent("tls", "the server's certificate comes from an authority this till does not trust")
    assert server.received == b""


def test_a_pinned_authority_replaces_the_store(ca_file: Path) -> None:
    """With a CA file nothing else is trusted: the context holds that one authority."""
    assert client_context(ca_file).cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}


async def test_a_redirect_to_plain_http_is_not_followed(authority: trustme.CA, ca_file: Path) -> None:
    """The plain server the redirect names gets no connection, let alone the header."""
    async with (
        RawServer(always(answer())) as plain,
        RawServer(always(answer("302 Found", headers=f"Location: {plain.http}/\r\n")), good(authority)) as server,
    ):
        outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file)
        assert isinstance(outcome, Reply)
        assert outcome.status == 302
        assert plain.connections == 0


async def test_proxy_variables_are_ignored(authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every usual proxy variable points at a listener: it gets no connection, the request goes straight to the server."""
    async with RawServer(always(answer("502 Bad Gateway"))) as proxy, RawServer(always(answer()), good(authority)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.http)
            monkeypatch.setenv(name.lower(), proxy.http)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        outcome = await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file)
        assert isinstance(outcome, Reply)
        assert outcome.status == 200
        assert proxy.connections == 0


async def test_variables_change_no_trust_and_leak_no_keys(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE adds no authority, SSLKEYLOGFILE gets no session keys, a .netrc gives no login."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login intruder password intruder")
    keys = tmp_path / "keys"
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(ca_file.parent))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(always(answer()), good(authority)) as server:
        assert isinstance(await once(f"https://127.0.0.1:{server.port}"), NotSent)
        assert server.received == b""
        assert isinstance(await once(f"https://127.0.0.1:{server.port}", ca_file=ca_file), Reply)
    assert server.received.count(b"Authorization:") == 1
    assert not keys.exists()


@pytest.mark.parametrize(
    "base_url",
    [
        "http://pay.example.org/acme",
        "http://192.168.1.5:8080",
        "http://localhost.example.org",
        "ftp://127.0.0.1",
        "https://user:secret@pay.example.org",
        "https://user@pay.example.org",
        "https://pay.example.org/acme?x=1",
        "https://pay.example.org/acme#x",
        "https://pay.example.org/acme?",
        "https://pay.example.org//acme",
        "https://pay.example.org/../acme",
        "https://pay.example.org/a b",
        "https://pay.example.org\r\nX: y",
        "https://кошелёк.example",
        "https://pay_example.org",
        "https://",
        "https://pay.example.org:99999",
        "https://pay.example.org:0",
        "https://" + "a" * 600,
        "pay.example.org",
        "",
    ],
)
def test_an_unsafe_base_url_is_refused_at_construction(base_url: str) -> None:
    """Wherever it points the Authorization goes, so anything but plain https (or a loopback sandbox) is refused, without quoting logins."""
    with pytest.raises(AccountRefused) as caught:
        account(base_url)
    assert "secret" not in str(caught.value)


def test_plain_http_needs_to_be_asked_for() -> None:
    """Loopback alone is not enough: a sandbox says that it is one."""
    with pytest.raises(AccountRefused):
        Account("http://127.0.0.1:8080", BasicLogin(str, str))
    for host in ("127.0.0.1", "localhost", "[::1]", "127.8.8.8"):
        assert not Account(f"http://{host}:8080", BasicLogin(str, str), plain_http=True).tls


def test_an_unusable_ca_file_is_refused_at_construction(tmp_path: Path, authority: trustme.CA) -> None:
    """Missing, unreadable form, or without an authority: said at start, not at the first sale."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    leaf = tmp_path / "leaf.pem"
    authority.issue_cert("127.0.0.1").cert_chain_pems[0].write_to_path(str(leaf))
    for path in (tmp_path / "missing.pem", tmp_path, garbage, leaf):
        with pytest.raises(AccountRefused) as caught:
            transport("https://pay.example.org", ca_file=path)
        assert str(path) in str(caught.value)


async def test_a_probe_sends_no_request(authority: trustme.CA, ca_file: Path) -> None:
    """The probe verifies like a request, opens the door, and the server sees a connection without a byte in it."""

    async def listen(exchange: Exchange) -> None:
        server.received += await exchange.reader.read()

    async with RawServer(listen, good(authority)) as server:
        sender = transport(f"https://127.0.0.1:{server.port}", FAST, ca_file)
        assert sender.link(ACCOUNT).status is LinkStatus.UNKNOWN
        assert (sender.reachable(ACCOUNT), sender.known(ACCOUNT)) == (True, False)
        state = await sender.probe(ACCOUNT)
        assert (sender.reachable(ACCOUNT), sender.known(ACCOUNT)) == (True, True)
        await sender.aclose(0)
    assert state.status is LinkStatus.UP
    assert server.connections == 1
    assert server.received == b""


def test_the_store_is_found_where_the_distribution_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca_file: Path) -> None:
    """OpenSSL's own paths lead nowhere (portable Python builds): a known bundle is taken; without any, the start is refused."""
    nowhere = ssl.DefaultVerifyPaths("", "", "", str(tmp_path / "none.pem"), "", str(tmp_path / "none"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr("agent.edges.tls.SYSTEM_BUNDLES", (tmp_path / "none", ca_file))
    assert client_context(None).cert_store_stats()["x509_ca"] == 1
    monkeypatch.setattr("agent.edges.tls.SYSTEM_BUNDLES", ())
    with pytest.raises(AccountRefused, match="ca-certificates"):
        client_context(None)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (OSError(errno.ENETUNREACH, ""), "unreachable"),
        (OSError(errno.EHOSTUNREACH, ""), "unreachable"),
        (OSError(errno.EMFILE, ""), "local"),
        (OSError(errno.ETIMEDOUT, ""), "connect_timeout"),
        (ssl.SSLError(1, "odd"), "connect"),
        (ExceptionGroup("all attempts failed", [OSError(errno.ECONNREFUSED, ""), OSError(errno.ECONNREFUSED, "")]), "refused"),
        (RuntimeError("something else"), "connect"),
    ],
)
def test_a_failed_connection_is_explained(fault: Exception, reason: str) -> None:
    """Whatever hides behind the library's exception, also in a group and behind a cut-off cause, becomes a reason."""
    wrapped = ConnectionError("all attempts failed")
    wrapped.__context__ = fault
    wrapped.__suppress_context__ = True
    assert connect_failure(wrapped, securing=False).reason == reason
