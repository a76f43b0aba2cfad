"""``[webhooks]``: where payment systems may send messages about payments, and how each proves that a message is its own.

A message only hastens a read, so a till needs none of this. Secrets are files or systemd credentials, and two of them count at a time:
one can be exchanged without a message being turned away in between.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.settings.listeners import Connections, Port
from agent.settings.part import Part
from agent.settings.system import Login

MAX_SECRETS = 2  # today's, and the one that it replaces or that will replace it
EVENTS = 4  # of Softline's: created, paid, failed, returned; each has a key of its own

HookPath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$", max_length=256)]
SecretFiles = Annotated[
    tuple[Annotated[Path, Field(strict=False)], ...],
    Field(strict=False, max_length=MAX_SECRETS * EVENTS, examples=[["/etc/koshelek-agent/postback-password"]]),
]
SecretCredentials = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...],
    Field(strict=False, max_length=MAX_SECRETS * EVENTS, examples=[["postback-password"]]),
]


class Hook(Part):
    """What all tables below ``[webhooks]`` have in common."""

    path: HookPath
    secret_files: SecretFiles = ()
    secret_credentials: SecretCredentials = ()


class KoshelekHook(Hook):
    """``[webhooks.koshelek]``: login and password are ``partnerLogin`` and ``partnerPassword``, as the merchant told them to Koshelek."""

    path: HookPath = "/koshelek"
    login: Login


class PayCoreHook(Hook):
    """``[webhooks.paycore]``: the secrets are the private keys of the account's side."""

    path: HookPath = "/paycore"


class SoftlineHook(Hook):
    """``[webhooks.softline]``: the secrets are the keys of the endpoints, of which each event has one."""

    path: HookPath = "/softline"


class PayConnectHook(Hook):
    """``[webhooks.payconnect]``. How its messages are signed is an assumption of ``[provider.payconnect]``."""

    path: HookPath = "/payconnect"


class Webhooks(Part):
    """The one listener for all payment systems."""

    address: Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]{2,45}$", examples=["127.0.0.1"])] = "127.0.0.1"
    port: Port
    certificate_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/webhooks.pem"])] = None
    key_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/webhooks.key"])] = None
    behind_proxy: bool = False
    connections: Connections = 32
    requests_per_s: Annotated[int, Field(ge=1, le=1_000)] = 20  # of each payment system
    time_limit_s: Annotated[int, Field(ge=1, le=60)] = 10  # for a whole request
    koshelek: KoshelekHook | None = None
    paycore: PayCoreHook | None = None
    softline: SoftlineHook | None = None
    payconnect: PayConnectHook | None = None

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """Those that have a table, by the name of the payment system."""
        found = {name: getattr(self, name) for name in HOOKS}
        return {name: hook for name, hook in found.items() if hook is not None}


HOOKS: Mapping[str, type[Hook]] = {
    "koshelek": KoshelekHook,
    "paycore": PayCoreHook,
    "softline": SoftlineHook,
    "payconnect": PayConnectHook,
}


def most_secrets(name: str) -> int:
    """How many secrets of a payment system may count at a time."""
    return MAX_SECRETS * (EVENTS if name == "softline" else 1)
