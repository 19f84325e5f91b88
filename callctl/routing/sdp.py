"""The audio that an SDP offers. The text comes from a caller, so whatever is not plainly a codec is passed over."""

from __future__ import annotations

import re

_LIMIT = 65_536  # characters of an SDP that are read
_PORT = re.compile(r"0*[1-9][0-9]*(/[0-9]+)?")
_PAYLOAD = re.compile(r"[0-9]{1,3}")
_RTPMAP = re.compile(r"a=rtpmap: *([0-9]{1,3}) +([A-Za-z0-9._-]{1,32})(?:/.*)?")

# RFC 3551, tables 4 and 5: payload types that need no rtpmap.
_STATIC = {
    0: "PCMU", 3: "GSM", 4: "G723", 5: "DVI4", 6: "DVI4", 7: "LPC", 8: "PCMA", 9: "G722", 10: "L16", 11: "L16",
    12: "QCELP", 13: "CN", 14: "MPA", 15: "G728", 16: "DVI4", 17: "DVI4", 18: "G729",
}  # fmt: skip
_NOT_SPEECH = frozenset(("TELEPHONE-EVENT", "TONE", "CN", "RED", "RTX", "ULPFEC"))


def offered(sdp: str) -> tuple[str, ...]:
    """Names of the codecs of the first audio stream with a port, upper case, in the order offered; () when none."""
    lines = sdp[:_LIMIT].replace("\r", "\n").split("\n")
    payloads: list[int] | None = None
    mapped: dict[int, str] = {}
    for line in lines:
        if line.startswith("m="):
            if payloads is not None:
                break
            payloads = _payloads(line)
        elif payloads is not None and (found := _RTPMAP.fullmatch(line.rstrip())):
            mapped.setdefault(int(found[1]), found[2].upper())
    names = (mapped.get(payload) or _STATIC.get(payload, "") for payload in payloads or ())
    return tuple(dict.fromkeys(name for name in names if name and name not in _NOT_SPEECH))


def _payloads(line: str) -> list[int] | None:
    """Payload types of an `m=audio PORT PROTOCOL TYPE…` line in use; None of any other line."""
    media, *rest = line.split()
    if media != "m=audio" or not rest or not _PORT.fullmatch(rest[0]):
        return None
    return [int(payload) for payload in rest[2:] if _PAYLOAD.fullmatch(payload)]


def encrypted(sdp: str) -> bool:
    """Whether the first audio stream with a port is to be encrypted, by SDES or DTLS (RFC 3711, 5764)."""
    for line in sdp[:_LIMIT].replace("\r", "\n").split("\n"):
        if line.startswith("m=") and _payloads(line) is not None:
            return "SAVP" in "".join(line.split()[2:3])
    return False
