"""What can be wrong with the pages and limits of PayCore that only the whole file shows."""

from collections.abc import Iterator

from agent.settings.addresses import address_problem
from agent.settings.paycore import PayCore
from agent.settings.problems import Finding
from agent.settings.providers import PAYCORE
from agent.settings.tables import Data, tables
from agent.texts import N_, message

_SIDES = frozenset({"test", "production"})


def payment_pages(data: Data) -> Iterator[Finding]:
    """Page and public API are addresses of the side that money moves on; the smallest payment is not above the largest."""
    side = data.get("environment")
    for place, table in tables(data, "provider", PAYCORE):
        for key in ("hpp_base_url", "public_base_url"):
            url = table.get(key)
            if isinstance(url, str) and url and side in _SIDES and (problem := address_problem(url, str(side), PAYCORE)):
                yield Finding((*place, key), problem)
        least, most = (table.get(name, PayCore.model_fields[name].default) for name in ("least_amount", "most_amount"))
        if type(least) is int and type(most) is int and least > most:
            text = N_("{low} ({first}) must not be above {high} ({second}).")
            yield Finding((*place, "least_amount"), message(text, low="least_amount", first=least, high="most_amount", second=most))
