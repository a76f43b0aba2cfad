"""The settings of PayConnect. Limits marked "vendor" are its own.

Much of its interface is documented nowhere. What the agent assumes instead stands here, each with its names and words; with real money the
agent does not start until ``confirmed_assumptions`` names them all.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from agent.settings.link_provider import Customer, LinkProvider
from agent.settings.system import Address, RetiredPlace
from agent.texts import N_

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,7}$", max_length=128)]
ReadPath = Annotated[
    str,
    Field(
        pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/\{id\}(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$",
        max_length=128,
        examples=["/v1/payments/{id}"],
    ),
]
Words = Annotated[tuple[Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")], ...], Field(strict=False, max_length=16)]
Assumed = Literal["token_answer", "create_answer", "read_call", "statuses", "secret_link", "webhook", "no_refund"]

QUESTIONS: Mapping[str, str] = {
    "token_answer": N_("which fields of the answer hold the token and its life"),
    "create_answer": N_("which fields of the answer hold the payment's id and its payment link"),
    "read_call": N_("how a payment is read, and which fields hold its amount and currency"),
    "statuses": N_("which words the status of a payment can be, and which of them are final"),
    "secret_link": N_("that nobody can pay without the payment link"),
    "webhook": N_("how a webhook is signed, and where it names the payment"),
    "no_refund": N_("that a till cannot return money, and how the shop returns it by hand"),
}
"""What to ask PayConnect before real money, by the name that says it has been answered."""


class PayConnectCustomer(Customer):
    """``[provider.payconnect.customer]``."""

    email: Annotated[str | None, Field(pattern=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$", max_length=254, examples=["kassa@shop.example"])] = None


class PayConnect(LinkProvider):
    """``[provider.payconnect]``. The password is the secret key; there is no login. ``{orderId}``, ``{storeId}`` and ``{terminalId}`` in
    the description are replaced by those of the sale; the agent's own id of the payment follows it."""

    test_base_url: Annotated[Address | None, Field(examples=["http://127.0.0.1:8099/payconnect"])] = None
    production_base_url: Annotated[Address | None, Field(examples=["https://api.payconnect.com"])] = None

    # how much may be sent from this address
    requests_per_minute: Annotated[int, Field(ge=20, le=10_000)] = 100  # vendor: from one address, all tills behind it together
    address_share_percent: Annotated[int, Field(ge=20, le=100, examples=[50])] = 100  # of it for this till

    description: Annotated[str | None, Field(min_length=1, max_length=200, examples=["Заказ {orderId}"])] = None

    # what nobody has documented; how it is assumed to be
    confirmed_assumptions: Annotated[tuple[Assumed, ...], Field(strict=False, max_length=7, examples=[["token_answer"]])] = ()
    access_field: FieldName = "access_token"
    life_field: FieldName = "expires_in"
    id_field: FieldName = "id"
    link_field: FieldName = "payment_url"
    read_path: ReadPath = "/v1/payments/{id}"
    amount_field: FieldName = "amount"
    currency_field: FieldName = "currency"
    description_field: FieldName = "description"
    status_field: FieldName = "status"
    pending_words: Words = ("pending",)
    succeeded_words: Annotated[Words, Field(min_length=1)] = ("succeeded",)
    failed_words: Words = ("failed",)
    expired_words: Words = ("expired",)
    refunded_words: Words = ("refunded",)
    secret_link: bool = True
    signature_hash: Literal["sha256", "sha512", "sha1"] = "sha256"
    signature_encoding: Literal["hex", "base64"] = "hex"
    hook_id_field: FieldName = "data.id"
    denied_statuses: Annotated[tuple[Annotated[int, Field(ge=400, le=499)], ...], Field(strict=False, max_length=20)] = (
        401,
        403,
        404,
        405,
        429,
    )

    customer: PayConnectCustomer = PayConnectCustomer()
    retired: Annotated[tuple[RetiredPlace, ...], Field(strict=False, max_length=16)] = ()
