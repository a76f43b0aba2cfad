"""OUR ASSUMPTIONS about PayConnect: everything that the agent relies on and that the provider's document does not say.

They were invented by us, as a provider of this kind would likely do it; the sandbox does it so. None of them is the provider's word. With
test money they may be tried; with real money the provider is refused at start until the configuration names each of them in
``confirmed_assumptions``, because somebody has asked PayConnect and compared the answer with what is configured here.

What is assumed *absent* (a cancel, a refund, a search by our own key, a create that may be repeated) is never relied on. Of these only
``no_refund`` has to be confirmed, because the shop must know beforehand that its staff returns the money by hand.
"""

import re
from dataclasses import dataclass, fields
from typing import Final

from agent.core.verdict import Status

NAMES: Final = ("token_answer", "create_answer", "read_call", "statuses", "secret_link", "webhook", "no_refund")
"""All assumptions, by the names under which they are confirmed."""

HASHES: Final = ("sha256", "sha512", "sha1")
ENCODINGS: Final = ("hex", "base64")

_FIELD: Final = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+){0,7}")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/\{id\}(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How it is assumed to be; each can be configured. Names of fields may be ways through objects, with dots between (``data.id``).
    Raises ValueError, naming the field, for values that would make answers unreadable."""

    # token_answer: the answer of POST /v1/auth/token. That a token lives 24 hours is documented; where it says less, less holds.
    access_field: str = "access_token"
    life_field: str = "expires_in"  # seconds; may be missing

    # create_answer: the answer of POST /v1/payments, any 2xx
    id_field: str = "id"
    link_field: str = "payment_url"  # a page that a browser opens with GET

    # read_call: GET, and an answer with the fields of the create's, and these
    read_path: str = "/v1/payments/{id}"
    amount_field: str = "amount"  # kopecks, what was paid
    currency_field: str = "currency"
    description_field: str = "description"  # as it was sent, with our key in it; may be missing

    # statuses: words of the read. "failed" and "expired" are final: nobody can pay any more
    status_field: str = "status"
    pending: frozenset[str] = frozenset({"pending"})
    succeeded: frozenset[str] = frozenset({"succeeded"})
    failed: frozenset[str] = frozenset({"failed"})
    expired: frozenset[str] = frozenset({"expired"})
    refunded: frozenset[str] = frozenset({"refunded"})

    # secret_link: nobody can pay without the link of the create's answer, so a payment whose answer was lost is not paid
    secret_link: bool = True

    # webhook: the HMAC of the raw body with the secret, and where the body names the payment. The header's name is documented
    signature_hash: str = "sha256"
    signature_encoding: str = "hex"
    hook_id_field: str = "data.id"

    # no_refund: there is no call to return money; late money needs a person at once. Nothing to set: there is nothing to call

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self) if one.name.endswith("_field")):
            if not _FIELD.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be names with a dot between them, not {getattr(self, name)!r}")
        if not _PATH.fullmatch(self.read_path):
            raise ValueError(f"read_path must be a plain path with one {{id}} as a part of its own, not {self.read_path!r}")
        if self.signature_hash not in HASHES:
            raise ValueError(f"signature_hash must be one of {', '.join(HASHES)}")
        if self.signature_encoding not in ENCODINGS:
            raise ValueError(f"signature_encoding must be one of {', '.join(ENCODINGS)}")
        words = [word for group in self._meanings().values() for word in group]
        if len(set(words)) != len(words) or "" in words:
            raise ValueError("a status word must not be empty, and must have one meaning")
        if not self.succeeded:
            raise ValueError("succeeded must have a word: without one nothing would ever be paid")

    def _meanings(self) -> dict[Status, frozenset[str]]:
        return {
            Status.PENDING: self.pending,
            Status.ACCEPTED: self.succeeded,
            Status.REJECTED: self.failed | self.expired,
            Status.REFUNDED: self.refunded,
        }

    def meaning(self, word: str) -> Status:
        """What a status word means; one that is not listed is never final."""
        return next((status for status, words in self._meanings().items() if word in words), Status.UNKNOWN)
