"""What a technician is asked, in order: only what nobody else knows.

The script is a plain function that asks and goes on with the answer. Whoever plays it decides where answers come from; unanswered, a
question ends the play by an exception, and the next play comes one question further. So going back is forgetting the last answer, and
an answers file is a play without a person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.ops.setup.question import Kind, Option, Question, Value
from agent.settings.listeners import SerialListener
from agent.settings.meanings import meaning
from agent.settings.model import Settings, Store, Terminal
from agent.settings.payconnect import QUESTIONS, PayConnect
from agent.settings.places import Place
from agent.settings.providers import KOSHELEK, PAYCONNECT, PAYCORE, SOFTLINE, SYSTEMS, Providers
from agent.settings.shops import FOR_KOSHELEK
from agent.settings.softline import Softline
from agent.texts import N_, Message, message

Ask = Callable[[Question], Value]

PASSWORD_NAMES: Mapping[str, str] = {
    KOSHELEK: "koshelek-password",
    PAYCORE: "paycore-key",
    SOFTLINE: "softline-password",
    PAYCONNECT: "payconnect-key",
}
"""The names of the passwords, as files and as systemd credentials."""

ADDRESSES: Mapping[tuple[str, str], str] = {
    (PAYCORE, "test"): "https://com.paycore.io/api",
    (PAYCORE, "production"): "https://com.paycore.io/api",
    (SOFTLINE, "test"): "https://api.ecommerce.softline.com.demoslweb.com",
    (SOFTLINE, "production"): "https://api.ecommerce.softline.com",
    (PAYCONNECT, "production"): "https://api.payconnect.com",
}
"""Published addresses. Koshelek's end with the partner's name, and PayConnect has documented no test side."""

PASSWORDS = {
    KOSHELEK: N_("Password from Koshelek"),
    PAYCORE: N_("API key of PayCore.io"),
    SOFTLINE: N_("Password of Softline's API"),
    PAYCONNECT: N_("Secret key of PayConnect"),
}
CONNECTIONS = {
    "unix": N_("a Unix socket of this machine"),
    "tcp": N_("a TCP port of this machine"),
    "http": N_("HTTP on this machine"),
    "serial": N_("a serial port with the register at its other end"),
    "pty": N_("a pseudo-terminal, for a program on this machine that knows only serial ports"),
}
ABOUT_BACKUPS = N_(
    "If the disk dies, the copy tells what was sold. The folder must be there, belong to the agent's user and be closed to others; best is "
    "another disk than the journal's. To make one: sudo install -d -m 0700 -o koshelek-agent -g koshelek-agent /srv/copies. Another one "
    "than the package's must be allowed to the service as well; the commands for that are printed at the end. They give its unit two "
    "lines: [Service] and ReadWritePaths=-/srv/copies. With the minus the service also starts while the folder is missing."
)
ABOUT_USERS = N_(
    "The kernel tells the agent as whom a program runs, and nobody else is let in. Start the register software and look: ps -eo user,comm. "
    "Several names stand with spaces between them."
)
ABOUT_OPERATORS = N_(
    "They may see payments, cancel them and decide unclear ones: koshelek-agent status, list, resolve. Usually these are the technicians, "
    "by the names they log in with; all names: getent passwd"
)
SPEEDS = (115_200, 57_600, 38_400, 19_200, 9_600)  # what registers in use are set to; any other the configuration knows may be typed
FIRST_PORT = {"tcp": 7431, "http": 7432}
MAX_TABLES = 1_000  # stores, or terminals, as in the configuration
MAX_CONNECTIONS = 31  # one of the listeners is the operators'


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before anybody is asked. ``present``: the answers that would give today's configuration. ``stored``: the systems whose
    passwords are there. ``ports``: serial ports of this machine, by their best names. ``sockets``: the folder for sockets. ``backups``: the
    one that was made for copies of the journal, if there is one."""

    present: Mapping[Place, Value] = field(default_factory=dict)
    stored: frozenset[str] = frozenset()
    ports: Sequence[str] = ()
    language: str = "ru"
    timezone: str = "Europe/Moscow"
    user: str = "root"
    sockets: str = "/run/koshelek-agent"
    backups: str | None = None


def play(ask: Ask, known: Known) -> None:
    """Ask everything. Answers are what ``ask`` gives; they are kept by it, under the places of the questions."""
    _Play(ask, known).run()


