"""The configuration of the agent: one annotated TOML file, read once at start.

``load(find(option))`` gives frozen ``Settings`` or raises ``BadSettings`` with every problem of the file: its line, what is wrong, what
would be right, and an example. ``describe`` turns those into text.
"""

from agent.settings.koshelek import Koshelek, Retired
from agent.settings.listeners import (
    Client,
    HttpListener,
    Listener,
    PtyListener,
    SerialListener,
    TcpListener,
    UnixListener,
    allows,
)
from agent.settings.load import find, load
from agent.settings.machine import group_ids, password, token, user_ids
from agent.settings.model import Helper, Journal, Log, Settings, Store, Terminal
from agent.settings.policy import policy_of
from agent.settings.problems import BadSettings, Problem, describe

__all__ = [
    "BadSettings",
    "Client",
    "Helper",
    "HttpListener",
    "Journal",
    "Koshelek",
    "Listener",
    "Log",
    "Problem",
    "PtyListener",
    "Retired",
    "SerialListener",
    "Settings",
    "Store",
    "TcpListener",
    "Terminal",
    "UnixListener",
    "allows",
    "describe",
    "find",
    "group_ids",
    "load",
    "password",
    "policy_of",
    "token",
    "user_ids",
]
