"""``agent.reload``, ``agent.backup``, ``agent.release``: an operator looks after the daemon itself."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agent.edges.pos.front import Front, Handlers, patiently
from agent.edges.pos.keeper import Keeper
from agent.engine.errors import Refusal
from drivers import messages
from drivers.caller import Caller


class Care:
    """One area of the desk. Without a keeper there is nobody to ask: everything is refused."""

    def __init__(self, front: Front, keeper: Keeper | None) -> None:
        self._front, self._given = front, keeper
        self.handlers: Handlers = {
            messages.AgentReload: self._reload,
            messages.AgentBackup: self._backup,
            messages.AgentRelease: self._release,
        }

    @property
    def _keeper(self) -> Keeper:
        if self._given is None:
            raise Refusal("FORBIDDEN", "this agent cannot be looked after from outside")
        return self._given

    async def _reload(self, caller: Caller, request: messages.AgentReload) -> Mapping[str, Any]:
        """The door this came through may itself be exchanged: then its caller hears so at once, and the rest from ``agent.status``."""
        reloading = asyncio.ensure_future(self._keeper.reload())
        done = await patiently(caller, asyncio.shield(reloading))
        if done is None:
            raise Refusal("BUSY", "the configuration is being taken over, and this connection ends with it; ask for agent.status")
        return done

    async def _backup(self, caller: Caller, request: messages.AgentBackup) -> Mapping[str, Any]:
        return await self._keeper.backup()

    async def _release(self, caller: Caller, request: messages.AgentRelease) -> Mapping[str, Any]:
        self._front.engine.check_running()
        return await self._keeper.release(caller.name, request.reason)
