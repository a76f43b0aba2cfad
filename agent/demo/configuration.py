"""The shop of the demonstration, and the agent's configuration for it."""

import json
from pathlib import Path

STORE = "demo-shop"
PARTNER = "play-money"
LOGIN = "sandbox"
PASSWORD = "sandbox"  # noqa: S105 - of a simulator; it opens nothing else

TILLS = ("till-1", "till-2", "till-3", "till-4", "till-5", "till-6", "till-7")
KIOSK = "kiosk"
LINES = ("till-2", "till-6")  # tills with a serial line of their own
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
test_base_url = {bank}
login = {login}
password_file = {password_file}
connect_limit_ms = 2000
answer_limit_ms = 5000
checkout_backoff_cap_ms = 2000
settle_backoff_cap_ms = 5000
rereads_s = [{first_reread_s}, 60, 600, 3600]  # a customer's late money is looked for soon, so that nobody has to wait for it

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
send_deadline_s = {deadline_s}
"""


def configuration(folder: Path, bank_url: str, user_id: int, tcp_port: int, http_port: int) -> str:
    """The text of the agent's configuration file; everything it names lies in ``folder``."""
    deadlines = {**dict.fromkeys(TILLS, DEADLINE_S), KIOSK: KIOSK_DEADLINE_S}
    terminals = "".join(
        _TERMINAL.format(store=_text(STORE), terminal=_text(name), deadline_s=deadline_s) for name, deadline_s in deadlines.items()
    )
    lines = "".join(_LINE.format(path=_text(line_of(folder, name)), till=_text(f"{STORE}/{name}")) for name in LINES)
    return _CONFIGURATION.format(
        journal=_text(journal_of(folder)),
        bank=_text(bank_url),
        login=_text(LOGIN),
        password_file=_text(password_file_of(folder)),
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


def journal_of(folder: Path) -> Path:
    return folder / "journal.sqlite3"


def password_file_of(folder: Path) -> Path:
    return folder / "password"


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
