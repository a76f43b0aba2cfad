"""Koshelek Pay: operations to HTTP requests, answers to verdicts. Pure: no clock, no chance, no input or output."""

from agent.providers.koshelek.provider import Koshelek
from agent.providers.koshelek.settings import KoshelekSettings, Limits, StoreFacts

__all__ = ["Koshelek", "KoshelekSettings", "Limits", "StoreFacts"]
