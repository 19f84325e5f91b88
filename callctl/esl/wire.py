"""The event socket's bytes, without a socket: `Wire.feed` takes what was received and gives whole messages.

A frame is header lines ended by an empty line, then `Content-Length` bytes of body
(mod_event_socket.c, observed). An event's body is itself header lines, URL-encoded, and may carry a body of its own.
Lines are split on LF before anything is URL-decoded: a caller's `%0A` stays inside its value.
Values are looked up and decoded when asked for; most are never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from callctl.errors import WireError

MAX_HEADERS = 256 * 1024  # bytes; a connect reply with long SDP is about 10 kB
MAX_BODY = 8 * 1024 * 1024  # bytes; `show channels` of a full node is the largest
MAX_DIGITS = 18  # of a number: below 2**63, and what Python may turn into one
_EMPTY_LINES = re.compile(rb"\n*")


class Block:
    """Header lines as received; behaves like a read-only mapping of names to decoded values.

    The first of two equal names counts: FreeSWITCH writes its own headers before the channel's variables.
    A missing name and FreeSWITCH's `_undef_` both read as the default.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def get(self, name: str, default: str = "") -> str:
        """The decoded value of header `name`."""
        value = self._find(name.encode())
        if value is None or value == b"_undef_":
            return default
        if b"%" in value:
            value = unquote_to_bytes(value)
        return value.decode("utf-8", "replace").strip()

    def variable(self, name: str, default: str = "") -> str:
        """The decoded value of channel variable `name`."""
        return self.get("variable_" + name, default)

    def number(self, name: str) -> int:
        """Header `name` as a whole number; 0 where it is missing or is none."""
        return _whole(self.get(name)) or 0

    def __contains__(self, name: str) -> bool:
        return self._find(name.encode()) is not None

    def names(self) -> Iterator[str]:
        """Header names in the order received."""
        for line in self.raw.split(b"\n"):
            name, colon, _ = line.partition(b": ")
            if colon:
                yield name.decode("utf-8", "replace")

    def _find(self, name: bytes) -> bytes | None:
        raw = self.raw
        if raw.startswith(name + b": "):
            start = len(name) + 2
        else:
            at = raw.find(b"\n" + name + b": ")
            if at < 0:
                return None
            start = at + len(name) + 3
        end = raw.find(b"\n", start)
        return raw[start:] if end < 0 else raw[start:end]


class Message(Block):
    """One frame: its headers and its body."""

    __slots__ = ("body", "content_type")

    def __init__(self, raw: bytes, body: bytes) -> None:
        super().__init__(raw)
        self.body = body
        self.content_type = self.get("Content-Type")

    @property
    def is_event(self) -> bool:
        """Whether the body is an event."""
        return self.content_type == "text/event-plain"

    @property
    def is_reply(self) -> bool:
        """Whether this answers a command; answers come in the order of the commands."""
        return self.content_type in ("command/reply", "api/response")

    @property
    def reply(self) -> str:
        """What a command was answered, `+OK …` or `-ERR …` or the output of an api command."""
        if self.content_type == "api/response":
            return self.body.decode("utf-8", "replace").strip()
        return self.get("Reply-Text")

    def event(self) -> Event:
        """The event in the body."""
        headers, _, body = self.body.partition(b"\n\n")
        return Event(headers, body)


class Event(Block):
    """An event: `name` is its Event-Name, for CUSTOM events its Event-Subclass; `body` is what follows the headers."""

    __slots__ = ("body", "name")

    def __init__(self, raw: bytes, body: bytes = b"") -> None:
        super().__init__(raw)
        name = self.get("Event-Name")
        self.name = self.get("Event-Subclass") if name == "CUSTOM" else name
        self.body = body


class Wire:
    """Bytes in, messages out. Holds at most one frame that is not yet whole."""

    __slots__ = ("_buffer", "_need", "_seen")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._seen = 0  # bytes already searched for the end of the headers
        self._need = 0  # bytes the frame must have before looking again is worth it

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` makes whole, in order. Raises WireError on bytes that are no such protocol."""
        self._buffer += data
        if len(self._buffer) < self._need:
            return []
        messages: list[Message] = []
        start = self._past_empty_lines(0)
        while (frame := self._next(start)) is not None:
            message, finish = frame
            messages.append(message)
            start = self._past_empty_lines(finish)
        if start:
            del self._buffer[:start]
            self._seen = max(0, self._seen - start)
            self._need = max(0, self._need - start)
        return messages

    def _past_empty_lines(self, at: int) -> int:
        """Where the next frame begins: FreeSWITCH ends some frames with one empty line too many."""
        found = _EMPTY_LINES.match(self._buffer, at)
        assert found is not None, "none at all is a match too"
        return found.end()

    def _next(self, start: int) -> tuple[Message, int] | None:
        buffer = self._buffer
        end = buffer.find(b"\n\n", max(start, self._seen))
        if end < 0:
            if len(buffer) - start > MAX_HEADERS:
                raise WireError(f"more than {MAX_HEADERS} bytes of headers without an end")
            self._seen = max(start, len(buffer) - 1)
            self._need = 0
            return None
        raw = bytes(buffer[start:end])
        if len(raw) > MAX_HEADERS:
            raise WireError(f"more than {MAX_HEADERS} bytes of headers")
        finish = end + 2 + _body_length(raw)
        if len(buffer) < finish:
            self._seen, self._need = end, finish
            return None
        self._seen = self._need = finish
        return Message(raw, bytes(buffer[end + 2 : finish])), finish


def _body_length(raw: bytes) -> int:
    text = Block(raw).get("Content-Length", "0")
    length = _whole(text)
    if length is None or length > MAX_BODY:
        raise WireError(f"a Content-Length of {text[:20]!r}")
    return length


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None
