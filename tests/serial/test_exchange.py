"""Goal: what is sent arrives once, whatever the line does, or its sender learns that it did not. Method: both ends without a line, time
as a number; each rule by itself, then two ends over wires that lose, spoil, delay and double."""

import heapq
import random
from collections.abc import Callable

import pytest

from drivers.exchange import MAX_OWED_BYTES, MAX_UNTAKEN, RESET_SENT, Arrived, Delivered, Event, Exchange, GaveUp, Reset
from drivers.frames import SOH, Control, frame
from drivers.framing import Fault, RemoteError
from drivers.parts import parts
from drivers.rules import Rules
from tests.support.wires import SPOILERS, Spoiler

RULES = Rules(max_message_bytes=2000, part_bytes=100, ack_seconds=2, silence_seconds=1, repeats=3, settle_seconds=0.25)
ACK, NAK, EOT = bytes([Control.ACK]), bytes([Control.NAK]), bytes([Control.EOT])
RESET = EOT * RESET_SENT


def faults(events: list[Event]) -> list[Fault]:
    return [event.fault for event in events if isinstance(event, RemoteError)]


def take_all(exchange: Exchange) -> list[bytes | None]:
    taken = []
    while exchange.waiting:
        taken.append(exchange.take())
    return taken


# --- receiving ---


def test_a_message_is_acknowledged_and_can_be_taken() -> None:
    """Nothing is owed twice."""
    exchange = Exchange(RULES)
    assert exchange.receive(frame(b"{}"), 0) == [Arrived()]
    assert exchange.owed(0) == ACK
    assert exchange.owed(0) == b""
    assert take_all(exchange) == [b"{}"]
    assert exchange.due is None


def test_a_damaged_frame_is_refused() -> None:
    """NAK for a wrong checksum, a length beyond the limit, and a rest that does not come; never an exception."""
    exchange = Exchange(RULES)
    bad = bytearray(frame(b"{}"))
    bad[3] ^= 1
    assert faults(exchange.receive(bytes(bad), 0)) == [Fault.BAD_CHECKSUM]
    assert exchange.owed(0) == NAK
    assert faults(exchange.receive(b"\x02\xff\xff", 5)) == [Fault.TOO_LONG]
    assert exchange.owed(5) == NAK
    exchange.receive(frame(b"{}")[:-1], 10)
    assert exchange.due == 11
    assert faults(exchange.tick(11)) == [Fault.INCOMPLETE]
    assert exchange.owed(11) == NAK
    assert not exchange.waiting


def test_a_repeated_frame_is_acknowledged_again_and_delivered_once() -> None:
    """Its ACK was lost. Until an answer that was begun after it has been acknowledged, or so long that no sender repeats any more."""
    exchange = Exchange(RULES)
    for second in (0, 2, 4, 6):
        exchange.receive(frame(b"{}"), second)
        assert exchange.owed(second) == ACK
    assert take_all(exchange) == [b"{}"]
    exchange.receive(frame(b"{}"), 60)
    assert take_all(exchange) == [b"{}"]


def test_the_same_question_after_its_answer_is_a_new_question() -> None:
    """A register that numbers its requests badly is answered all the same; also when another message was on its way meanwhile."""
    exchange = Exchange(RULES)
    exchange.send(b"an older answer")
    exchange.owed(0)
    exchange.receive(frame(b"{}"), 0)
    assert exchange.owed(0) == ACK
    exchange.receive(ACK, 0)  # for the older answer
    exchange.receive(frame(b"{}"), 1)
    assert exchange.owed(1) == ACK
    assert take_all(exchange) == [b"{}"]
    exchange.send(b"answer")
    exchange.owed(1)
    exchange.receive(ACK, 1)
    exchange.receive(frame(b"{}"), 2)
    assert take_all(exchange) == [b"{}"]


def test_an_ack_is_held_back_while_nobody_takes() -> None:
    """Whoever waits for it waits; whoever does not loses what he sends; memory is bounded."""
    exchange = Exchange(RULES)
    for number in range(MAX_UNTAKEN):
        assert exchange.receive(frame(b"%d" % number), 0) == [Arrived()]
        assert exchange.owed(0) == ACK
    assert exchange.receive(frame(b"held"), 0) == [Arrived()]
    assert exchange.receive(frame(b"held"), 2) == []  # repeated, as it was not acknowledged
    assert faults(exchange.receive(frame(b"lost"), 2)) == [Fault.IMPATIENT]
    assert exchange.owed(2) == b""
    assert exchange.take() == b"0"
    assert exchange.owed(2) == ACK
    assert take_all(exchange)[-1] == b"held"


