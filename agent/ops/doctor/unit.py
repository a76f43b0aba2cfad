"""What systemd says of the service's unit."""

import asyncio
import shutil
from collections.abc import Mapping

from agent.ops.command import UNIT, asked

PROPERTIES = (
    "LoadState,ActiveState,SubState,UnitFileState,NRestarts,WatchdogUSec,SupplementaryGroups,MainPID,ExecMainStatus,InvocationID,"
    "ReadWritePaths,ProtectSystem,AmbientCapabilities"
)
SYSTEMCTL_LIMIT_S = 3.0


async def unit_facts() -> Mapping[str, str]:
    """Properties of the unit; empty where there is no systemd, or none that answers in time."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    try:
        async with asyncio.timeout(SYSTEMCTL_LIMIT_S), asked(systemctl, "show", UNIT, f"--property={PROPERTIES}") as process:
            told, _ = await process.communicate()
    except TimeoutError:
        return {}
    return dict(line.split("=", 1) for line in told.decode(errors="replace").splitlines() if "=" in line)
