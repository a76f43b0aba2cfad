"""What can be wrong with the pages and limits of PayCore that only the whole file shows."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.settings.addresses import address_problem, is_loopback
from agent.settings.paycore import PayCore
from agent.settings.places import Place
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
        yield from _page_of_another(place, table, str(side))
        least, most = (table.get(name, PayCore.model_fields[name].default) for name in ("least_amount", "most_amount"))
        if type(least) is int and type(most) is int and least > most:
            text = N_("{low} ({first}) must not be above {high} ({second}).")
            yield Finding((*place, "least_amount"), message(text, low="least_amount", first=least, high="most_amount", second=most))


def _page_of_another(place: Place, table: Data, side: str) -> Iterator[Finding]:
    """A page does not know the payments of another host: a customer could not pay there, or would be led to another shop's money. If none
    is named, the vendor's own holds, so that of a brand must be; it may be anywhere, but that of this machine (the sandbox) is on it."""
    url, page = table.get(f"{side}_base_url"), table.get("hpp_base_url", PayCore.model_fields["hpp_base_url"].default)
    given = [one for one in (url, page) if isinstance(one, str) and one]
    if len(given) < 2 or any(address_problem(one, side, PAYCORE) for one in given):
        return
    here, there = (urlsplit(one).hostname or "" for one in given)
    if here != there and (is_loopback(here) != is_loopback(there) or "hpp_base_url" not in table):
        text = N_("Links would lead to {page}, where payments of {url} are not known.")
        example = f'hpp_base_url = "{str(url).rstrip("/").removesuffix("/api")}/hpp/"'
        yield Finding((*place, "hpp_base_url"), message(text, page=page, url=url), None, example)
