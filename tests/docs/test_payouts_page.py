"""Goal: the page of payouts is true. Method: its requests are handed, in order, to the desk of an agent whose payment system pays out; what
comes back is compared with the page, and its tables with the machine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from agent.core.money import Kopecks
from agent.core.payout.contract import PayoutAdvice, PayoutService, PayoutServices, RecipientField
from agent.core.payout.machine import FINISHED, PayoutState
from agent.core.verdict import Operation, Reply, Request
from agent.engine.setup import PayoutTerms, Setup
from drivers import payout_answers
from drivers.caller import Caller
from drivers.validation import parse
from tests.docs.compare import Likeness
from tests.docs.pages import Page, names_in
from tests.engine.support import Shop, play
from tests.simulation.payer import Mishap, PaysByPayer
from tests.simulation.till import Pos
from tests.simulation.world import PAYOUTS, TILL

PAGE = Page("pos-payouts.md")


class Advising(PaysByPayer):
    """The payment system of the page."""

    def ask_payout_services(self, amount: Kopecks) -> Request:
        return Request(Operation.PAYOUT_FIND, "GET", "/find/services", {})

    def read_payout_services(self, reply: Reply) -> PayoutAdvice:
        field = RecipientField("card_number", True, "Номер карты", "2200000000000004")
        return PayoutServices((PayoutService("payment_card_rub", "RUB", True, (field,)),))


def _of_the_page(setup: Setup) -> Setup:
    """Store, till and payment system by the page's names, in English."""
    terminal = next(one for (_, name), one in setup.terminals.items() if name == TILL)
    (binding,) = setup.bindings.values()
    return replace(
        setup,
        terminals={("S12", "till-03"): terminal},
        bindings={"paycore": replace(binding, provider="paycore")},
        payouts={"paycore": PayoutTerms(Advising(), PAYOUTS)},
        language="en",
    )


def test_paying_out_goes_as_the_page_shows(fast_folder: Path) -> None:
    """Every request is carried out; where the page shows an answer, it is that one; every member that was told is in its table."""
    documented = {name for row in _marked("answer", "payout").rows for name in names_in(row[0])}

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.living.reconfigure(_of_the_page(shop.living.setup), None)
        desk, likeness, word = _desk(shop), Likeness(), ""
        for example in PAGE.marked("payout"):
            operator = example.attributes.get("socket") == "admin"
            request, *told = (block.json for block in example.blocks)
            params = dict(request["params"])
            if example.name == "resolve":
                shop.payer.mishaps.append(Mishap.LOSE_REQUEST)
                made = {name: params[name] for name in ("storeId", "terminalId", "key")}
                await desk("payout.create", False, {**_request("create"), **made, "amount": 1, "wait": 60})
            if "confirmation" in params:
                params["confirmation"] = word
            answer = await desk(request["method"], operator, params)
            word = answer.get("confirmation", word)
            for one in told:
                assert likeness.differences(_plainly(one["result"]), _plainly(answer)) == [], example.name
            if example.name in ("create", "get", "cancel"):
                assert answer.keys() <= documented
                assert answer["state"] == "paid_out"
            if example.name == "resolved":
                assert (answer["done"], answer["payout"]["state"]) == (True, "failed")

    play(tale, fast_folder)


def _plainly(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run: the system's id, moments."""
    return {name: value for name, value in answer.items() if name not in ("transactionId", "businessDate", "acceptedAt")}


def _desk(shop: Shop) -> Any:
    from agent.edges.pos import PosDesk

    desk = PosDesk(shop.living)
    register = Caller("uid:1001", tills=frozenset({("S12", "till-03")}), payouts=True)
    operator = Caller("uid:0", operator=True)

    async def ask(method: str, by_operator: bool, params: dict[str, Any]) -> Mapping[str, Any]:
        return await desk.handle(operator if by_operator else register, parse(method, params))

    return ask


def _request(name: str) -> dict[str, Any]:
    params: dict[str, Any] = _marked("payout", name).blocks[0].json["params"]
    return params


def _marked(kind: str, name: str = "") -> Any:
    (found,) = [one for one in PAGE.marked(kind) if one.name == name]
    return found


def test_the_states_of_a_payout_are_those_of_the_machine() -> None:
    """One line for each, with its end, its success and what to do next."""
    rows = {PayoutState(names_in(row[0])[0]): row for row in _marked("payout-states").rows}
    assert set(rows) == set(PayoutState)
    for state, row in rows.items():
        finished = state in FINISHED
        success = "null" if not finished else "true" if state is PayoutState.PAID_OUT else "false"
        after = "-" if finished else "`person`" if state is PayoutState.ATTENTION else "`poll`"
        assert row[1:4] == ["true" if finished else "false", success, after], row


ANSWERS = {
    "payout": payout_answers.PayoutAnswer,
    "services": payout_answers.PayoutServicesAnswer,
    "service": payout_answers.PayoutServiceAnswer,
    "recipient": payout_answers.RecipientFieldAnswer,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_the_drivers_promise_is_in_the_table(name: str) -> None:
    """Every member of the typed answer is documented, and what may be missing is not promised always."""
    rows = {member: row[1] for row in _marked("answer", name).rows for member in names_in(row[0])}
    assert set(get_type_hints(ANSWERS[name])) == set(rows)
    assert {member for member, when in rows.items() if when == "always"} == ANSWERS[name].__required_keys__
