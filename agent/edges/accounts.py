"""Where requests go and how long they may take: checked once, at start, so that a sale never meets a configuration mistake.

The Authorization header goes wherever the base URL points, hence the strictness: https, a plain host name, no user part, no query.
Plain http exists for the sandbox alone and only towards this very machine.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from agent.edges.authorization import Authorization
from agent.edges.limiter import Rate

MAX_BASE_URL_CHARACTERS = 512  # a host name has at most 253, the rest is the partner's path
HTTPS_PORT = 443
HTTP_PORT = 80

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")


class AccountRefused(ValueError):
    """The account cannot be used as it is configured; a technician must change it. The text says what is wrong and what is right."""


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """All waits for one account. ``answer_limit_ms`` ends the caller's waiting, never the request; the others are the network's own.

    A network that is simply down must be told from an answer that was lost, so connecting (pool, then TCP with DNS, then TLS) has to
    fail before the caller stops waiting. Raises ValueError if the figures do not allow that.
    """

    connect_limit_ms: int = 3_000  # DNS and TCP together; the TLS handshake has as much again
    write_limit_ms: int = 10_000  # between two pieces of the request
    read_limit_ms: int = 60_000  # between two pieces of the answer: long, a late answer is worth having
    pool_limit_ms: int = 500  # the pool is as large as max_flights: waiting longer would not help
    answer_limit_ms: int = 10_000
    flight_limit_ms: int = 120_000  # the whole life of one request, against an answer that drips
    keepalive_ms: int = 90_000  # most servers and routers keep an idle connection for 60 to 120 s
    probe_limit_ms: int = 5_000
    max_flights: int = 16  # per account: a till has few customers at a time, the rest is background work; a login comes on top
    max_answer_bytes: int = 1024 * 1024  # a provider's answer is a few kilobytes

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero")
        if self.until_written_ms > self.answer_limit_ms:
            raise ValueError("answer_limit_ms must be at least pool_limit_ms + 2 x connect_limit_ms")
        if self.answer_limit_ms > self.flight_limit_ms:
            raise ValueError("flight_limit_ms must be at least answer_limit_ms")

    @property
    def until_written_ms(self) -> int:
        """The longest time from the start of an attempt to its first byte: a connection from the pool, TCP with DNS, TLS."""
        return self.pool_limit_ms + 2 * self.connect_limit_ms

    @property
    def ready_limit_ms(self) -> int:
        """The longest time an attempt may wait for a token and for its turn: what is left of the caller's patience must do to connect."""
        return self.answer_limit_ms - self.until_written_ms


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a provider. ``base_url`` includes the partner's path. ``ca_file``: PEM file that replaces the system's store of
    trusted authorities. ``plain_http`` allows http to a loopback address (sandbox). ``limits``: its own waits; without them the
    transport's hold. ``rate``: how much may be sent, where that is limited. ``public_url``: where requests go that are made without any
    login (``Request.public``), on the same host, over the same connections. Raises AccountRefused."""

    base_url: str
    authorization: Authorization
    ca_file: Path | None = None
    plain_http: bool = False
    limits: TransportLimits | None = None
    rate: Rate | None = None
    public_url: str | None = None

    def __post_init__(self) -> None:
        parts = _checked(self.base_url)
        if self.public_url is not None:
            public = _checked(self.public_url)
            if (public.scheme, public.hostname, public.port) != (parts.scheme, parts.hostname, parts.port):
                raise AccountRefused(f"{self.public_url}: must be on the same host as {self.base_url}")
        if parts.scheme == "http":
            if not self.plain_http:
                raise AccountRefused(f"{self.base_url}: must begin with https:// (plain http is for a sandbox on this machine)")
            if not _is_loopback(self.host):
                raise AccountRefused(f"{self.base_url}: plain http is allowed to a loopback address only, e.g. http://127.0.0.1:8080")

    @property
    def tls(self) -> bool:
        return urlsplit(self.base_url).scheme == "https"

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.base_url).port or (HTTPS_PORT if self.tls else HTTP_PORT)

    def url(self, path: str, public: bool = False) -> str:
        """The full URL. Joined as text: the rules for relative references would drop the partner's path. ``public``: at the public
        address. Raises LookupError if there is none."""
        base = self.public_url if public else self.base_url
        if base is None:
            raise LookupError("the account has no public address")
        return base.rstrip("/") + path


def _checked(url: str) -> SplitResult:
    parts = _split(url)
    if parts.username is not None or parts.password is not None:
        raise AccountRefused("the base URL must not hold a login or a password: they have settings of their own")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise AccountRefused(f"{url}: a base URL has no query and no fragment")
    if not _PATH.fullmatch(parts.path.rstrip("/")) or ".." in parts.path.split("/"):
        raise AccountRefused(f"{url}: the path has an empty or unusual part")
    return parts


def _split(url: str) -> SplitResult:
    if len(url) > MAX_BASE_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise AccountRefused(f"the base URL must be printable ASCII without blanks, at most {MAX_BASE_URL_CHARACTERS} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AccountRefused(f"the base URL is not a URL: {error}") from error
    if parts.scheme not in ("https", "http") or port == 0:
        raise AccountRefused("the base URL must look like https://host/partner")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) and not _is_address(host):
        raise AccountRefused("the base URL needs a host name in ASCII or an IP address")
    return parts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