def test_what_is_owed_is_bounded() -> None:
    """A peer that sends and does not read is owed a few ACKs, not all of them."""
    exchange = Exchange(RULES)
    for _ in range(1000):
        exchange.receive(frame(b"{}"), 0)
    assert exchange.owed(0) == ACK * MAX_OWED_BYTES


def test_an_echo_is_not_a_message() -> None:
    """A terminal that echoes, or a plug that joins both wires: what comes back is named, not answered."""
    exchange = Exchange(RULES)
    exchange.send(b"{}")
    assert faults(exchange.receive(exchange.owed(0), 0)) == [Fault.ECHO]
    assert exchange.owed(0) == b""


def test_a_new_program_ends_what_the_old_one_asked() -> None:
    """EOT or ETX, twice or more: what was to be sent is dropped, what came before is still there, and the end stands between them once."""
    for control in (Control.EOT, Control.ETX):
        exchange = Exchange(RULES)
        exchange.send(b"for somebody who has gone")
        events = exchange.receive(frame(b"old") + bytes([control] * 5) + ACK + bytes([control] * 2) + frame(b"new"), 0)
        assert events == [Arrived(), Reset(), Reset(), Arrived()]
        assert exchange.owed(0) == ACK + ACK
        assert exchange.ending
        assert not exchange.at_end
        assert exchange.take() == b"old"
        assert exchange.at_end
        assert take_all(exchange) == [None, b"new"]
        assert not exchange.ending


def test_a_new_program_may_ask_what_the_old_one_asked_and_waits_for_no_held_ack() -> None:
    """The same bytes from another program are no repeat."""
    exchange = Exchange(RULES)
    for number in range(MAX_UNTAKEN + 1):
        exchange.receive(frame(b"%d" % number), 0)
    exchange.owed(0)
    exchange.receive(RESET + frame(b"%d" % MAX_UNTAKEN), 0)
    assert take_all(exchange) == [*(b"%d" % number for number in range(MAX_UNTAKEN + 1)), None]
    assert exchange.owed(0) == b""


def test_one_end_byte_alone_means_nothing() -> None:
    """A bit makes it of an ACK: the frame it may have been for is repeated, nothing is dropped."""
    exchange = Exchange(RULES)
    exchange.send(b"one")
    assert exchange.owed(0) == frame(b"one")
    assert exchange.receive(EOT, 0) == []
    exchange.receive(frame(b"{}") + EOT, 1)
    assert exchange.tick(2) == []
    assert exchange.owed(2) == ACK + frame(b"one")
    assert take_all(exchange) == [b"{}"]


# --- parts ---

LONG = bytes(range(32, 127)) * 10


def test_parts_make_one_message() -> None:
    """Each is acknowledged; a repeated one is, too, and counts once; the last one again as well."""
    exchange = Exchange(RULES)
    for one in parts(LONG, 100):
        exchange.receive(one, 0)
        exchange.receive(one, 1)
        assert exchange.owed(1) == ACK + ACK
    assert take_all(exchange) == [LONG]


@pytest.mark.parametrize(
    "order",
    [
        [1, 2],  # the first is missing
        [0, 2],  # one in the middle is missing
        [0, -1],  # all in the middle are missing
        [-1],  # the last alone
    ],
)
def test_a_message_with_a_part_missing_is_never_a_message(order: list[int]) -> None:
    """Refused, dropped, and the next message is whole again."""
    exchange = Exchange(RULES)
    frames = parts(LONG, 100)
    found = [fault for place in order for fault in faults(exchange.receive(frames[place], 0))]
    assert set(found) == {Fault.OUT_OF_ORDER}
    assert exchange.owed(0).endswith(NAK)
    for one in frames:
        exchange.receive(one, 1)
    assert take_all(exchange) == [LONG]


def test_a_first_part_begins_anew() -> None:
    """A sender that starts over drops what it had sent."""
    exchange = Exchange(RULES)
    for one in parts(LONG, 100)[:3] + parts(LONG[::-1], 100):
        exchange.receive(one, 0)
    assert take_all(exchange) == [LONG[::-1]]


