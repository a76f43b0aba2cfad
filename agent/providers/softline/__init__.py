"""Softline Payments (Noventiq Payments): operations to HTTP requests, answers to verdicts. Pure: no clock, no chance, no input or
output."""

from agent.providers.softline.provider import Softline
from agent.providers.softline.settings import Buyer, SoftlineSettings

__all__ = ["Buyer", "Softline", "SoftlineSettings"]
