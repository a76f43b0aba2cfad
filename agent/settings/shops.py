"""What only several settings together can get wrong about shops and tills: who is who, and which payment system a till's money goes to."""

import difflib
from collections import Counter
from collections.abc import Iterator

from agent.settings.problems import Finding
from agent.settings.providers import KOSHELEK, SYSTEMS, by_default
from agent.settings.tables import Data, systems, tables
from agent.texts import N_, Message, message

FOR_KOSHELEK = {  # of a shop, with an example of each
    "legal_id": "LB0000000001",
    "merchant_id": "MB0000000001",
    "account": "40702810000000000001",
    "member_id": "100000000001",
}


def shops(data: Data) -> Iterator[Finding]:
    """Every such problem."""
    for part in (_systems, _routes, _stores, _for_koshelek, _terminals):
        yield from part(data)


def _systems(data: Data) -> Iterator[Finding]:
    provider = data.get("provider", {})
    if isinstance(provider, dict) and not provider:
        hint = message(N_("Known are: {names}."), names=", ".join(SYSTEMS))
        yield Finding(("provider",), message(N_("No payment system is configured.")), hint, f"[provider.{KOSHELEK}]")


def _routes(data: Data) -> Iterator[Finding]:
    """A till's checkouts go to the system of the till, else of its store, else by default; what is named must be configured."""
    configured = [name for name, _, _ in systems(data)]
    named: set[object] = set()
    for place, table in (*tables(data, "store"), *tables(data, "terminal")):
        name = table.get("provider")
        if place[0] == "store" and name is not None:
            named.add(table.get("store_id"))
        if isinstance(name, str) and name not in configured:
            problem = message(N_("There is no table [provider.{name}]."), name=name)
            yield Finding((*place, "provider"), problem, _meant(name, configured), _example(configured))
    if not configured or by_default(configured) is not None:
        return
    for place, table in tables(data, "terminal"):
        if "provider" not in table and table.get("store_id") not in named:
            problem = message(N_("Several payment systems are configured: say which one this terminal uses."))
            hint = message(N_("Configured are: {names}. It may stand at the store as well."), names=", ".join(configured))
            yield Finding((*place, "provider"), problem, hint, _example(configured))


def _meant(name: str, configured: list[str]) -> Message:
    if close := difflib.get_close_matches(name.lower(), configured, n=1):
        return message(N_("Did you mean {name}?"), name=close[0])
    return message(N_("Configured are: {names}."), names=", ".join(configured) or "-")


def _example(configured: list[str]) -> str:
    return f'provider = "{(configured or [KOSHELEK])[0]}"'


def _for_koshelek(data: Data) -> Iterator[Finding]:
    """What the bank and Koshelek know a shop by: any till of it may take a payment with Koshelek."""
    if not tables(data, "provider", KOSHELEK):
        return
    for place, table in tables(data, "store"):
        for name, example in FOR_KOSHELEK.items():
            if name not in table:
                hint = message(N_("Right is: {right}."), right=message(N_("text in quotes, 1 to {limit} characters"), limit=256))
                yield Finding((*place, name), message(N_("This setting is missing.")), hint, f'{name} = "{example}"')


def _stores(data: Data) -> Iterator[Finding]:
    """storeId and merchantId map one to one: the same merchant for two stores would credit one shop's money to the other."""
    stores = [(place, table.get("store_id"), table.get("merchant_id")) for place, table in tables(data, "store")]
    seen_stores: set[object] = set()
    seen_merchants: dict[str, object] = {}
    for place, store_id, merchant_id in stores:
        if not isinstance(store_id, str):
            continue
        if store_id in seen_stores:
            yield Finding((*place, "store_id"), message(N_("The store {store} is there twice."), store=store_id))
        elif isinstance(merchant_id, str) and merchant_id in seen_merchants:
            problem = message(
                N_("merchant_id {merchant} belongs to the store {store} already."), merchant=merchant_id, store=seen_merchants[merchant_id]
            )
            yield Finding((*place, "merchant_id"), problem, message(N_("Every store has a merchant_id of its own.")))
        elif isinstance(merchant_id, str):
            seen_merchants[merchant_id] = store_id
        seen_stores.add(store_id)


def _terminals(data: Data) -> Iterator[Finding]:
    stores = {table.get("store_id") for _, table in tables(data, "store") if isinstance(table.get("store_id"), str)}
    tills: Counter[tuple[str, str]] = Counter()
    for place, table in tables(data, "terminal"):
        store_id, terminal_id = table.get("store_id"), table.get("terminal_id")
        if not isinstance(store_id, str):
            continue
        if store_id not in stores:
            hint = message(N_("Known stores: {stores}."), stores=", ".join(sorted(map(str, stores))) or "-")
            yield Finding((*place, "store_id"), message(N_("There is no [[store]] with this store_id.")), hint)
        if isinstance(terminal_id, str):
            tills[store_id, terminal_id] += 1
            if tills[store_id, terminal_id] > 1:
                problem = message(N_("The terminal {terminal} is there twice in this store."), terminal=terminal_id)
                yield Finding((*place, "terminal_id"), problem)
