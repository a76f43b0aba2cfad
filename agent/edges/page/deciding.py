"""What an operator may do about a sale or a payout, drawn: the choices with what they need, the second step, and what came of it.

A form names nothing but a method of the desk and its parameters; the page's script sends them as they stand. The second step is a form of
its own that the first one's answer brings, with the word that holds for this decision alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.model import SaleId
from agent.core.payout.name import is_payout, key_of, payout_id
from agent.edges.page.document import ACT, PASS
from agent.edges.page.words import MONEY, PAYOUT_MONEY, Tongue
from agent.texts import N_
from agent.web.html import Child, Html, join, tag, told
from agent.web.live import Row, row

STEP = "step"  # the id of what the answer to an action replaces
RETRY = "operation.retry"
MAX_REASON_CHARACTERS = 200  # as the protocol has it
MAX_WHO_CHARACTERS = 64
PROOFS: Mapping[str, str] = {
    "proof.transactionId": N_("Transaction of the payment"),
    "proof.refTransactionId": N_("Transaction of the return"),
    "proof.paymentType": N_("Paid by, for example SBP"),
    "proof.qrcId": "qrcId",
    "proof.kzo": N_("SBP control value (kzo)"),
    "proof.operationId": N_("Operation of the bank (operationId)"),
    "proof.operationDateTime": N_("Moment of the operation, with its zone"),
}
PAYOUT_PROOFS: Mapping[str, str] = {"transactionId": N_("Transaction of the payout, if none is shown above (transactionId)")}
PROVEN = frozenset({"paid", "return", "refunded", "paid_out", "not_made"})  # decisions for which the registry is quoted
RESOLUTIONS: Mapping[str, str] = {
    "paid": N_("It was paid"),
    "not_paid": N_("It was not paid"),
    "return": N_("Give the money back"),
    "returned": N_("The money was given back"),
    "refunded": N_("The return was made"),
    "paid_out": N_("It was paid out"),
    "not_made": N_("It was not paid out"),
    "drop": N_("Give it up"),
    "retry": N_("Try it again"),
    "acknowledge": N_("The alarms have been seen"),
    "release": N_("Take it over"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is decided about. ``method``: of the desk; ``id_of``: the name in the journal by what that method takes; ``proofs``: fields of
    the form and their labels; ``money``: words; ``retry``: the method that does now what one owes, if there is one."""

    method: str
    id_of: Callable[[str, str, str], SaleId]
    proofs: Mapping[str, str]
    money: Mapping[str, str]
    retry: str | None = None


SALE = Kind("operation.resolve", SaleId, PROOFS, MONEY, RETRY)
PAYOUT = Kind("payout.resolve", payout_id, PAYOUT_PROOFS, PAYOUT_MONEY)  # "now" is for all of them at once: operation.retry
KINDS: Mapping[str, Kind] = {one.method: one for one in (SALE, PAYOUT)}


def kind_of(names: Mapping[str, str]) -> tuple[Kind, dict[str, str]]:
    """What an address is about, and the names by which the desk knows it: a payout's address has its key as lists have it."""
    named = SaleId(names["storeId"], names["terminalId"], names["key"])
    return (PAYOUT, {**names, "key": key_of(named)}) if is_payout(named) else (SALE, dict(names))


def step_region(names: Mapping[str, str], choices: Html, tongue: Tongue) -> list[Html]:
    """The operator's part of the page of a sale or a payout."""
    kind, known = kind_of(names)
    return [
        sign_in(tongue),
        tag("p", tongue(N_("Whatever is decided is written into the record with the reason and the operator's name; nothing undoes it."))),
        *([] if kind.retry is None else [_hurry(kind.retry, known, tongue)]),
        choices,
        empty_step(),
    ]


def _hurry(method: str, names: Mapping[str, str], tongue: Tongue) -> Html:
    about = tongue(N_("What this sale owes and what waits for its time is done at once. Nothing becomes owed by it."))
    return sure("hurry", tongue(N_("Do now what is owed")), about, tongue(N_("Do it now")), method, names)


