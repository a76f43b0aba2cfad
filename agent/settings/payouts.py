"""What payouts need of the configuration, as far as only several settings together show it."""

from collections.abc import Iterator

from agent.settings.paycore import PayCore
from agent.settings.problems import Finding
from agent.settings.providers import PAYCORE
from agent.settings.public_key import same_host
from agent.settings.tables import Data, tables
from agent.texts import N_, message

_MOST, _PER_DAY = "most_amount", "most_per_day"


def payouts(data: Data) -> Iterator[Finding]:
    """Nothing is paid out without a limit that somebody has chosen; and the Public API is asked over the account's own connections."""
    for place, table in tables(data, "provider", PAYCORE):
        for inner, given in tables(table, "payouts"):
            here = (*place, *inner)
            if given.get("enabled") is True:
                for name in (_MOST, _PER_DAY):
                    if given.get(name, 0) == 0:
                        text = message(N_("Payouts are switched on without a limit: write the largest amount in kopecks."))
                        yield Finding((*here, name), text, None, f"{name} = 1500000")
            most, of_day = given.get(_MOST, 0), given.get(_PER_DAY, 0)
            if type(most) is int and type(of_day) is int and most > of_day > 0:
                ordered = N_("{low} ({first}) must not be above {high} ({second}).")
                yield Finding((*here, _MOST), message(ordered, low=_MOST, first=most, high=_PER_DAY, second=of_day))
            key = f"{data.get('environment')}_base_url"
            base, public = table.get(key), table.get("public_base_url", PayCore.model_fields["public_base_url"].default)
            if given.get("read") == "public" and isinstance(base, str) and isinstance(public, str) and not same_host(base, public):
                yield Finding((*here, "read"), message(N_("read = public needs a public_base_url on the host of {key}."), key=key))
