"""What may be made at PayCore with the public key alone: a payment at the Public API, and one by a link that holds the bill.

Both say what a private create says, but for the side of the money, which the key has. A link says it in its query, where names within names
have brackets; a second opening is refused like any other repeat, because no source tells what becomes of it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agent.sandbox.paycore.documents import Attributes, create_problems

_KEY: Final = re.compile(r"pk_(?P<side>test|live)_[A-Za-z0-9_-]+")
_NESTED: Final = re.compile(r"(?P<name>[a-z_]+)\[(?P<key>[^\[\]]+)\]")
_NAMES: Final = {"customer": "customer", "metadata": "metadata", "service_fields": "fields"}
_LOOK: Final = frozenset({"display", "style"})  # of the page
_LOCALES: Final = frozenset({"en", "uk", "ru"})
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


def of_test_money(key: object) -> bool | None:
    """Whether a public key is about test money; None: it is none."""
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    return None if match is None else match["side"] == "test"


def public_attributes(document: Any) -> Attributes | None:
    """What a create at the Public API says, as a private one would; None for what is none. It is always flat."""
    if not isinstance(document, dict) or "data" in document:
        return None
    side = of_test_money(document.get("public_key"))
    given = {name: value for name, value in document.items() if name != "public_key"}
    return {**given, "test_mode": "test_mode" if "test_mode" in given else side}  # the key alone says it


def link_attributes(query: Mapping[str, str]) -> dict[str, Any]:
    """The same of a link to the payment page."""
    found: dict[str, Any] = {"test_mode": of_test_money(query.get("public_key"))}
    for name, value in query.items():
        nested = _NESTED.fullmatch(name)
        if nested is None:
            found |= {name: value} if name not in ("public_key", "expires", "locale", "theme") else {}
        elif nested["name"] in _NAMES:
            found.setdefault(_NAMES[nested["name"]], {})[nested["key"]] = value
        elif nested["name"] not in _LOOK:
            found[name] = value  # nobody knows it
    return found


def link_problems(query: Mapping[str, str], attributes: Attributes) -> list[str]:
    """What is wrong with a link; empty if it opens a page."""
    found = create_problems(attributes)
    if query.get("locale") is not None and query["locale"] not in _LOCALES:
        found.append("locale_invalid")
    if "expires" in query and not _SECONDS.fullmatch(query["expires"]):
        found.append("expires_invalid")
    return found
