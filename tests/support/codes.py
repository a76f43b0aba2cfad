"""Reading QR codes as a phone would: every drawing becomes a grid of dots, and a decoder that shares nothing with the agent reads it.

The grid has 0 for a dark dot and 255 for a light one. The files are taken apart by their own rules, not by the library that wrote them.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence

import zxingcpp

Grid = Sequence[Sequence[int]]
DARK, LIGHT = 0, 255
DOTS = 4  # a module's side where the drawing itself has no dots


def read(grid: Grid) -> list[str]:
    """The texts of all codes in the picture."""
    dots = memoryview(bytes(dot for row in grid for dot in row)).cast("B", (len(grid), len(grid[0])))
    return [found.text for found in zxingcpp.read_barcodes(dots, formats=zxingcpp.BarcodeFormat.QRCode)]


def enlarged(rows: Sequence[str], dots: int = DOTS) -> Grid:
    """Rows of modules, 1 for dark."""
    return [[DARK if module == "1" else LIGHT for module in row for _ in range(dots)] for row in rows for _ in range(dots)]


def of_text(text: str) -> Grid:
    """Half blocks on a dark ground: ink is light."""
    upper, lower = {"█", "▀"}, {"█", "▄"}
    rows = []
    for line in text.splitlines():
        assert set(line) <= {" ", "█", "▀", "▄"}
        rows += ["".join("0" if sign in half else "1" for sign in line) for half in (upper, lower)]
    return enlarged(rows)


def of_escpos(data: bytes) -> Grid:
    """One raster command and nothing else."""
    assert data[:4] == b"\x1dv0\x00"
    width, height = struct.unpack("<HH", data[4:8])
    assert len(data) == 8 + width * height
    lines = [data[8 + width * y : 8 + width * (y + 1)] for y in range(height)]
    return [[DARK if byte >> (7 - bit) & 1 else LIGHT for byte in line for bit in range(8)] for line in lines]


def of_svg(text: str) -> Grid:
    """Drawn by hand: a light ground, and one path of lines along whole rows."""
    (side,), (scale,) = (map(int, re.findall(pattern, text)) for pattern in (r'viewBox="0 0 (\d+)', r"scale\((\d+)\)"))
    modules = side // scale
    assert f'width="{side}px" height="{side}px"' in text
    ground, path = re.findall(r'<path ([^>]*?)d="([^"]*)"', text)
    assert ground == ('fill="#fff" ', f"M0 0h{modules}v{modules}h-{modules}z")
    assert 'stroke="#000"' in path[0]
    rows = [["0"] * modules for _ in range(modules)]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", path[1]):
        values = [float(number) for number in re.findall(r"-?[0-9.]+", numbers)]
        match command:
            case "M":
                x, y = values
            case "m":
                x, y = x + values[0], y + values[1]
            case _:
                rows[int(y)][int(x) : int(x + values[0])] = ["1"] * int(values[0])
                x += values[0]
    return enlarged(["".join(row) for row in rows])


def of_png(data: bytes) -> Grid:
    """Grey of 1 bit, or the colours of a browser's picture, of which one channel is enough."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = list(_chunks(data[8:]))
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    channels = {0: 1, 2: 3, 6: 4}[colour]
    packed = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    step, line_bytes = max(1, depth * channels // 8), (width * depth * channels + 7) // 8
    before, grid = bytearray(line_bytes), []
    for y in range(height):
        start = y * (line_bytes + 1)
        before = _unfiltered(packed[start], packed[start + 1 : start + 1 + line_bytes], before, step)
        if depth == 1:
            grid.append([LIGHT if before[x // 8] >> (7 - x % 8) & 1 else DARK for x in range(width)])
        else:
            grid.append(list(before[::channels]))
    return grid


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        (length,) = struct.unpack(">I", data[:4])
        assert zlib.crc32(data[4 : 8 + length]) == struct.unpack(">I", data[8 + length : 12 + length])[0]
        yield data[4:8], data[8 : 8 + length]
        data = data[12 + length :]


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytearray:
    """The five ways in which a line of a PNG is told by its neighbours."""
    found = bytearray(line)
    for x in range(len(found)):
        left, up, corner = (found[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
        near = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
        found[x] = (line[x] + (0, left, up, (left + up) // 2, near)[kind]) & 255
    return found
