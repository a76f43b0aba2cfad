"""What only several settings together can get wrong, and what a pattern cannot say.

The checks look at the file as read, not at the validated models: a technician gets every problem in one run, also when some
values are of the wrong kind (the models say so; here they are passed over).
"""

import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from agent.settings.addresses import address_problem
from agent.settings.messages_in import messages_in
from agent.settings.pages import payment_pages
from agent.settings.payouts import payouts
from agent.settings.places import Place
from agent.settings.problems import Finding
from agent.settings.providers import KOSHELEK, SYSTEMS
from agent.settings.public_key import public_keys
from agent.settings.shops import shops
from agent.settings.tables import Data, accounts, retired, systems, tables, texts
from agent.settings.unconfirmed import assumptions
from agent.settings.ways_in import ways_in
from agent.texts import N_, message

POOL_LIMIT_MS = 500  # how long an attempt may wait for a free connection
READ_STATUS = 422  # carries the vendor's error object

_PLACEHOLDER = re.compile(r"<[a-z][a-z0-9 _-]*>")
ABSOLUTE = frozenset({"path", "password_file", "token_file", "ca_file", "directory", "certificate_file", "key_file"})
_ORDERED = (  # the first must not be above the second
    ("answer_limit_ms", "attempt_limit_ms"),
    ("checkout_backoff_base_ms", "checkout_backoff_cap_ms"),
    ("settle_backoff_base_ms", "settle_backoff_cap_ms"),
    ("window_after_deadline_s", "window_limit_s"),
    ("window_after_reachable_s", "window_limit_s"),
)


def check(data: Data) -> list[Finding]:
    """Every such problem. Only one is reported for a place; placeholders first, because what they stand for cannot be judged."""
    found: dict[Place, Finding] = {}
    for part in (
        _placeholders,
        _paths,
        _timezone,
        _addresses,
        _passwords,
        _order_of_limits,
        _connecting,
        _statuses,
        assumptions,
        payment_pages,
        public_keys,
        payouts,
        shops,
        ways_in,
        messages_in,
    ):
        for finding in part(data):
            found.setdefault(finding.place, finding)
    return list(found.values())


def _placeholders(data: Data) -> Iterator[Finding]:
    for place, text in texts(data):
        if _PLACEHOLDER.search(text):
            yield Finding(place, message(N_("This is still the placeholder of the example: {value}."), value=text))


def _paths(data: Data) -> Iterator[Finding]:
    for place, text in texts(data):
        command = place == ("helper", "command", 0)
        secret = len(place) > 1 and place[-2] == "secret_files"
        if (place[-1] in ABSOLUTE or command or secret) and not Path(text).is_absolute():
            yield Finding(place, message(N_("A path must begin with a slash: {path}."), path=text))


def _timezone(data: Data) -> Iterator[Finding]:
    name = data.get("timezone", "Europe/Moscow")
    if not isinstance(name, str):
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = message(N_("Known are the names of the time zone database, if the package tzdata is installed."))
        yield Finding(("timezone",), message(N_("This machine knows no time zone {name}."), name=name), hint, 'timezone = "Europe/Moscow"')


def _addresses(data: Data) -> Iterator[Finding]:
    environment = data.get("environment")
    for name, place, system in systems(data):
        for side in ("test", "production"):
            key = f"{side}_base_url"
            if isinstance(url := system.get(key), str) and (problem := address_problem(url, side, name)):
                yield Finding((*place, key), problem, None, f'{key} = "{_example_address(name, key)}"')
        needed = f"{environment}_base_url"
        if needed in SYSTEMS[name].model_fields and needed not in system:
            problem = message(N_("This address is needed, because environment is {side}."), side=environment)
            yield Finding((*place, needed), problem, None, f'{needed} = "{_example_address(name, needed)}"')
    for name, place, account in retired(data):
        kind, url = account.get("environment"), account.get("base_url")
        if isinstance(url, str) and isinstance(kind, str) and (problem := address_problem(url, kind, name)):
            yield Finding((*place, "base_url"), problem)
    yield from _one_address_each(data)


def _one_address_each(data: Data) -> Iterator[Finding]:
    """An address belongs to one payment system: a request that went to another one would be a payment nobody understands."""
    owners: dict[str, str] = {}
    for name, place, table in (*systems(data), *retired(data)):
        for key in ("test_base_url", "production_base_url", "base_url"):
            if isinstance(url := table.get(key), str) and owners.setdefault(url.rstrip("/"), name) != name:
                problem = message(N_("This is the address of {system} already."), system=owners[url.rstrip("/")])
                yield Finding((*place, key), problem)


def _example_address(name: str, key: str) -> str:
    examples = SYSTEMS[name].model_fields[key].examples
    return str(examples[0]) if examples else "https://pay.example"


def _passwords(data: Data) -> Iterator[Finding]:
    for place, account in accounts(data):
        given = [name for name in ("password_file", "password_credential") if name in account]
        if not given:
            problem = message(N_("The place of the password is missing: give password_file or password_credential."))
            yield Finding((*place, "password_file"), problem, None, 'password_credential = "koshelek-password"')
        elif len(given) > 1:
            yield Finding((*place, "password_credential"), message(N_("Give either password_file or password_credential, not both.")))


def _order_of_limits(data: Data) -> Iterator[Finding]:
    for system, place, provider in systems(data):
        for low, high in _ORDERED:
            values = [provider.get(name, SYSTEMS[system].model_fields[name].default) for name in (low, high)]
            if all(type(value) is int for value in values) and values[0] > values[1]:
                key = low if low in provider else high
                problem = message(
                    N_("{low} ({first}) must not be above {high} ({second})."), low=low, first=values[0], high=high, second=values[1]
                )
                yield Finding((*place, key), problem)


def _connecting(data: Data) -> Iterator[Finding]:
    """A network that is down must be told from a lost answer: connecting (a free connection, TCP, TLS) fails before the waiting ends."""
    for system, place, provider in systems(data):
        fields = SYSTEMS[system].model_fields
        connect, answer = (provider.get(name, fields[name].default) for name in ("connect_limit_ms", "answer_limit_ms"))
        if type(connect) is int and type(answer) is int and answer < (least := 2 * connect + POOL_LIMIT_MS):
            key = "answer_limit_ms" if "answer_limit_ms" in provider else "connect_limit_ms"
            text = N_("answer_limit_ms must be at least twice connect_limit_ms and {pool} more: {least} here, not {answer}.")
            yield Finding((*place, key), message(text, pool=POOL_LIMIT_MS, least=least, answer=answer))


def _statuses(data: Data) -> Iterator[Finding]:
    for place, provider in tables(data, "provider", KOSHELEK):
        statuses = provider.get("denied_statuses")
        if isinstance(statuses, list) and READ_STATUS in statuses:
            problem = message(N_("{status} is Koshelek's own answer: it never means that a request was turned away."), status=READ_STATUS)
            yield Finding((*place, "denied_statuses", statuses.index(READ_STATUS)), problem)
