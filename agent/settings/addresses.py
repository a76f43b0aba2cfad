"""Which base URL may stand on which side: real money must not go to a simulator, nor test money to the bank."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from agent.texts import N_, Message, message

PRODUCTION_HOST = "api.koshelek.app"
TEST_HOST = "api-test.koshelek.app"

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


def address_problem(url: str, side: str) -> Message | None:
    """What is wrong with a base URL for ``side`` ("test" or "production"); None if nothing."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return message(N_("This is not an address: {url}."), url=url)
    return _shape(parts, host, url) or _place(parts, host, side)


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


def _place(parts: SplitResult, host: str, side: str) -> Message | None:
    if side == "production" and is_loopback(host):
        return message(N_("Real money cannot go to this machine itself: {host}."), host=host)
    if side == "production" and host == TEST_HOST:
        return message(N_("This is the test host, not the production host."))
    if side == "test" and host == PRODUCTION_HOST:
        return message(N_("This is the production host: real money would move in a test."))
    if host in {PRODUCTION_HOST, TEST_HOST} and not parts.path.strip("/"):
        return message(N_("The partner's name is missing at the end of the address."))
    return None