class _Play:
    def __init__(self, ask: Ask, known: Known) -> None:
        self._ask = ask
        self._known = known
        self._present = dict(known.present)

    def ask(self, kind: Kind, text: Message, *place: str | int, default: Value = None, **more: Any) -> Value:
        """One question; what today's configuration says goes before any other default."""
        return self._ask(Question(place, kind, text, default=self._present.get(place, default), **more))

    def run(self) -> None:
        sides = (
            Option("test", message(N_("play money, the payment system's test side"))),
            Option("production", message(N_("real money"))),
        )
        about = meaning(Settings, "environment")
        side = self.ask(Kind.CHOICE, message(N_("Which side does money move on?")), "environment", options=sides, help=about)
        texts = (Option("ru", message(N_("Russian"))), Option("en", message(N_("English"))))
        language = message(N_("Language of the texts for cashiers"))
        self.ask(Kind.CHOICE, language, "language", options=texts, default=self._known.language)
        zone = message(N_("Time zone of the shop, for its business day"))
        self.ask(Kind.TEXT, zone, "timezone", default=self._known.timezone, help=meaning(Settings, "timezone"))
        choice = [Option(name, meaning(Providers, name)) for name in SYSTEMS]
        systems = self.ask(Kind.SEVERAL, message(N_("Which payment systems?")), "systems", options=choice, default=[KOSHELEK])
        for system in systems:
            self._system(system, side)
        if KOSHELEK in systems:
            text = message(N_("Program of Koshelek's card module with its arguments (nothing: the register brings token and card session)"))
            self.ask(Kind.WORDS, text, "helper", optional=True, help=meaning(Settings, "helper"))
        stores = self._tables("store", message(N_("Another shop?")), MAX_TABLES, lambda index: self._store(index, systems))
        self._tables("terminal", message(N_("Another till?")), MAX_TABLES, lambda index: self._terminal(index, stores, systems))
        self._tables("connection", message(N_("Another way for registers to connect?")), MAX_CONNECTIONS, self._connection)
        operators = N_("Users of this machine who may use the command line (root always may)")
        self.ask(Kind.WORDS, message(operators), "operators", default=["root"], help=message(ABOUT_OPERATORS))
        folder = message(N_("Folder for a copy of the journal every day (nothing: no copies are made)"))
        self.ask(Kind.TEXT, folder, "backups", default=self._known.backups, optional=True, help=message(ABOUT_BACKUPS))

    def _tables(self, name: str, another: Message, most: int, one: Callable[[int], str]) -> list[str]:
        """The same questions for each of a list; what they are known by."""
        names: list[str] = []
        for index in range(most):
            names.append(one(index))
            more = any(place[:2] == (name, index + 1) for place in self._present)
            if not self._ask(Question((name, index, "another"), Kind.YES_NO, another, default=more)):
                break
        return names

    def _system(self, system: str, side: str) -> None:
        address = self._present.get((system, "address"))
        kept = address if self._present.get(("environment",)) == side else None
        text = message(
            N_("{system}: address, or the partner's name alone") if system == KOSHELEK else N_("{system}: address"), system=system
        )
        about = meaning(SYSTEMS[system], f"{side}_base_url")
        place = (system, "address")
        self._ask(Question(place, Kind.TEXT, text, about, default=kept or ADDRESSES.get((system, side))))
        if system != PAYCONNECT:
            self.ask(Kind.TEXT, message(N_("{system}: login"), system=system), system, "login", help=meaning(SYSTEMS[system], "login"))
        keep = system in self._known.stored
        stored = message(N_("It is stored in a file of its own, never in the configuration. It is not shown while you type."))
        self._ask(Question((system, "password"), Kind.SECRET, message(PASSWORDS[system]), stored, optional=keep))
        match system:
            case "paycore":
                service = message(N_("paycore: code of the means of payment (nothing: the customer chooses on the page)"))
                self.ask(Kind.TEXT, service, system, "service", optional=True, help=meaning(SYSTEMS[system], "service"))
                page = message(N_("paycore: payment page (nothing: PayCore's own)"))
                self.ask(Kind.TEXT, page, system, "page", optional=True, help=meaning(SYSTEMS[system], "hpp_base_url"))
            case "softline":
                for name in ("payment_method", "return_success_url", "refund_email"):
                    self.ask(Kind.TEXT, meaning(Softline, name), system, name)
            case "payconnect" if side == "production":
                options = [Option(name, message(text)) for name, text in QUESTIONS.items()]
                about = meaning(PayConnect, "confirmed_assumptions")
                self.ask(Kind.SEVERAL, about, system, "confirmed_assumptions", options=options)
            case _:
                pass

    def _store(self, index: int, systems: Sequence[str]) -> str:
        names = ["store_id", "brand_name", "legal_name", *(FOR_KOSHELEK if KOSHELEK in systems else ())]
        given = [str(self.ask(Kind.TEXT, _asked("store", name, index), "store", index, name, help=meaning(Store, name))) for name in names]
        return given[0]

    def _terminal(self, index: int, stores: Sequence[str], systems: Sequence[str]) -> str:
        store = stores[0]
        if len(stores) > 1:
            options = [Option(one) for one in stores]
            store = self.ask(Kind.CHOICE, _asked("terminal", "store_id", index), "terminal", index, "store_id", options=options)
        about = meaning(Terminal, "terminal_id")
        name = self.ask(Kind.TEXT, _asked("terminal", "terminal_id", index), "terminal", index, "terminal_id", help=about)
        if len(systems) > 1:
            options = [Option(one) for one in systems]
            default = KOSHELEK if KOSHELEK in systems else None
            text = _asked("terminal", "provider", index)
            self.ask(Kind.CHOICE, text, "terminal", index, "provider", options=options, default=default, help=meaning(Terminal, "provider"))
        return f"{store}/{name}"

    def _connection(self, index: int) -> str:
        options = [Option(kind, message(text)) for kind, text in CONNECTIONS.items()]
        how = message(N_("How does the register reach the agent?"))
        kind = str(self.ask(Kind.CHOICE, how, "connection", index, "kind", options=options))
        if self._present.get(("connection", index, "kind")) != kind:  # the path of a socket is no offer for a serial port
            self._present = {place: value for place, value in self._present.items() if place[:2] != ("connection", index)}
        match kind:
            case "unix":
                self._unix(index)
            case "serial":
                self._serial(index)
            case "pty":
                self._pty(index)
            case _:
                self._program(index, FIRST_PORT[kind])
        every = message(N_("For which tills, as storeId/terminalId (a star stands for all)"))
        self.ask(Kind.WORDS, every, "connection", index, "terminals", default=["*/*"])
        return kind

    def _unix(self, index: int) -> None:
        users = N_("Users of this machine that the register software runs as")
        about = message(ABOUT_USERS)
        self.ask(Kind.WORDS, message(users), "connection", index, "users", default=[self._known.user], help=about)
        self._path(index, N_("Path of the socket"), f"{self._known.sockets}/pos{index or ''}.sock")

    def _serial(self, index: int) -> None:
        ports = [Option(path) for path in self._known.ports]
        default = self._known.ports[0] if len(self._known.ports) == 1 else None
        self.ask(Kind.PLACE, message(N_("Serial port")), "connection", index, "path", options=ports, default=default)
        speeds = [Option(str(speed)) for speed in SPEEDS]
        about = meaning(SerialListener, "baud")
        speed = message(N_("Speed of the port, as at the register"))
        self.ask(Kind.NUMBER, speed, "connection", index, "baud", options=speeds, default=SPEEDS[0], help=about)

    def _pty(self, index: int) -> None:
        self._path(index, N_("Path of the pseudo-terminal's link"), f"{self._known.sockets}/till-{index + 1:02}.tty")
        group = message(N_("Group of the users who may open it (nothing: the agent's user alone)"))
        self.ask(Kind.TEXT, group, "connection", index, "group", optional=True)

    def _program(self, index: int, first_port: int) -> None:
        """Over TCP or HTTP: who asks is known by a token."""
        self.ask(Kind.NUMBER, message(N_("Port")), "connection", index, "port", default=first_port + 2 * index)
        program = message(N_("Name of the register's program"))
        self.ask(Kind.TEXT, program, "connection", index, "name", default=f"kassa-{index + 1}")
        token = message(N_("Token of the program (nothing: the stored one, else a new one is made)"))
        self._ask(Question(("connection", index, "token"), Kind.SECRET, token, optional=True))

    def _path(self, index: int, text: str, default: str) -> None:
        self.ask(Kind.TEXT, message(text), "connection", index, "path", default=default)


ASKED = {
    ("store", "store_id"): N_("Shop {number}: its id (storeId)"),
    ("store", "brand_name"): N_("Shop {number}: trade name"),
    ("store", "legal_name"): N_("Shop {number}: full name of the legal entity"),
    ("store", "legal_id"): N_("Shop {number}: legalId, the id of the legal entity in SBP"),
    ("store", "merchant_id"): N_("Shop {number}: merchantId, its id in SBP"),
    ("store", "account"): N_("Shop {number}: settlement account"),
    ("store", "member_id"): N_("Shop {number}: memberId, the bank's id in SBP"),
    ("terminal", "store_id"): N_("Till {number}: in which shop?"),
    ("terminal", "terminal_id"): N_("Till {number}: your number of it (terminalId)"),
    ("terminal", "provider"): N_("Till {number}: which payment system?"),
}


def _asked(table: str, name: str, index: int) -> Message:
    return message(ASKED[table, name], number=index + 1)
