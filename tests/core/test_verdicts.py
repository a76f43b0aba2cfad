"""What can come of a request, in words for the log."""

import pytest

from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Unclear, failure_in_words


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (NotSent("dns", "no such host"), "not sent: dns"),
        (Unclear("timeout"), "unclear: timeout"),
        (Refused("BUSY", Refusal.BUSY), "refused: BUSY"),
        (Refused("BUSY", Refusal.BUSY, "try later"), "refused: BUSY try later"),
        (Denied(401), "denied: 401"),
        (Garbled("http_500"), "garbled: http_500"),
    ],
)
def test_an_end_without_a_description(failure: NotSent | Unclear | Refused | Denied | Garbled, words: str) -> None:
    """Each says what it is and why; what only a provider's support wants to know comes last."""
    assert failure_in_words(failure) == words
