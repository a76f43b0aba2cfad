"""The names of payouts in the journal: they lie there beside the sales, under keys that no sale can have. They are made and read here.

A register's key has no colon (``drivers.fields``), so ``payout:KEY`` is nobody's sale, and one look at a name tells what a stream is.
"""

from agent.core.model import SaleId

PREFIX = "payout:"


def payout_id(store_id: str, terminal_id: str, key: str) -> SaleId:
    """The name in the journal of the payout that a register calls ``key``."""
    return SaleId(store_id, terminal_id, PREFIX + key)


def is_payout(sale_id: SaleId) -> bool:
    return sale_id.key.startswith(PREFIX)


def key_of(sale_id: SaleId) -> str:
    """The register's own key of a payout."""
    return sale_id.key.removeprefix(PREFIX)
