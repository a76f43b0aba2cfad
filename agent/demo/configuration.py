"""The shop of the demonstration, and the agent's configuration for it."""

import json
from pathlib import Path

from agent.settings import KOSHELEK, PAYCORE, SOFTLINE, SYSTEMS

STORE = "demo-shop"
PARTNER = "play-money"
LOGIN = "sandbox"
PASSWORD = "sandbox"  # noqa: S105 - of a simulator; it opens nothing else

TILLS = ("till-1", "till-2", "till-3", "till-4", "till-5", "till-6", "till-7", "till-8", "till-9", "till-10")
KIOSK = "kiosk"
LINES = ("till-2", "till-6", "till-9")  # tills with a serial line of their own
OTHER_SYSTEMS = {"till-8": PAYCORE, "till-9": SOFTLINE}  # the others sell through Koshelek, unless a checkout names its system
TOKEN = "play-money-play-money"  # noqa: S105 - of clients on this machine, for a minute
KIOSK_DEADLINE_S = 10  # nobody waits longer at a kiosk: unsent by then means never sent
DEADLINE_S = 30
FIRST_REREAD_S = 10  # the shortest the agent accepts; a minute in a shop

_CONFIGURATION = """\
# The agent of the demonstration. Money is play money, and everything is on this machine.
environment = "test"
language = "en"

[journal]
path = {journal}
allow_volatile = true  # the folder may lie in memory

[log]
level = "debug"

[provider.koshelek]
test_base_url = {koshelek_url}
login = {login}
password_file = {koshelek_password}
connect_limit_ms = 2000
answer_limit_ms = 5000
checkout_backoff_cap_ms = 2000
settle_backoff_cap_ms = 5000
rereads_s = [{first_reread_s}, 60, 600, 3600]  # a customer's late money is looked for soon, so that nobody has to wait for it

[provider.paycore]
test_base_url = {paycore_url}
hpp_base_url = {paycore_page}
login = {login}
password_file = {paycore_password}

[provider.softline]
test_base_url = {softline_url}
login = {login}
password_file = {softline_password}
payment_method = "CreditCard"
payment_description = "{{orderId}}"
return_success_url = "https://shop.example/thanks"
refund_email = "shop@shop.example"

[provider.payconnect]
test_base_url = {payconnect_url}
password_file = {payconnect_password}
description = "{{orderId}}"
customer.email = "shop@shop.example"  # agreed on for everybody: the register asks nobody

[[store]]
store_id = {store}
brand_name = "Ромашка"
legal_name = "ООО «Ромашка»"
legal_id = "LB0000000001"
merchant_id = "MB0000000001"
account = "40702810000000000001"
member_id = "100000000001"
{terminals}
[[listener]]
kind = "unix"
path = {pos_socket}
users = [{user}]
terminals = ["*/*"]
connections_per_user = 32  # every register of the shop runs as the same user here
requests_per_s = 200

[[listener]]
kind = "unix"
path = {admin_socket}
role = "admin"
users = [{user}]
terminals = ["*/*"]

[[listener]]
kind = "tcp"
port = {tcp_port}
requests_per_s = 200

[[listener.client]]
name = "tcp-tills"
token_file = {token_file}
terminals = ["*/*"]

[[listener]]
kind = "http"
port = {http_port}
requests_per_s = 200

[[listener.client]]
name = "http-tills"
token_file = {token_file}
terminals = ["*/*"]
{lines}"""

_LINE = """
[[listener]]
kind = "pty"
path = {path}
terminals = [{till}]
"""

_TERMINAL = """
[[terminal]]
store_id = {store}
terminal_id = {terminal}
provider = {provider}
send_deadline_s = {deadline_s}
"""


def configuration(folder: Path, bank_url: str, user_id: int, tcp_port: int, http_port: int) -> str:
    """The text of the agent's configuration file; everything it names lies in ``folder``. ``bank_url``: as the sandbox prints it, which
    is Koshelek's; the other systems are beside it."""
    terminals = "".join(_terminal(name) for name in (*TILLS, KIOSK))
    lines = "".join(_LINE.format(path=_text(line_of(folder, name)), till=_text(f"{STORE}/{name}")) for name in LINES)
    return _CONFIGURATION.format(
        journal=_text(journal_of(folder)),
        login=_text(LOGIN),
        **_places(bank_url.removesuffix(f"/{PARTNER}")),
        **{f"{system}_password": _text(password_file_of(folder, system)) for system in SYSTEMS},
        first_reread_s=FIRST_REREAD_S,
        store=_text(STORE),
        terminals=terminals,
        pos_socket=_text(pos_socket_of(folder)),
        admin_socket=_text(admin_socket_of(folder)),
        user=_text(user_id),
        tcp_port=tcp_port,
        http_port=http_port,
        token_file=_text(token_file_of(folder)),
        lines=lines,
    )


def _terminal(name: str) -> str:
    return _TERMINAL.format(
        store=_text(STORE),
        terminal=_text(name),
        provider=_text(OTHER_SYSTEMS.get(name, KOSHELEK)),
        deadline_s=KIOSK_DEADLINE_S if name == KIOSK else DEADLINE_S,
    )


def _places(root: str) -> dict[str, str]:
    """Where each payment system is: one process serves them all."""
    places = {
        "koshelek_url": f"{root}/{PARTNER}",
        "paycore_url": f"{root}/paycore/api",
        "paycore_page": f"{root}/paycore/hpp/",
        "softline_url": f"{root}/softline",
        "payconnect_url": f"{root}/payconnect",
    }
    return {name: _text(place) for name, place in places.items()}


def write_secrets(folder: Path) -> None:
    """The files of passwords and of the registers' token, for the owner's eyes."""
    secrets = {token_file_of(folder): TOKEN, **{password_file_of(folder, system): PASSWORD for system in SYSTEMS}}
    for file, secret in secrets.items():
        file.touch(mode=0o600)
        file.write_text(secret + "\n", encoding="utf-8")


def journal_of(folder: Path) -> Path:
    return folder / "journal.sqlite3"


def password_file_of(folder: Path, system: str) -> Path:
    return folder / f"{system}-password"


def token_file_of(folder: Path) -> Path:
    return folder / "token"


def line_of(folder: Path, terminal: str) -> Path:
    """The pseudo-terminal of a till."""
    return folder / f"{terminal}.tty"


def pos_socket_of(folder: Path) -> Path:
    return folder / "pos.sock"


def admin_socket_of(folder: Path) -> Path:
    return folder / "admin.sock"


def _text(value: object) -> str:
    """A TOML string: JSON's spelling is one."""
    return json.dumps(str(value), ensure_ascii=False)
