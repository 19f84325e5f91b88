"""An event of the simulated switch."""

from __future__ import annotations


class SwitchEvent:
    """Header lines already encoded, and a body; rendered once for all who hear it."""

    __slots__ = ("_frame", "body", "head", "name", "subclass", "unique_id")

    def __init__(self, name: str, head: str, *, unique_id: str = "", subclass: str = "", body: str = "") -> None:
        self.name = name
        self.subclass = subclass
        self.unique_id = unique_id
        self.head = head
        self.body = body
        self._frame = b""

    def header(self, name: str) -> str | None:
        """The encoded value of a header; names are matched without regard to case, as FreeSWITCH does."""
        low = name.lower() + ": "
        for line in self.head.split("\n"):
            if line[: len(low)].lower() == low:
                return line[len(low) :]
        return None

    def frame(self) -> bytes:
        """What goes over the wire in plain format."""
        if not self._frame:
            text = self.head
            if self.body:
                text += f"Content-Length: {len(self.body.encode())}\n\n{self.body}"
            else:
                text += "\n"
            raw = text.encode()
            self._frame = b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(raw), raw)
        return self._frame
