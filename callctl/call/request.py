"""A call as FreeSWITCH brought it: its channel data, reduced to what each field may hold."""

from __future__ import annotations

import re
from collections.abc import Callable

from callctl.errors import UnsafeText
from callctl.esl import command
from callctl.esl.wire import Block
from callctl.model import CallRequest

MAX_SDP = 65536
MAX_AOR = 320  # characters of user@domain
_CODE = re.compile(r"[*#][0-9*#+]{1,40}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # as the settings have them
SHOWN = 80  # characters kept of a text that is only displayed


def from_channel(channel: Block) -> CallRequest:
    """The request in a `connect` reply. Raises UnsafeText when the channel has no usable UUID."""
    called_raw = channel.get("Caller-Destination-Number")
    return CallRequest(
        call_uuid=command.uuid(channel.get("Unique-ID")),
        node=_name(channel.get("FreeSWITCH-Switchname")),
        caller=_kept(command.user, channel.get("Caller-Caller-ID-Number")),
        caller_name=command.display_name(channel.get("Caller-Caller-ID-Name")),
        called=_called(called_raw),
        called_raw=printable(called_raw),
        domain=_kept(command.domain, channel.variable("sip_req_host")).lower(),
        asserted=printable(channel.variable("sip_h_X-Callctl-Endpoint"), MAX_AOR),
        source_ip=printable(channel.variable("sip_network_ip") or channel.get("Caller-Network-Addr")),
        sip_call_id=printable(channel.variable("sip_call_id"), 255),
        sdp=channel.variable("switch_r_sdp")[:MAX_SDP],
        hop=_kept(command.uuid, channel.variable("sip_h_X-Callctl-Hop")),
        started_us=channel.number("Caller-Channel-Created-Time"),
        at_us=channel.number("Event-Date-Timestamp"),
        sequence=channel.number("Event-Sequence"),
        srtp=channel.variable("sip_h_X-Callctl-Srtp") == "yes",
        origin=printable(channel.variable("sip_h_X-Callctl-Source")),
    )


def printable(text: str, most: int = SHOWN) -> str:
    """`text` on one line, for people and records."""
    return "".join(char if char.isprintable() else "?" for char in text[:most])


def _kept(check: Callable[[str], str], text: str) -> str:
    """What `check` gives, "" where it refuses."""
    try:
        return check(text)
    except UnsafeText:
        return ""


def _called(text: str) -> str:
    """A number, or a service code, which has # too; a URI may have that as %23."""
    code = text.replace("%23", "#")
    return code if _CODE.fullmatch(code) else _kept(command.user, text)


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else ""
