"""The media side of a leg, as far as its variables tell of it. No RTP is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callctl.sim.leg import Leg


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec of the profile."""

    payload: int
    rate: int
    described: str  # in ep_codec_string
    rtpmap: str


PROFILE = {
    "PCMU": Codec(0, 8000, "CORE_PCM_MODULE.PCMU@8000h@20i@64000b", "PCMU/8000"),
    "PCMA": Codec(8, 8000, "CORE_PCM_MODULE.PCMA@8000h@20i@64000b", "PCMA/8000"),
    "OPUS": Codec(96, 48000, "mod_opus.opus@48000h@20i@2c", "opus/48000/2"),
}


def codec_string(offered: Iterable[str]) -> str:
    """The caller's codecs that the profile has, in the caller's order."""
    return ",".join(PROFILE[name].described for name in offered if name in PROFILE)


def preferred(offered: Iterable[str]) -> str:
    """The first codec both have; empty when there is none."""
    return next((name for name in offered if name in PROFILE), "")


def values(leg: Leg, remote: str, address: str) -> dict[str, str]:
    """What media.txt needs."""
    codec = PROFILE[leg.codec or "PCMU"]
    return {
        "codec": leg.codec, "payload": str(codec.payload), "rate": str(codec.rate), "address": address,
        "media_port": str(port(leg)), "ssrc": str(856_000_000 + leg.session_id), "remote_ip": remote,
        "remote_port": "6004",
    }  # fmt: skip


def port(leg: Leg) -> int:
    """A leg's own RTP port."""
    return 16384 + 2 * (leg.session_id % 8000)


def local_sdp(leg: Leg, address: str) -> str:
    """The SDP the switch sends for a leg."""
    codec = PROFILE[leg.codec or "PCMU"]
    stamp = leg.times.created // 1_000_000
    return (
        f"v=0\r\no=FreeSWITCH {stamp} {stamp + 1} IN IP4 {address}\r\ns=FreeSWITCH\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port(leg)} RTP/AVP {codec.payload} 101\r\na=rtpmap:{codec.payload} {codec.rtpmap}\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )
