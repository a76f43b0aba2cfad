"""The serial ports of this machine, with the names that stay theirs.

The kernel numbers USB ports as they come: after the next start ``ttyUSB0`` may be another register. udev makes links that name the device
itself (``by-id``) or the socket it is plugged into (``by-path``); those belong into the configuration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DEV = Path("/dev")
SYS = Path("/sys/class/tty")
LINKS = (DEV / "serial" / "by-id", DEV / "serial" / "by-path")


@dataclass(frozen=True, slots=True)
class KnownPort:
    """``device`` as the kernel names it; ``names`` that stay, the best first."""

    device: Path
    names: tuple[Path, ...] = ()

    @property
    def best(self) -> Path:
        """The name for the configuration."""
        return self.names[0] if self.names else self.device


def known_ports(sys: Path = SYS, dev: Path = DEV, links: Sequence[Path] = LINKS) -> list[KnownPort]:
    """Every port with hardware behind it, in the order of their names."""
    return [KnownPort(device, tuple(_names(device, links))) for device in sorted(_devices(sys, dev))]


def _devices(sys: Path, dev: Path) -> Iterator[Path]:
    try:
        entries = list(sys.iterdir())
    except OSError:
        return
    for entry in entries:
        if (entry / "device" / "driver").exists() and (dev / entry.name).exists() and not _is_placeholder(entry):
            yield dev / entry.name


def _is_placeholder(entry: Path) -> bool:
    """The kernel keeps names for built-in ports that the board does not have; their type is 0, "unknown"."""
    try:
        return (entry / "type").read_text().strip() == "0"
    except OSError:
        return False


def _names(device: Path, links: Sequence[Path]) -> Iterator[Path]:
    for folder in links:
        try:
            yield from sorted(link for link in folder.iterdir() if link.resolve() == device.resolve())
        except OSError:
            continue
