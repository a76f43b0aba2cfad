"""``run``, ``sandbox``, ``demo``, ``config check``: what starts something, and what is asked before."""

import asyncio
import sys
from pathlib import Path

import click

from agent.cli.common import Context, Exit, language
from agent.settings import BadSettings, find, load
from agent.texts import LANGUAGES, translator


@click.command("run")
@click.pass_obj
def run_command(context: Context) -> None:
    """Run the daemon in the foreground (systemd does this)."""
    from agent.lean import without_unused

    without_unused()
    from agent import log
    from agent.core.ports import JournalError
    from agent.runtime import CannotStart, run

    settings = context.settings(machine=True)
    log.configure(level=settings.log.level)
    try:
        status = asyncio.run(run(settings, context.file()))
    except CannotStart as error:
        click.echo(error.text.text(translator(language())), err=True)
        status = Exit.CONFIGURATION
    except JournalError as error:
        click.echo(str(error), err=True)
        status = Exit.INTERNAL
    sys.exit(status)


@click.group("config")
def config_group() -> None:
    """About the configuration."""


@config_group.command("check")
@click.pass_obj
def check_command(context: Context) -> None:
    """Check the configuration: everything that is wrong, at once, with what would be right."""
    try:
        path = find(Path(context.config_file) if context.config_file else None)
        load(path)
    except BadSettings as error:
        context.bad_settings(error)
    context.show({"ok": True, "file": str(path)}, lambda: click.echo(f"{path}: {_ok()}"))


@config_group.command("services")
@click.pass_obj
def services_command(context: Context) -> None:
    """Show which means of payment the PayCore account offers, and whether the configuration fits."""
    from agent.cli.services import services  # with an HTTP client, which no other command of this module needs

    services(context)


def _ok() -> str:
    return "в порядке" if language() == "ru" else "ok"


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8099, show_default=True, type=int)
@click.option("--control-port", type=int, help="A second port for the control API that stays open during outages.")
@click.option("--control-host", default="127.0.0.1", show_default=True, help="Address of that port; with an access code unless loopback.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Language of the page; otherwise the browser's.")
@click.option("--partner", help="Partner segment of the base URL; without it any is accepted.")
@click.option("--login", default="sandbox", show_default=True)
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False), help="Default password: sandbox.")
@click.option("--certfile", type=click.Path(exists=True, dir_okay=False), help="PEM; switches to TLS, with --keyfile.")
@click.option("--keyfile", type=click.Path(exists=True, dir_okay=False))
@click.option("--forget-after-s", type=int, help="Forget requestIds after so long.")
def sandbox_command(
    host: str,
    port: int,
    control_port: int | None,
    control_host: str,
    language: str | None,
    partner: str | None,
    login: str,
    password_file: str | None,
    certfile: str | None,
    keyfile: str | None,
    forget_after_s: int | None,
) -> None:
    """Run a Pay API server with play money, for integration work.

    What the customer does is chosen by the beginning of the card session: PAY, FAST, DOLY, DECL, LIMIT, WAIT, LATE, CANC, UNKN; by hand
    on the page whose address is printed; or through the control API below /sandbox/.
    """
    from agent.sandbox.server import serve
    from agent.sandbox.settings import BankSettings, SandboxSettings

    password = Path(password_file).read_text(encoding="utf-8").strip() if password_file else "sandbox"
    bank = BankSettings(
        login=login, password=password, partner=partner, forget_after_ms=None if forget_after_s is None else forget_after_s * 1000
    )
    try:
        settings = SandboxSettings(
            bank=bank,
            host=host,
            port=port,
            control_port=control_port,
            control_host=control_host,
            language=language,
            certfile=Path(certfile) if certfile else None,
            keyfile=Path(keyfile) if keyfile else None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(serve(settings, lambda url: click.echo(f"sandbox: {url}"), page=lambda url: click.echo(f"page: {url}")))


@click.command("demo")
@click.option("--plant", help="Plant a bug and watch the books not close (see --list-plants).")
@click.option("--list-plants", is_flag=True, help="Name the bugs that can be planted.")
@click.option("--keep", is_flag=True, help="Keep the folder with configuration, journal and logs.")
def demo_command(plant: str | None, list_plants: bool, keep: bool) -> None:
    """Sell, cancel, refund, lose the network and be killed, with every kopeck accounted for."""
    from agent.demo import PLANTS, play

    if list_plants:
        for name, text in PLANTS.items():
            click.echo(f"{name}: {text}")
        return
    if plant is not None and plant not in PLANTS:
        raise click.UsageError(f"there is no plant {plant!r}; there are {', '.join(PLANTS)}")
    sys.exit(play(plant, keep))
