"""What the page says: a name for every state, duty and event that the record knows by its code, moments and ages as people read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from agent.core.duty import Duty
from agent.edges.link import LinkStatus
from agent.edges.shift_slip import STATES as SHORT_STATES
from agent.texts import N_
from agent.web import tongue

SYSTEMS: Mapping[str, str] = {  # names of firms: the same in every language
    "koshelek": "Koshelek Pay",
    "paycore": "PayCore.io",
    "softline": "Softline Payments",
    "payconnect": "PayConnect",
}
STATES: Mapping[str, str] = {
    **SHORT_STATES,
    "elsewhere": N_("Made elsewhere"),
    "paid_out": N_("Paid out"),
    "failed": N_("Not made"),
    "returned": N_("Came back"),
}
"""Of payments and of payouts."""
MONEY: Mapping[str, str] = {
    "none": N_("no money was taken"),
    "possible": N_("money may have been taken"),
    "charged": N_("money was taken"),
    "returning": N_("money is on its way back"),
    "returned": N_("money went back"),
    "stuck": N_("money must go back, and a person must see to it"),
}
PAYOUT_MONEY: Mapping[str, str] = {
    "none": N_("no money has left"),
    "possible": N_("money may have been paid out"),
    "paid_out": N_("money was paid out"),
    "returned": N_("money came back"),
}
LINKS: Mapping[LinkStatus, str] = {
    LinkStatus.UP: N_("can be reached"),
    LinkStatus.DOWN: N_("CANNOT BE REACHED"),
    LinkStatus.UNKNOWN: N_("not known whether it can be reached"),
}
LINES: Mapping[str, str] = {
    "unplugged": N_("unplugged: there is no such port"),
    "busy": N_("busy: another program has the port"),
    "failed": N_("cannot be used"),
    "waiting": N_("open, nothing heard yet"),
    "heard": N_("open, heard"),
}
DUTIES: Mapping[Duty, str] = {
    Duty.SEND: N_("send the payment"),
    Duty.EXPIRE: N_("give up sending it"),
    Duty.BEGIN_CANCEL: N_("begin to cancel it"),
    Duty.CANCEL: N_("send the cancel"),
    Duty.READ: N_("ask for its state"),
    Duty.FIND: N_("search for it"),
    Duty.GIVE_UP: N_("call a person"),
    Duty.UNCLAIMED: N_("decide about a result that nobody asked for"),
    Duty.HAND_OVER: N_("call a person for the return"),
    Duty.REFUND: N_("send the return"),
    Duty.CHECK_REFUND: N_("look whether the return was made"),
    Duty.READ_REFUND: N_("ask for the state of the return"),
    Duty.RECEIPT: N_("hand over the fiscal receipt"),
}
EVENTS: Mapping[str, str] = {
    "accepted": N_("The register handed the payment over"),
    "sale_given": N_("The register described a sale that was made elsewhere"),
    "transaction_known": N_("The payment system named the payment"),
    "link_known": N_("The payment link was found"),
    "link_offered": N_("The payment link was made"),
    "searched": N_("The payment system does not know the payment"),
    "charge_seen": N_("Money was taken; the slip is still missing"),
    "cancel_wanted": N_("The payment is to be canceled"),
    "cancel_answered": N_("The payment system answered the cancel"),
    "paid": N_("Paid"),
    "declined": N_("Declined"),
    "canceled": N_("Canceled"),
    "expired": N_("Never sent"),
    "attention_needed": N_("A PERSON MUST DECIDE"),
    "late_money_found": N_("Money was found after the register was told that there is none"),
    "reversed": N_("Reversed: the money goes back"),
    "reread": N_("Looked at again"),
    "told": N_("The result was handed to the register"),
    "confirmed": N_("The register confirmed the result"),
    "alarm_raised": N_("ALARM"),
    "restored": N_("The journal came from a backup"),
    "resolved": N_("Decided by a person"),
    "attempt_started": N_("A request leaves"),
    "attempt_held": N_("The request was not sent, or turned away"),
    "attempt_lost": N_("No answer was understood: it may have been sent"),
    "attempt_answered": N_("An answer came"),
    "refund_opened": N_("A return begins"),
    "refund_known": N_("The payment system named the return"),
    "refund_checked": N_("Nothing was returned so far"),
    "refund_reopened": N_("This attempt of the return is over; it is tried again"),
    "refund_requested": N_("The return was asked for; people decide"),
    "refunded": N_("The money went back"),
    "refund_declined": N_("The return was declined"),
    "refund_needs_attention": N_("A PERSON MUST DECIDE about the return"),
    "receipt_given": N_("The register handed a fiscal receipt over"),
    "receipt_reopened": N_("The fiscal receipt is sent again later"),
    "receipt_delivered": N_("The payment system has the fiscal receipt"),
    "receipt_refused": N_("The fiscal receipt was refused"),
    "payout_accepted": N_("The register handed the payout over"),
    "paid_out": N_("Paid out"),
    "payout_failed": N_("The payout was not made"),
    "payout_returned": N_("The payout came back"),
    "payout_told": N_("The result was handed to the register"),
    "payout_resolved": N_("Decided by a person"),
}
LOUD = frozenset(
    {"attention_needed", "alarm_raised", "late_money_found", "refund_needs_attention"}
)  # events that a person should not overlook

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Tongue(tongue.Tongue):
    """A language, and the zone in which moments are written."""

    zone: tzinfo

    def system(self, name: str) -> str:
        """A payment system; one without a name here is shown as it is."""
        return SYSTEMS.get(name, name)

    def state(self, word: str) -> str:
        return self(STATES.get(word, word)) if word in STATES else word

    def money(self, word: str, names: Mapping[str, str] = MONEY) -> str:
        """What became of the money. ``names``: the words of payments, or those of payouts."""
        return self(names[word]) if word in names else word

    def event(self, kind: str) -> str:
        """An event's name; a kind that is younger than this list is shown by its code."""
        return self(EVENTS[kind]) if kind in EVENTS else kind

    def clock(self, moment: datetime) -> str:
        """The time of day."""
        return moment.astimezone(self.zone).strftime("%H:%M:%S")

    def moment(self, moment: datetime, now: datetime) -> str:
        """The time of day, with the date where it is not today's."""
        there, here = moment.astimezone(self.zone), now.astimezone(self.zone)
        return there.strftime("%H:%M:%S" if there.date() == here.date() else "%d.%m.%Y %H:%M:%S")

    def age(self, seconds: float) -> str:
        """How long ago, in one unit: people compare, they do not calculate."""
        whole = max(0, int(seconds))
        for unit, text in ((_DAY_S, N_("{number} d")), (_HOUR_S, N_("{number} h")), (_MINUTE_S, N_("{number} min"))):
            if whole >= unit:
                return self(text, number=whole // unit)
        return self(N_("{number} s"), number=whole)
