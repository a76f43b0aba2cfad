"""The script and the style that pages share, as they are sent."""

from functools import cache
from importlib.resources import files

MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}  # by the ending of a file


@cache
def asset(package: str, name: str) -> bytes:
    """A file of a package's folder ``assets``."""
    return files(package).joinpath("assets", name).read_bytes()


def media_type(name: str) -> str:
    """Of a file by its ending. Raises KeyError."""
    return MEDIA_TYPES[name.rpartition(".")[2]]
