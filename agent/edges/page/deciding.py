"""What an operator may do about a sale, drawn: the choices with what they need, the second step, and what came of it.

A form names nothing but a method of the desk and its parameters; the page's script sends them as they stand. The second step is a form of
its own that the first one's answer brings, with the word that holds for this decision alone.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.edges.page.document import ACT, PASS
from agent.edges.page.words import MONEY, Tongue
from agent.texts import N_
from agent.web.html import Child, Html, join, tag, told
from agent.web.live import Row, row

STEP = "step"  # the id of what the answer to an action replaces
MAX_REASON_CHARACTERS = 200  # as the protocol has it
MAX_WHO_CHARACTERS = 64
PROOFS: Mapping[str, str] = {
    "transactionId": N_("Transaction of the payment"),
    "refTransactionId": N_("Transaction of the return"),
    "paymentType": N_("Paid by, for example SBP"),
    "qrcId": "qrcId",
    "kzo": N_("SBP control value (kzo)"),
    "operationId": N_("Operation of the bank (operationId)"),
    "operationDateTime": N_("Moment of the operation, with its zone"),
}
PROVEN = frozenset({"paid", "return", "refunded"})  # decisions for which the registry is quoted
RESOLUTIONS: Mapping[str, str] = {
    "paid": N_("It was paid"),
    "not_paid": N_("It was not paid"),
    "return": N_("Give the money back"),
    "returned": N_("The money was given back"),
    "refunded": N_("The return was made"),
    "drop": N_("Give it up"),
    "retry": N_("Try it again"),
    "acknowledge": N_("The alarms have been seen"),
    "release": N_("Take it over"),
}


def step_region(names: Mapping[str, str], choices: Html, tongue: Tongue) -> list[Html]:
    """The operator's part of a sale's page."""
    return [
        sign_in(tongue),
        tag("p", tongue(N_("Whatever is decided is written into the record with the reason and the operator's name; nothing undoes it."))),
        sure(
            "hurry",
            tongue(N_("Do now what is owed")),
            tongue(N_("What this sale owes and what waits for its time is done at once. Nothing becomes owed by it.")),
            tongue(N_("Do it now")),
            "operation.retry",
            names,
        ),
        choices,
        empty_step(),
    ]


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
    about = {name: one[name] for name in ("refundKey", "receiptId") if name in one}
    resolution = str(one["resolution"])
    id_ = "-".join(["choice", resolution, *(str(value) for value in about.values())])
    title = tongue(RESOLUTIONS[resolution]) if resolution in RESOLUTIONS else resolution
    form = tag(
        "form",
        tag("p", one["message"]),
        _field("reason", tongue(N_("Why (stays in the record: no personal data)")), MAX_REASON_CHARACTERS, required=True),
        _field("who", tongue(N_("Your name")), MAX_WHO_CHARACTERS),
        _registry(tongue) if resolution in PROVEN else None,
        tag("button", tongue(N_("Show what it would do")), class_="main"),
        data_act=ACT,
        data_method="operation.resolve",
        data_params=json.dumps({**names, **about, "resolution": resolution}),
    )
    summary = tag("summary", title, *([" ", told(str(value))] for value in about.values()))
    return row("div", id_, tag("details", summary, form, id=f"{id_}-fold"))


def _registry(tongue: Tongue) -> Html:
    legend = tag("legend", tongue(N_("What the registry says, as far as it is known")))
    return tag("fieldset", legend, [_field(f"proof.{name}", tongue(text), MAX_WHO_CHARACTERS) for name, text in PROOFS.items()])


def _field(name: str, text: str, limit: int, required: bool = False) -> Html:
    return tag("label", text, tag("input", name=name, type="text", maxlength=limit, required=required, autocomplete="off"))


def shown(params: Mapping[str, Any], answer: Mapping[str, Any], tongue: Tongue) -> Html:
    """What the first step shows: the sale as it would be, and the button that means it."""
    after = answer.get("after")
    would: Child = None
    if after is not None:
        text = N_("It would become: {state}, {money}. {message}")
        money = tongue(MONEY[after["money"]]) if after["money"] in MONEY else after["money"]
        would = tag("p", tongue(text, state=tongue.state(after["state"]), money=money, message=after["message"]))
    warning = N_("This cannot be undone. It holds for {seconds} s, and only while nothing happens to the sale.")
    form = tag(
        "form",
        tag("p", tongue(warning, seconds=answer["validS"])),
        tag("button", tongue(N_("Decide")), class_="no"),
        tag("button", tongue(N_("Leave it")), type="button", data_leave=True),
        data_act=ACT,
        data_method="operation.resolve",
        data_params=json.dumps({**params, "confirmation": answer["confirmation"]}),
    )
    return tag("div", tag("h3", tongue(N_("Second step")), tabindex=-1), would, form, id=STEP, role="status", class_="card")


def done(text: str) -> Html:
    """What came of an action."""
    return tag("div", tag("h3", text, tabindex=-1), id=STEP, role="status", class_="card")


def listed(text: str, sales: Sequence[str]) -> Html:
    """What came of an action, and the sales it was about."""
    return tag("div", tag("h3", text, tabindex=-1), join(tag("p", told(one)) for one in sales), id=STEP, role="status", class_="card")
