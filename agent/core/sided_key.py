"""Public keys of PayCore.io: by such a key alone it is known which money a payment is about, so that its form is a rule about money.

Their beginnings are the vendor's, the rest is this agent's limit. The one place for it: the configuration is checked by it, and so is what
the provider is given.
"""

import re
from typing import Final

PATTERN: Final = r"pk_[A-Za-z0-9_-]{1,128}"

_KEY: Final = re.compile(PATTERN)


def key_start(test: bool) -> str:
    """What a key of a side begins with."""
    return "pk_test_" if test else "pk_live_"


def is_key(key: str, test: bool) -> bool:
    """Whether this is a public key of that side."""
    start = key_start(test)
    return key.startswith(start) and len(key) > len(start) and _KEY.fullmatch(key) is not None
