"""What systemd says of the service's unit."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping

UNIT = "koshelek-agent.service"
PROPERTIES = "LoadState,ActiveState,UnitFileState,NRestarts,WatchdogUSec,SupplementaryGroups,MainPID"
SYSTEMCTL_LIMIT_S = 3.0


async def unit_facts() -> Mapping[str, str]:
    """Properties of the unit; empty where there is no systemd, or none that answers in time."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    show = (systemctl, "show", UNIT, f"--property={PROPERTIES}")
    asked = await asyncio.create_subprocess_exec(*show, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(SYSTEMCTL_LIMIT_S):
            told, _ = await asked.communicate()
    except TimeoutError:
        asked.kill()
        await asked.wait()
        return {}
    return dict(line.split("=", 1) for line in told.decode(errors="replace").splitlines() if "=" in line)
