"""The payment systems that this bank serves. This is the one table that names them all."""

from collections.abc import Callable

from agent.sandbox.koshelek import Koshelek
from agent.sandbox.payconnect.api import PayConnect
from agent.sandbox.paycore import PayCore
from agent.sandbox.softline.api import Softline
from agent.sandbox.system import Inside, System

Maker = Callable[[Inside], System]

_ALL = (PayCore, Softline, PayConnect, Koshelek)

SYSTEMS: tuple[Maker, ...] = _ALL
"""Those with a prefix of their own go before Koshelek, whose paths begin with any partner's name."""

NAMES = tuple(system.name for system in _ALL)
