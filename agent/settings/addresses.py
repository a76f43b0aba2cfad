"""Which base URL may stand on which side: real money must not go to a simulator, nor test money to the bank."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from agent.texts import N_, Message, message

PRODUCTION_HOST = "api.koshelek.app"
TEST_HOST = "api-test.koshelek.app"
PRODUCTION_HOSTS = frozenset({PRODUCTION_HOST, "api.ecommerce.softline.com", "api.ecommerce.noventiq.com", "api.payconnect.com"})
TEST_SUFFIXES = (".demoslweb.com", ".demonqweb.com")  # Softline's test side: the production host's name with an end
PARTNERS = "koshelek"  # the payment system whose addresses end with the partner's name

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\.?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_test_host(host: str) -> bool:
    """Whether a host is known to be on the test side of its payment system."""
    return host == TEST_HOST or host.endswith(TEST_SUFFIXES)


def address_problem(url: str, side: str, system: str = PARTNERS) -> Message | None:
    """What is wrong with a base URL of a payment system for ``side`` ("test" or "production"); None if nothing.

    PayCore.io is told by the request, not by the host, which side is meant: its host may stand on both."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        return message(N_("This is not an address: {url}."), url=url)
    return _shape(parts, host, url) or _place(parts, host, side, system)


def _shape(parts: SplitResult, host: str, url: str) -> Message | None:
    if parts.scheme not in {"https", "http"} or not host or any(character.isspace() for character in url):
        return message(N_("An address begins with https:// and a host name."))
    if parts.username is not None or parts.password is not None:
        return message(N_("An address must not hold a login or password."))
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return message(N_("An address must not hold ? or #."))
    if not (_HOST.fullmatch(host) or is_loopback(host)) or not _PATH.fullmatch(parts.path.rstrip("/")) or ".." in parts.path:
        return message(N_("The host name or the path holds something unusual: {url}."), url=url)
    if parts.scheme == "http" and not is_loopback(host):
        return message(N_("Only https is allowed; http is for this machine itself alone."))
    return None


def _place(parts: SplitResult, host: str, side: str, system: str) -> Message | None:
    if side == "production" and is_loopback(host):
        return message(N_("Real money cannot go to this machine itself: {host}."), host=host)
    if side == "production" and is_test_host(host):
        return message(N_("This is the test host, not the production host."))
    if side == "test" and host in PRODUCTION_HOSTS:
        return message(N_("This is the production host: real money would move in a test."))
    if system == PARTNERS and host in {PRODUCTION_HOST, TEST_HOST} and not parts.path.strip("/"):
        return message(N_("The partner's name is missing at the end of the address."))
    return None
