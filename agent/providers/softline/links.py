"""Whether a customer may be shown a payment link: it must be one of the side that the till is on.

Real money must not be asked for a test sale, nor a sale be handed out for test money. The vendor marks the links of its test side by the
end of their host names; a link that does not fit is not shown, so nobody can pay it.
"""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from agent.core.model import Environment, PaymentLink
from agent.providers.softline.codes import LINK_OTHER_SIDE, LINK_UNUSABLE
from agent.providers.softline.settings import SoftlineSettings

MAX_LINK_CHARACTERS: Final = 1_024  # a QR code of more is hard to read from a screen


def judged(settings: SoftlineSettings, value: object) -> PaymentLink | str:
    """The link, or the reason why it is not shown. Never raises."""
    parts = _split(value)
    if parts is None:
        return LINK_UNUSABLE
    host = (parts.hostname or "").lower().rstrip(".")
    local = _is_local(host)
    test = local or host in settings.test_link_hosts or host.endswith(settings.test_suffixes)
    if test is not (settings.environment is Environment.TEST):
        return LINK_OTHER_SIDE
    if parts.scheme != "https" and not (local or host in settings.test_link_hosts):
        return LINK_UNUSABLE
    return PaymentLink(str(value))


def names_order(link: PaymentLink, order_id: str) -> bool:
    """Whether it is the page of this payment: ``.../order/status/ID/HASH``, the form that the vendor gives for payment_url."""
    return f"/order/status/{order_id}/" in urlsplit(link.url).path


def _split(value: object) -> SplitResult | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LINK_CHARACTERS or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("https", "http") and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _is_local(host: str) -> bool:
    """This very machine: the sandbox."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
