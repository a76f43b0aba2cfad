"""``bundle``: one archive with everything that support asks for, and no secret in it. Works with the daemon down, and on a till where
little works: what cannot be had is named."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent.cli.common import Context, Exit, say, table
from agent.texts import N_

MADE = N_("The archive for support is made, readable by you alone: {file} ({bytes} bytes). Secrets have been taken out of it.")
PARTS = N_("In it")
WHOLE = N_("whole")
CANNOT_WRITE = N_("The archive {file} cannot be written: {problem}")


@click.command("bundle")
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@click.option(
    "--log", "log_file", type=click.Path(exists=True, dir_okay=False), help="The service's log, if it is not in systemd's journal."
)
@click.pass_obj
def bundle_command(context: Context, file: str | None, log_file: str | None) -> None:
    """Make one archive for support (.tar.gz), by default in this folder.

    Versions, the configuration, what the doctor finds, the log of the last days, what happened to the sales of the last day. No passwords,
    keys, card data or buyers' data; no bills. Nothing is sent anywhere.
    """
    from agent.ops.bundle import Wanted, make, parts
    from agent.ops.bundle.archive import NAME, SUFFIX, check

    now = datetime.now(UTC)
    target = Path(file or now.strftime(NAME) + SUFFIX).absolute()
    socket, log = (Path(one) if one else None for one in (context.socket_path, log_file))
    wanted = Wanted(context.file_in_any_case(), now, socket, log, os.environ)  # where it cannot be used is when support is asked

    async def work() -> Any:
        check(target)
        return await make(target, *await parts(wanted), now)

    try:
        made = asyncio.run(work())
    except OSError as error:
        context.fail(Exit.USAGE, "INVALID", say(CANNOT_WRITE).format(file=target, problem=error.strerror or error))
    told = [{"name": one.name, "bytes": one.bytes, "sha256": one.sha256, "problem": one.problem} for one in made.parts]
    answer = {"file": str(made.file), "bytes": made.bytes, "parts": told}
    context.show(answer, lambda: _print(answer))


def _print(answer: Mapping[str, Any]) -> None:
    click.echo(say(MADE).format(**answer))
    rows = [[one["name"], str(one["bytes"]), one["problem"] or say(WHOLE)] for one in answer["parts"]]
    table(say(PARTS), ["", "", ""], rows)
