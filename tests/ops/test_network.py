"""Goal: what the doctor finds of several payment systems is found in the time of one. Method: real doors that open and never answer."""

import asyncio
from pathlib import Path

from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Grade
from agent.ops.doctor.network import connection
from agent.ops.setup.outside import STAND_IN, TILL, WAY_IN, WHOLE
from agent.settings import Settings

BELOW_ONE_ANSWER_S = 4.0  # of a door that never answers the doctor waits six seconds
SYSTEMS = ("koshelek", "payconnect")


def two_systems(koshelek: int, payconnect: int) -> Settings:
    """A till whose two payment systems are at these ports of this machine."""
    doors = {"koshelek": koshelek, "payconnect": payconnect}
    needed = {"koshelek": {key: STAND_IN[key] for key in ("login", "password_file")}, "payconnect": {"password_file": "/dev/null"}}
    systems = {name: {**needed[name], "test_base_url": f"http://127.0.0.1:{port}/x"} for name, port in doors.items()}
    tills = [{**TILL, "provider": "koshelek"}]
    return Settings.model_validate({**WHOLE, "provider": systems, "terminal": tills, "listener": [WAY_IN]})


async def test_silent_payment_systems_are_looked_at_together(tmp_path: Path) -> None:
    """Each door says nothing until the other one has been knocked at as well: both are named, in less than the wait for one answer."""
    knocked, both = set[int](), asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocked.add(writer.get_extra_info("sockname")[1])
        if len(knocked) == len(SYSTEMS):
            both.set()
        await both.wait()
        writer.close()

    servers = [await asyncio.start_server(silent, "127.0.0.1", 0) for _ in SYSTEMS]
    case = Case(tmp_path / "x.toml", environment={}, settings=two_systems(*(one.sockets[0].getsockname()[1] for one in servers)))
    try:
        async with asyncio.timeout(BELOW_ONE_ANSWER_S):
            found = await connection(case)
        wrong = [one for one in found if one.grade is Grade.FAULT]
        assert [str(one.what).split(":")[0] for one in wrong] == list(SYSTEMS)
        assert ["no answer comes" in str(one.what) for one in wrong] == [True, True]
    finally:
        both.set()
        await case.close()
        for one in servers:
            one.close()
