"""What each payment system can do, written down before any of them was coded. The machines owe by capability, never by name.

=====================  ==================  ==================  ====================  =====================
capability             Koshelek Pay        PayCore.io          Softline Payments     PayConnect
=====================  ==================  ==================  ====================  =====================
customer               confirms in app     opens a link        opens a link          opens a link
create is idempotent   by ``requestId``    by ``reference_id`` no: twice is two      unknown: assumed no
look-up by own key     no                  yes (filter)        yes (order search)    unknown: assumed no
read                   yes                 yes                 yes                   unknown: assumed yes
cancel                 yes                 no documented call  no documented call    unknown: assumed no
refund                 call, partial       call, partial       request to people,    unknown: assumed no
                                                               whole sum only
refund is idempotent   by ``requestId``    unknown: assumed no no                    no
needs ``token``        checkout, refund    no                  no                    no
unseen link            -                   cannot be paid      cannot be paid        assumed: cannot be paid
wait limit             30 s from answer    180 s from link     180 s from link       180 s from link
unpaid life            at most our cancel  account setting     90 days               30 minutes
watch after not-paid   1, 10, 60 min, 24 h as Koshelek's, then  as Koshelek's, then   as Koshelek's, then
                                           until final         until final, 90 days  until final
list of means          yes                 no                  no                    unknown: assumed no
fiscal receipts        yes                 no                  no                    unknown: assumed no
=====================  ==================  ==================  ====================  =====================

PayCore can also be used by links that we write ourselves (``composes_link``). Then there is no create: before the link is shown a search by
our own key has to be answered, so that nobody is sent to a page whose money we could not see; until the customer opens the link there is no
payment to be read, and it is searched for instead. A link is taken back by our word alone, and may be opened for the first time after that.

"Unknown" cells are assumptions in the safe direction: what is assumed absent is never relied on. A provider whose table holds an
assumed *presence* (PayConnect's read) must be confirmed by configuration before it takes real money.
"""

from dataclasses import dataclass
from enum import StrEnum


class Approval(StrEnum):
    """How the customer agrees to pay, and so where the wait limit starts."""

    APP = "app"  # in the provider's application; the limit runs from the provider's first answer
    LINK = "link"  # on a page behind a link; the limit runs from showing the link


class Refunds(StrEnum):
    """How money goes back."""

    CALL = "call"  # a call with an amount; partial refunds allowed
    REQUEST = "request"  # a request that people decide; whole sum only
    NONE = "none"  # no known way: a charge that must go back needs a person at once


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One column of the table above. Times in milliseconds."""

    approval: Approval
    idempotent_create: bool
    read: bool
    cancel: bool
    refunds: Refunds
    idempotent_refund: bool
    needs_token: bool
    wait_limit_ms: int
    rereads_ms: tuple[int, ...]  # after a not-paid end: when to look again for late money
    searches: int = 0  # how many searches by our own key, a pause apart, must find nothing before "it was never made" is believed
    search_pause_ms: int = 0  # before the first search after an unclear create, and between two
    secret_link: bool = False  # nobody can pay without the link: a payment whose link was never shown is not paid
    composes_link: bool = False  # we write the link, and the customer makes the payment by opening it (``contract.ComposesLinks``)
    availability: bool = False  # tells which means of payment a buyer can use (``availability.TellsAvailability``)
    receipts: bool = False  # takes fiscal receipts, to show them to the buyer (``receipt.TakesReceipts``)
    assumed: frozenset[str] = frozenset()  # names of fields above that no source confirms

    @property
    def find_by_key(self) -> bool:
        """Payments can be searched for by the id that we gave them (``contract.FindsByKey``)."""
        return self.searches > 0


_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
_SOON_MS = (_MINUTE_MS, 10 * _MINUTE_MS, 60 * _MINUTE_MS)  # who pays just when his link is taken back is found soon (money rule 5)
_AFTER_CANCEL_MS = (*_SOON_MS, _DAY_MS)  # money rule 5
_LINK_WAIT_MS = 180_000

KOSHELEK = Capabilities(
    approval=Approval.APP,
    idempotent_create=True,
    read=True,
    cancel=True,
    refunds=Refunds.CALL,
    idempotent_refund=True,
    needs_token=True,
    wait_limit_ms=30_000,
    rereads_ms=_AFTER_CANCEL_MS,
    availability=True,
    receipts=True,
)

PAYCORE = Capabilities(
    approval=Approval.LINK,
    idempotent_create=True,
    read=True,
    cancel=False,
    refunds=Refunds.CALL,
    idempotent_refund=False,
    needs_token=False,
    wait_limit_ms=_LINK_WAIT_MS,
    rereads_ms=_AFTER_CANCEL_MS,
    searches=1,
    search_pause_ms=1_000,
    secret_link=True,
    assumed=frozenset({"idempotent_refund"}),
)

SOFTLINE = Capabilities(
    approval=Approval.LINK,
    idempotent_create=False,
    read=True,
    cancel=False,
    refunds=Refunds.REQUEST,
    idempotent_refund=False,
    needs_token=False,
    wait_limit_ms=_LINK_WAIT_MS,
    rereads_ms=(*_SOON_MS, *(day * _DAY_MS for day in range(1, 91))),
    searches=2,
    search_pause_ms=5_000,
    secret_link=True,
)

PAYCONNECT = Capabilities(
    approval=Approval.LINK,
    idempotent_create=False,
    read=True,
    cancel=False,
    refunds=Refunds.NONE,
    idempotent_refund=False,
    needs_token=False,
    wait_limit_ms=_LINK_WAIT_MS,
    rereads_ms=(_MINUTE_MS, 10 * _MINUTE_MS, 30 * _MINUTE_MS, 60 * _MINUTE_MS, _DAY_MS),
    secret_link=True,
    assumed=frozenset({"idempotent_create", "searches", "read", "cancel", "refunds", "secret_link", "availability", "receipts"}),
)

UNHEARD_OF = Capabilities(
    approval=Approval.LINK,
    idempotent_create=False,
    read=False,
    cancel=False,
    refunds=Refunds.NONE,
    idempotent_refund=False,
    needs_token=False,
    wait_limit_ms=_LINK_WAIT_MS,
    rereads_ms=(),
)
"""Of a name in an old record that this version knows nothing of: it can be looked at, and nothing is done with it."""

TABLE = {"koshelek": KOSHELEK, "paycore": PAYCORE, "softline": SOFTLINE, "payconnect": PAYCONNECT}
