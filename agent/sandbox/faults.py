"""Faults as data: what can go wrong, how often, and what each kind can be told.

A *wire fault* shapes a ``Delivery`` (see ``delivery``); a *bank fault* changes what the bank does or says when a request is executed.
Faults are taken in the order they were added; one that has been used up is gone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent.sandbox.words import KOSHELEK, Code, ErrorCode, Operation

MAX_FAULTS = 1_000  # a script that adds without end is a mistake
MAX_GARBAGE_BYTES = 16 * 2**20  # more than any client should read

Parameter = int | str | bool


class FaultKind(StrEnum):
    """Every fault. The first group happens on the wire, the second inside the bank. The third is a bank that does wrong with money and
    does not say so: no client can notice by asking, only whoever compares the books. The last befalls the messages that the bank sends by
    itself."""

    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    LATE_FIRST_COPY = "late_first_copy"
    DUPLICATE = "duplicate"
    ERROR_5XX = "error_5xx"
    GARBAGE = "garbage"
    HTML = "html"
    TRUNCATED = "truncated"
    DRIP = "drip"
    OUTAGE = "outage"
    UNAUTHORIZED = "unauthorized"
    TOO_MANY = "too_many"
    REFUSE_422 = "refuse_422"

    STALE_STATUS = "stale_status"
    ABSENT_STATUS = "absent_status"
    FORGET_REQUEST_IDS = "forget_request_ids"
    REFUSE_REFUND = "refuse_refund"
    REFUSE_CANCEL = "refuse_cancel"
    CANCEL_THEN_PAID = "cancel_then_paid"
    ACCEPTED_WITHOUT_SLIP = "accepted_without_slip"
    UNKNOWN_STATUS_VALUE = "unknown_status_value"
    EXTRA_FIELDS = "extra_fields"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_ORDER = "wrong_order"
    WRONG_CURRENCY = "wrong_currency"

    PHANTOM_REFUND = "phantom_refund"
    DOUBLE_CHARGE = "double_charge"
    SILENT_CHARGE = "silent_charge"

    LOSE_MESSAGE = "lose_message"
    DUPLICATE_MESSAGE = "duplicate_message"
    DELAY_MESSAGE = "delay_message"
    REORDER_MESSAGES = "reorder_messages"
    FORGE_MESSAGE = "forge_message"


OF_MESSAGES = frozenset(
    {
        FaultKind.LOSE_MESSAGE,
        FaultKind.DUPLICATE_MESSAGE,
        FaultKind.DELAY_MESSAGE,
        FaultKind.REORDER_MESSAGES,
        FaultKind.FORGE_MESSAGE,
    }
)
"""Faults that no request can meet, so that none can be named for them."""

PARAMETERS: Mapping[FaultKind, Mapping[str, Parameter]] = {
    FaultKind.LOSE_REQUEST: {"hang_ms": 0},  # never executed; silence this long, then the connection drops
    FaultKind.LOSE_ANSWER: {"hang_ms": 0},  # executed; silence as above
    FaultKind.DELAY: {"ms": 1_000, "before": False},  # before execution, or between execution and answer
    FaultKind.LATE_FIRST_COPY: {"ms": 60_000, "hang_ms": 0},  # executed only after ms; the client hears nothing
    FaultKind.DUPLICATE: {"after_ms": 0},  # executed twice, the second time after_ms later
    FaultKind.ERROR_5XX: {"status": 500, "executed": False, "retry_after_s": 0},  # 0: no Retry-After
    FaultKind.GARBAGE: {"size_bytes": 64, "executed": True},  # a 200 that is no JSON, of any size
    FaultKind.HTML: {"executed": True},  # a 200 with a page, as a captive portal gives it
    FaultKind.TRUNCATED: {"percent": 50},  # executed; the body ends early and so does the connection
    FaultKind.DRIP: {"ms": 100},  # executed; the body comes byte by byte, ms apart
    FaultKind.OUTAGE: {"ms": 10_000},  # connections are refused for so long
    FaultKind.UNAUTHORIZED: {"status": 401},  # or 403; not executed
    FaultKind.TOO_MANY: {"retry_after_s": 1},  # 429; not executed
    FaultKind.REFUSE_422: {"code": Code.TRANSACTION_IN_PROCESSING},  # not executed, not remembered
    FaultKind.STALE_STATUS: {},  # a status read shows the state before the last one
    FaultKind.ABSENT_STATUS: {},  # a status read does not find a live transaction
    FaultKind.FORGET_REQUEST_IDS: {},  # all remembered requestIds are gone before this request is looked up
    FaultKind.REFUSE_REFUND: {"error_code": ErrorCode.EXTERNAL_PROVIDER_ERROR, "after_ms": 0},  # later: new first, then rejected
    FaultKind.REFUSE_CANCEL: {"as_422": False},  # a payment that could be cancelled is not
    FaultKind.CANCEL_THEN_PAID: {"after_ms": 1_000},  # the cancel is accepted; later the payment is charged all the same
    FaultKind.ACCEPTED_WITHOUT_SLIP: {"ms": 0},  # of the next accepted payment, for so long; 0: for ever
    FaultKind.UNKNOWN_STATUS_VALUE: {"value": "on_hold", "field": "status"},
    FaultKind.EXTRA_FIELDS: {},  # unknown fields on every level of the answer
    FaultKind.WRONG_AMOUNT: {"delta": 1},  # the answer's slip shows so many kopecks more
    FaultKind.WRONG_ORDER: {"order_id": "SOMEBODY-ELSES"},
    FaultKind.WRONG_CURRENCY: {"currency": "USD"},
    FaultKind.PHANTOM_REFUND: {},  # the next refund is granted and told so, but the money never leaves the bank
    FaultKind.DOUBLE_CHARGE: {},  # the next payment is charged twice
    FaultKind.SILENT_CHARGE: {},  # the next payment that is rejected (operation checkout) or cancelled (cancel) is charged all the same
    FaultKind.LOSE_MESSAGE: {},  # the next message is never sent
    FaultKind.DUPLICATE_MESSAGE: {"after_ms": 0},  # sent twice, the second time after_ms later
    FaultKind.DELAY_MESSAGE: {"ms": 3_000},
    FaultKind.REORDER_MESSAGES: {"ms": 10_000},  # waits for the next one of its system and goes behind it; at most so long
    FaultKind.FORGE_MESSAGE: {},  # proven with a secret that is none
}
"""What each kind can be told, with defaults. Times in milliseconds unless the name says otherwise."""

ALLOWED: Mapping[tuple[FaultKind, str], Callable[[Parameter], bool]] = {
    (FaultKind.ERROR_5XX, "status"): lambda value: value in range(500, 600),
    (FaultKind.UNAUTHORIZED, "status"): lambda value: value in (401, 403),
    (FaultKind.GARBAGE, "size_bytes"): lambda value: value in range(MAX_GARBAGE_BYTES + 1),
    (FaultKind.TRUNCATED, "percent"): lambda value: value in range(100),
    (FaultKind.UNKNOWN_STATUS_VALUE, "field"): lambda value: value in ("status", "refStatus"),
}

MAX_PARAMETER = 10**10  # 116 days in milliseconds: longer than any test, short of overflow


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come. ``operation`` None: any. ``system``: only of this payment system. ``times`` None: until cleared. ``probability``
    (0 to 1) rolls for each chance it gets; None: every time. Raises ValueError for parameters that the kind does not have."""

    kind: FaultKind
    operation: Operation | None = None
    times: int | None = 1
    probability: float | None = None
    params: Mapping[str, Parameter] = field(default_factory=dict)
    system: str | None = None

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability must lie between 0 and 1")
        if self.kind in OF_MESSAGES and self.operation is not None:
            raise ValueError(f"{self.kind} befalls a message of the bank, not a request: it has no operation")
        defaults = PARAMETERS[self.kind]
        for name, value in self.params.items():
            if name not in defaults:
                raise ValueError(f"{self.kind} has no parameter {name!r}, only {', '.join(defaults) or 'none'}")
            _check(self.kind, name, value, defaults[name])
        object.__setattr__(self, "params", {**defaults, **self.params})

    def number(self, name: str) -> int:
        return int(self.params[name])

    def word(self, name: str) -> str:
        return str(self.params[name])


