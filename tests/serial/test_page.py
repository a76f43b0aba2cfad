"""Goal: what the page for programmers says of serial lines is so. Method: its bytes and numbers go through the code."""

import re

import pytest

import drivers.exchange
import drivers.frames
import drivers.limits
import drivers.line
from drivers.exchange import Exchange
from drivers.frames import SILENCE_SECONDS, frame
from drivers.parts import parts
from drivers.rules import ACK_SECONDS, REPEATS, Rules
from tests.docs.pages import Page

PAGE = Page("pos-serial.md")


def conversation(name: str) -> list[tuple[str, bytes]]:
    """The lines of an example: who speaks, and the bytes."""
    (marked,) = [one for one in PAGE.marked("frames") if one.name == name]
    return [(line[0], bytes.fromhex(line[1:])) for line in marked.blocks[0].text.splitlines()]


@pytest.mark.parametrize("name", ["status", "damaged"])
def test_the_bytes_of_the_page_are_those_of_the_wire(name: str) -> None:
    """What the register sends there makes the agent say what it says there, byte for byte."""
    agent = Exchange(Rules())
    spoken = conversation(name)
    assert {speaker for speaker, _ in spoken} == {">", "<"}
    for speaker, data in spoken:
        if speaker == ">":
            agent.receive(data, 0)
            continue
        if len(data) > 3:
            agent.send(data[3:-2])
        assert data == agent.owed(0)
    assert agent.owed(0) == b""


def test_the_messages_in_the_frames_are_messages() -> None:
    """A request and its answer, as the text around them says."""
    framed = [data[3:-2] for _, data in conversation("status") if len(data) > 3]
    assert framed == [b'{"jsonrpc":"2.0","id":1,"method":"agent.status"}', b'{"jsonrpc":"2.0","id":1,"result":{"ready":true}}']
    (bad, good) = [data for _, data in conversation("damaged") if len(data) > 3]
    assert bad != good == frame(framed[0])


def test_the_part_of_the_page_begins_so() -> None:
    """A message of 804 bytes."""
    (marked,) = [one for one in PAGE.marked("frames") if one.name == "part"]
    begin = bytes.fromhex(marked.blocks[0].text)
    assert parts(bytes(804))[0][: len(begin)] == begin


def test_the_limits_of_a_line_are_those_of_the_code() -> None:
    """Every number of the table, and those in the rules."""
    modules = (drivers.exchange, drivers.frames, drivers.limits, drivers.line)
    known = {name: value for module in modules for name, value in vars(module).items() if name.startswith("MAX_")}
    told = {name: int(number) for number, name in re.findall(r"\| (\d+)[^|]* <!-- serial: (\w+) --> \|", PAGE.text)}
    assert told == {name: known[name] for name in told}
    assert {name for name in vars(drivers.line) if name.startswith("MAX_")} <= told.keys()
    assert f"No ACK within {ACK_SECONDS:g} s" in PAGE.text
    assert f"up to {REPEATS} times" in PAGE.text
    assert f"**{SILENCE_SECONDS:g} s of silence" in PAGE.text
