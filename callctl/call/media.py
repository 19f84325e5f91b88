"""FreeSWITCH's channel variables for how media goes."""

from __future__ import annotations

from collections.abc import Mapping

from callctl.plan import LegMedia

# sofia and switch_core_media.c: what an inbound leg is answered with, what an outbound one offers.
_SRTP: Mapping[str, str] = {"off": "forbidden", "offered": "optional", "demanded": "mandatory"}


def of_caller(media: LegMedia) -> dict[str, str]:
    """For the A-leg, before its bridge; nothing stays of an attempt before.

    An empty value unsets: FreeSWITCH takes a caller's early media back where bypass_media has any, be it false.
    """
    return {
        "bypass_media": "true" if media.path == "bypass" else "",
        "proxy_media": "true" if media.path == "proxy" else "",
        **_fax(media),
        **({"rtp_secure_media_inbound": _SRTP[media.srtp]} if media.srtp and not media.by_edge else {}),
    }


def of_callee(media: LegMedia) -> dict[str, str]:
    """For a B-leg; its edge is told by headers, which it takes from the core only and keeps."""
    if not media.by_edge:
        return _fax(media) | ({"rtp_secure_media_outbound": _SRTP[media.srtp]} if media.srtp else {})
    said = _fax(media)
    if media.srtp:
        said["sip_h_X-Callctl-Srtp"] = media.srtp
    if not media.relay:
        said["sip_h_X-Callctl-Relay"] = "off"
    return said


def _fax(media: LegMedia) -> dict[str, str]:
    """T.38 is taken on one side as it comes from the other; without this it is refused (switch_core_media.c)."""
    return {"fax_enable_t38": "true", "t38_passthru": "true"} if media.fax else {}