def _check(kind: FaultKind, name: str, value: Parameter, default: Parameter) -> None:
    wanted = str if isinstance(default, str) else type(default)
    if isinstance(value, bool) is not isinstance(default, bool) or not isinstance(value, wanted):
        raise ValueError(f"{kind}: {name} must be of type {wanted.__name__}")
    if isinstance(value, int) and abs(value) > MAX_PARAMETER:
        raise ValueError(f"{kind}: {name} is too large")
    if isinstance(value, int) and value < 0 and name != "delta":
        raise ValueError(f"{kind}: {name} must not be negative")
    allowed = ALLOWED.get((kind, name))
    if allowed is not None and not allowed(value):
        raise ValueError(f"{kind}: {name} cannot be {value!r}")


@dataclass(slots=True)
class Planned:
    """A fault that waits for its turn. ``left`` None: for ever."""

    id: int
    fault: Fault
    left: int | None


class FaultBook:
    """The faults still to come. ``chance`` gives numbers in [0, 1); it is needed only for faults with a probability."""

    def __init__(self, chance: Callable[[], float] | None = None) -> None:
        self._chance = chance
        self._planned: list[Planned] = []
        self._last_id = 0
        self.outage_until_ms: int | None = None

    def add(self, now_ms: int, fault: Fault) -> int:
        """Plan a fault; an outage begins at once. Returns its id. Raises ValueError when it cannot be carried out."""
        if fault.probability is not None and self._chance is None:
            raise ValueError("a probability needs a source of chance")
        if len(self._planned) >= MAX_FAULTS:
            raise ValueError(f"more than {MAX_FAULTS} faults are planned")
        self._last_id += 1
        if fault.kind is FaultKind.OUTAGE:
            self.outage_until_ms = max(self.outage_until_ms or now_ms, now_ms + fault.number("ms"))
        else:
            self._planned.append(Planned(self._last_id, fault, fault.times))
        return self._last_id

    def clear(self, fault_id: int | None = None) -> None:
        """Drop one fault, or all of them and the outage."""
        if fault_id is None:
            self.outage_until_ms = None
        self._planned = [planned for planned in self._planned if fault_id is not None and planned.id != fault_id]

    def planned(self) -> list[Planned]:
        return list(self._planned)

    def out(self, now_ms: int) -> bool:
        """Is there an outage now?"""
        return self.outage_until_ms is not None and now_ms < self.outage_until_ms

    def take(self, operation: Operation | None, *kinds: FaultKind, system: str = KOSHELEK, strict: bool = False) -> Fault | None:
        """The first fault of these kinds that happens now to this operation (None: to whatever) of a system; it is used up by one.
        ``strict``: None is a request of no operation, which no fault of another can hit."""
        for planned in self._planned:
            if planned.fault.kind in kinds and self._happens(planned, operation, system, strict):
                self._use(planned)
                return planned.fault
        return None

    def take_all(self, operation: Operation | None, kind: FaultKind, *, system: str = KOSHELEK, strict: bool = False) -> list[Fault]:
        """All faults of one kind that happen now, in the order they were added, each used up by one."""
        ours = [planned for planned in self._planned if planned.fault.kind is kind]
        happening = [planned for planned in ours if self._happens(planned, operation, system, strict)]
        for planned in happening:
            self._use(planned)
        return [planned.fault for planned in happening]

    def _happens(self, planned: Planned, operation: Operation | None, system: str, strict: bool) -> bool:
        wanted = planned.fault.operation
        if planned.fault.system not in (None, system):
            return False
        if wanted is not None and wanted is not operation and (operation is not None or strict):
            return False
        probability = planned.fault.probability
        return probability is None or (self._chance is not None and self._chance() < probability)

    def _use(self, planned: Planned) -> None:
        if planned.left is not None:
            planned.left -= 1
            if planned.left == 0:
                self._planned.remove(planned)
