"""The paths of ``[webhooks]``: which payment system sends there, how it proves itself, and with which secrets."""

from collections.abc import Mapping

from agent.assembly.join import WIRINGS
from agent.core.hints import ReadsHooks
from agent.edges.hooks.application import Endpoint
from agent.providers.koshelek.hook import KoshelekHook
from agent.settings import Hook, Settings, hook_secrets
from agent.settings.webhooks import KoshelekHook as KoshelekTable

BASIC = 'Basic realm="koshelek-agent", charset="UTF-8"'


def endpoints_of(settings: Settings) -> Mapping[str, Endpoint]:
    """By path. Raises BadSecret."""
    hooks = settings.webhooks.hooks if settings.webhooks is not None else {}
    return {hook.path: _endpoint(name, hook, settings) for name, hook in hooks.items()}


def _endpoint(name: str, hook: Hook, settings: Settings) -> Endpoint:
    if isinstance(hook, KoshelekTable):  # thanks without a body: inferred, the same vendor demands it elsewhere
        return Endpoint(name, KoshelekHook(hook.login), hook_secrets(hook), BASIC, b"")
    reader = WIRINGS[name].provider_of(settings)
    assert isinstance(reader, ReadsHooks)
    return Endpoint(name, reader, hook_secrets(hook))
