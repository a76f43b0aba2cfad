"""Goal: a page, a display or a receipt printer takes the code as it comes, over HTTP, and nothing of a link that may not be used.

Method: a real server with the desk's own area behind it, and a sale that the core itself folded; what comes back is read by a decoder.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from agent.core.capability import PAYCORE
from agent.core.model import LinkMethod, PaymentLink, SaleId
from agent.core.verdict import Status
from agent.edges import qr
from agent.edges.http.routes import ROUTES
from agent.edges.pos.codes import MEDIA_TYPES, CheckoutCodes
from agent.edges.qr import MAX_PAPER_DOTS, Form
from agent.engine.errors import Refusal
from drivers import messages
from drivers.caller import Caller
from drivers.session import Refused
from tests.core.book import Book, seen
from tests.core.samples import SALE_ID, slip
from tests.edges.http.support import Reply, ask, serving
from tests.support import codes

LINK = PaymentLink("https://pay.example/p/7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11?lang=ru")
SALE = f"/v1/stores/{SALE_ID.store_id}/terminals/{SALE_ID.terminal_id}/checkouts/{SALE_ID.key}"


def sale(link: PaymentLink = LINK) -> Book:
    """The customer may pay."""
    book = Book(caps=PAYCORE)
    book.attempt(seen(Status.PENDING, link=link))
    return book


class Window:
    """The area of the desk that draws codes, with one sale to be found."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._area = CheckoutCodes(self)  # type: ignore[arg-type]  # of a Front it needs only what is here

    @property
    def sale(self) -> Any:
        return self.book.sale

    async def find_sale(self, wanted: SaleId) -> "Window":
        if wanted != SALE_ID:
            raise Refusal("NOT_FOUND", "there is no such sale")
        return self

    async def handle(self, caller: Caller, request: messages.Request) -> Mapping[str, Any]:
        try:
            return await self._area.handlers[type(request)](caller, request)
        except Refusal as refusal:
            raise Refused(refusal.code, refusal.problem, dict(refusal.data)) from refusal


async def got(path: str, book: Book | None = None) -> Reply:
    """The answer to one GET."""
    async with serving(Window(book or sale()).handle) as port:
        return await asyncio.to_thread(ask, port, "GET", path)


READ = {
    "svg": ("image/svg+xml", lambda body: codes.of_svg(body.decode())),
    "png": ("image/png", codes.of_png),
    "txt": ("text/plain; charset=utf-8", lambda body: codes.of_text(body.decode())),
    "escpos": ("application/octet-stream", codes.of_escpos),
}


async def test_a_code_comes_as_a_file() -> None:
    """With the type of its kind, for nobody to keep; it holds exactly the link. Level, quiet zone and scale stand in the query."""
    async with serving(Window(sale()).handle) as port:
        for ending, (media, grid_of) in READ.items():
            plain = await asyncio.to_thread(ask, port, "GET", f"{SALE}/qr.{ending}")
            assert (plain.status, plain.headers["content-type"], plain.headers["cache-control"]) == (200, media, "no-store")
            assert plain.headers["x-content-type-options"] == "nosniff"
            query = "level=H&quietZone=6" + ("" if ending == "txt" else "&scale=3")
            other = await asyncio.to_thread(ask, port, "GET", f"{SALE}/qr.{ending}?{query}")
            assert (other.status, other.body != plain.body) == (200, True)
            assert [codes.read(grid_of(reply.body)) for reply in (plain, other)] == [[LINK.url]] * 2


REFUSED = {
    "a level that is none": ("qr.svg?level=X", 422, "INVALID"),
    "too wide a frame": ("qr.svg?quietZone=17", 422, "INVALID"),
    "a huge module": ("qr.png?scale=33", 422, "INVALID"),
    "wider than paper": (f"qr.escpos?scale={MAX_PAPER_DOTS // 41 + 1}", 422, "INVALID"),
    "dots of a text": ("qr.txt?scale=2", 422, "INVALID"),
    "another format than the path's": ("qr.svg?format=png", 422, "INVALID"),
    "an unknown ending": ("qr.gif", 404, "INVALID"),
    "another sale": ("../none/qr.svg", 404, "NOT_FOUND"),
}


async def test_what_is_wrong_is_a_problem() -> None:
    """A problem document with the usual words, and never a picture."""
    async with serving(Window(sale()).handle) as port:
        for name, (path, status, code) in REFUSED.items():
            reply = await asyncio.to_thread(ask, port, "GET", f"{SALE}/{path}".replace(f"{SALE_ID.key}/../", ""))
            assert (reply.status, reply.code) == (status, code), name
            assert LINK.url not in reply.body.decode()


async def test_a_format_in_a_body_is_refused() -> None:
    """The path says it, once."""
    async with serving(Window(sale()).handle) as port:
        reply = await asyncio.to_thread(ask, port, "GET", f"{SALE}/qr.svg", {"format": "png"})
    assert (reply.status, reply.json["details"]) == (422, [{"path": "format", "problem": "is said by the end of the path"}])


def ended() -> dict[str, Book]:
    """Sales whose link may not be used: not yet, any more, or not so."""
    new, canceled, paid, gone = Book(caps=PAYCORE), sale(), sale(), sale()
    canceled.cancel()
    paid.read(seen(Status.ACCEPTED, slip()))
    gone.read(seen(Status.GONE))
    bare = Book(caps=PAYCORE)
    bare.attempt(seen(Status.PENDING))
    return {"not sent": new, "without a link": bare, "canceled": canceled, "paid": paid, "expired": gone}


async def test_a_link_that_cannot_be_used_is_not_shown() -> None:
    """409, and not a word about how the sale stands: that would be handing its answer out."""
    window = Window(sale())
    async with serving(window.handle) as port:
        for name, window.book in ended().items():
            reply = await asyncio.to_thread(ask, port, "GET", f"{SALE}/qr.svg")
            assert (reply.status, reply.code) == (409, "NO_LINK"), name
            assert "pay.example" not in reply.body.decode()
            assert not set(re.findall(r"\w+", reply.json["detail"])) & {window.sale.payment.value, str(window.sale.reason)}, name


@pytest.mark.parametrize(
    ("link", "code"),
    [(PaymentLink(LINK.url, LinkMethod.POST), "LINK_NEEDS_POST"), (PaymentLink(LINK.url + "x" * 3000), "LINK_TOO_LONG")],
    ids=["POST", "too long"],
)
async def test_a_link_that_no_code_can_hold(link: PaymentLink, code: str) -> None:
    """409, with the reason."""
    reply = await got(f"{SALE}/qr.png", sale(link))
    assert (reply.status, reply.code) == (409, code)
    assert "pay.example" not in reply.body.decode()


async def test_a_sale_that_ends_while_its_code_is_drawn_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer walked away in that moment; the code of before is not handed out any more."""
    window, real = Window(sale()), qr.draw

    def late(link: PaymentLink, style: qr.Style) -> bytes:
        window.book.cancel()
        return real(link, style)

    monkeypatch.setattr(qr, "draw", late)
    async with serving(window.handle) as port:
        assert (await asyncio.to_thread(ask, port, "GET", f"{SALE}/qr.svg")).code == "NO_LINK"


def test_the_table_of_paths_and_the_desk_name_the_same_types() -> None:
    """What a path promises is what the desk says it drew."""
    drawn = {route.fixed["format"]: route.media for route in ROUTES if route.media}
    assert drawn == {form.value: MEDIA_TYPES[form] for form in Form if form is not Form.MATRIX}
