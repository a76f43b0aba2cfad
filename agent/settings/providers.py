"""The payment systems that can be configured, and which of them a till's checkouts go to."""

from collections.abc import Collection, Mapping

from agent.settings.koshelek import Koshelek
from agent.settings.part import Part
from agent.settings.payconnect import PayConnect
from agent.settings.paycore import PayCore
from agent.settings.softline import Softline
from agent.settings.system import PaymentSystem

KOSHELEK, PAYCORE, SOFTLINE, PAYCONNECT = "koshelek", "paycore", "softline", "payconnect"
SYSTEMS: Mapping[str, type[PaymentSystem]] = {KOSHELEK: Koshelek, PAYCORE: PayCore, SOFTLINE: Softline, PAYCONNECT: PayConnect}


class Providers(Part):
    """The payment systems in use: at least one."""

    koshelek: Koshelek | None = None
    paycore: PayCore | None = None
    softline: Softline | None = None
    payconnect: PayConnect | None = None

    @property
    def configured(self) -> Mapping[str, PaymentSystem]:
        """Those that have a table, by name."""
        found: dict[str, PaymentSystem | None] = {name: getattr(self, name) for name in SYSTEMS}
        return {name: one for name, one in found.items() if one is not None}


def by_default(configured: Collection[str]) -> str | None:
    """The system of checkouts for which nothing names one: Koshelek, else the only one there is; None if that is not clear."""
    if KOSHELEK in configured or not configured:
        return KOSHELEK if configured else None
    return next(iter(configured)) if len(configured) == 1 else None
