"""A machine for the setup, and the answers of an ordinary till."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.ops.setup.configured import configured
from agent.ops.setup.machine import Machine
from agent.ops.setup.rollout import Rollout, answered
from agent.ops.setup.script import Known
from agent.settings.places import Place

SHOP = """
store_id = "S12"
brand_name = "Ромашка"
legal_name = "ООО «Ромашка»"
legal_id = "LB0000000001"
merchant_id = "MB0000000001"
account = "40702810000000000001"
member_id = "100000000001"
"""


def answers_text(folder: Path, address: str = "http://127.0.0.1:9/acme", connection: str | None = None) -> str:
    """An answers file for a till with Koshelek. ``connection``: the inside of its table."""
    return f"""environment = "test"
systems = ["koshelek"]

[koshelek]
address = "{address}"
login = "sandbox"
password_from = "{folder / "stick"}"

[[store]]{SHOP}
[[terminal]]
terminal_id = "till-03"

[[connection]]
{connection or 'kind = "unix"' + chr(10) + 'users = ["root"]'}
"""


def a_stick(folder: Path, content: str = "sandbox") -> Path:
    """The file that a technician brings the password in."""
    stick = folder / "stick"
    stick.write_text(content + "\n")
    stick.chmod(0o600)
    return stick


def played(text: str, known: Known | None = None) -> Rollout:
    """An answers file, played."""
    return answered(tomllib.loads(text), known or Known(stored=frozenset({"koshelek"})))


def data_of(answers: Mapping[Place, Any], present: Mapping[str, Any] | None = None, folder: str = "/etc/koshelek-agent") -> dict[str, Any]:
    """The configuration that answers give."""
    machine = Machine(Path(folder) / "koshelek-agent.toml")
    return configured(answers, present or {}, machine.locate, "/run/koshelek-agent").data
