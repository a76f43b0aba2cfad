"""docs/monitoring.md names every figure and every field that there is."""

import re
import tomllib

from pydantic import TypeAdapter

from agent.settings import Settings
from tests.docs.monitoring_page import PAGE, drawn


def test_its_tables_are_fresh() -> None:
    """Both are drawn from what the daemon writes."""
    text = PAGE.read_text(encoding="utf-8")
    assert drawn(text) == text, "run: python -m tests.docs.monitoring_page --write"
    assert re.findall("<!-- (metrics|fields) -->", text) == ["metrics", "fields"]


def test_its_listener_is_right() -> None:
    """The table it shows is one that the configuration takes."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    field = Settings.model_fields["listener"]
    assert field.annotation is not None
    (listener,) = TypeAdapter(field.annotation).validate_python(tuple(tomllib.loads(block)["listener"]))
    assert listener.metrics is True
