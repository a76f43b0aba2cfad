"""The Commerce API of PayCore.io at the sandbox."""

from agent.sandbox.paycore.system import PayCore

__all__ = ["PayCore"]
