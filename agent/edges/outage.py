"""Why there is no way to a payment system, for people: what the transport found, in their language, and what to do about it.

The transport's own words are made of known sentences only (``tls.connect_failure``), so they can be translated where they are shown: in the
log, on the status page, by the doctor.
"""

from collections.abc import Mapping

from agent.edges import authorization, tls
from agent.texts import N_, Message, message

STALLED = N_("the server accepts a connection and then does not finish the TLS handshake")
NO_ANSWER = N_("the name servers do not answer")

_CLOCK = N_(
    "Look at the till's clock first (date; timedatectl set-ntp true). If it is right, the other side has to renew its certificate: call "
    "the payment system's support."
)
_TRUST = N_(
    "Install the package ca-certificates and run update-ca-certificates. If the payment system, or the shop's network, has an authority of "
    "its own, name its PEM file: ca_file in [provider.{system}]."
)
_ADDRESS = N_(
    "Compare test_base_url or, with real money, production_base_url in [provider.{system}] with what the payment system gave the shop."
)
_NAME = N_(
    "Check the cable or Wi-Fi, then the name servers: cat /etc/resolv.conf; getent hosts {host}. Compare test_base_url or, with real "
    "money, production_base_url in [provider.{system}]."
)
_NETWORK = N_("Check the cable or Wi-Fi and the router: ip route, ping {host}.")
_FIREWALL = N_("The shop's firewall or provider must let this till out to {host}, port {port}: ask who looks after the network.")
_MACHINE = N_("Restart the till. If it comes back, look which program holds so many files: ss -s, lsof.")
_SUPPORT = N_("Send this line to the payment system's support.")

SKEW_WARNING_S = 60  # codes that live for a minute begin to fail
SKEW_FAULT_S = 300
SECONDS_PER_DAY = 86_400

AHEAD = N_("The till's clock is {amount} ahead of the server of {system}.")
BEHIND = N_("The till's clock is {amount} behind the server of {system}.")
DAYS, SECONDS = N_("{count} days"), N_("{count} s")
SKEW_MEANS = N_("Certificates seem expired or not valid yet, codes of the card are refused, receipts and the business date are wrong.")
SKEW_REMEDY = N_(
    "Set it: sudo timedatectl set-ntp true, then timedatectl. If it is wrong again after a power cut, the till's battery is empty."
)

_BY_TEXT: Mapping[str, str] = {
    tls.NOT_YET_VALID: _CLOCK,
    tls.EXPIRED: _CLOCK,
    tls.SELF_SIGNED: _TRUST,
    tls.UNTRUSTED: _TRUST,
    tls.OTHER_HOST: _ADDRESS,
    tls.NO_TLS: _ADDRESS,
    tls.BROKEN_OFF: _FIREWALL,
    STALLED: _FIREWALL,
}
_BY_REASON: Mapping[str, str] = {
    "dns": _NAME,
    "refused": _ADDRESS,
    "unreachable": _NETWORK,
    "connect_timeout": _FIREWALL,
    "connect": _NETWORK,
    "local": _MACHINE,
    "authority": _TRUST,
}
_KNOWN = frozenset({*tls.TEXTS, *authorization.TEXTS, STALLED, NO_ANSWER})


def problem(detail: str) -> Message:
    """What the transport found, in any language; foreign words stay as they are."""
    return Message(detail) if detail in _KNOWN else message("{text}", text=detail)


def remedy(reason: str, detail: str, *, system: str, host: str, port: int) -> Message:
    """What to do about it."""
    return message(_BY_TEXT.get(detail) or _BY_REASON.get(reason, _SUPPORT), system=system, host=host, port=port)


def skew(seconds: int, system: str) -> Message:
    """By how much the till's clock differs from a server's; ``seconds`` above zero: it is ahead."""
    days = round(abs(seconds) / SECONDS_PER_DAY)
    amount = message(DAYS, count=days) if days else message(SECONDS, count=abs(seconds))
    return message(AHEAD if seconds > 0 else BEHIND, amount=amount, system=system)
