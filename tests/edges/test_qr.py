"""Goal: every drawing of a payment link holds exactly the link, or is refused; and making one never holds up a sale.

Method: a decoder that shares nothing with the agent reads the drawings (``tests.support.codes``); Chromium draws the SVG as a page would.
"""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from agent.core.model import LinkMethod, PaymentLink
from agent.edges import qr
from agent.edges.qr import (
    MAX_PAPER_DOTS,
    MAX_SIDE_DOTS,
    PAPER_DOTS,
    CannotDraw,
    Codes,
    Form,
    Level,
    LinkNeedsPost,
    LinkTooLong,
    Style,
    WrongScale,
)
from tests.support import codes
from tests.support.browser import Browser
from tests.system import require

LINK = PaymentLink("https://pay.example/p/7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11?lang=ru&x=%D0%A0#pay")
LONGEST = {Level.L: 2953, Level.M: 2331, Level.Q: 1663, Level.H: 1273}  # characters that the standard's largest code holds


def grid(form: Form, drawn: bytes) -> codes.Grid:
    match form:
        case Form.SVG:
            return codes.of_svg(drawn.decode())
        case Form.PNG:
            return codes.of_png(drawn)
        case Form.TEXT:
            return codes.of_text(drawn.decode())
        case Form.ESCPOS:
            return codes.of_escpos(drawn)
        case Form.MATRIX:
            return codes.enlarged(drawn.decode().split("\n"))


def link(characters: int) -> PaymentLink:
    """Of so many characters, in the signs that addresses have."""
    start = "https://pay.example/p/"
    return PaymentLink(start + ("0aZ-_.~%7B" * characters)[: characters - len(start)])


# --- what is in a code ---


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("form", Form)
def test_a_code_holds_exactly_the_link(form: Form, level: Level) -> None:
    """In every form, at every level of correction."""
    assert codes.read(grid(form, qr.draw(LINK, Style(form, level)))) == [LINK.url]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "url",
    ["https://pay.example/1", link(400).url, "HTTPS://QR.EXAMPLE/AS10003P3RH0LJ2A9ROO038L6NT5RU1M", "https://пей.example/оплата?сумма=1"],
)
def test_links_of_all_kinds(form: Form, url: str) -> None:
    """Short, long, in capitals (which codes pack tighter), and with letters that no address should have."""
    assert codes.read(grid(form, qr.draw(PaymentLink(url), Style(form)))) == [url]


@pytest.mark.parametrize("quiet_zone", [0, 1, 4, 16])
@pytest.mark.parametrize("form", Form)
def test_the_quiet_zone_is_as_wide_as_was_asked(form: Form, quiet_zone: int) -> None:
    """Light rows above, dark begins right after them; the decoder reads it with a frame of its own around."""
    found = grid(form, qr.draw(LINK, Style(form, quiet_zone=quiet_zone, scale=None if form in (Form.TEXT, Form.MATRIX) else codes.DOTS)))
    first = next(y for y, row in enumerate(found) if codes.DARK in row)
    assert first == quiet_zone * codes.DOTS
    assert next(x for x, dot in enumerate(found[first]) if dot == codes.DARK) == quiet_zone * codes.DOTS
    frame = [[codes.LIGHT] * (len(found[0]) + 40)] * 20
    assert codes.read([*frame, *([codes.LIGHT] * 20 + list(row) + [codes.LIGHT] * 20 for row in found), *frame]) == [LINK.url]


