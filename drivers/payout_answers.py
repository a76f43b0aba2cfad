"""What a POS is told of payouts: the shapes of results, under the same rules as those about sales (``answers``)."""

from typing import Any, Literal, NotRequired, TypedDict

from drivers.answers import ParkedRow


class PayoutAnswer(TypedDict):
    """``payout.create``, ``payout.get``, ``payout.cancel``. ``resolution`` is the payment system's own word. ``money``: ``none`` (it has
    not left), ``possible``, ``paid_out``, ``returned``; it may move on after the answer was handed out, the rest may not."""

    storeId: str
    terminalId: str
    key: str
    state: str
    finished: bool
    success: bool | None
    money: Literal["none", "possible", "paid_out", "returned"]
    reason: str | None
    message: str
    amount: int
    currency: str
    service: str
    description: str
    provider: str
    environment: Literal["test", "production"]
    test: bool
    businessDate: str
    acceptedAt: str
    told: bool
    next: NotRequired[Literal["poll", "person"]]
    transactionId: NotRequired[str]
    resolution: NotRequired[str]


class PayoutRecordAnswer(PayoutAnswer):
    """``payout.show``: also by which id of ours the payment system finds it, and which fields of the recipient were given."""

    fields: list[str]
    referenceId: NotRequired[str]
    alarms: NotRequired[list[str]]
    events: NotRequired[list[dict[str, Any]]]


class RecipientFieldAnswer(TypedDict):
    """What a service asks for. ``pattern``: a regular expression that the whole value must match, if one is told."""

    name: str
    required: bool
    label: str
    example: str
    pattern: NotRequired[str]


class PayoutServiceAnswer(TypedDict):
    """A way to pay out. Limits in kopecks, if they are told."""

    service: str
    currency: str
    available: bool
    fields: list[RecipientFieldAnswer]
    leastAmount: NotRequired[int]
    mostAmount: NotRequired[int]


class PayoutServicesAnswer(TypedDict):
    """``payout.services``."""

    provider: str
    amount: int
    state: Literal["pending", "ready", "unavailable"]
    finished: bool
    reason: str | None
    services: list[PayoutServiceAnswer]
    message: NotRequired[str]
    next: NotRequired[Literal["poll"]]


class PayoutChoiceAnswer(TypedDict):
    """Something that can be decided of a payout as it is now."""

    what: Literal["payout", "record"]
    resolution: str
    message: str


class PayoutResolveAnswer(TypedDict):
    """``payout.resolve``: as ``operation.resolve`` answers of a sale."""

    done: bool
    choices: list[PayoutChoiceAnswer]
    payout: NotRequired[PayoutRecordAnswer]
    alarms: NotRequired[list[str]]
    events: NotRequired[list[dict[str, Any]]]
    after: NotRequired[PayoutRecordAnswer]
    confirmation: NotRequired[str]
    validS: NotRequired[int]
    parked: NotRequired[ParkedRow]
