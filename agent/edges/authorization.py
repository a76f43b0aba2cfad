"""How an account shows who it is: the one header of a request that no sale brings.

``BasicLogin`` sends login and password with every request. ``TokenLogin`` exchanges the account's secrets for a token that goes with every
other request; ``agent.edges.tokens`` holds that token, in memory only. Secrets are asked for at each use: a rotated password is used at
once, and nothing here keeps a copy.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.contract import LogsIn, SecretHeader
from agent.core.verdict import NotSent
from agent.texts import N_

MAX_HEADER_BYTES = 8 * 1024  # what common servers take in one header line

UNREADABLE = N_("the login or the password cannot be read")
UNFIT = N_("the login or the password is empty, or the login holds a colon")
TOO_LONG = N_("the login or the password is too long")
SECRETS_UNREADABLE = N_("the secrets of the account cannot be read")
TEXTS = frozenset({UNREADABLE, UNFIT, TOO_LONG, SECRETS_UNREADABLE})

_BASIC = SecretHeader("Authorization", "Basic ")
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """HTTP Basic (RFC 7617) in UTF-8."""

    login: Callable[[], str] = field(repr=False)
    password: Callable[[], str] = field(repr=False)

    @property
    def header_name(self) -> str:
        return _BASIC.name

    def header(self) -> Header | NotSent:
        """The header of today, or what is wrong with the credentials, never their value."""
        try:
            login, password = self.login(), self.password()
            pair = f"{login}:{password}".encode()
        except (OSError, ValueError, LookupError):  # a credential file that is gone, unreadable or not text
            return NotSent("credentials", UNREADABLE)
        if not login or ":" in login or not password:
            return NotSent("credentials", UNFIT)
        header = header_of(_BASIC, base64.b64encode(pair).decode("ascii"))
        return header or NotSent("credentials", TOO_LONG)


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """``provider`` knows the login's names, ``secrets`` the account's values by those names."""

    provider: LogsIn
    secrets: Mapping[str, Callable[[], str]] = field(repr=False)

    @property
    def header_name(self) -> str:
        return self.provider.token_header.name

    def todays_secrets(self) -> dict[str, str] | NotSent:
        """The values as they are now."""
        try:
            values = {name: read() for name, read in self.secrets.items()}
        except (OSError, ValueError, LookupError):
            return NotSent("credentials", SECRETS_UNREADABLE)
        empty = sorted(name for name, value in values.items() if not value)
        return NotSent("credentials", f"the account's secret {empty[0]} is empty") if empty else values


Authorization = BasicLogin | TokenLogin


def is_readable(authorization: Authorization) -> bool:
    """Whether what an attempt has to show can be read now. Nothing is asked of anybody."""
    found = authorization.header() if isinstance(authorization, BasicLogin) else authorization.todays_secrets()
    return not isinstance(found, NotSent)


def header_of(form: SecretHeader, secret: str) -> Header | None:
    """A header line with a secret in it; None if the secret does not fit into one."""
    value = header_value(form.prefix + secret)
    return None if value is None or not secret else (form.name.encode("ascii"), value)


def header_value(text: str) -> bytes | None:
    """The value as one header line can carry it; None if it cannot (line breaks, controls, foreign letters, blanks at its ends)."""
    try:
        value = text.encode("latin-1")
    except UnicodeEncodeError:
        return None
    return value if len(value) <= MAX_HEADER_BYTES and _VALUE.fullmatch(value) else None
