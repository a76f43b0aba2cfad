"""The numbers and names behind payouts. Every one is a setting; nobody publishes the payment system's limits, so all are this agent's."""

from dataclasses import dataclass

from agent.core.money import RUB, Kopecks
from agent.core.policy import BackOff

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_NOTHING = Kopecks(0)
_UNSENT = BackOff(1_000, 15_000)


@dataclass(frozen=True, slots=True)
class PayoutPolicy:
    """How one payment system's payouts are made. Off unless it is said otherwise; payouts that were begun are settled all the same.

    ``most_amount``: kopecks of one payout; ``most_per_day``: of all payouts of this journal on one business day that are made or may have
    been. ``service``: what a payout goes by that names none.
    """

    enabled: bool = False
    service: str | None = None
    currency: str = RUB
    most_amount: Kopecks = _NOTHING
    most_per_day: Kopecks = _NOTHING
    send_deadline_ms: int = 60_000  # from acceptance: what has not left by then never leaves (promise P5)
    first_read_ms: int = 2_000  # after the answer: one or two seconds are usual
    read_interval_ms: int = 5_000  # nobody stands there: a person may have to let a payout go
    read_cap_ms: int = 600_000
    absent_ms: int = 600_000  # the system does not know the id that it gave us itself: after so long a person looks
    slow_ms: int = DAY_MS  # in work for so long: the shop is told, once
    rereads_ms: tuple[int, ...] = (HOUR_MS, DAY_MS, 7 * DAY_MS)  # after its end: the system may cancel what it paid
    backoff: BackOff = _UNSENT  # between attempts of which it is proven that nothing was sent
