"""Goal: the signatures that the page about messages shows are right. Method: its commands are run, and each example's message is given to
the reader that the daemon gives it to."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence

import pytest

from agent.core.hints import Hint, HookRefused, Unheard
from agent.providers.koshelek.hook import KoshelekHook
from agent.settings.webhooks import HOOKS
from tests.docs.pages import Marked, Page
from tests.providers.payconnect.shop import payconnect
from tests.providers.paycore.answers import paycore
from tests.providers.softline.shop import softline
from tests.system import require

Read = Callable[[Sequence[str], Mapping[str, str], bytes], Hint | HookRefused]

EXAMPLES = {example.name: example for example in Page("webhooks.md").marked("signed")}
READERS: Mapping[str, tuple[str, Read]] = {
    "koshelek": ("authorization", KoshelekHook("koshelek").read_hook),
    "paycore": ("x-signature", paycore().read_hook),
    "softline": ("signature", softline().read_hook),
    "payconnect": ("x-payconnect-signature", payconnect().read_hook),
}


def heard(example: Marked, body: bytes, secret: str) -> Hint | HookRefused:
    """What the agent makes of a body with the proof of the page."""
    header, read = READERS[example.name]
    proof = example.blocks[1].text.strip()
    return read([secret], {header: f"Basic {proof}" if example.name == "koshelek" else proof}, body)


def test_every_payment_system_has_its_example() -> None:
    """Those that may send messages, and no other."""
    assert set(EXAMPLES) == set(HOOKS) == set(READERS)


@pytest.mark.system
@pytest.mark.parametrize("name", READERS)
def test_the_command_makes_the_signature_of_the_page(name: str) -> None:
    """With the tools of any Linux machine."""
    require("openssl")
    command, printed, _ = EXAMPLES[name].blocks
    ran = subprocess.run(["/bin/sh", "-c", command.text], capture_output=True, text=True, check=True, timeout=20)
    assert ran.stdout == printed.text


@pytest.mark.parametrize("name", READERS)
def test_the_agent_takes_the_message_of_the_page(name: str) -> None:
    """Proven by the secret of the page and by no other; where the body is covered, not with another body."""
    example = EXAMPLES[name]
    secret, body = example.attributes["secret"], example.blocks[2].text.strip().encode()
    assert isinstance(heard(example, body, secret), Hint)
    assert heard(example, body, f"{secret}x") == HookRefused(Unheard.FORGED)
    other = json.dumps(example.blocks[2].json | {"event": "another"}).encode()
    assert isinstance(heard(example, other, secret), Hint) is (name == "koshelek")
