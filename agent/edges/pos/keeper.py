"""What the desk asks of the daemon around it: how it is, and what an operator may have it do."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Keeper(Protocol):
    """The daemon itself, as an operator sees it. Each method raises Refusal with what to do."""

    @property
    def taking(self) -> bool:
        """Whether there is room for new sales (promise P13)."""

    def report(self, operator: bool) -> Mapping[str, Any]:
        """Fields of ``agent.status`` beside the sales; fewer for a register."""

    def lines(self) -> Sequence[Mapping[str, Any]]:
        """The serial lines and pseudo-terminals: what is known of their other ends."""

    async def reload(self) -> Mapping[str, Any]:
        """Read the configuration anew; which one is in force, and what is wrong with the file."""

    async def backup(self) -> Mapping[str, Any]:
        """Write a backup of the journal now."""

    async def release(self, by: str, reason: str) -> Mapping[str, Any]:
        """After a restore: new checkouts are taken again (money rule 10)."""

    def restored(self) -> Mapping[str, Any]:
        """How far the comparison after a restore has come."""
