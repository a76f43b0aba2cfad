"""A payment link as a QR code: a picture for a screen, text for a terminal, raster lines for a receipt printer.

Making a code takes 10 ms of pure computing for a usual link and 300 ms for the longest one, so it never happens on the event loop:
``Codes`` hands it to a thread, one at a time, and keeps the last few drawings, because a register that asks again asks for the same. The
library is imported by the first code that is wanted: most tills never show one, and save its 4 MB.

The code holds the link and nothing else, so anybody who sees it can pay. Whether it may be shown is not decided here.
"""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, assert_never

from agent.core.model import LinkMethod, PaymentLink

if TYPE_CHECKING:
    from segno import QRCode

QUIET_ZONE_MODULES = 4  # the light frame that the standard demands
SCALE_DOTS = 8  # of a module on a screen: a usual code has 40 modules and becomes 320 dots wide
MAX_SIDE_DOTS = 2_048  # of a picture: wider than a customer's display; a larger one only costs time
PAPER_DOTS = 384  # of a printer for 58 mm paper (48 mm at 8 dots per mm): what fits there fits everywhere
MAX_PAPER_DOTS = 576  # of a printer for 80 mm paper (72 mm): it cuts off what is wider, and half a code is none
KEPT_DRAWINGS = 32  # the customers that stand at the tills of one agent at a time; 50 KB each at the very most


class Form(StrEnum):
    """What the code is drawn as."""

    SVG = "svg"
    PNG = "png"
    TEXT = "text"
    ESCPOS = "escpos"
    MATRIX = "matrix"


class Level(StrEnum):
    """How much of the code may be dirty: 7, 15, 25, 30 per cent. At the least: where a higher level fits into the same size, it is used."""

    L = "L"
    M = "M"
    Q = "Q"
    H = "H"


@dataclass(frozen=True, slots=True)
class Style:
    """How the code is drawn. ``quiet_zone``: light modules around it. ``scale``: dots of a module's side; None: the usual ones, on paper as
    many as fit on the narrowest."""

    form: Form
    level: Level = Level.M
    quiet_zone: int = QUIET_ZONE_MODULES
    scale: int | None = None


class CannotDraw(ValueError):
    """The link cannot be shown as this code. ``code`` is the word for programs; the text never holds the link."""

    code: ClassVar[str]


class LinkNeedsPost(CannotDraw):
    """A QR code can only make a phone open an address; this payment page wants a form to be posted to it."""

    code = "LINK_NEEDS_POST"


class LinkTooLong(CannotDraw):
    """No QR code of this level of correction holds so much."""

    code = "LINK_TOO_LONG"


class WrongScale(CannotDraw):
    """The drawing would be larger than what it is for, or has no dots at all."""

    code = "INVALID"


class Codes:
    """Draws codes beside the event loop, one at a time, and keeps the last few."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[PaymentLink, Style], bytes] = OrderedDict()
        self._turn = asyncio.Lock()

    async def draw(self, link: PaymentLink, style: Style) -> bytes:
        """``draw`` in a thread. Raises CannotDraw."""
        wanted = (link, style)
        if wanted not in self._drawn:
            async with self._turn:
                if wanted not in self._drawn:  # nobody drew it meanwhile
                    self._drawn[wanted] = await asyncio.to_thread(draw, link, style)
        self._drawn.move_to_end(wanted)
        while len(self._drawn) > KEPT_DRAWINGS:
            self._drawn.popitem(last=False)
        return self._drawn[wanted]


def draw(link: PaymentLink, style: Style) -> bytes:
    """The drawing: an SVG or PNG file, UTF-8 text of half blocks (light modules are ink: for light letters on a dark ground), the lines of
    a raster command, or for ``MATRIX`` lines of 0 and 1 (dark). Takes 10 to 400 ms of computing. Raises CannotDraw."""
    if link.method is not LinkMethod.GET:
        raise LinkNeedsPost("this payment page is opened by a POST request: a QR code cannot do that, a browser of the register can")
    code = _code(link.url, style.level)
    scale = _scale(style, int(code.symbol_size(border=style.quiet_zone)[0]))
    binary, text = io.BytesIO(), io.StringIO()
    match style.form:
        case Form.SVG:  # with a size and a view box, so that a page can show it in any size; never transparent, for pages may be dark
            code.save(binary, kind="svg", scale=scale, border=style.quiet_zone, unit="px", light="#fff", xmldecl=False, svgclass=None)
        case Form.PNG:
            code.save(binary, kind="png", scale=scale, border=style.quiet_zone)
        case Form.TEXT:
            code.terminal(text, border=style.quiet_zone, compact=True)
        case Form.ESCPOS:
            return raster(_rows(code, style.quiet_zone), scale)
        case Form.MATRIX:
            text.write("\n".join(_rows(code, style.quiet_zone)))
        case _:
            assert_never(style.form)
    return binary.getvalue() or text.getvalue().encode()


def _code(url: str, level: Level) -> "QRCode":
    """A full QR code, never a micro one, which phones do not read. Letters beyond ASCII, which no address should have, become UTF-8."""
    import segno  # not before it is needed: see the head of this module

    try:
        return segno.make(url, micro=False, error=level.value, encoding=None if url.isascii() else "utf-8")
    except segno.DataOverflowError:  # its text says nothing more
        text = f"a payment link of {len(url)} characters does not fit into a QR code of level {level.value}"
        raise LinkTooLong(text) from None


def _rows(code: "QRCode", quiet_zone: int) -> list[str]:
    return ["".join("1" if dark else "0" for dark in row) for row in code.matrix_iter(border=quiet_zone)]


def _scale(style: Style, side: int) -> int:
    """Dots of a module, for a code of ``side`` modules with its quiet zone. Raises WrongScale."""
    match style.form:
        case Form.TEXT | Form.MATRIX:
            if style.scale is not None:
                raise WrongScale(f"a code as {style.form.value} has no dots")
            return 1
        case Form.ESCPOS:
            usual, limit, what = max(1, min(SCALE_DOTS, PAPER_DOTS // side)), MAX_PAPER_DOTS, "the widest receipt printer has"
        case _:
            usual, limit, what = SCALE_DOTS, MAX_SIDE_DOTS, "a picture may have"
    scale = style.scale or usual
    if side * scale > limit:
        raise WrongScale(f"{side} modules of {scale} dots are {side * scale}; {what} {limit}")
    return scale


def raster(rows: Sequence[str], scale: int) -> bytes:
    """Rows of 0 and 1 as the ESC/POS command *print raster bit image*, ``GS v 0``: a head with the width in bytes and the height in dots
    (two bytes each, low byte first), then line by line eight dots to a byte, the leftmost in the highest bit, 1 for ink. Nothing before
    it and nothing after it: alignment, feed and cut belong to whoever prints the receipt.

    Written here because the library for such printers brings nine others (an imaging library of 22 MB, a second QR encoder, a YAML parser,
    setuptools at run time), takes 18 MB of memory and 0.4 s to be imported, and is released every few years; what would be used of it are
    these lines. Printers, their clones and customer displays know this command, old as it is, better than any later one.
    """
    bytes_wide = (len(rows[0]) * scale + 7) // 8
    height = len(rows) * scale
    head = b"\x1dv0\x00" + bytes_wide.to_bytes(2, "little") + height.to_bytes(2, "little")
    lines = ("".join(dot * scale for dot in row).ljust(bytes_wide * 8, "0") for row in rows)
    return head + b"".join(int(line, 2).to_bytes(bytes_wide, "big") * scale for line in lines)
