"""One question to a payment system that a technician asks, beside the daemon or without it: one request, one answer, nothing stored."""

from typing import Final

import httpx

from agent.core.verdict import Reply
from agent.edges.accounts import Account, AccountRefused
from agent.edges.tls import client_context

ANSWER_LIMIT_S: Final = 15.0  # PayCore speaks of one to two seconds, longer when a third party is asked
UNREACHED: Final = (httpx.HTTPError, AccountRefused, OSError)
"""What ``ask`` raises: no answer, an address that no request may go to, a file of certificates that cannot be read."""


def ask(account: Account, path: str, *, header: tuple[bytes, bytes] | None = None, body: str | None = None) -> Reply:
    """The answer: to a GET, or to a POST of a JSON ``body``. ``header``: what shows who we are. Redirects and proxies are not followed
    (promise P23). Raises one of UNREACHED."""
    headers = [(b"Accept", b"application/json"), *([header] if header is not None else [])]
    if body is not None:
        headers.append((b"Content-Type", b"application/json"))
    context = client_context(account.ca_file)
    with httpx.Client(trust_env=False, verify=context, timeout=ANSWER_LIMIT_S, follow_redirects=False) as client:
        heard = client.request("GET" if body is None else "POST", account.url(path), content=body, headers=headers)
    return Reply(heard.status_code, heard.content)


def told(error: BaseException) -> str:
    """An error that may have no text."""
    return str(error) or type(error).__name__
