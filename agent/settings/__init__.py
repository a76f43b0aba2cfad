"""The configuration of the agent: one annotated TOML file, read once at start.

``load(find(option))`` gives frozen ``Settings`` or raises ``BadSettings`` with every problem of the file: its line, what is wrong, what
would be right, and an example. ``describe`` turns those into text.
"""

from agent.settings.koshelek import Koshelek
from agent.settings.link_provider import Customer, LinkProvider
from agent.settings.listeners import (
    Client,
    HttpListener,
    Listener,
    PageListener,
    PtyListener,
    SerialListener,
    TcpListener,
    UnixListener,
    allows,
)
from agent.settings.load import certain_journal, find, load, unchecked_journal, unchecked_sockets
from agent.settings.machine import group_ids, hook_secrets, owner_ids, password, token, user_ids
from agent.settings.model import Backup, Helper, Journal, Log, Settings, Store, Terminal
from agent.settings.payconnect import PayConnect
from agent.settings.paycore import PayCore
from agent.settings.policy import policy_of
from agent.settings.problems import BadSettings, Problem, describe
from agent.settings.providers import KOSHELEK, PAYCONNECT, PAYCORE, SOFTLINE, SYSTEMS, Providers
from agent.settings.softline import Softline
from agent.settings.system import PaymentSystem, Retired, RetiredPlace
from agent.settings.webhooks import Hook, Webhooks

__all__ = [
    "KOSHELEK",
    "PAYCONNECT",
    "PAYCORE",
    "SOFTLINE",
    "SYSTEMS",
    "Backup",
    "BadSettings",
    "Client",
    "Customer",
    "Helper",
    "Hook",
    "HttpListener",
    "Journal",
    "Koshelek",
    "LinkProvider",
    "Listener",
    "Log",
    "PageListener",
    "PayConnect",
    "PayCore",
    "PaymentSystem",
    "Problem",
    "Providers",
    "PtyListener",
    "Retired",
    "RetiredPlace",
    "SerialListener",
    "Settings",
    "Softline",
    "Store",
    "TcpListener",
    "Terminal",
    "UnixListener",
    "Webhooks",
    "allows",
    "certain_journal",
    "describe",
    "find",
    "group_ids",
    "hook_secrets",
    "load",
    "owner_ids",
    "password",
    "policy_of",
    "token",
    "unchecked_journal",
    "unchecked_sockets",
    "user_ids",
]
