"""``sandbox``, ``demo``: trying things out without money."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.texts import LANGUAGES

if TYPE_CHECKING:
    from agent.sandbox.outbox import Webhook


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
@click.option("--webhook", multiple=True, metavar="SYSTEM=URL", help="Send messages about payments of this system there.")
@click.option(
    "--webhook-secret-file", multiple=True, metavar="SYSTEM=FILE", help="What proves its messages; otherwise the password of the sandbox."
)
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
    webhook: tuple[str, ...],
    webhook_secret_file: tuple[str, ...],
) -> None:
    """Run a Pay API server with play money, for integration work.

    What the customer does is chosen by the beginning of the card session: PAY, FAST, DOLY, DECL, LIMIT, WAIT, LATE, CANC, UNKN; by hand
    on the page whose address is printed; or through the control API below /sandbox/.
    """
    from agent.sandbox.server import serve
    from agent.sandbox.settings import BankSettings, SandboxSettings

    password = Path(password_file).read_text(encoding="utf-8").strip() if password_file else "sandbox"
    try:
        bank = BankSettings(
            login=login,
            password=password,
            partner=partner,
            forget_after_ms=None if forget_after_s is None else forget_after_s * 1000,
            webhooks=_webhooks(_by_system("--webhook", webhook), _by_system("--webhook-secret-file", webhook_secret_file), password),
        )
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


def _by_system(option: str, given: Sequence[str]) -> dict[str, str]:
    """SYSTEM=VALUE, for each system once. Raises UsageError."""
    from agent.sandbox.systems import NAMES

    found: dict[str, str] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in NAMES or not value:
            raise click.UsageError(f"{option} takes SYSTEM=VALUE, and SYSTEM is one of {', '.join(NAMES)}")
        if name in found:
            raise click.UsageError(f"{option} is given twice for {name}")
        found[name] = value
    return found


def _webhooks(urls: Mapping[str, str], files: Mapping[str, str], password: str) -> Mapping[str, "Webhook"]:
    """Raises UsageError, and ValueError for an address or a secret that is none."""
    from agent.sandbox.outbox import Webhook

    if lonely := files.keys() - urls.keys():
        raise click.UsageError(f"a secret without an address: give --webhook {min(lonely)}=URL")
    try:
        secrets = {name: Path(file).read_text(encoding="utf-8").strip() for name, file in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"a secret cannot be read: {error}") from error
    return {name: Webhook(url, secrets.get(name, password)) for name, url in urls.items()}


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
