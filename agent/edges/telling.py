"""An event of a sale's story as one line for people. Amounts are kopecks in the record; people read roubles."""

from collections.abc import Mapping

from agent.core.money import roubles

AMOUNTS = frozenset({"amount", "totalAmount", "total_amount", "refundedAmount", "refunded", "surplus"})
"""Members of a sale and of its story that are kopecks."""


def facts_of(event: Mapping[str, object]) -> str:
    """What an event holds beside its moment and its name."""
    return ", ".join(f"{name}={value_text(name, value)}" for name, value in event.items() if name not in ("at", "event"))


def value_text(name: str, value: object) -> str:
    """A value for people, with amounts in roubles wherever they stand in it."""
    match value:
        case bool() | None:
            return str(value)
        case int() if name in AMOUNTS:
            return roubles(value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {value_text(str(key), one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(value_text(name, one) for one in value) + "]"
        case _:
            return str(value)
