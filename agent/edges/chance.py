"""Randomness from the kernel: request ids that never meet and jitter that a thousand tills do not share."""

import random
import uuid


class SystemChance:
    """Both come from the kernel's generator: tills cloned from one disk image, or forked from one process, do not repeat each other."""

    def __init__(self) -> None:
        self._source = random.SystemRandom()

    def request_id(self) -> str:
        """A fresh UUIDv4 in its canonical form, 36 characters."""
        return str(uuid.uuid4())

    def jitter(self) -> float:
        """Uniform in [0, 1)."""
        return self._source.random()
