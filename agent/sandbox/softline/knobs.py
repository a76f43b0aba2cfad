"""What can be turned at Softline Payments: what its documents leave open, and what every contract settles for itself.

The defaults are the likeliest reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftlineKnobs:
    """Times in milliseconds, amounts in kopecks.

    ``visible_after_ms``: how long a new payment stays invisible to a search. ``search_ignores_key``: a search finds everybody's payments.
    ``bare_reads``: a read shows only the fields that the vendor publishes, not those that are known of its webhook. ``methods``,
    ``company_methods``: the codes of the contract, for everybody and for companies alone. ``most``: of an amount, by method.
    ``recurring_methods``: those that can be the parent of automatic payments. ``strict_type``: the header must be application/json to the
    letter.
    """

    token_life_ms: int = DAY_MS
    link_life_ms: int = 90 * DAY_MS
    visible_after_ms: int = 0
    search_ignores_key: bool = False
    bare_reads: bool = False
    strict_type: bool = True
    currencies: frozenset[str] = frozenset({"RUB"})
    locales: frozenset[str] = frozenset({"ru_RU", "en_EN", "es_MX"})
    methods: frozenset[str] = frozenset({"CreditCard"})
    company_methods: frozenset[str] = frozenset({"Invoice"})
    recurring_methods: frozenset[str] = frozenset({"CreditCard"})
    most: Mapping[str, int] = field(default_factory=dict)