def sign_in(tongue: Tongue, *, unfolded: bool = False) -> Html:
    """Where the token is shown; the script hides what does not fit the moment."""
    name = tag("input", type="text", name="username", value="koshelek-agent", autocomplete="username", hidden=True)
    field = tag("input", type="password", name="token", autocomplete="current-password", required=True, maxlength=4096)
    form = tag(
        "form",
        name,
        tag("label", tongue(N_('Token of an operator (a client with role = "admin")')), field),
        tag("button", tongue(N_("Sign in")), class_="main"),
        id="sign-in-form",
        data_pass=PASS,
    )
    return tag(
        "div",
        tag("details", tag("summary", tongue(N_("Sign in as an operator"))), form, id="sign-in", open=unfolded),
        tag("button", tongue(N_("Sign out")), type="button", id="sign-out", hidden=True),
    )


def empty_step() -> Html:
    return tag("div", id=STEP, role="status")


def sure(id_: str, title: str, about: str, button: str, method: str, params: Mapping[str, Any]) -> Html:
    """An action in two steps that the page alone takes: unfold, read, press."""
    form = tag(
        "form", tag("p", about), tag("button", button, class_="no"), data_act=ACT, data_method=method, data_params=json.dumps(params)
    )
    return tag("details", tag("summary", title), form, id=id_)


def decisions(names: Mapping[str, str], choices: Sequence[Mapping[str, Any]], tongue: Tongue) -> list[Row]:
    """One fold for each decision that makes sense now."""
    if not choices:
        return [row("div", "choice-none", tongue(N_("There is nothing to decide.")), class_="none")]
    return [_choice(names, one, tongue) for one in choices]


def _choice(names: Mapping[str, str], one: Mapping[str, Any], tongue: Tongue) -> Row:
    kind, known = kind_of(names)
    about = {name: one[name] for name in ("refundKey", "receiptId") if name in one}
    resolution = str(one["resolution"])
    id_ = "-".join(["choice", resolution, *(str(value) for value in about.values())])
    title = tongue(RESOLUTIONS[resolution]) if resolution in RESOLUTIONS else resolution
    form = tag(
        "form",
        tag("p", one["message"]),
        _field("reason", tongue(N_("Why (stays in the record: no personal data)")), MAX_REASON_CHARACTERS, required=True),
        _field("who", tongue(N_("Your name")), MAX_WHO_CHARACTERS),
        _registry(kind.proofs, tongue) if resolution in PROVEN else None,
        tag("button", tongue(N_("Show what it would do")), class_="main"),
        data_act=ACT,
        data_method=kind.method,
        data_params=json.dumps({**known, **about, "resolution": resolution}),
    )
    summary = tag("summary", title, *([" ", told(str(value))] for value in about.values()))
    return row("div", id_, tag("details", summary, form, id=f"{id_}-fold"))


def _registry(proofs: Mapping[str, str], tongue: Tongue) -> Html:
    legend = tag("legend", tongue(N_("What the registry says, as far as it is known")))
    return tag("fieldset", legend, [_field(name, tongue(text), MAX_WHO_CHARACTERS) for name, text in proofs.items()])


def _field(name: str, text: str, limit: int, required: bool = False) -> Html:
    return tag("label", text, tag("input", name=name, type="text", maxlength=limit, required=required, autocomplete="off"))


def shown(kind: Kind, params: Mapping[str, Any], answer: Mapping[str, Any], tongue: Tongue) -> Html:
    """What the first step shows: the sale or payout as it would be, and the button that means it."""
    after = answer.get("after")
    would: Child = None
    if after is not None:
        text = N_("It would become: {state}, {money}. {message}")
        money = tongue.money(after["money"], kind.money)
        would = tag("p", tongue(text, state=tongue.state(after["state"]), money=money, message=after["message"]))
    warning = N_("This cannot be undone. It holds for {seconds} s, and only while nothing else is written into the record.")
    form = tag(
        "form",
        tag("p", tongue(warning, seconds=answer["validS"])),
        tag("button", tongue(N_("Decide")), class_="no"),
        tag("button", tongue(N_("Leave it")), type="button", data_leave=True),
        data_act=ACT,
        data_method=kind.method,
        data_params=json.dumps({**params, "confirmation": answer["confirmation"]}),
    )
    return tag("div", tag("h3", tongue(N_("Second step")), tabindex=-1), would, form, id=STEP, role="status", class_="card")


def done(text: str) -> Html:
    """What came of an action."""
    return tag("div", tag("h3", text, tabindex=-1), id=STEP, role="status", class_="card")


def listed(text: str, sales: Sequence[str]) -> Html:
    """What came of an action, and the sales it was about."""
    return tag("div", tag("h3", text, tabindex=-1), join(tag("p", told(one)) for one in sales), id=STEP, role="status", class_="card")
