"""Lines: any bytes in any portions give the same frames, faults once, and bounded memory."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.framing import Fault, Frame, LineFraming, RemoteError
from tests.drivers.test_fuzz import mutated

LIMIT = 40


def feed(framing: LineFraming, *portions: bytes) -> list[bytes | Fault]:
    events = [event for portion in portions for event in framing.receive(portion)]
    return [event.payload if isinstance(event, Frame) else event.fault for event in events]


def test_a_line_in_one_piece_and_in_many() -> None:
    """The portions in which bytes arrive mean nothing."""
    assert feed(LineFraming(), b'{"a":1}\n') == [b'{"a":1}']
    assert feed(LineFraming(), b"{", b'"a"', b":1}", b"\n") == [b'{"a":1}']
    assert feed(LineFraming(), b"1\n2\n3") == [b"1", b"2"]


def test_blank_lines_carriage_returns_and_byte_order_marks_are_dropped() -> None:
    """What editors, terminals and runtimes add around a message is no part of it."""
    assert feed(LineFraming(), b"\n\r\n  \n\xef\xbb\xbf1\r\n\xef\xbb\xbf\n \t2 \r\n") == [b"1", b"2"]


def test_a_carriage_return_alone_ends_nothing() -> None:
    """A message with a bare carriage return between its tokens is one message."""
    assert feed(LineFraming(), b"[1,\r2]\n") == [b"[1,\r2]"]


def test_a_long_line_is_one_fault_and_the_next_line_is_read() -> None:
    """Told once, when the limit is passed; everything up to the newline is thrown away; then all is as before."""
    framing = LineFraming(LIMIT)
    assert feed(framing, b"x" * LIMIT) == []
    assert feed(framing, b"x") == [Fault.TOO_LONG]
    assert feed(framing, b"x" * 1000, b"y" * 1000) == []
    assert framing.buffered_bytes == 0
    assert feed(framing, b"z\n1\n") == [b"1"]
    assert feed(framing, b"x" * LIMIT + b"\n") == [b"x" * LIMIT]


def test_a_nul_byte_makes_the_line_a_fault() -> None:
    """UTF-16 and foreign protocols are recognised instead of being parsed."""
    assert feed(LineFraming(), "{}\n".encode("utf-16-le"), b"\n1\n") == [Fault.NOT_TEXT, Fault.NOT_TEXT, b"1"]


@pytest.mark.parametrize(("rest", "expected"), [(b"", []), (b" \r", []), (b"{}", [Fault.INCOMPLETE]), (b"x" * (LIMIT + 1), [])])
def test_a_line_without_its_newline_is_never_a_message(rest: bytes, expected: list[Fault]) -> None:
    """A cut-off line can be a shorter valid message: at the end of the connection it is a fault."""
    framing = LineFraming(LIMIT)
    framing.receive(rest)
    faults = [event.fault for event in framing.end() if isinstance(event, RemoteError)]
    assert faults == expected
    assert framing.unfinished is None
    assert framing.end() == []


def test_unfinished_names_each_started_line_differently() -> None:
    """The pump can tell a line that takes long from the next one."""
    framing = LineFraming(LIMIT)
    assert framing.unfinished is None
    framing.receive(b"1")
    first = framing.unfinished
    framing.receive(b"2")
    assert framing.unfinished == first is not None
    framing.receive(b"3\n4")
    second = framing.unfinished
    assert second not in (None, first)
    framing.receive(b"x" * 100)
    assert framing.unfinished == second
    framing.receive(b"\n")
    assert framing.unfinished is None


def test_what_we_send_is_one_line() -> None:
    """A message that would be two lines is our mistake and is never sent."""
    assert LineFraming().send(b"{}") == b"{}\n"
    for message in (b"{\n}", b"\0"):
        with pytest.raises(ValueError, match="newline"):
            LineFraming().send(message)


def test_a_frame_does_not_show_its_content() -> None:
    """A frame in a log or a traceback gives no secret away."""
    assert "SECRET" not in repr(Frame(b"SECRET"))


def straightforward(data: bytes) -> list[bytes | Fault]:
    """The rule, written without state."""
    found: list[bytes | Fault] = []
    *lines, rest = data.split(b"\n")
    for line in lines:
        text = line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r")
        if len(line) > LIMIT:
            found.append(Fault.TOO_LONG)
        elif b"\0" in text:
            found.append(Fault.NOT_TEXT)
        elif text:
            found.append(text)
    return [*found, Fault.TOO_LONG] if len(rest) > LIMIT else found


pieces = st.sampled_from([b"\n", b"\r\n", b"\0", b"\xef\xbb\xbf", b"{}", b" ", b"x" * 30, b"\xff"]) | st.binary(max_size=60)


@settings(max_examples=2000, deadline=None)
@given(st.lists(pieces, max_size=8))
def test_any_bytes_in_any_portions(portions: list[bytes]) -> None:
    """Only the protocol fault, never an exception; the result does not depend on the portions; the buffer is bounded."""
    framing = LineFraming(LIMIT)
    found: list[bytes | Fault] = []
    for portion in portions:
        found += feed(framing, portion)
        assert framing.buffered_bytes <= LIMIT
    assert found == straightforward(b"".join(portions))


@settings(max_examples=2000, deadline=None)
@given(st.lists(pieces, max_size=8), st.booleans())
def test_one_newline_ends_any_damage(portions: list[bytes], bytewise: bool) -> None:
    """Whatever came before, after one newline the next line is read."""
    framing = LineFraming(LIMIT)
    feed(framing, *portions)
    good = b'\n{"a":1}\n'
    found = feed(framing, *([bytes([byte]) for byte in good] if bytewise else [good]))
    assert found[-1] == b'{"a":1}'


def test_a_hundred_thousand_mutations() -> None:
    """Damaged lines in random portions: only faults, bounded memory, and a newline later every line is read again."""
    chance, framing = random.Random(20260131), LineFraming(LIMIT)
    lines = [b'{"a":1}\n', b'{"text":"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"}\r\n', b"\xef\xbb\xbf[1]\n", b"x" * LIMIT + b"\n"]
    faults = 0
    for _ in range(100_000):
        data = mutated(chance.choice(lines), chance)
        cut = chance.randrange(len(data) + 1)
        for event in (*framing.receive(data[:cut]), *framing.receive(data[cut:])):
            assert isinstance(event, Frame | RemoteError)
            faults += isinstance(event, RemoteError)
        assert framing.buffered_bytes <= LIMIT
        if chance.random() < 0.02:
            assert feed(framing, b'\n{"b":2}\n')[-1] == b'{"b":2}'
    assert faults > 1_000
