"""Goal: a status page that a network could read, or nobody could open, is refused with its line. Method: the shipped example with one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.settings import HttpListener, PageListener, Problem, load

PAGE = """
[[listener]]
kind = "page"
port = 7443
{page}
[[listener.client]]
name = "technician"
token_file = "/etc/koshelek-agent/technician.token"
{client}
terminals = ["*/*"]
"""
TLS = 'certificate_file = "/etc/koshelek-agent/page.crt"\nkey_file = "/etc/koshelek-agent/page.key"'
ADMIN = 'role = "admin"'


def paged(example: str, page: str = "", client: str = ADMIN) -> str:
    return example + PAGE.format(page=page, client=client)


def test_the_least_is_a_port_and_an_operator(example: str, write: Callable[[str], Path]) -> None:
    """On this machine it needs no certificate; in the shop's network it has one."""
    found = load(write(paged(example)), machine=False).listener[-1]
    assert isinstance(found, PageListener)
    assert (found.host, found.connections, found.certificate_file) == ("127.0.0.1", 32, None)
    wide = load(write(paged(example, f'host = "192.168.1.20"\nnames = ["till-03.shop.example"]\n{TLS}')), machine=False).listener[-1]
    assert isinstance(wide, PageListener)
    assert (wide.host, wide.names) == ("192.168.1.20", ("till-03.shop.example",))


def test_the_documented_listener_is_valid(example: str, write: Callable[[str], Path]) -> None:
    """As docs/page.md shows it."""
    text = (Path(__file__).parents[2] / "docs" / "page.md").read_text()
    (shown,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert isinstance(load(write(example + shown), machine=False).listener[-1], PageListener)


def test_a_listener_for_registers_shows_its_page_to_this_machine() -> None:
    """Without a word about it everybody here may look; the two other ways are said."""
    client = {"name": "a", "token_file": "/x", "terminals": ["*/*"]}
    assert [HttpListener.model_validate({"kind": "http", "port": 1, "client": [client]} | more).page for more in ({}, {"page": "off"})] == [
        "open",
        "off",
    ]


@pytest.mark.parametrize(
    ("page", "client", "key", "words"),
    [
        ('host = "192.168.1.20"', ADMIN, "host", "must be encrypted"),
        ('host = "0.0.0.0"\n' + TLS, ADMIN, "names", "are missing"),
        ('host = "till"', ADMIN, "host", "no address of this machine: till"),
        ('certificate_file = "/etc/koshelek-agent/page.crt"', ADMIN, "key_file", "TLS needs both"),
        ("", 'role = "pos"', "client", "Nobody could open the page"),
        ('names = ["a b"]', ADMIN, "names", ""),
    ],
)
def test_what_would_be_unsafe_or_shut_is_named(
    example: str, problems: Callable[..., list[Problem]], page: str, client: str, key: str, words: str
) -> None:
    """One problem, at its key, in words."""
    (problem,) = problems(paged(example, page, client))
    assert key in problem.key_path
    assert words in str(problem.problem)
