"""What is filled in: a fault to plan, an outage, the customers to come. A form is a request to the control API: its fields are named like
the members of the body (``params.ms`` is ``ms`` inside ``params``), and say how their text becomes JSON:

``data-json`` ``number``, ``boolean``, ``text``; an empty field is left out. ``data-scale``: seconds for people, milliseconds for the API.
``data-null``: a tick that makes another member null. ``data-kind``: fields of one kind of fault, shown while that kind is chosen.
"""

import json
from collections.abc import Iterable

from agent.sandbox.availability import Offer
from agent.sandbox.control import PREFIX
from agent.sandbox.customer import Action
from agent.sandbox.faults import MAX_PARAMETER, FaultKind, Parameter
from agent.sandbox.faults import PARAMETERS as FAULT_PARAMETERS
from agent.sandbox.page.rows import button
from agent.sandbox.page.words import ACTIONS, FAULTS, METHODS, PARAMETERS, SYSTEMS, Tongue
from agent.sandbox.words import Code, ErrorCode, Method, Operation
from agent.texts import N_
from agent.web.html import Child, Html, tag

_OUTAGE_S = 30  # what the field says before anybody changes it: as long as a till waits
_USUAL_S = 3
_OFFER = f"POST {PREFIX}/availability"

Choice = tuple[str, str]  # value, text


def fault_form(tongue: Tongue) -> Html:
    """Every kind of fault, for every operation, once, often, or by chance."""
    return _form(
        f"POST {PREFIX}/faults",
        _labelled(tongue(N_("What goes wrong")), _kinds(tongue)),
        [_fields_of(tongue, kind) for kind in FaultKind],
        _choice(tongue(N_("When this comes")), "operation", [("", tongue.operation(None)), *_operations(tongue)]),
        _choice(tongue(N_("Of which system")), "system", [("", tongue(N_("any"))), *SYSTEMS.items()]),
        _number(tongue(N_("How often")), "times", 1, least=1),
        _tick(tongue(N_("Until I remove it")), data_null="times"),
        _number(tongue(N_("Probability, 0 to 1 (empty: always)")), "probability", None, most=1, step="any"),
        _submit(tongue(N_("Plan the fault"))),
    )


def outage_form(tongue: Tongue) -> Html:
    """Out of reach for so long, or back at once."""
    return _form(
        f"POST {PREFIX}/outage",
        _number(tongue(N_("Seconds")), "ms", _OUTAGE_S, step="any", scale=1000),
        _submit(tongue(N_("Begin an outage"))),
        button(tongue(N_("End the outage")), f"DELETE {PREFIX}/outage"),
    )


def usual_form(tongue: Tongue) -> Html:
    """What customers do for whom nothing else is said."""
    return _form(f"POST {PREFIX}/customers/default", _customer(tongue), _submit(tongue(N_("From now on"))))


def queue_form(tongue: Tongue) -> Html:
    """What the next customer of an order or a card session does."""
    return _form(
        f"POST {PREFIX}/customers",
        _text(tongue(N_("Order")), "order_id"),
        _text(tongue(N_("or card session")), "card_session"),
        _customer(tongue),
        _submit(tongue(N_("Put in the queue"))),
        button(tongue(N_("Send everybody away")), f"DELETE {PREFIX}/customers"),
    )


def offer_form(tongue: Tongue) -> Html:
    """What a till is told that asks for the means of payment: all at once by a tap, or in detail."""
    none = {"unavailable": {method.value: tongue(N_("Koshelek Pay cannot be used now")) for method in Method}}
    return tag(
        "div",
        button(tongue(N_("Koshelek Pay is not to be had")), _OFFER, json.dumps(none, ensure_ascii=False), class_="no"),
        button(tongue(N_("Everything can be used")), _OFFER, "{}"),
        class_="buttons",
    )


def offer_details(tongue: Tongue) -> Html:
    """Each means by itself. What is left empty can be used."""
    usual = Offer()
    reasons = [
        _text(tongue(N_("{method} cannot be used, because (empty: it can)"), method=tongue(text)), f"unavailable.{method}")
        for method, text in METHODS.items()
    ]
    return _form(
        _OFFER,
        reasons,
        _tick(tongue(N_("Koshelek Pay is the buyer's usual way to pay")), name="is_default"),
        _tick(tongue(N_("The list comes later (the vendor's older way)")), name="asynchronous"),
        _number(tongue(N_("It is there after, s")), "ready_after_ms", tongue.seconds(usual.ready_after_ms), step="any", scale=1000),
        _number(tongue(N_("First look after, s")), "timeout_ms", tongue.seconds(usual.timeout_ms), step="any", scale=1000),
        _submit(tongue(N_("From now on"))),
    )


