"""``checkout.qr``: the payment link as something the customer's phone can read.

Only while he may pay by it: of a sale that is finished, being canceled or not clear nothing is shown, and the refusal does not say how
the sale stands, because that would be handing its answer out (money rule 5).
"""

import base64
from collections.abc import Mapping
from typing import Any

from agent.core.answer import payable_link
from agent.edges.pos.front import Front, Handlers, sale_id
from agent.edges.qr import CannotDraw, Codes, Form, Level, Style, WrongScale
from agent.engine.errors import Refusal
from drivers import messages
from drivers.caller import Caller

MEDIA_TYPES: Mapping[Form, str] = {
    Form.SVG: "image/svg+xml",
    Form.PNG: "image/png",
    Form.TEXT: "text/plain; charset=utf-8",
    Form.ESCPOS: "application/octet-stream",  # no registered name
    Form.MATRIX: "text/plain; charset=utf-8",
}


class CheckoutCodes:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._codes = Codes()
        self.handlers: Handlers = {messages.CheckoutQr: self._draw}

    async def _draw(self, caller: Caller, request: messages.CheckoutQr) -> Mapping[str, Any]:
        steward = await self._front.find_sale(sale_id(request))
        link = payable_link(steward.sale)
        if link is None:
            raise Refusal("NO_LINK", "there is no payment link that the customer may pay by now: checkout.get tells how the sale stands")
        style = Style(Form(request.format), Level(request.level), request.quiet_zone, request.scale)
        try:
            drawn = await self._codes.draw(link, style)
        except CannotDraw as error:
            raise Refusal(error.code, str(error), **({"path": "scale"} if isinstance(error, WrongScale) else {})) from error
        if payable_link(steward.sale) != link:  # it ended while the code was drawn
            raise Refusal("NO_LINK", "the customer may not pay by this payment link any more: checkout.get tells how the sale stands")
        names = {"storeId": request.store_id, "terminalId": request.terminal_id, "key": request.key}
        return {**names, "format": style.form.value, "mediaType": MEDIA_TYPES[style.form], **_content(style.form, drawn)}


def _content(form: Form, drawn: bytes) -> dict[str, Any]:
    """As JSON can carry it."""
    match form:
        case Form.SVG | Form.TEXT:
            return {"text": drawn.decode()}
        case Form.PNG | Form.ESCPOS:
            return {"base64": base64.b64encode(drawn).decode("ascii")}
        case Form.MATRIX:
            return {"modules": drawn.decode("ascii").split("\n")}
