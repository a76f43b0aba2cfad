"""What the suite must be told of a payment system: how it is configured, what its buyers say, and two words of its own.

A new system is one entry here. Everything else the suite reads off its capabilities.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.sandbox.bank import Bank
from agent.sandbox.payconnect.api import PayConnect
from agent.sandbox.softline.api import Softline

STORE, TILL = "00000000-0000-4000-8000-000000000001", "till-1"
LOGIN, PASSWORD = "shop-login", "Pa55-canary-c0ffee"

_BUYER = {"customer.email": "buyer@mail.example", "customer.firstName": "Иван", "customer.lastName": "Петров"}


@dataclass(frozen=True)
class Kit:
    """One payment system. ``table``: its ``[provider.NAME]``, in which ``{root}`` stands for the sandbox's address; where passwords are and
    whom to trust the suite adds. ``secrets``: what a register hands over beside the bill. ``refusal``: a code with which it refuses a
    create for good, as the sandbox spells it. ``tries``: a customer whose card is refused may try again on the same
    page. ``methods``: the means of payment that the register names; mostly it says nothing of them."""

    name: str
    table: str
    secrets: Mapping[str, str]
    refusal: str
    tries: bool = False
    methods: tuple[str, ...] = ()


KITS = (
    Kit(
        "koshelek",
        'test_base_url = "{root}/acme"\nlogin = "{login}"',
        {"cardSession": "Q7W2E9", "loyaltyId": "2900001", "token": "pos-token-1"},
        "UNKNOWN_PARTNER_ID",
        methods=("SBP",),
    ),
    Kit(
        "paycore",
        'test_base_url = "{root}/paycore/api"\nhpp_base_url = "{root}/paycore/hpp/"\nlogin = "{login}"',
        {},
        "service_unknown",
    ),
    Kit(
        "softline",
        'test_base_url = "{root}/softline"\nlogin = "{login}"\npayment_method = "CreditCard"\n'
        'return_success_url = "https://shop.example/thanks"\nrefund_email = "kassa@shop.example"',
        _BUYER,
        "6080",
        tries=True,
    ),
    Kit("payconnect", 'test_base_url = "{root}/payconnect"', {"customer.email": "buyer@mail.example"}, "invalid_amount"),
)


def forget_tokens(bank: Bank, name: str) -> None:
    """The system takes none of its tokens any more; one that gives none has nothing to forget."""
    system = bank.systems[name]
    if isinstance(system, Softline | PayConnect):
        system.forget_tokens()