def _customer(tongue: Tongue) -> list[Html]:
    methods = [("", tongue(N_("the first one offered"))), *((method.value, tongue(text)) for method, text in METHODS.items())]
    declined = [(code.value, code.value) for code in ErrorCode]
    return [
        _choice(tongue(N_("The customer")), "action", [(action.value, tongue(ACTIONS[action])) for action in Action]),
        _number(tongue(N_("After, s")), "after_ms", _USUAL_S, step="any", scale=1000),
        _choice(tongue(N_("Pays with")), "method", methods),
        _choice(tongue(N_("Declined because")), "error_code", declined, chosen=ErrorCode.PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER),
    ]


def _kinds(tongue: Tongue) -> Html:
    named = {kind for group in FAULTS.values() for kind in group}
    groups = [*FAULTS.items(), ("…", {kind: kind for kind in FaultKind if kind not in named})]
    return tag(
        "select",
        [
            tag("optgroup", [tag("option", f"{tongue(text)} ({kind})", value=kind) for kind, text in kinds.items()], label=tongue(title))
            for title, kinds in groups
            if kinds
        ],
        name="kind",
        data_json="text",
    )


def _fields_of(tongue: Tongue, kind: FaultKind) -> Html | None:
    """Hidden and switched off until this kind is chosen, so that nothing of another kind is sent."""
    parameters = FAULT_PARAMETERS[kind]
    if not parameters:
        return None
    fields = [_parameter(tongue, name, default) for name, default in parameters.items()]
    return tag("fieldset", tag("legend", tongue(N_("In detail"))), fields, data_kind=kind, hidden=True, disabled=True)


def _parameter(tongue: Tongue, name: str, default: Parameter) -> Html:
    label, member = tongue(PARAMETERS.get(name, name)), f"params.{name}"
    match default:
        case bool():
            return _tick(label, name=member, checked=default)
        case int():
            return _number(label, member, default, least=-MAX_PARAMETER if name == "delta" else 0, most=MAX_PARAMETER)
        case str():
            known = _known_words(name)
            return _text(label, member, default) if known is None else _choice(label, member, [(word, word) for word in known], default)


def _known_words(name: str) -> Iterable[str] | None:
    """The words a parameter can be, where there is a list of them."""
    match name:
        case "code":
            return Code
        case "error_code":
            return ErrorCode
        case "field":
            return ("status", "refStatus")
        case _:
            return None


def _operations(tongue: Tongue) -> list[Choice]:
    return [(operation.value, tongue.operation(operation)) for operation in Operation]


def _form(call: str, *children: Child) -> Html:
    return tag("form", children, data_call=call)


def _labelled(text: str, control: Html) -> Html:
    return tag("label", tag("span", text), control)


def _text(label: str, name: str, value: str = "") -> Html:
    return _labelled(label, tag("input", type="text", name=name, value=value, data_json="text", autocomplete="off", maxlength=256))


def _number(
    label: str, name: str, value: int | str | None, *, least: int = 0, most: int | None = None, step: str = "1", scale: int | None = None
) -> Html:
    mode = "numeric" if step == "1" and least >= 0 else "decimal"
    control = tag(
        "input",
        type="number",
        name=name,
        value=value,
        min=least,
        max=most,
        step=step,
        required=value is not None,
        inputmode=mode,
        data_json="number",
        data_scale=scale,
    )
    return _labelled(label, control)


def _choice(label: str, name: str, choices: Iterable[Choice], chosen: str | None = None) -> Html:
    options = [tag("option", text, value=value, selected=value == chosen) for value, text in choices]
    return _labelled(label, tag("select", options, name=name, data_json="text"))


def _tick(label: str, *, name: str | None = None, checked: bool = False, data_null: str | None = None) -> Html:
    control = tag("input", type="checkbox", name=name, checked=checked, data_json="boolean", data_null=data_null)
    return tag("label", control, tag("span", label), class_="tick")


def _submit(text: str) -> Html:
    return tag("button", text, type="submit", class_="main")
