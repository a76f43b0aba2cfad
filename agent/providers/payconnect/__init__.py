"""PayConnect: operations to HTTP requests, answers to verdicts. Pure: no clock, no chance, no input or output.

Its document is short. What it states is coded as it stands; what it leaves open is assumed in one place, ``assumptions``.
"""

from agent.providers.payconnect.assumptions import NAMES, Assumptions
from agent.providers.payconnect.provider import PayConnect
from agent.providers.payconnect.settings import PayConnectSettings

__all__ = ["NAMES", "Assumptions", "PayConnect", "PayConnectSettings"]
