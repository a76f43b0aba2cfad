"""What can be set about PayConnect, and the limits its document states."""

import re
from dataclasses import dataclass, field

from agent.core.capability import PAYCONNECT
from agent.core.model import Environment
from agent.providers.payconnect.assumptions import NAMES, Assumptions

# Stated by the provider.
MAX_AMOUNT_KOPECKS = 20_000_000  # 200 000 roubles a payment
TOKEN_LIFE_S = 86_400  # 24 hours
SCOPE = "payments.write payments.read"

# Ours, where it states none: everything has a limit.
MAX_DESCRIPTION_CHARACTERS = 255  # as the strictest of the other systems
MAX_EMAIL_CHARACTERS = 254  # RFC 5321: a longer address cannot be written to

DENIED_STATUSES = frozenset({401, 403, 404, 405, 429})
"""HTTP statuses that turn an attempt away at the door. INFERRED: the document knows 2xx, 4xx and 5xx only."""

UNCLEAR_STATUSES = frozenset({408, 409, 425})
"""4xx that do not prove that nothing was made: they may come from machines on the way, or speak of an earlier copy (INFERRED)."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


class NotConfirmed(ValueError):
    """Real money must not rest on what nobody has confirmed. ``names``: the assumptions that are left to be confirmed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"not confirmed by PayConnect: {', '.join(names)}")
        self.names = names


@dataclass(frozen=True, slots=True)
class PayConnectSettings:
    """How to talk to PayConnect. Raises NotConfirmed in production for assumptions that nobody has confirmed, and ValueError, naming the
    field, for values that cannot be used.

    ``description``: what the customer may read, before our own key, which always follows; ``{orderId}``, ``{storeId}`` and
    ``{terminalId}`` are replaced by those of the sale. ``email``: what to say of a buyer where the register says nothing; only
    what the shop and the provider have agreed on. None: it must come from the register.
    """

    environment: Environment
    confirmed: frozenset[str] = frozenset()
    description: str | None = None
    email: str | None = None
    denied_statuses: frozenset[int] = DENIED_STATUSES
    unclear_statuses: frozenset[int] = UNCLEAR_STATUSES
    wait_limit_ms: int = PAYCONNECT.wait_limit_ms
    assumptions: Assumptions = field(default_factory=Assumptions)

    def __post_init__(self) -> None:
        unknown = sorted(self.confirmed - set(NAMES))
        if unknown:
            raise ValueError(f"confirmed names no assumption: {', '.join(unknown)}")
        missing = tuple(name for name in NAMES if name not in self.confirmed)
        if missing and self.environment is Environment.PRODUCTION:
            raise NotConfirmed(missing)
        if not all(400 <= status < 500 for status in self.denied_statuses | self.unclear_statuses):
            # A 5xx may come from behind the door, after a payment was made: it is never a proof that nothing happened.
            raise ValueError("denied_statuses and unclear_statuses must lie between 400 and 499")
        if self.email is not None and not (len(self.email) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(self.email)):
            raise ValueError("email must be an e-mail address")
        if self.wait_limit_ms <= 0:
            raise ValueError("wait_limit_ms must be positive")