def test_a_head_that_cannot_be_read_is_refused() -> None:
    """Like a damaged frame."""
    exchange = Exchange(RULES)
    assert faults(exchange.receive(frame(b"\x08", SOH), 0)) == [Fault.OUT_OF_ORDER]
    assert exchange.owed(0) == NAK


def test_a_message_that_is_too_long_comes_one_byte_too_long() -> None:
    """Whoever takes it can say so to its sender; more than that byte is not kept."""
    exchange = Exchange(RULES)
    for one in parts(bytes(9000), 100):
        exchange.receive(one, 0)
        assert exchange.owed(0) == ACK
    assert take_all(exchange) == [bytes(2001)]


def test_dialects_without_lengths_are_possible() -> None:
    """Terminals of the field tell no length, and may send a single part with the number of the last."""
    rules = Rules(part_bytes=100, lengths=False, lone_parts=True)
    exchange = Exchange(rules)
    for one in parts(LONG, 100, lengths=False):
        exchange.receive(one, 0)
    exchange.receive(frame(bytes.fromhex("08 00 01 01 00 31 02 01 00 30") + b"lone", SOH), 0)
    assert take_all(exchange) == [LONG, b"lone"]


# --- sending ---


def test_a_message_is_repeated_until_it_is_acknowledged() -> None:
    """After the time an ACK may take, and at once after a NAK. The next message waits; after a late ACK for a while longer."""
    exchange = Exchange(RULES)
    first, second = exchange.send(b"one"), exchange.send(b"two")
    assert exchange.owed(0) == frame(b"one")
    assert exchange.owed(1) == b""
    assert exchange.due == 2
    assert exchange.tick(1.9) == []
    assert exchange.tick(2) == []
    assert exchange.owed(2) == frame(b"one")
    assert exchange.receive(NAK, 2.5) == []
    assert exchange.owed(2.5) == frame(b"one")
    assert exchange.receive(ACK, 3) == [Delivered(first)]
    assert exchange.owed(3) == b""
    assert exchange.receive(ACK, 3.1) == []  # for the frame that was repeated too early
    assert exchange.due == 3.25
    assert exchange.owed(3.25) == frame(b"two")
    assert exchange.receive(ACK, 3.3) == [Delivered(second)]
    assert exchange.due is None


def test_a_peer_that_does_not_acknowledge_is_given_up() -> None:
    """After so many repeats everything to be sent is dropped, and the peer is told, should it be there after all."""
    exchange = Exchange(RULES)
    exchange.send(b"one")
    exchange.send(b"two")
    now, sent, events = 0.0, 0, list[Event]()
    while not events:
        sent += exchange.owed(now) == frame(b"one")
        now += 2
        events = exchange.tick(now)
    assert (sent, now, events) == (1 + RULES.repeats, 8, [GaveUp()])
    assert exchange.owed(now) == RESET
    assert exchange.due is None


def test_a_slow_line_is_given_its_time() -> None:
    """At 1200 baud a part takes most of a second, and so may one of the peer's before the ACK."""
    exchange = Exchange(Rules(part_bytes=507, ack_seconds=2).paced(1200))
    exchange.send(b"x" * 507)
    assert len(exchange.owed(0)) == 512
    assert exchange.due == pytest.approx(2 + (512 + 507) * 10 / 1200)


def test_a_receiver_that_lost_earlier_parts_gets_all_of_them_again() -> None:
    """It refuses a part twice: then the sender begins anew. Not for ever."""
    exchange = Exchange(RULES)
    exchange.send(LONG)
    frames = parts(LONG, 100)
    assert exchange.owed(0) == frames[0]
    for restart in range(RULES.repeats + 1):
        exchange.receive(ACK, 0)
        assert exchange.owed(0) == frames[1]
        assert exchange.receive(NAK, 0) == []
        assert exchange.owed(0) == frames[1]
        events = exchange.receive(NAK, 0)
        assert events == ([] if restart < RULES.repeats else [GaveUp()])
        assert exchange.owed(0) == (frames[0] if restart < RULES.repeats else RESET)


