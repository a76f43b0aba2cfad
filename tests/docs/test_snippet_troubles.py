"""Goal: the programs that register programmers start from stand what a first day brings: an order's number in Russian letters, a request
that is refused, an answer that breaks off, a power cut. Method: they are run as they stand, against a real agent and a real sandbox, some
of them by a bad wire; strace shows what reaches the disk."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.docs.test_snippets import KOPECKS, LANGUAGES, SNIPPETS, Program, shop
from tests.support.broken_wire import BrokenWire
from tests.system import require

OVER_HTTP = ("sale_http.py", "sale_http.js", "SaleHttp.cs")
NO_ORDER = "S12-" + "0" * 33  # one character too long


@pytest.mark.system
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_order_may_be_numbered_in_russian_letters(language: str) -> None:
    """An order's number is no key: it is sold, and so is the order after one whose number the agent refuses."""
    names, tools = LANGUAGES[language]
    for tool in tools:
        require(tool)
    with shop(names) as (stand, programs):
        orders = {program.till: f"заказ/{program.order}" for program in programs}
        _sell(programs, "FASTa", [NO_ORDER] * len(programs), status=5)
        printed = _sell(programs, "FASTb", list(orders.values()), status=0)
        for text, order in zip(printed, orders.values(), strict=True):
            assert re.search(rf"^Заказ +{order}$", text, re.MULTILINE), text
        charges = [entry["order_id"] for entry in stand.control("GET", "/ledger")["entries"]]
        assert sorted(charges) == sorted(orders.values())


def _sell(programs: Sequence[Program], session: str, orders: Sequence[str], status: int) -> list[str]:
    """What they print, run beside each other; nothing stays open."""
    for program, order in zip(programs, orders, strict=True):
        program.order = order
        program.start(session)
    ends = [program.end() for program in programs]
    assert [(end, program.disk) for (end, _), program in zip(ends, programs, strict=True)] == [(status, None)] * len(programs), [
        program.screen for program in programs
    ]
    return [printed for _, printed in ends]


@pytest.mark.system
def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    """One of each verb breaks off in the middle of its body: the program asks the same again, and the order is paid once."""
    with wires(PUT=1, GET=1, POST=1) as (ledger, programs, broken):
        _sell(programs, "FASTa", [program.order for program in programs], status=0)
        for program, wire in zip(programs, broken, strict=True):
            assert program.screen.count("no answer, asking again") == 3, program.screen
            assert wire.verbs[:4] == ["GET", "GET", "PUT", "PUT"]
            assert wire.verbs[-2:] == ["POST", "POST"]
        assert ledger() == [KOPECKS] * len(programs)


@pytest.mark.system
def test_a_sale_whose_first_sending_was_refused_is_forgotten() -> None:
    """A request that is none, sent once: nothing was accepted. But after a lost answer that is asked, for the repeat alone was refused."""
    with wires() as (_, programs, broken):
        for cuts, asked in ((0, ["PUT"]), (1, ["PUT", "PUT", "GET", "GET"])):
            for wire in broken:
                wire.verbs.clear()
                wire.cuts["PUT"] = cuts
            _sell(programs, "FASTa", [NO_ORDER] * len(programs), status=5)
            assert [wire.verbs for wire in broken] == [["GET", *asked]] * len(programs)


@contextlib.contextmanager
def wires(**cuts: int) -> Iterator[tuple[Callable[[], list[int]], list[Program], list[BrokenWire]]]:
    """The programs that speak HTTP, each behind a wire of its own."""
    for tool in ("node", "mcs", "mono"):
        require(tool)
    with shop(OVER_HTTP) as (stand, programs), contextlib.ExitStack() as stack:
        broken = [stack.enter_context(BrokenWire.before(stand.ports["web"], **cuts)) for _ in programs]
        for program, wire in zip(programs, broken, strict=True):
            program.web_port = wire.port
        yield lambda: [entry["amount"] for entry in stand.control("GET", "/ledger")["entries"]], programs, broken


@pytest.mark.system
@pytest.mark.parametrize("name", ["sale_http.py", "sale_socket.py", "sale_link.py", "sale_http.js", "sale_socket.js"])
def test_a_record_is_on_the_disk_before_the_program_goes_on(name: str, tmp_path: Path) -> None:
    """The file, its new name, and the folder that holds the name, in this order."""
    require("strace")
    text = (SNIPPETS / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        begins, call, command = "sys.exit(main(", 'store({"key": "k"})\n', [sys.executable]
    else:
        require("node")
        begins, call, command = "main(process.argv[2])", 'store({ key: "k" });\n', ["node"]
    source = tmp_path / name
    source.write_text(text[: text.index(f"\n{begins}") + 1] + call, encoding="utf-8")
    (tmp_path / "token").write_text("token")
    calls = tmp_path / "calls"
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,rename,renameat,renameat2", "-o", calls, *command, name],
        cwd=tmp_path,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "AGENT_TOKEN_FILE": "token"},
        check=True,
        timeout=60,
    )
    found = re.findall(r"\b(fsync|rename)\w*\((.*)\) += 0$", calls.read_text(), re.MULTILINE)
    folder = re.escape(str(tmp_path))
    assert [what for what, _ in found] == ["fsync", "rename", "fsync"]
    assert re.fullmatch(rf"\d+<{folder}/open-sale\.json\.new>|\d+<{folder}/open-sale\.new>", found[0][1])
    assert re.fullmatch(rf"\d+<{folder}>", found[2][1])
