"""The settings of PayCore.io (Corefy), Commerce. The vendor publishes no limits; all here are this agent's."""

from typing import Annotated, Literal

from pydantic import Field

from agent.core.sided_key import PATTERN as KEY
from agent.settings.link_provider import LinkProvider
from agent.settings.part import Part
from agent.settings.system import Address, Login, Retired

_URL = "https://com.paycore.io/api"  # one host for both sides: they are told apart in the request
_PAGE = r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?"

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
ApiPath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?$", max_length=128)]
Page = Annotated[str, Field(pattern=rf"^({_PAGE})?$", max_length=512)]
Link = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=512)]
Value = Annotated[str, Field(min_length=1, max_length=255)]
OfBuyer = Literal["customer.email", "customer.firstName", "customer.lastName", "customer.phone"]
Shaped = Literal["envelope", "flat"]


class PayCorePayouts(Part):
    """``[provider.paycore.payouts]``: paying out of the commerce account. Off by default; a register must be allowed to as well."""

    enabled: bool = False
    service: Annotated[Code | None, Field(examples=["payout_card_rub"])] = None
    most_amount: Annotated[int, Field(ge=0, le=9_999_999_999)] = 0  # of one payout
    most_per_day: Annotated[int, Field(ge=0, le=9_999_999_999)] = 0  # of a business day, all tills of this agent together
    send_deadline_s: Annotated[int, Field(ge=5, le=600)] = 60
    slow_h: Annotated[int, Field(ge=1, le=720)] = 24

    # where the sources are silent
    searches: Annotated[int, Field(ge=2, le=20)] = 5
    search_pause_s: Annotated[int, Field(ge=5, le=600)] = 30
    shape: Shaped = "flat"
    path: ApiPath = "/payout-invoices"
    find_path: ApiPath = "/payout-invoices/"
    read: Literal["private", "public"] = "private"
    services_path: ApiPath = "/payout-prerequest"


class PayCore(LinkProvider):
    """``[provider.paycore]``. ``login`` is the id of the commerce account, the password its API key."""

    test_base_url: Annotated[Address | None, Field(examples=[_URL])] = None
    production_base_url: Annotated[Address | None, Field(examples=[_URL])] = None
    login: Annotated[Login, Field(examples=["coma_example"])]
    requests_per_minute: Annotated[int | None, Field(ge=20, le=10_000, examples=[300])] = None  # a limit exists, its number is unknown

    # who makes a payment: the till with the account's key, the till with the public key, or the customer who opens a link of ours
    create: Literal["private", "public", "hpp"] = "private"

    # what a payment says: from the list of services of the account
    service: Annotated[Code | None, Field(examples=["payment_card_rub_hpp"])] = None
    fields: Annotated[dict[Code, Value], Field(default_factory=dict, max_length=16, examples=[{"category": "1"}])]
    buyer_fields: Annotated[dict[Code, OfBuyer], Field(default_factory=dict, max_length=16, examples=[{"email": "customer.email"}])]
    least_amount: Annotated[int, Field(ge=1, le=9_999_999_999)] = 1
    most_amount: Annotated[int, Field(ge=1, le=9_999_999_999)] = 9_999_999_999
    send_customer: bool = False
    send_metadata: bool = True
    return_url: Annotated[Link | None, Field(examples=["https://shop.example/thanks"])] = None
    callback_url: Annotated[Link | None, Field(examples=["https://hooks.shop.example/paycore"])] = None

    # the customer's page
    hpp_base_url: Page = "https://com.paycore.io/hpp/"
    link_source: Literal["flow_data", "hpp"] = "flow_data"
    link_life_s: Annotated[int, Field(ge=60, le=86_400)] = 600  # of a link of ours
    locale: Literal["ru", "en", "uk"] | None = None  # likewise; else the browser's

    # the list of services, for "koshelek-agent config services"; and payments that need no more than the public key
    public_base_url: Annotated[Address, Field(examples=["https://com.paycore.io/public-api"])] = "https://com.paycore.io/public-api"
    public_key: Annotated[str | None, Field(pattern=f"^{KEY}$", examples=["pk_test_example"])] = None

    # where the sources are silent or disagree
    create_shape: Shaped = "envelope"
    refund_shape: Shaped = "envelope"
    amount_as_text: bool = False
    invoices_path: ApiPath = "/payment-invoices"
    find_path: ApiPath = "/payment-invoices/"
    public_create_path: ApiPath = "/payment-invoices"
    balances_path: ApiPath = "/account/balances"
    test_mode_required: bool = True
    created_statuses: Annotated[tuple[Annotated[int, Field(ge=200, le=299)], ...], Field(strict=False, min_length=1, max_length=5)] = (201,)
    unclear_statuses: Annotated[tuple[Annotated[int, Field(ge=400, le=499)], ...], Field(strict=False, max_length=20)] = (
        408,
        409,
        425,
        429,
    )

    payouts: PayCorePayouts = PayCorePayouts()

    retired: Annotated[tuple[Retired, ...], Field(strict=False, max_length=16)] = ()
