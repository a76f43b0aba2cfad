"""What every table of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=256)]


class Part(BaseModel):
    """A table of the file: no unknown keys, no silent conversions, no change after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
