"""Trust in the other side: whose certificates count, and a failed connection in words a technician can act on.

The context is built by hand because the ready-made one obeys the environment: SSLKEYLOGFILE would write the session keys to a file
and SSL_CERT_FILE would change whom we trust. Neither may be decided by a variable.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from agent.core.verdict import NotSent
from agent.edges.accounts import AccountRefused
from agent.texts import N_

MAX_CAUSES = 32  # exceptions looked at behind one failure: chains are short, a loop would be a bug

# Where distributions keep the bundle, should the paths compiled into OpenSSL lead nowhere (portable Python builds).
SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Astra, ALT
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RED OS, ROSA
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),  # Alpine
)

NOT_YET_VALID = N_("the server's certificate is not valid yet: the till's clock is probably behind")
EXPIRED = N_("the server's certificate has expired (or the till's clock is ahead)")
SELF_SIGNED = N_("the server's certificate is self-signed")
UNTRUSTED = N_("the server's certificate comes from an authority this till does not trust")
OTHER_HOST = N_("the server's certificate belongs to another host name")
OLD_TLS = N_("the server speaks only TLS versions older than 1.2")
NO_TLS = N_("the port does not speak TLS")
NO_NAME = N_("the host name cannot be resolved: no network, or a wrong name")
REFUSES = N_("the server refuses connections on this port")
NO_ROUTE = N_("no route to the server: the network is down")
EXHAUSTED = N_("this machine has run out of sockets, files or memory")
SILENT = N_("the server does not answer a connection attempt")
NO_CONNECTION = N_("no connection to the server")
BROKEN_OFF = N_("the server broke the connection off during the TLS handshake")

_CERTIFICATE_TEXTS = {  # X509_V_ERR_* of OpenSSL
    9: NOT_YET_VALID,
    10: EXPIRED,
    18: SELF_SIGNED,
    19: UNTRUSTED,
    20: UNTRUSTED,
    21: UNTRUSTED,
    23: N_("the server's certificate has been revoked"),
    26: N_("the server's certificate is not meant for a server"),
    62: OTHER_HOST,
    64: N_("the server's certificate belongs to another address"),
    66: N_("the server's key is too short"),
    68: N_("the server's certificate is signed with a broken algorithm"),
}

_HANDSHAKE_TEXTS = {  # reason names of OpenSSL
    "UNSUPPORTED_PROTOCOL": OLD_TLS,
    "TLSV1_ALERT_PROTOCOL_VERSION": OLD_TLS,
    "WRONG_VERSION_NUMBER": NO_TLS,
    "RECORD_LAYER_FAILURE": NO_TLS,
    "HTTP_REQUEST": NO_TLS,
    "UNEXPECTED_EOF_WHILE_READING": BROKEN_OFF,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": N_("the server shares no cipher with this till"),
}

TEXTS = frozenset(
    {*_CERTIFICATE_TEXTS.values(), *_HANDSHAKE_TEXTS.values(), NO_NAME, REFUSES, NO_ROUTE, EXHAUSTED, SILENT, NO_CONNECTION, BROKEN_OFF}
)
"""All that ``connect_failure`` says in sentences of its own."""


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name checked. With ``ca_file`` only its authorities count, else the system's.
    Takes some milliseconds of processor time. Raises AccountRefused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    if ca_file is None:
        _trust_system(context)
    else:
        _trust_file(context, ca_file)
    return context


def _trust_file(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise AccountRefused(f"{ca_file}: holds no certificate in PEM form") from error
    except OSError as error:
        raise AccountRefused(f"{ca_file}: cannot be read ({error.strerror})") from error
    if not context.cert_store_stats()["x509_ca"]:
        raise AccountRefused(f"{ca_file}: none of its certificates is that of an authority")


def _trust_system(context: ssl.SSLContext) -> None:
    compiled = ssl.get_default_verify_paths()
    directory = Path(compiled.openssl_capath)
    if directory.is_dir() and any(directory.iterdir()):
        context.load_verify_locations(capath=str(directory))  # read as needed: costs nothing at start
        return
    for bundle in (Path(compiled.openssl_cafile), *SYSTEM_BUNDLES):
        if bundle.is_file():
            context.load_verify_locations(cafile=str(bundle))
            return
    raise AccountRefused("this machine has no store of trusted authorities: install the ca-certificates package or set a CA file")


def connect_failure(fault: BaseException, securing: bool) -> NotSent:
    """Why no connection came about, found in the chain of causes. ``securing``: TCP was up and the TLS handshake had begun.
    The text is made of known words only, never of what the other side sent."""
    causes = list(_causes(fault))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return NotSent(
                    "tls", _CERTIFICATE_TEXTS.get(cause.verify_code, f"the server's certificate fails (code {cause.verify_code})")
                )
            case ssl.SSLError(reason=str(name)):
                return NotSent("tls", _HANDSHAKE_TEXTS.get(name, f"the TLS handshake failed: {name}"))
            case socket.gaierror():
                return NotSent("dns", NO_NAME)
    if securing:
        return NotSent("tls", BROKEN_OFF)
    for cause in causes:
        match cause:
            case ConnectionRefusedError():
                return NotSent("refused", REFUSES)
            case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH | errno.ENETDOWN | errno.EHOSTDOWN):
                return NotSent("unreachable", NO_ROUTE)
            case OSError(errno=errno.EMFILE | errno.ENFILE | errno.ENOBUFS | errno.ENOMEM | errno.EADDRNOTAVAIL):
                return NotSent("local", EXHAUSTED)
            case TimeoutError():
                return NotSent("connect_timeout", SILENT)
    return NotSent("connect", NO_CONNECTION)


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Every exception behind ``fault``, itself first. HTTP libraries cut ``__cause__`` off on the way, ``__context__`` survives."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [fault]
    while waiting and len(seen) < MAX_CAUSES:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        waiting += [one.__cause__, one.__context__]
