"""The CRC-16 of the frames of payment terminals, and a way to check any stretch of a stream at the same cost.

Polynomial x^16 + x^15 + x^2 + 1, not reflected, starts from zero, nothing added at the end. Because it starts from zero, the register is
linear: what ``n`` bytes do to it is "multiply by x to the 8n, then add something that depends on the bytes alone", and a stretch that
ends with its own CRC adds nothing. So with the register's value before every byte of a stream at hand, a stretch is right exactly when
the value behind it is the value before it, multiplied: one multiplication of 16-bit polynomials, however long it is.
"""

from array import array
from collections.abc import Sequence
from functools import cache

MAX_BYTES = 0xFFFF + 5  # of one stretch: the longest frame that two bytes of length can tell

_POLYNOMIAL = 0x18005


def _shifted(value: int) -> int:
    """What a zero byte makes of the register: multiplied by x to the 8."""
    for _ in range(8):
        value <<= 1
        if value & 0x10000:
            value ^= _POLYNOMIAL
    return value


_TABLE = tuple(_shifted(high << 8) for high in range(256))


def registers(data: bytes, register: int = 0) -> list[int]:
    """The register before each byte of ``data``, and behind the last; it begins with ``register``."""
    found = [register]
    for byte in data:
        register = ((register << 8) & 0xFF00) ^ _TABLE[(register >> 8) ^ byte]
        found.append(register)
    return found


def crc(data: bytes) -> int:
    """The CRC-16 of ``data``. That of ``b"123456789"`` is 0xFEE8."""
    return registers(data)[-1]


def advanced(register: int, count: int) -> int:
    """What the register becomes over ``count`` bytes, at most MAX_BYTES, that end with their own CRC."""
    product, left, right = 0, register, _powers()[count]
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0x10000:
            left ^= _POLYNOMIAL
        right >>= 1
    return product


@cache
def _powers() -> Sequence[int]:
    """x to the 0, 8, 16, ... as polynomials below the CRC's."""
    return array("H", registers(bytes(MAX_BYTES), 1))
