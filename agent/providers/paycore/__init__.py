"""PayCore.io (Corefy), Commerce Private API: operations to HTTP requests, answers to verdicts. Pure."""

from agent.providers.paycore.provider import PayCore
from agent.providers.paycore.settings import Limits, LinkSource, PayCoreSettings, Shape

__all__ = ["Limits", "LinkSource", "PayCore", "PayCoreSettings", "Shape"]
