"""What the page's buttons do: methods of the desk, as the operator who signed in, and never anything that the desk would not let him do.

Every action leaves a trace: a decision stands in the record of what it is about, and each attempt, whatever came of it, is a notice with
the operator's name.
"""

from collections.abc import Mapping
from typing import Any

from agent.core.model import SaleId
from agent.edges.keyring import Holder
from agent.edges.page import deciding
from agent.edges.page.deciding import KINDS, RETRY
from agent.edges.page.house import House
from agent.edges.page.words import Tongue
from agent.texts import N_
from agent.web.html import Html
from drivers.caller import Caller
from drivers.session import Refused
from drivers.validation import Invalid, parse

METHODS = frozenset({*KINDS, RETRY})  # what the engine lets an operator do about sales and payouts


class NotDone(Exception):
    """Nothing was done; the text says why, for a person."""


async def act(house: House, holder: Holder, method: str, params: Mapping[str, Any], tongue: Tongue) -> Html:
    """Do it, or show what it would do. Raises NotDone; Stopped."""
    if method not in METHODS:
        raise NotDone(tongue(N_("This page cannot do that: {method}"), method=method))
    notice, sale = house.engine.ports.notice, _sale(method, params)
    asked = {"by": holder.name, "method": method, "resolution": params.get("resolution"), "step": 2 if "confirmation" in params else 1}
    try:
        answer = await house.handle(Caller(holder.name, None, None, holder.operator), parse(method, dict(params)))
    except Invalid as error:
        notice("operator.refused", sale, **asked, code="INVALID")
        first = error.problems[0]
        raise NotDone(f"{first.path}: {first.problem}") from None  # the cause names nothing more
    except Refused as error:
        notice("operator.refused", sale, **asked, code=error.code)
        raise NotDone(error.message) from error
    notice("operator.acted", sale, **asked)
    return _drawn(method, params, answer, tongue)


def _sale(method: str, params: Mapping[str, Any]) -> SaleId | None:
    """What it is about, as the journal names it."""
    names = [params.get(name) for name in ("storeId", "terminalId", "key")]
    id_of = KINDS[method].id_of if method in KINDS else SaleId
    return id_of(*names) if all(isinstance(name, str) for name in names) else None  # type: ignore[arg-type]  # just looked at


def _drawn(method: str, params: Mapping[str, Any], answer: Mapping[str, Any], tongue: Tongue) -> Html:
    if method not in KINDS:
        sales = list(answer["sales"])
        return deciding.listed(tongue(N_("Done now:")), sales) if sales else deciding.done(tongue(N_("Nothing waits.")))
    if not answer["done"]:
        return deciding.shown(KINDS[method], params, answer, tongue)
    return deciding.done(tongue(N_("Decided. It stands in the record.")))
