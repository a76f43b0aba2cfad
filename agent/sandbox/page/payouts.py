"""Payouts: what the till has sent to somebody, and what the recipient's bank and people at the payment system do with it."""

from collections.abc import Mapping

from agent.sandbox.control import PREFIX
from agent.sandbox.page.rows import MAX_SHOWN, House, button, left_out, none_yet
from agent.sandbox.page.words import Tongue
from agent.sandbox.payouts import MOVES, Payout, PayoutStatus
from agent.texts import N_
from agent.web.html import Html, tag, told
from agent.web.live import Region, Row, row

STATES: Mapping[PayoutStatus, str] = {
    PayoutStatus.CREATED: N_("taken"),
    PayoutStatus.PENDING: N_("in work"),
    PayoutStatus.PROCESSED: N_("paid out"),
    PayoutStatus.PARTLY_PROCESSED: N_("paid out by half"),
    PayoutStatus.FAILED: N_("failed"),
    PayoutStatus.EXPIRED: N_("too late"),
    PayoutStatus.TERMINATED: N_("ended unpaid"),
    PayoutStatus.CANCELING: N_("being taken back"),
    PayoutStatus.CANCELED: N_("taken back"),
    PayoutStatus.PARTLY_CANCELED: N_("taken back by half"),
    PayoutStatus.CANCEL_FAILED: N_("could not be taken back"),
}
_LOOKS = {PayoutStatus.PROCESSED: "yes", PayoutStatus.FAILED: "no", PayoutStatus.CANCELED: "no"}  # of the buttons


def payouts(house: House, tongue: Tongue) -> list[Region]:
    """The newest first, as they are now."""
    found = house.bank.payouts()
    shown = [_card(tongue, payout) for payout in reversed(found[-MAX_SHOWN:])]
    empty = [none_yet(tongue, "payouts-none", N_("No payout yet."))]
    return [Region("payouts", [*(shown or empty), *left_out(tongue, "payouts-more", len(found) - MAX_SHOWN)])]


def _card(tongue: Tongue, payout: Payout) -> Row:
    title = f"payout-title-{payout.id}"
    state = tag("span", tongue(STATES[payout.status]), class_=f"state {payout.status}")
    return row(
        "li",
        f"payout-{payout.id}",
        tag("h4", tongue.roubles(payout.amount), " ", state, id=title),
        tag(
            "p", told(payout.description), " · ", tag("code", told(payout.service)), " · ", tongue.moment(payout.created_ms), class_="place"
        ),
        tag("p", f"{tongue(N_('The recipient has'))} {tongue.roubles(payout.paid)}"),
        tag("p", tag("code", payout.error_code)) if payout.error_code else None,
        _buttons(tongue, payout, title),
        class_="card",
    )


def _buttons(tongue: Tongue, payout: Payout, title: str) -> Html | None:
    """What can become of it: named by the state that follows."""
    following = [one for one in PayoutStatus if one in MOVES.get(payout.status, ()) and one is not payout.status]
    if not following:
        return None
    path = f"POST {PREFIX}/payouts/{payout.id}/"
    return tag(
        "div",
        [button(tongue(STATES[one]), path + one, class_=_LOOKS.get(one), about=title) for one in following],
        class_="buttons",
    )
