"""What the accounts of all payment systems have in common: how they are called, their waits, today's password."""

from collections.abc import Callable, Iterable

from agent.core.model import Binding, Environment
from agent.edges.accounts import Account, TransportLimits
from agent.edges.authorization import BasicLogin
from agent.secrets import BadSecret
from agent.settings import PaymentSystem, RetiredPlace, Settings, password

Place = PaymentSystem | RetiredPlace  # what names the place of a password


def named(base_url: str, login: str | None = None) -> str:
    """The name of an account, in bindings and for the transport. ``login``: of a system whose accounts share one address; it is a part of
    what a sale is bound to then, and cannot change while money is owed (money rule 10)."""
    url = base_url.rstrip("/")
    return url if login is None else f"{url}#{login}"


def bound(provider: str, settings: Settings, system: PaymentSystem, login: str | None = None) -> Binding:
    """Where new sales of a payment system belong: environment and account."""
    return Binding(provider, settings.environment, named(system.base_url(settings.environment), login))


def basic(system: PaymentSystem, login: str, base_url: str, environment: Environment, place: Place) -> Account:
    """An account that is asked with HTTP Basic. The password is read at each request: today's is used (money rule 4)."""
    authorization = BasicLogin(lambda: login, todays(place))
    return Account(base_url.rstrip("/"), authorization, system.ca_file, environment is Environment.TEST, limits_of(system))


def todays(place: Place) -> Callable[[], str]:
    """Reads a password anew at each call; it raises LookupError, the transport's word for "cannot be read just now"."""

    def read() -> str:
        try:
            return password(place).reveal()
        except BadSecret as error:
            raise LookupError(str(error)) from error

    return read


def limits_of(system: PaymentSystem) -> TransportLimits:
    """The waits for one attempt, as configured for the system."""
    return TransportLimits(
        connect_limit_ms=system.connect_limit_ms, answer_limit_ms=system.answer_limit_ms, flight_limit_ms=system.attempt_limit_ms
    )


def joined(old: Iterable[tuple[str, Account]], current: tuple[str, Account]) -> dict[str, Account]:
    """Accounts by name: those that are only watched, and the one in use, which wins."""
    return dict([*old, current])
