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
from agent.settings.load import find, load, unchecked_sockets
from agent.settings.machine import group_ids, owner_ids, password, token, user_ids
from agent.settings.model import Backup, Helper, Journal, Log, Settings, Store, Terminal
from agent.settings.policy import policy_of
from agent.settings.problems import BadSettings, Problem, describe

__all__ = [
    "Backup",
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
    "owner_ids",
    "password",
    "policy_of",
    "token",
    "unchecked_sockets",
    "user_ids",
]
