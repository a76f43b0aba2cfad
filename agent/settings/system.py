"""What the settings of every payment system have in common: where it is, how long to wait for it, and how to go on when it is silent.

Passwords are not settings: only the place of a password is (``secrets`` reads it). Exactly one place per account, checked in ``checks``.
"""

from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field

from agent.core.model import Environment
from agent.settings.part import Part

Address = Annotated[str, Field(min_length=1, max_length=512)]
Login = Annotated[str, Field(pattern=r"^[^:\s]{1,128}$", examples=["acme"])]  # a colon would end the login in Basic authorization
PasswordFile = Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/koshelek-password"])]
PasswordCredential = Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["koshelek-password"])]
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", examples=["koshelek"])]


class Account(Protocol):
    """What names the place of a password."""

    @property
    def password_file(self) -> Path | None: ...

    @property
    def password_credential(self) -> str | None: ...


class RetiredPlace(Part):
    """An account that is no longer used for new sales but still watched for late money (money rule 10), of a system whose accounts are
    known by their secret alone."""

    environment: Annotated[Environment, Field(strict=False)]
    base_url: Annotated[Address, Field(examples=["https://api.koshelek.app/acme"])]
    password_file: PasswordFile = None
    password_credential: PasswordCredential = None


class Retired(RetiredPlace):
    """The same, of a system whose accounts have a login."""

    login: Login


class PaymentSystem(Part):
    """Any ``[provider.NAME]``. Limits marked "vendor" come from a vendor's own rules; the rest are this agent's."""

    # account
    test_base_url: Address | None = None
    production_base_url: Address | None = None
    password_file: PasswordFile = None
    password_credential: PasswordCredential = None
    ca_file: Annotated[Path | None, Field(strict=False, examples=["/etc/koshelek-agent/ca.pem"])] = None

    # one attempt
    connect_limit_ms: Annotated[int, Field(ge=100, le=15_000)] = 3_000
    answer_limit_ms: Annotated[int, Field(ge=1_000, le=60_000)] = 10_000  # ends our waiting, never the request (money rule 13)
    attempt_limit_ms: Annotated[int, Field(ge=1_000, le=600_000)] = 120_000
    unanswered_attempts: Annotated[int, Field(ge=1, le=10)] = 3  # X of the vendor's cancel scenario, which must be configurable

    # waiting for the customer
    first_read_ms: Annotated[int, Field(ge=250, le=60_000)] = 2_000
    poll_interval_ms: Annotated[int, Field(ge=250, le=60_000)] = 2_000
    poll_cap_s: Annotated[int, Field(ge=1, le=60)] = 15
    wait_limit_s: Annotated[int, Field(ge=5, le=600)] = 180
    slip_wait_s: Annotated[int, Field(ge=1, le=30)] = 5

    # unclear outcomes (money rules 4 and 8)
    window_after_deadline_s: Annotated[int, Field(ge=0, le=600)] = 60
    window_after_reachable_s: Annotated[int, Field(ge=0, le=600)] = 60
    window_limit_s: Annotated[int, Field(ge=60, le=600)] = 600
    refund_blind_repeat_s: Annotated[int, Field(ge=0, le=600)] = 600
    refund_slow_h: Annotated[int, Field(ge=1, le=8_760)] = 168  # then an alarm: nobody has returned the money yet
    checkout_backoff_base_ms: Annotated[int, Field(ge=100, le=10_000)] = 500
    checkout_backoff_cap_ms: Annotated[int, Field(ge=100, le=60_000)] = 5_000
    settle_backoff_base_ms: Annotated[int, Field(ge=100, le=10_000)] = 1_000
    settle_backoff_cap_ms: Annotated[int, Field(ge=100, le=60_000)] = 30_000

    # answers to the register (money rules 5 and 7)
    unclaimed_s: Annotated[int, Field(ge=10, le=86_400)] = 120
    unconfirmed_s: Annotated[int, Field(ge=60, le=86_400)] = 3_600
    key_reuse_h: Annotated[int, Field(ge=1, le=8_760)] = 24

    def base_url(self, environment: Environment) -> str:
        """The base URL of a side, without a slash at its end. Raises KeyError when that side is not configured."""
        url = self.test_base_url if environment is Environment.TEST else self.production_base_url
        if url is None:
            raise KeyError(f"{environment.value}_base_url")
        return url.rstrip("/")
