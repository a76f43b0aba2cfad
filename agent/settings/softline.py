"""The settings of Softline Payments (Noventiq Payments). Limits marked "vendor" are its own."""

from typing import Annotated

from pydantic import Field

from agent.settings.link_provider import Customer, LinkProvider
from agent.settings.system import Address, Login, Retired

_EMAIL = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"  # vendor: name@domain.zone

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Line = Annotated[str, Field(min_length=1, max_length=255)]  # vendor
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,7}$", max_length=128)]
DataName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]


class SoftlineCustomer(Customer):
    """``[provider.softline.customer]``. The vendor warns that an acquirer may decline placeholders as suspected fraud."""

    email: Annotated[str | None, Field(pattern=_EMAIL, max_length=254, examples=["kassa@shop.example"])] = None


class Softline(LinkProvider):
    """``[provider.softline]``. ``{orderId}``, ``{storeId}`` and ``{terminalId}`` in its texts are replaced by those of the sale."""

    test_base_url: Annotated[Address | None, Field(examples=["https://api.ecommerce.softline.com.demoslweb.com"])] = None
    production_base_url: Annotated[Address | None, Field(examples=["https://api.ecommerce.softline.com"])] = None
    path_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=128)] = "/v1"
    login: Annotated[Login, Field(examples=["shop@shop.example"])]
    token_life_s: Annotated[int, Field(ge=600, le=86_400)] = 86_400  # vendor: 24 hours

    # what a payment says: from the shop's contract
    payment_method: Annotated[Code, Field(examples=["CreditCard"])]
    company_payment_method: Code | None = None
    return_success_url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=255, examples=["https://shop.example/thanks"])]
    refund_email: Annotated[str, Field(pattern=_EMAIL, max_length=80, examples=["kassa@shop.example"])]  # of the shop, not the buyer's
    payment_description: Annotated[Line | None, Field(examples=["Заказ {orderId}"])] = None
    refund_description: Annotated[str | None, Field(min_length=1, max_length=500, examples=["Заказ {orderId}"])] = None
    locale: Annotated[Code | None, Field(examples=["ru_RU"])] = None
    recurring_indicator: bool | None = None
    additional_data: Annotated[dict[DataName, Line], Field(default_factory=dict, max_length=16, examples=[{"referer7": "{terminalId}"}])]

    # where the vendor's documents are silent
    secret_link: bool = True
    searches: Annotated[int, Field(ge=1, le=10)] = 2
    search_pause_ms: Annotated[int, Field(ge=500, le=60_000)] = 5_000
    search_margin_s: Annotated[int, Field(ge=3_600, le=2_592_000)] = 86_400
    amount_field: FieldName = "product.amount"
    pay_date_field: FieldName = "pay_date"
    link_field: FieldName | None = "order_detail_url"
    denied_statuses: Annotated[tuple[Annotated[int, Field(ge=401, le=499)], ...], Field(strict=False, max_length=20)] = (
        401,
        403,
        404,
        405,
        429,
    )
    test_link_hosts: Annotated[tuple[Line, ...], Field(strict=False, max_length=16, examples=[["192.168.1.20"]])] = ()

    customer: SoftlineCustomer = SoftlineCustomer()
    retired: Annotated[tuple[Retired, ...], Field(strict=False, max_length=16)] = ()
