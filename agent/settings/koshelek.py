"""The settings of Koshelek Pay. Limits marked "vendor" come from the Pay API's own rules; the rest are this agent's."""

from typing import Annotated, Literal

from pydantic import Field

from agent.settings.system import Address, Login, PaymentSystem, Retired

_TEST_URL = "https://api-test.koshelek.app/acme"
_PRODUCTION_URL = "https://api.koshelek.app/acme"

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,36}$")]  # a word of the vendor's lists


class Koshelek(PaymentSystem):
    """``[provider.koshelek]``."""

    # account
    test_base_url: Annotated[Address | None, Field(examples=[_TEST_URL])] = None
    production_base_url: Annotated[Address | None, Field(examples=[_PRODUCTION_URL])] = None
    path_prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=128)] = "/api/v1/merchant"
    login: Login

    # waiting for the customer (vendor: 250-500 ms, at least 250 ms, at most 30 s)
    first_read_ms: Annotated[int, Field(ge=250, le=500)] = 300
    poll_interval_ms: Annotated[int, Field(ge=250, le=5_000)] = 300
    wait_limit_s: Annotated[int, Field(ge=5, le=30)] = 30
    availability_limit_ms: Annotated[int, Field(ge=500, le=10_000)] = 3_000

    # unclear outcomes (money rule 5)
    rereads_s: Annotated[tuple[Annotated[int, Field(ge=10, le=604_800)], ...], Field(strict=False, min_length=1, max_length=20)] = (
        60,
        600,
        3_600,
        86_400,
    )

    # where the vendor's documents are silent or disagree
    status_carries_ids: bool = False
    refund_receipt_names_refund: bool = False
    availability_card_session_name: Literal["cardsession", "cardSession"] = "cardsession"
    slip_store_mismatch_is_attention: bool = False
    send_receipts: bool = True
    denied_statuses: Annotated[tuple[Annotated[int, Field(ge=400, le=499)], ...], Field(strict=False, max_length=20)] = (
        401,
        403,
        404,
        405,
        429,
    )
    extra_taxes: Annotated[tuple[Code, ...], Field(strict=False, max_length=50, examples=[["vat22"]])] = ()
    extra_measures: Annotated[tuple[Code, ...], Field(strict=False, max_length=50, examples=[["SQUARE_METER"]])] = ()
    payment_methods: Annotated[tuple[Literal["SBP", "DOLYAME"], ...], Field(strict=False, min_length=1, max_length=2)] = ("SBP", "DOLYAME")

    retired: Annotated[tuple[Retired, ...], Field(strict=False, max_length=16)] = ()
