"""Goal: what the tests themselves stand on tells our processes from others'. Method: ports are asked for, strangers are put in the way."""

import itertools
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.stage import second
from tests.support import stand as support
from tests.support.stand import EPHEMERAL_PORT, START_S, Plan, Port, Stand, free_port, free_ports, own_ports


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Nothing of it runs."""
    made = Stand(Plan(ports=[Port("page", "page")]))
    yield made
    made.close()


@pytest.mark.parametrize("workers", [1, 2, 4, 64])
def test_each_process_of_a_run_has_ports_of_its_own(workers: int) -> None:
    """None is another's, and none is one that the kernel gives to whoever connects; a stand finds room among those of 64 processes."""
    every = [own_ports(f"gw{number}", workers) for number in range(workers)]
    assert not [pair for pair in itertools.combinations(every, 2) if set(pair[0]) & set(pair[1])]
    assert all(len(one) > 150 and min(one) > 1024 and max(one) < EPHEMERAL_PORT for one in every)
    assert own_ports("", 1) == own_ports("gw0", 1)


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked; and what was given out a moment ago is not given again."""
    given = [free_port(), *free_ports(20)]
    assert len(set(given)) == 21
    assert max(given) < EPHEMERAL_PORT
    free, taken = given[:2]
    monkeypatch.setattr(support, "_PORTS", iter([taken, free]))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() == free


def test_a_stranger_at_the_port_is_not_taken_for_ours(stand: Stand) -> None:
    """Neither for the sandbox nor for the daemon: nothing is even started."""
    with (
        socket.create_server(("127.0.0.1", stand.control_port)),
        pytest.raises(AssertionError, match=f"somebody else.*{stand.control_port}"),
    ):
        stand.start_sandbox()
    with socket.create_server(("127.0.0.1", stand.ports["page"])), pytest.raises(AssertionError, match="somebody else"):
        stand.start()


def test_a_process_that_has_ended_is_not_waited_with(stand: Stand) -> None:
    """What is so although our process is dead is somebody else's doing."""
    process = subprocess.Popen(["false"])
    process.wait()
    with pytest.raises(AssertionError, match="exit status 1"):
        stand._wait(process, "it listens", lambda: True)


def test_a_second_agent_that_ends_is_not_waited_for(stand: Stand, tmp_path: Path) -> None:
    """What it said is in the failure, which comes with its end and not with that of the patience for one that is slow."""
    stand.config.write_text('environment = "tset"')
    began = time.monotonic()
    with pytest.raises(AssertionError, match=r"(?s)ended with 78: .*tset"), second(stand, tmp_path):
        pass
    assert time.monotonic() - began < START_S / 2
