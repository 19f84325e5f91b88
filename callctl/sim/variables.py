"""A channel's variables: as set, and as header lines ready to send."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from callctl.sim.blocks import encode


class Variables:
    """Ordered names and values; setting one again moves it to the end, an empty value removes it (switch_event.c)."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._lines: dict[str, str] = {}

    def get(self, name: str, default: str = "") -> str:
        """The value, else `default`."""
        return self._values.get(name, default)

    def set(self, name: str, value: str | None) -> None:
        """Set, or remove with nothing."""
        self._values.pop(name, None)
        self._lines.pop(name, None)
        if value:
            self._values[name] = value
            self._lines[name] = f"variable_{name}: {encode(value)}\n"

    def update(self, block: Iterable[tuple[str, str]]) -> None:
        """Set many, whose values are encoded already (see blocks.fill)."""
        for name, encoded in block:
            self.remove(name)
            if encoded:
                self._values[name] = _decode(encoded)
                self._lines[name] = f"variable_{name}: {encoded}\n"

    def push(self, name: str, value: str) -> None:
        """Add to an array; one element alone is a plain value."""
        old = self.get(name)
        if not old:
            self.set(name, value)
        elif old.startswith("ARRAY::"):
            self.set(name, f"{old}|:{value}")
        else:
            self.set(name, f"ARRAY::{old}|:{value}")

    def remove(self, *names: str) -> None:
        """Remove what is there of `names`."""
        for name in names:
            self._values.pop(name, None)
            self._lines.pop(name, None)

    def items(self) -> list[tuple[str, str]]:
        """Names and values in order."""
        return list(self._values.items())

    def text(self) -> str:
        """All as header lines."""
        return "".join(self._lines.values())


def _decode(encoded: str) -> str:
    return unquote(encoded) if "%" in encoded else encoded
