"""The numbers behind the money rules. Every one is a setting; the defaults are the design's, the limits are the vendor's where known."""

from dataclasses import dataclass
from enum import StrEnum


class Offline(StrEnum):
    """What a terminal does with a checkout while there is no link (money rule 6)."""

    QUEUE = "queue"
    REFUSE = "refuse"


class Unclaimed(StrEnum):
    """What becomes of a payment that no POS ever asked for (money rule 5)."""

    KEEP = "keep"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class BackOff:
    """Capped exponential waiting. The jitter (up to a quarter) is added by ``call.next_try``."""

    base_ms: int
    cap_ms: int

    def after(self, failures: int) -> int:
        """Milliseconds to wait after the n-th failure in a row (n >= 1)."""
        return min(self.cap_ms, self.base_ms << min(max(failures - 1, 0), 20))


@dataclass(frozen=True, slots=True)
class Policy:
    """Waits in milliseconds. One per provider and terminal: made by the composition root from the configuration."""

    send_deadline_ms: int = 30_000  # rule 6: from acceptance; at most 120 s
    offline: Offline = Offline.QUEUE
    unclaimed: Unclaimed = Unclaimed.KEEP
    first_read_ms: int = 300  # vendor: 250-500 ms after the answer
    read_interval_ms: int = 300  # vendor: at least 250 ms apart
    read_cap_ms: int = 15_000  # reads of what no customer waits for slow down to this
    wait_limit_ms: int = 30_000  # vendor: at most 30 s, then cancel
    unanswered_attempts: int = 3  # X of rule 4; the vendor's value is not public
    window_after_deadline_ms: int = 60_000
    window_after_reachable_ms: int = 60_000
    window_limit_ms: int = 600_000  # how long a requestId lives is unknown; repeating it later could charge anew
    slip_wait_ms: int = 5_000  # rule 3: accepted without a slip
    link_wait_ms: int = 10_000  # for the link of a payment that was found by a search: without it nobody can pay
    blind_repeat_ms: int = 600_000  # rule 8: a refund is repeated without a read only this long
    refund_slow_ms: int = 604_800_000  # rule 8: people or a bank have had a refund this long; the shop is told, once
    unclaimed_ms: int = 120_000  # rule 5
    rereads_ms: tuple[int, ...] = (60_000, 600_000, 3_600_000, 86_400_000)  # rule 5
    key_reuse_ms: int = 86_400_000  # rule 7
    unconfirmed_ms: int = 3_600_000  # rule 7: a paid, unconfirmed sale blocks its order this long
    store_mismatch_is_attention: bool = False  # rule 3: the vendor's own examples differ
    checkout_backoff: BackOff = BackOff(500, 5_000)
    settle_backoff: BackOff = BackOff(1_000, 30_000)  # cancels and refunds: within 60 s of the network's return (promise P2)
    availability_limit_ms: int = 3_000  # for a list of means of payment: the customer stands there
