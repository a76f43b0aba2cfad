"""What can be turned at PayConnect."""

from dataclasses import dataclass

DAY_MS = 86_400_000
HALF_AN_HOUR_MS = 1_800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PayConnectKnobs:
    """Times in milliseconds, amounts in kopecks. ``bare_reads``: a read does not repeat the description."""

    token_life_ms: int = DAY_MS
    session_ms: int = HALF_AN_HOUR_MS
    requests_per_minute: int = 100
    most_amount: int = 20_000_000
    bare_reads: bool = False