@pytest.mark.parametrize("scale", [1, 2, 3, 7, 9])
@pytest.mark.parametrize("form", [Form.PNG, Form.ESCPOS])
def test_the_scale_is_the_dots_of_a_module(form: Form, scale: int) -> None:
    """Width in dots; the raster is filled up to whole bytes with white. Two dots and more are read."""
    side = len(qr.draw(LINK, Style(Form.MATRIX)).split())
    found = grid(form, qr.draw(LINK, Style(form, scale=scale)))
    assert len(found) == side * scale
    assert len(found[0]) == (side * scale if form is Form.PNG else -(-side * scale // 8) * 8)
    assert all(dot == codes.LIGHT for row in found for dot in row[side * scale :])
    assert scale == 1 or codes.read(found) == [LINK.url]


def test_a_code_with_a_stain_is_still_read() -> None:
    """What the level of correction is for: at H a corner of a fifth of the code's area may be covered."""
    found = [list(row) for row in grid(Form.PNG, qr.draw(LINK, Style(Form.PNG, Level.H, scale=4)))]
    middle, reach = len(found) // 2, len(found) // 9
    for y in range(middle - reach, middle + reach):
        found[y][middle - reach : middle + reach] = [codes.DARK] * (2 * reach)
    assert codes.read(found) == [LINK.url]
    assert codes.read([row[: len(row) // 2] for row in found]) == []  # the control: half a code is none


@pytest.mark.system
def test_a_browser_shows_the_svg() -> None:
    """Chromium draws it in its own size and in another, on a dark page; both pictures are read."""
    require("chromedriver")
    drawn = qr.draw(LINK, Style(Form.SVG)).decode()
    with Browser() as browser:
        browser.open("data:text/html,<body style='background:black'>")
        for style in ("", "width:200px;height:200px"):
            script = "document.body.innerHTML = '<div></div>'; const image = new Image(); image.style = arguments[1];"
            script += "image.src = 'data:image/svg+xml,' + encodeURIComponent(arguments[0]); document.body.append(image);"
            browser.run(script, drawn, style)
            browser.wait(lambda: browser.run("return document.images[0].complete && document.images[0].width"), "the picture")
            (element,) = browser.run("return document.querySelector('img')").values()
            assert codes.read(codes.of_png(browser.shot(element))) == [LINK.url]


# --- the raster ---


def test_the_raster_command_byte_by_byte() -> None:
    """Head, size, lines filled up to bytes, each repeated: as the manuals of the printers have it."""
    assert qr.raster(["101", "010"], 1) == b"\x1dv0\x00\x01\x00\x02\x00" + b"\xa0\x40"
    assert qr.raster(["10", "01"], 2) == b"\x1dv0\x00\x01\x00\x04\x00" + b"\xc0\xc0\x30\x30"
    assert qr.raster(["1" * 9], 1) == b"\x1dv0\x00\x02\x00\x01\x00" + b"\xff\x80"
    assert qr.raster(["0" * 300] * 260, 1)[:8] == b"\x1dv0\x00\x26\x00\x04\x01"


def test_a_code_fits_on_the_narrowest_paper() -> None:
    """Without a scale: as large as 58 mm paper takes, and never wider; the longest link, too."""
    for one in (LINK, link(1_000), link(LONGEST[Level.L])):
        found = grid(Form.ESCPOS, qr.draw(one, Style(Form.ESCPOS, Level.L)))
        assert len(found) <= len(found[0]) <= PAPER_DOTS
    assert len(grid(Form.ESCPOS, qr.draw(LINK, Style(Form.ESCPOS)))) > PAPER_DOTS * 3 / 4


# --- what is refused ---


@pytest.mark.parametrize("form", Form)
def test_a_link_that_wants_a_form_posted_is_never_in_a_code(form: Form) -> None:
    """A phone could only open it, and would show an error page to the customer."""
    with pytest.raises(LinkNeedsPost, match="POST") as caught:
        qr.draw(PaymentLink(LINK.url, LinkMethod.POST), Style(form))
    assert caught.value.code == "LINK_NEEDS_POST"


@pytest.mark.parametrize("level", Level)
def test_a_link_is_as_long_as_the_standard_lets_it_be(level: Level) -> None:
    """The longest one is read again; one character more is refused, and the refusal does not quote it."""
    longest = link(LONGEST[level])
    assert codes.read(grid(Form.MATRIX, qr.draw(longest, Style(Form.MATRIX, level)))) == [longest.url]
    with pytest.raises(LinkTooLong, match=f"{LONGEST[level] + 1} characters does not fit into a QR code of level {level.value}") as caught:
        qr.draw(link(LONGEST[level] + 1), Style(Form.MATRIX, level))
    assert (caught.value.code, caught.value.__cause__) == ("LINK_TOO_LONG", None)
    assert "pay.example" not in str(caught.value)


@pytest.mark.parametrize(("form", "limit"), [(Form.SVG, MAX_SIDE_DOTS), (Form.PNG, MAX_SIDE_DOTS), (Form.ESCPOS, MAX_PAPER_DOTS)])
def test_a_drawing_is_not_larger_than_what_it_is_for(form: Form, limit: int) -> None:
    """The largest scale that fits is drawn, the next is refused with both numbers."""
    side = len(qr.draw(LINK, Style(Form.MATRIX)).split())
    assert qr.draw(LINK, Style(form, scale=limit // side))
    with pytest.raises(WrongScale, match=f"{side} modules of {limit // side + 1} dots .* {limit}"):
        qr.draw(LINK, Style(form, scale=limit // side + 1))


@pytest.mark.parametrize("form", [Form.TEXT, Form.MATRIX])
def test_text_has_no_dots(form: Form) -> None:
    """A scale there is a mistake, and is said to be one."""
    with pytest.raises(WrongScale, match="no dots"):
        qr.draw(LINK, Style(form, scale=2))


def test_a_link_shows_in_no_representation() -> None:
    """What is represented ends in logs and tracebacks."""
    assert "pay.example" not in repr(LINK)
    assert "GET" in repr(LINK)


# --- what it costs ---


async def test_codes_are_made_beside_the_loop_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another thread, one at a time; ten registers that ask for the same get one drawing; what is refused is not kept."""
    threads: list[int] = []
    at_once = 0
    most = 0
    real = qr.draw

    def watched(link: PaymentLink, style: Style) -> bytes:
        nonlocal at_once, most
        threads.append(threading.get_ident())
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.01)
        at_once -= 1
        return real(link, style)

    monkeypatch.setattr(qr, "draw", watched)
    drawer = Codes()
    same = await asyncio.gather(*(drawer.draw(LINK, Style(Form.SVG)) for _ in range(10)))
    assert (len(set(same)), len(threads)) == (1, 1)
    others = [drawer.draw(link(100 + number), Style(Form.TEXT)) for number in range(4)]
    await asyncio.gather(*others)
    assert (len(threads), most) == (5, 1)
    assert threading.get_ident() not in threads
    for _ in range(2):
        with pytest.raises(CannotDraw):
            await drawer.draw(PaymentLink(LINK.url, LinkMethod.POST), Style(Form.SVG))
    assert len(threads) == 7
    assert await drawer.draw(LINK, Style(Form.SVG)) == same[0]
    assert len(threads) == 7


async def test_only_the_last_drawings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A till that shows codes all day keeps a few; those in use stay longest."""
    drawn: list[str] = []

    def noted(link: PaymentLink, style: Style) -> bytes:
        drawn.append(link.url)
        return b"x"

    monkeypatch.setattr(qr, "draw", noted)
    drawer = Codes()
    for number in range(3 * qr.KEPT_DRAWINGS):
        await drawer.draw(LINK, Style(Form.SVG))
        await drawer.draw(PaymentLink(f"https://pay.example/{number}"), Style(Form.SVG))
        assert len(drawer._drawn) <= qr.KEPT_DRAWINGS
    assert drawn.count(LINK.url) == 1


async def test_the_loop_goes_on_while_the_longest_link_is_drawn() -> None:
    """Promise P17: hundreds of milliseconds of computing, during which the loop gets its turns; drawn on the loop it would get two."""
    style, turns = Style(Form.PNG, Level.L), 0
    drawing = asyncio.ensure_future(Codes().draw(link(LONGEST[Level.L]), style))
    while not drawing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10


def test_a_daemon_that_shows_no_code_does_not_load_the_library() -> None:
    """Neither the desk nor the web server imports it; the first code does (control)."""
    program = """
import sys
import agent.edges.pos, agent.edges.http.application, agent.runtime
from agent.edges import qr
from agent.core.model import PaymentLink
print("segno" in sys.modules)
qr.draw(PaymentLink("https://pay.example/1"), qr.Style(qr.Form.TEXT))
print("segno" in sys.modules, any(name.startswith(("PIL", "escpos", "qrcode")) for name in sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True", "False"]
