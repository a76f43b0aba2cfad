"""The way to each payment system: its name, the connection with its certificate, how long an answer takes, the clock, who we are to it."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Reply, Unclear
from agent.edges.link import server_time
from agent.edges.outage import SKEW_FAULT_S, SKEW_MEANS, SKEW_REMEDY, SKEW_WARNING_S, problem, remedy, skew
from agent.ops.aside import aside
from agent.ops.doctor.case import Case, same_file
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.sources import Source, by_root, lacking, sources
from agent.ops.doctor.visit import Visit
from agent.settings.load import SYSTEM_FILE
from agent.texts import N_, Message, message

NAME, CONNECTION, CERTIFICATE, LATENCY, CLOCK, CREDENTIALS = "name", "connection", "certificate", "latency", "clock", "credentials"
EXPIRY_WARNING_DAYS = 14
SLOW_MS = 2_000  # two such answers, and the customer at the till begins to wonder

FOUND = N_("{system}: the name {host} is found.")
NO_WAY = N_("{system}: {problem} ({host}, port {port}).")
NO_WAY_MEANS = N_("No payment can be made: new ones wait for the connection or are refused, what is owed goes out when it is back.")
DOOR_OPEN = N_("{system}: {host} can be reached; the certificate is good until {until}.")
DOOR_PLAIN = N_("{system}: {host} can be reached, without encryption (this machine itself).")
ENDS_SOON = N_("{system}: the certificate of {host} ends on {until}.")
ENDS_MEANS = N_("If it is not renewed by then, no payment can be made from that day on.")
ENDS_REMEDY = N_("Tell the payment system's support; whoever set up an authority of the shop's own, renews that one.")
ANSWERED = N_("{system}: connected in {connect} ms, answered in {answer} ms.")
SLOW = N_("{system}: connecting takes {connect} ms, an answer {answer} ms.")
SLOW_MEANS = N_("Customers wait, and results come late.")
SLOW_REMEDY = N_("Compare with ping {host}. A mobile connection: look at its signal and antenna. Else ask who looks after the network.")
NO_REPLY = N_("{system}: the connection is there, and no answer comes: {problem}")
CLOCK_RIGHT = N_("{system}: the till's clock agrees with the server's to {seconds} s.")
NO_CLOCK = N_("{system}: the clock could not be compared.")
NO_CLOCK_MEANS = N_("A wrong clock would not be noticed here.")
CONNECT_FIRST = N_("See to the connection first (the lines name and connection), then run the doctor again.")
LOOK = N_("Compare with a clock that is right: date")

LET_IN = N_("{system}: login and password are right (asked without any payment).")
WRONG_PASSWORD = N_("{system}: the payment system does not let this till in (HTTP {status}): login or password are wrong.")
REFUSED_LOGIN = N_("{system}: the payment system refuses the login ({code}).")
PASSWORD_MEANS = N_("Every payment is declined before it begins. Refunds and cancels wait until the password is right.")
PASSWORD_REMEDY = N_(
    "Compare login in [provider.{system}] and the password's file ({file}) with what the payment system gave the shop: one line, no blanks "
    "at its ends. No restart is needed for a file; for a credential of systemd: sudo systemctl restart koshelek-agent."
)
CREDENTIAL_WRONG = N_(
    "Compare login in [provider.{system}] and the password ({file}) with what the payment system gave the shop: one line, no blanks at its "
    "ends. {write}"
)
NO_PASSWORD = N_("{system}: the service gets no password: {problem}.")
_NOTHING = message(N_("At its next start the agent does not come up: it has nothing to be let in by."))
WRONG_PARTNER = N_("{system}: the payment system does not know this address or partner ({code}): {url}")
PARTNER_MEANS = N_("Every payment is declined before it begins.")
PARTNER_REMEDY = N_(
    "The last part of {key} in [provider.{system}] is the partner's name: compare it with what the payment system gave the shop."
)
UNREADABLE = N_("{system}: the password cannot be read here: {problem}.")
UNREADABLE_MEANS = N_("Whether the payment system lets this till in was not tried.")
CREDENTIAL_REMEDY = N_("Run the doctor as root while the service runs: sudo koshelek-agent doctor")
WHEN_IT_RUNS = N_("The password is handed over to the service while it runs: run sudo koshelek-agent doctor again when it does.")
DENIED_NOW = N_("{system}: the payment system turned the running agent away (ACCESS_DENIED).")
NOT_CHECKED = N_("{system}: whether login and password are right could not be seen: {problem}")
TRY_LATER = N_("Run the doctor again in some minutes. If it stays so, send this line to the payment system's support.")


async def name(case: Case) -> list[Finding]:
    """Can the names of the servers be resolved?"""
    return await _each(case, _name)


async def connection(case: Case) -> list[Finding]:
    """Does a connection come about, with a certificate that is trusted and not about to end, and how long does it take?"""
    return await _each(case, _connection)


async def clock(case: Case) -> list[Finding]:
    """The till's clock against the servers' Date header."""
    return await _each(case, _clock)


async def credentials(case: Case) -> list[Finding]:
    """Are we let in? Asked by requests that move no money (``visit``). And does the service get its passwords?"""
    known = await _sources(case)
    empty = {system: found for system, source in known.items() if (found := await _empty(system, source)) is not None}
    rest = await _each(case, lambda system, seen: iter(()) if system in empty else _credentials(case, system, seen, known.get(system)))
    return [*empty.values(), *rest]


async def _sources(case: Case) -> Mapping[str, Source]:
    """The files behind the passwords of the payment systems, where systemd hands them over."""
    if case.settings is None or not await aside(lambda: same_file(case.file, SYSTEM_FILE)):
        return {}
    named = {system: table.password_credential for system, table in case.settings.provider.configured.items()}
    known = await sources()
    return {system: known[name] for system, name in named.items() if name is not None and name in known}


async def _empty(system: str, source: Source) -> Finding | None:
    wrong = await lacking(source) if by_root() else None
    return None if wrong is None else fault(CREDENTIALS, message(NO_PASSWORD, system=system, problem=wrong), _NOTHING, source.remedy())


async def _each(case: Case, look: Callable[[str, Visit], Iterator[Finding]]) -> list[Finding]:
    """All of them at once: one that does not answer must not use up the time of the others."""
    systems = list(case.settings.provider.configured if case.settings else ())
    visits = await asyncio.gather(*map(case.visit, systems))
    return [one for system, seen in zip(systems, visits, strict=True) for one in look(system, seen)]


def _name(system: str, seen: Visit) -> Iterator[Finding]:
    if seen.failure is not None and seen.failure.reason == "dns":
        yield _no_way(NAME, system, seen, seen.failure)
    else:
        yield ok(NAME, message(FOUND, system=system, host=seen.host))


def _connection(system: str, seen: Visit) -> Iterator[Finding]:
    if seen.failure is not None:
        if seen.failure.reason != "dns":  # told already
            yield _no_way(CONNECTION, system, seen, seen.failure)
        return
    yield _certificate(system, seen)
    times = {"connect": seen.connect_ms, "answer": seen.answer_ms}
    if not isinstance(seen.reply, Reply):
        detail = problem(_detail(seen.reply))
        yield fault(CONNECTION, message(NO_REPLY, system=system, problem=detail), message(NO_WAY_MEANS), message(TRY_LATER))
    elif max(seen.connect_ms, seen.answer_ms) > SLOW_MS:
        yield warning(LATENCY, message(SLOW, system=system, **times), message(SLOW_MEANS), message(SLOW_REMEDY, host=seen.host))
    else:
        yield ok(LATENCY, message(ANSWERED, system=system, **times))


def _certificate(system: str, seen: Visit) -> Finding:
    if not seen.tls:
        return ok(CONNECTION, message(DOOR_PLAIN, system=system, host=seen.host))
    ends = _ends(seen.certificate)
    place = {"system": system, "host": seen.host, "until": f"{ends:%Y-%m-%d}"}
    if (ends - datetime.now(UTC)).days < EXPIRY_WARNING_DAYS:
        return warning(CERTIFICATE, message(ENDS_SOON, **place), message(ENDS_MEANS), message(ENDS_REMEDY))
    return ok(CONNECTION, message(DOOR_OPEN, **place))


def _ends(certificate: Any) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def _clock(system: str, seen: Visit) -> Iterator[Finding]:
    server = server_time(seen.reply.headers.get("date")) if isinstance(seen.reply, Reply) else None
    if server is None or seen.heard_at is None:
        advice = CONNECT_FIRST if seen.failure is not None else LOOK
        yield warning(CLOCK, message(NO_CLOCK, system=system), message(NO_CLOCK_MEANS), message(advice))
        return
    skew_s = round((seen.heard_at - server).total_seconds())
    if abs(skew_s) < SKEW_WARNING_S:
        yield ok(CLOCK, message(CLOCK_RIGHT, system=system, seconds=abs(skew_s)))
    else:
        make = fault if abs(skew_s) >= SKEW_FAULT_S else warning
        yield make(CLOCK, skew(skew_s, system), message(SKEW_MEANS), message(SKEW_REMEDY))


def _credentials(case: Case, system: str, seen: Visit, source: Source | None) -> Iterator[Finding]:
    remedy_of_password = _password_remedy(case, system, source)
    if seen.failure is not None:
        detail = problem(seen.failure.detail)
        yield warning(CREDENTIALS, message(NOT_CHECKED, system=system, problem=detail), message(UNREADABLE_MEANS), message(CONNECT_FIRST))
        return
    match seen.entry:
        case None:
            yield ok(CREDENTIALS, message(LET_IN, system=system))
        case Denied(status=status) if status in (401, 403):
            what = message(WRONG_PASSWORD, system=system, status=status)
            yield fault(CREDENTIALS, what, message(PASSWORD_MEANS), remedy_of_password)
        case Refused(code=code, refusal=Refusal.CONFIGURATION):
            yield _wrong_partner(case, system, code)
        case Denied(status=404 | 405 as status):
            yield _wrong_partner(case, system, f"HTTP {status}")
        case Refused(code=code):
            yield fault(CREDENTIALS, message(REFUSED_LOGIN, system=system, code=code), message(PASSWORD_MEANS), remedy_of_password)
        case NotSent(reason="credentials", detail=unread):
            yield from _unread(case, system, unread, remedy_of_password)
        case Denied() | Garbled() | NotSent() | Unclear() as other:
            what = message(NOT_CHECKED, system=system, problem=problem(_detail(other)))
            yield warning(CREDENTIALS, what, message(UNREADABLE_MEANS), message(TRY_LATER))


def _wrong_partner(case: Case, system: str, code: str) -> Finding:
    assert case.settings is not None
    side = case.settings.environment
    url = case.settings.provider.configured[system].base_url(side)
    what = message(WRONG_PARTNER, system=system, code=code, url=url)
    return fault(CREDENTIALS, what, message(PARTNER_MEANS), message(PARTNER_REMEDY, system=system, key=f"{side.value}_base_url"))


def _password_remedy(case: Case, system: str, source: Source | None) -> Message:
    """Where another password is to be put: into the file that is read, which of a credential only the unit names."""
    assert case.settings is not None
    table = case.settings.provider.configured[system]
    if source is not None:
        return message(CREDENTIAL_WRONG, system=system, file=source.path, write=source.remedy())
    return message(PASSWORD_REMEDY, system=system, file=table.password_file or table.password_credential)


def _unread(case: Case, system: str, detail: str, remedy_of_password: Message) -> Iterator[Finding]:
    """What this user cannot try, the running agent may know."""
    told = (case.status or {}).get("providers", {}).get(system, {})
    if told.get("reason"):
        yield fault(CREDENTIALS, message(DENIED_NOW, system=system), message(PASSWORD_MEANS), remedy_of_password)
    else:
        what = message(UNREADABLE, system=system, problem=problem(detail))
        assert case.settings is not None
        handed_over = case.settings.provider.configured[system].password_credential is not None and by_root()
        yield warning(CREDENTIALS, what, message(UNREADABLE_MEANS), message(WHEN_IT_RUNS if handed_over else CREDENTIAL_REMEDY))


def _no_way(check: str, system: str, seen: Visit, failure: NotSent) -> Finding:
    place = {"system": system, "host": seen.host, "port": seen.port}
    what = message(NO_WAY, problem=problem(failure.detail), **place)
    return fault(check, what, message(NO_WAY_MEANS), remedy(failure.reason, failure.detail, system=system, host=seen.host, port=seen.port))


def _detail(outcome: object) -> str:
    match outcome:
        case NotSent(detail=text) | Unclear(detail=text) if text:
            return text
        case Garbled(reason=text):
            return text
        case Denied(status=status):
            return f"HTTP {status}"
        case _:
            return type(outcome).__name__
