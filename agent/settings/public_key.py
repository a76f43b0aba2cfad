"""What payments without the account's secret key need (``create`` of PayCore), as far as only the whole file shows it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.core.model import Environment
from agent.core.sided_key import is_key, key_start
from agent.settings.paycore import PayCore
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.providers import PAYCORE
from agent.settings.tables import Data, tables
from agent.texts import N_, message


def same_host(url: str, other: str) -> bool:
    """Whether two addresses are reached by the same connections. Neither need be an address at all."""
    try:
        one, two = ((parts.scheme, parts.hostname, parts.port) for parts in (urlsplit(url), urlsplit(other)))
    except ValueError:
        return False
    return one == two


def public_keys(data: Data) -> Iterator[Finding]:
    """A key of this side, by which alone it is known which money such payments are about; and what each of the two ways has no room for."""
    side = data.get("environment")
    for place, table in tables(data, "provider", PAYCORE):
        create = table.get("create")
        if create not in ("public", "hpp"):
            continue
        sides = [side == Environment.TEST] if side in tuple(Environment) else [True, False]  # of none it may be either's
        key = str(table.get("public_key", ""))
        if not any(is_key(key, test) for test in sides):
            wanted = key_start(sides[0]) if len(sides) == 1 else "pk_"
            problem = message(
                N_("create = {create} needs the public key of this side: it begins with {start}."), create=create, start=wanted
            )
            yield Finding((*place, "public_key"), problem, None, f'public_key = "{wanted}example"')
        yield from _own_links(place, table) if create == "hpp" else _public_api(place, table, f"{side}_base_url")


def _public_api(place: Place, table: Data, key: str) -> Iterator[Finding]:
    base, public = table.get(key), table.get("public_base_url", PayCore.model_fields["public_base_url"].default)
    if isinstance(base, str) and isinstance(public, str) and not same_host(base, public):
        problem = message(N_("create = public needs a public_base_url on the host of {key}."), key=key)
        yield Finding((*place, "public_base_url"), problem)


def _own_links(place: Place, table: Data) -> Iterator[Finding]:
    if table.get("hpp_base_url") == "":
        yield Finding((*place, "hpp_base_url"), message(N_("create = hpp needs the address of the payment page.")))
    for key in ("buyer_fields", "send_customer"):
        if table.get(key):
            yield Finding((*place, key), message(N_("create = hpp: what the register knows of the buyer cannot go into a payment link.")))
    life, wait = (table.get(name, PayCore.model_fields[name].default) for name in ("link_life_s", "wait_limit_s"))
    if type(life) is int and type(wait) is int and wait > life:
        text = N_("{low} ({first}) must not be above {high} ({second}).")
        yield Finding((*place, "link_life_s"), message(text, low="wait_limit_s", first=wait, high="link_life_s", second=life))
