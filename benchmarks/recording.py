"""What a FreeSWITCH says in one bridged call: recorded bytes, cut into frames, ready to be sent for any call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "tests" / "data" / "esl"
ENDPOINT = "1001@example.net"
NODE = b"fs1"
EDGE = b"127.0.1.1"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
BYE = b"Content-Type: command/reply\nReply-Text: +OK bye\n\n"
API_OK = b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n"
MY_EVENTS = frozenset((
    b"CHANNEL_ANSWER", b"CHANNEL_BRIDGE", b"CHANNEL_CREATE", b"CHANNEL_DESTROY", b"CHANNEL_EXECUTE",
    b"CHANNEL_EXECUTE_COMPLETE", b"CHANNEL_HANGUP", b"CHANNEL_HANGUP_COMPLETE", b"CHANNEL_ORIGINATE",
    b"CHANNEL_OUTGOING", b"CHANNEL_PARK", b"CHANNEL_PROGRESS", b"CHANNEL_PROGRESS_MEDIA", b"CHANNEL_STATE",
    b"CHANNEL_UNBRIDGE", b"CHANNEL_UNPARK",
))  # fmt: skip
_UUID = re.compile(rb"^Unique-ID: (\S+)$", re.M)


@dataclass(frozen=True)
class Frame:
    """An event of the A-leg."""

    name: bytes
    app: bytes
    body: bytes


def _frames(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        end = data.index(b"\n\n", at)
        head = data[at:end]
        length = re.search(rb"^Content-Length: (\d+)$", head, re.M)
        at = end + 2 + (int(length[1]) if length else 0)
        yield head, data[end + 2 : at]


def _field(text: bytes, name: bytes) -> bytes:
    found = re.search(rb"^" + name + rb": (.*)$", text, re.M)
    return found[1] if found else b""


class Recording:
    """One recorded case. `uuid` is the A-leg's, 36 bytes as every call's."""

    def __init__(self, case: str) -> None:
        frames = list(_frames((DATA / f"{case}.recv").read_bytes()))
        self.channel, _ = next((head, body) for head, body in frames if b"Socket-Mode: " in head)
        self.uuid = _UUID.findall(self.channel)[0]
        bodies = [body for _, body in frames if body.startswith(b"Event-Name: ")]
        self.frames = [Frame(_field(body, b"Event-Name"), _field(body, b"Application"), body) for body in bodies]
        notice = next(head for head, _ in frames if b"Content-Disposition: linger" in head)
        self.notice = notice + b"\n\n"

    def said(self, first: int, last: int, types: frozenset[bytes], application: bytes) -> bytes:
        """Frames first..last of the subscribed types; `application` is the Application-UUID of the bridge."""
        out = []
        for frame in self.frames[first:last]:
            if frame.name in types:
                body = frame.body.replace(b"Application-UUID: bridge-1", b"Application-UUID: " + application)
                out.append(b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body))
        return b"".join(out)

    def index(self, name: bytes, app: bytes = b"") -> int:
        """Where the first such event is."""
        return next(at for at, frame in enumerate(self.frames) if frame.name == name and frame.app == app)


@cache
def answered_first() -> Recording:
    """Answer, then bridge."""
    return Recording("a_bridged")


@cache
def bridged() -> Recording:
    """The bridge answers."""
    return Recording("a2_bridged_noanswerfirst")


def channel_data(called: str) -> tuple[bytes, bytes]:
    """The reply to `connect` of a call from a phone of examples/company.yaml to `called`, and the UUID in it."""
    recording = answered_first()
    text = recording.channel
    user, _, domain = ENDPOINT.encode().partition(b"@")
    for name, value in (
        (rb"FreeSWITCH-Switchname", NODE), (rb"(?:Caller|Channel)-Destination-Number", called.encode()),
        (rb"variable_sip_(?:req|to)_host", domain), (rb"(?:Caller|Channel)-Caller-ID-Number", user),
        (rb"variable_sip_network_ip", EDGE),
    ):  # fmt: skip
        text = re.sub(rb"^(" + name + rb"): .*$", rb"\1: " + value, text, flags=re.M)
    vouched = b"variable_sip_h_X-Callctl-Endpoint: " + ENDPOINT.encode().replace(b"@", b"%40") + b"\n"
    return text.replace(b"Content-Type: ", vouched + b"Content-Type: ", 1) + b"\n\n", recording.uuid
