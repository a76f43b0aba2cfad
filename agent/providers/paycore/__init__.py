"""PayCore.io (Corefy), Commerce: operations to HTTP requests, answers to verdicts. Pure."""

from agent.providers.paycore.provider import PayCore
from agent.providers.paycore.settings import Create, Limits, LinkSource, PayCoreSettings, PayoutSettings, Shape

__all__ = ["Create", "Limits", "LinkSource", "PayCore", "PayCoreSettings", "PayoutSettings", "Shape"]
