"""Goal: any bytes give frames, faults and nothing else; damage costs the frame it hits. Method: examples of the field, properties,
fuzzing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.crc import advanced, crc, registers
from drivers.frames import MAX_DATA_BYTES, SILENCE_SECONDS, SOH, STX, Block, Control, Scanner, frame
from drivers.framing import Fault, RemoteError
from drivers.parts import Part, parts, read_part

LIMIT = 300  # of data in these tests

FIELD = [  # frames of terminals and registers: three captured, the others computed independently of this code
    "02 05 00 19 02 00 32 31 A5 C2",
    "02 15 00 00 08 00 30 30 30 30 30 31 30 30 04 03 00 36 34 33 19 01 00 31 46 2E",
    "02 0E 00 19 02 00 36 33 40 01 00 31 41 02 00 31 37 8E A6",
    "02 05 00 19 02 00 32 36 25 D3",
    "02 09 00 19 02 00 32 36 27 01 00 31 D9 CE",
    "02 12 00 00 05 00 31 35 30 30 30 04 03 00 36 34 33 19 01 00 31 40 BB",
    "02 22 00 00 05 00 31 35 30 30 30 04 03 00 36 34 33 19 01 00 31 1A 02 00 31 37 1B 08 00 30 30 32 36 36 32 38 36 79 21",
    "02 22 00 00 05 00 31 35 30 30 30 04 03 00 36 34 33 0E 0C 00 38 32 38 39 31 33 33 34 39 33 37 33 19 02 00 32 39 C6 E7",
    "02 05 00 19 02 00 35 39 B7 F2",
    "02 0E 00 19 02 00 36 33 40 01 00 31 41 02 00 32 32 84 B8",
    "02 0A 00 19 02 00 36 33 41 02 00 32 30 36 A1",
    "02 2A 00 00 05 00 31 35 30 30 30 04 03 00 36 34 33 13 05 00 CE D2 CA C0 C7 19 01 00 31 "
    "1B 08 00 30 30 32 36 36 32 38 36 27 02 00 31 36 19 7B",
]


def scan(scanner: Scanner, *portions: bytes, now: float = 0.0) -> list[bytes | Control | Fault]:
    """What a scanner makes of it, in short."""
    return [short(one) for portion in portions for one in scanner.receive(portion, now)]


def short(one: Block | Control | RemoteError) -> bytes | Control | Fault:
    match one:
        case Block(data):
            return data
        case RemoteError(fault):
            return fault
        case _:
            return one


def test_the_checksum_is_that_of_the_field() -> None:
    """The check value everybody publishes for it, and that of nothing."""
    assert crc(b"123456789") == 0xFEE8
    assert crc(b"") == 0


@pytest.mark.parametrize("text", FIELD)
def test_frames_of_the_field_are_read_and_written(text: str) -> None:
    """Byte for byte, in both directions."""
    data = bytes.fromhex(text)
    assert scan(Scanner(), data) == [data[3:-2]]
    assert frame(data[3:-2]) == data


@given(st.binary(min_size=1, max_size=400), st.integers(0, 0xFFFF))
def test_one_multiplication_checks_any_stretch(data: bytes, before: int) -> None:
    """A stretch that ends with its own CRC moves the register as if it were not there, whatever the register was."""
    whole = data + crc(data).to_bytes(2, "big")
    assert registers(whole, before)[-1] == advanced(before, len(whole))


def test_control_bytes_stand_between_frames_and_noise_is_ignored() -> None:
    """An idle line: what means nothing is no fault."""
    assert scan(Scanner(), b"\x06\x15\x04\x03" + frame(b"a") + b"\x06") == [
        Control.ACK,
        Control.NAK,
        Control.EOT,
        Control.ETX,
        b"a",
        Control.ACK,
    ]
    assert scan(Scanner(), b"\r\nxyz\xff") == []


def test_control_bytes_are_not_believed_after_nonsense() -> None:
    """An ACK among the remains of a frame would acknowledge what never arrived. A whole frame, or silence, ends the doubt."""
    torn = frame(b"\x06\x04\x15 and more")[1:]
    scanner = Scanner(silence_seconds=1)
    assert scan(scanner, torn + b"\x06") == []
    assert scan(scanner, frame(b"a") + b"\x06") == [b"a", Control.ACK]
    assert scan(scanner, torn) == []
    assert scan(scanner, b"\x06", now=1.0) == [Control.ACK]


def test_a_damaged_frame_is_one_fault_and_the_next_is_read() -> None:
    """Also when its length was changed, so that it swallows the next one."""
    good, next_one = bytearray(frame(b"a" * 20)), frame(b"next")
    for place in range(1, len(good)):
        bad = bytes(good[:place]) + bytes([good[place] ^ 0x40]) + bytes(good[place + 1 :])
        for portions in ([bad + next_one], [bad, next_one], [bytes([byte]) for byte in bad + next_one]):
            scanner = Scanner(LIMIT, silence_seconds=1)
            found = scan(scanner, *portions)
            if place == 1:  # its length is a longer one now, and nothing seems wrong until no more comes
                assert found == []
                found = [short(one) for one in scanner.expire(1.0)]
            assert (found[-1], len(found)) == (b"next", 2), place


def test_remains_that_look_like_a_beginning_hold_nothing_up() -> None:
    """A damaged frame whose checksum is 02 41: that waits for hundreds of bytes, and the frame behind it is read all the same."""
    message = b'{"jsonrpc":"2.0","id":1,"method":"agent.status"}'
    assert frame(message)[-2:] == b"\x02\x41"
    bad = frame(message).replace(b"rpc", b"rqc")
    assert scan(Scanner(), bad + frame(message)) == [Fault.BAD_CHECKSUM, message]
    assert scan(Scanner(), bad, *(bytes([byte]) for byte in frame(message))) == [Fault.BAD_CHECKSUM, message]
    scanner = Scanner()
    assert scan(scanner, b"?\x02\xa0\x0f", frame(b"a"), frame(b"b")) == [Fault.BAD_CHECKSUM, b"a", b"b"]
    assert (scanner.buffered_bytes, scanner.due) == (0, None)


def test_a_frame_whose_rest_does_not_come_is_given_up() -> None:
    """Silence ends it; what lies behind its false beginning is found."""
    scanner = Scanner(LIMIT, silence_seconds=1)
    assert scanner.due is None
    assert scan(scanner, b"\x02\xff\x00" + frame(b"hidden"), now=5.0) == []
    assert scanner.due == 6.0
    assert scanner.expire(5.9) == []
    assert [short(one) for one in scanner.expire(6.0)] == [Fault.INCOMPLETE, b"hidden"]
    assert scanner.due is None
    assert scan(scanner, b"\x02", now=6.0) == []
    assert scan(scanner, frame(b"a"), now=8.0) == [Fault.INCOMPLETE, b"a"]


def test_a_length_beyond_the_limit_is_a_fault_at_once() -> None:
    """Nothing is collected for it."""
    scanner = Scanner(LIMIT)
    assert scan(scanner, bytes([STX]) + (0x3000).to_bytes(2, "little")) == [Fault.TOO_LONG]
    assert scanner.buffered_bytes == 0
    assert scan(Scanner(LIMIT), frame(b"a" * LIMIT)) == [b"a" * LIMIT]


def test_a_block_does_not_show_its_content() -> None:
    """A frame in a log or a traceback gives no secret away."""
    assert "SECRET" not in repr([Block(b"SECRET"), Part(1, None, b"SECRET")])


# --- parts ---


def test_a_part_looks_as_in_the_field() -> None:
    """The observed beginning of a part of 507 bytes: its length, its head with version and number."""
    first, *_, last = parts(bytes(2000), lengths=False)
    assert first.startswith(bytes.fromhex("01 FB 01 08 00 01 01 00 31 02 01 00 31"))
    assert last[5:13] == bytes.fromhex("01 01 00 31 02 01 00 30")


@given(st.binary(max_size=1500), st.integers(64, 507), st.booleans())
def test_parts_add_up(message: bytes, part_bytes: int, lengths: bool) -> None:
    """Numbered from one, the last with zero, none longer than permitted, together the message."""
    frames = parts(message, part_bytes, lengths=lengths)
    assert all(len(one) <= part_bytes + 5 for one in frames)
    if len(message) <= part_bytes:
        assert frames == [frame(message)]
        return
    taken = [read_part(one[3:-2]) for one in frames if one[0] == SOH]
    assert [part.number for part in taken if part] == [*range(1, len(frames)), 0]
    assert {part.length for part in taken if part} == {len(message) if lengths else None}
    assert b"".join(part.piece for part in taken if part) == message


@pytest.mark.parametrize(
    "head",
    [
        "",
        "08",
        "09 00 01 01 00 31 02 01 00 31",  # the head is longer than the data
        "08 00 01 01 00 31 02 02 00 31",  # an entry is longer than the head
        "04 00 01 01 00 31",  # no number
        "08 00 01 01 00 31 02 01 00 41",  # that is none
        "12 00 01 01 00 31 02 0A 00 31 31 31 31 31 31 31 31 31 31",  # too many digits
        "0C 00 01 01 00 31 02 01 00 31 03 01 00 2D",  # a length that is none
        "03 00 01 01 00",
    ],
)
def test_a_head_that_cannot_be_read(head: str) -> None:
    """It is no part; nothing is guessed."""
    assert read_part(bytes.fromhex(head)) is None


def test_unknown_entries_of_a_head_are_passed_over() -> None:
    """In any order."""
    assert read_part(bytes.fromhex("0F 00 63 04 00 02 02 02 02 02 01 00 37 01 01 00 31") + b"xyz") == Part(7, None, b"xyz")


# --- any bytes ---

pieces = st.sampled_from([b"\x02", b"\x01", b"\x06", b"\x02\x05\x00", frame(b"abc"), frame(b"d" * 200), frame(b"e", SOH), b"\x02\xff\xff"])


@settings(max_examples=250, deadline=None)
@given(st.lists(pieces | st.binary(max_size=40), max_size=8), st.booleans())
def test_any_bytes_in_any_portions(portions: list[bytes], bytewise: bool) -> None:
    """Never an exception, never more in memory than one frame, and the portions mean nothing."""
    whole = b"".join(portions)
    scanner, found = Scanner(LIMIT), list[bytes | Control | Fault]()
    for portion in [bytes([byte]) for byte in whole] if bytewise else portions:
        found += scan(scanner, portion)
        assert scanner.buffered_bytes <= LIMIT + 5
    assert found == scan(Scanner(LIMIT), whole)


@settings(max_examples=250, deadline=None)
@given(st.lists(pieces | st.binary(max_size=40), max_size=8))
def test_after_silence_the_next_frame_is_read(portions: list[bytes]) -> None:
    """Whatever came before: a second without a byte, and a frame is a frame. Then nothing is left over."""
    scanner = Scanner(LIMIT)
    scan(scanner, *portions)
    assert scan(scanner, frame(b"{}"), now=SILENCE_SECONDS)[-1] == b"{}"
    assert (scanner.buffered_bytes, scanner.due) == (0, None)


def test_a_hundred_thousand_mutations() -> None:
    """Frames with bytes changed, lost, doubled and put in: only faults, bounded memory, and the next but one frame is always read."""
    chance = random.Random(20260131)
    good = [bytes.fromhex(FIELD[place]) for place in (0, 3, 4)] + [frame(b"{}"), frame(b"\x02" * 3), frame(b"1", SOH)]
    after = frame(b"after")
    scanner, now = Scanner(LIMIT), 0.0
    for _ in range(100_000):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[place] ^= 1 << chance.randrange(8)
                case 1:
                    del data[place:]
                    data += b"\x02"
                case 2:
                    data[place:place] = bytes([chance.randrange(256)])
                case _:
                    data[place] = chance.choice(b"\x01\x02\x04\x06\x15\xff\x00")
        scanner.receive(bytes(data), now)
        assert scanner.buffered_bytes <= LIMIT + 5
        if chance.random() < 0.02:
            now += SILENCE_SECONDS
            assert scan(scanner, after, now=now)[-1] == b"after"


def test_a_search_makes_one_check_for_each_byte_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst input for a search that checks every beginning byte by byte. One check is one multiplication, however long the frame."""
    checks = 0

    def counted(register: int, count: int) -> int:
        nonlocal checks
        checks += 1
        return advanced(register, count)

    monkeypatch.setattr("drivers.frames.advanced", counted)
    evil = (b"\x02" + MAX_DATA_BYTES.to_bytes(2, "little")) * 5000
    scanner = Scanner(MAX_DATA_BYTES)
    assert scan(scanner, *(evil[place : place + 512] for place in range(0, len(evil), 512))) == [Fault.BAD_CHECKSUM]
    assert scanner.buffered_bytes <= MAX_DATA_BYTES + 5
    assert 3000 < checks <= 5000