def test_stray_acks_and_naks_mean_nothing() -> None:
    """With nothing under way there is nothing they could mean."""
    exchange = Exchange(RULES)
    assert exchange.receive(ACK + NAK, 0) == []
    exchange.send(b"one")
    assert exchange.receive(ACK + NAK, 0) == []
    assert exchange.owed(0) == frame(b"one")
    assert exchange.receive(NAK + NAK, 0) == []  # one damage, told twice
    assert exchange.owed(0) == frame(b"one")
    assert exchange.receive(ACK, 1) == [Delivered(1)]


def test_hanging_up_drops_what_was_to_be_sent() -> None:
    """A reset, and silence."""
    exchange = Exchange(RULES)
    exchange.send(b"one")
    exchange.hang_up()
    assert exchange.owed(0) == RESET
    assert exchange.due is None


# --- two ends ---


class World:
    """Two ends with a wire between them, and a clock that jumps from event to event."""

    def __init__(self, spoiler: Spoiler, seed: int) -> None:
        rules = Rules(max_message_bytes=5000, part_bytes=200, ack_seconds=0.5, silence_seconds=0.2, repeats=40, settle_seconds=0.1)
        self.ends = [Exchange(rules), Exchange(rules)]
        self.taken: list[list[bytes]] = [[], []]
        self.events: list[list[Event]] = [[], []]
        self.now = 0.0
        self._spoiler, self._chance, self._count = spoiler, random.Random(seed), 0
        self._due: list[tuple[float, int, int, bytes]] = []

    def run(self, until: Callable[[], bool], seconds: float = 10_000.0) -> None:
        while not until():
            assert self.now < seconds, "it takes for ever"
            for end, exchange in enumerate(self.ends):
                if data := exchange.owed(self.now):
                    for delay, portion in self._spoiler(self._chance, data):
                        self._count += 1
                        heapq.heappush(self._due, (self.now + 0.01 + delay, self._count, 1 - end, portion))
            times = [exchange.due for exchange in self.ends if exchange.due is not None] + [one[0] for one in self._due[:1]]
            self.now = max(self.now, min(times, default=self.now + 1))
            while self._due and self._due[0][0] <= self.now:
                _, _, end, data = heapq.heappop(self._due)
                self._happened(end, self.ends[end].receive(data, self.now))
            for end, exchange in enumerate(self.ends):
                self._happened(end, exchange.tick(self.now))

    def _happened(self, end: int, events: list[Event]) -> None:
        self.events[end] += events
        self.taken[end] += [message for message in take_all(self.ends[end]) if message is not None]


@pytest.mark.parametrize("wire", ["ideal", "bytewise", "lossy"])
@pytest.mark.parametrize("seed", range(10))
def test_everything_arrives_in_order_over_wires_that_lose(wire: str, seed: int) -> None:
    """Short and long messages both ways at the same time: each arrives, in its order, unchanged. Once, but for a repeat whose ACK was
    lost and whose answer was acknowledged before it."""
    world = World(SPOILERS[wire], seed)
    chance = random.Random(seed)
    sent = [[b"%d/%d " % (end, number) + bytes(chance.randrange(1200)) for number in range(15)] for end in (0, 1)]
    for end, messages in enumerate(sent):
        for message in messages:
            world.ends[end].send(message)
    world.run(lambda: all(sum(isinstance(one, Delivered) for one in events) == 15 for events in world.events))
    for end, messages in enumerate(sent):
        arrived = world.taken[1 - end]
        if wire != "lossy":
            assert arrived == messages
        deduplicated = [message for place, message in enumerate(arrived) if message not in arrived[:place]]
        assert [message for message in messages if message in deduplicated] == deduplicated, "order, and nothing invented"
        assert len(deduplicated) >= 14, "a forged ACK can cost a message, but not many"


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_invented_by_a_wire_that_delays_and_doubles(seed: int) -> None:
    """ACKs without numbers cannot be told apart, so a message may be lost there; but none is ever made of others' parts."""
    world = World(SPOILERS["late"], seed)
    chance = random.Random(seed)
    sent = [[b"%d/%d " % (end, number) + chance.randbytes(chance.randrange(1200)) for number in range(10)] for end in (0, 1)]
    for end, messages in enumerate(sent):
        for message in messages:
            world.ends[end].send(message)
    world.run(lambda: all(sum(isinstance(one, Delivered) for one in events) == 10 for events in world.events))
    for end, messages in enumerate(sent):
        assert len(set(world.taken[1 - end])) >= 2, "a wire on which nothing arrives shows nothing"
        assert set(world.taken[1 - end]) <= set(messages)
