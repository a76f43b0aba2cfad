"""A journalled request becomes what goes over the wire: URL, headers, body with its secrets. Who we are is added last (``authorized``).

Everything that can go wrong here goes wrong before a connection is touched, so it is NOT SENT, with the name of what is wrong and
never its value. Pure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from agent import __version__
from agent.core import canonical
from agent.core.verdict import NotSent, Request
from agent.edges.accounts import Account
from agent.edges.authorization import Header, header_value

MAX_BODY_BYTES = 1024 * 1024  # a bill of a thousand lines has about 200 KiB
USER_AGENT = f"koshelek-agent/{__version__}"

_BODILESS = frozenset({"GET", "HEAD", "DELETE"})
_METHOD = re.compile(r"[A-Z]{3,10}")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset(
    {"authorization", "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "cookie", "expect"}
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A request ready to go. Its representation shows no header and no body: both hold secrets."""

    method: str
    url: str
    headers: tuple[Header, ...] = field(repr=False)
    content: bytes | None = field(repr=False)
    expired: Callable[[], bool] = field(default=lambda: False, repr=False)  # asked when the first byte is about to go
    public: bool = field(default=False, repr=False)  # it says nothing of who we are


def compose(account: Account, request: Request, secrets: Mapping[str, str]) -> Letter | NotSent:
    """Fill in what the journal does not keep, but for the account's own header. Never raises: NotSent names the fault."""
    if not _METHOD.fullmatch(request.method):
        return NotSent("local", "the method is not an HTTP method")
    # A path that does not begin with a slash would prolong the host name, one with dots would leave the partner's path.
    if not _PATH.fullmatch(request.path) or {".", ".."} & set(request.path.partition("?")[0].split("/")):
        return NotSent("local", "the path must begin with a slash and hold only URL characters")
    missing = sorted(request.secret_names() - secrets.keys())
    if missing:
        return NotSent("secret_missing", missing[0])
    content = _content(request, secrets)
    if isinstance(content, NotSent):
        return content
    headers = _headers(account, request, secrets)
    if isinstance(headers, NotSent):
        return headers
    try:
        url = account.url(request.path, request.public)
    except LookupError:  # its settings have changed since the request was journalled
        return NotSent("local", "the account has no public address")
    if request.method in _BODILESS and not request.body:
        return Letter(request.method, url, headers, None, public=request.public)
    return Letter(request.method, url, (*headers, (b"Content-Type", b"application/json")), content, public=request.public)


def authorized(letter: Letter, header: Header) -> Letter:
    """The letter with the header that shows who we are; a public one shows nobody."""
    return letter if letter.public else replace(letter, headers=(*letter.headers, header))


def warming(account: Account) -> Letter:
    """A request that opens a connection and tells the server nothing: no Authorization, no body. GET, because a careless server answers
    HEAD with a body, which would be taken for the beginning of the next answer."""
    return Letter("GET", account.url("/"), _common(), None)


def _common() -> tuple[Header, ...]:
    return (
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", b"identity"),  # a compressed megabyte unpacks to a gigabyte
        (b"User-Agent", USER_AGENT.encode("ascii")),
    )


def _content(request: Request, secrets: Mapping[str, str]) -> bytes | NotSent:
    try:
        content = canonical.dumps(request.fill(secrets)).encode("utf-8")
    except ValueError:  # NotCanonical, or half a surrogate pair; the error would quote the text
        return NotSent("local", "the body has no JSON text")
    if len(content) > MAX_BODY_BYTES:
        return NotSent("local", f"the body is larger than {MAX_BODY_BYTES} bytes")
    return content


def _headers(account: Account, request: Request, secrets: Mapping[str, str]) -> tuple[Header, ...] | NotSent:
    ours = _OURS | {account.authorization.header_name.lower()}
    headers = list(_common())
    for name, secret_name in request.secret_headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in ours:
            return NotSent("local", "a secret is meant for a header that is not its to set")
        value = header_value(secrets[secret_name])
        if value is None:
            return NotSent("secret_invalid", secret_name)
        headers.append((name.encode("ascii"), value))
    return tuple(headers)
