"""A few marks that the processes of one host share: when each was last known to be well.

A mark is a reading of the monotonic clock, which all processes of a host have in common, in a file mapped by each.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

_SLOT = struct.Struct("d")
FEED_FRESH = 45.0  # seconds; a feed that is heard is marked every 10


class Board:
    """Marks by name; every process opens the board with the same names in the same order."""

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        self._places = {name: place * _SLOT.size for place, name in enumerate(names)}
        size = max(len(names), 1) * _SLOT.size
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size != size:
                os.ftruncate(descriptor, size)
            self._map = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

    def mark(self, name: str) -> None:
        """`name` is well now."""
        _SLOT.pack_into(self._map, self._places[name], time.monotonic())

    def clear(self, *names: str) -> None:
        """These are not well."""
        for name in names:
            _SLOT.pack_into(self._map, self._places[name], 0.0)

    def fresh(self, name: str, seconds: float) -> bool:
        """Whether `name` was marked in the last `seconds`; an unknown name never was."""
        at = self._at(name)
        return at > 0 and 0 <= time.monotonic() - at < seconds  # the clock begins anew when the host does

    def stale(self, name: str, seconds: float) -> bool:
        """Whether `name` was marked once, but not in the last `seconds`."""
        at = self._at(name)
        return at > 0 and time.monotonic() - at >= seconds

    def _at(self, name: str) -> float:
        place = self._places.get(name)
        at: float = 0.0 if place is None else _SLOT.unpack_from(self._map, place)[0]
        return at


def feed(node: str) -> str:
    """The mark of a node's feed."""
    return f"feed {node}"


def rooms(node: str) -> str:
    """The mark of a node whose rooms are known."""
    return f"rooms {node}"


def worker(index: int) -> str:
    """The mark of a worker that takes calls."""
    return f"worker {index}"
