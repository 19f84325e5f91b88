"""What FreeSWITCH is told of one attempt at carriers, and what it tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from uuid import NAMESPACE_OID, uuid5

from callctl.call import buying, media
from callctl.esl import command
from callctl.plan import CarrierLeg, LegMedia, Outbound

_FORGET = {"last_bridge_proto_specific_hangup_cause": ""}  # else an attempt that times out leaves the answer before it


def known(plan: Outbound, call: str) -> dict[str, str]:
    """What the A-leg carries of an attempt: by what it costs, and nothing of what the attempt before was answered."""
    buys = {leg_uuid(call, leg): leg.buy for leg in plan.attempts[0] if leg.buy is not None}
    return {"callctl_buy": buying.variable(buys), **_FORGET}


def dial_string(plan: Outbound, call: str, profile: str, values: Mapping[str, str]) -> str:
    """The argument of `bridge` for the first attempt that is left; `values` are set on every leg. Raises UnsafeText."""
    legs = plan.attempts[0]
    longest = max(leg.ring_timeout for leg in legs)
    common = {
        **values,
        "outbound_redirect_fatal": "true",  # or a carrier's 302 has FreeSWITCH dial what the carrier names
        "ignore_early_media": "true" if len(legs) > 1 or not legs[0].media.early_media else "false",
        "originate_timeout": str(min(longest, plan.budget)),
    }
    dialled = [
        (leg.number, leg.gateway, leg.edge, _variables(leg, plan.number, leg_uuid(call, leg))) for leg in legs
    ]
    return command.carrier_dial_string(dialled, profile, common)


def near_codecs(plan: Outbound) -> tuple[str, ...]:
    """The codecs of the caller's side in the first attempt that is left: all that any of its legs may need."""
    lists = [leg.near_codecs for leg in plan.attempts[0]]
    return tuple(dict.fromkeys(chain.from_iterable(lists))) if all(lists) else ()


def near_media(plan: Outbound, own: LegMedia) -> LegMedia:
    """How the media of the caller's side goes in that attempt; through the switch where its legs differ."""
    (first, *others) = (leg.media for leg in plan.attempts[0])
    path = first.path if all(other.path == first.path for other in others) else "switch"
    return LegMedia(path, own.srtp, first.early_media, first.fax)


def leg_uuid(call: str, leg: CarrierLeg) -> str:
    """The channel UUID of a leg, known before it is there: no leg of a call is dialled twice."""
    return str(uuid5(NAMESPACE_OID, f"{call} {leg.carrier} {leg.gateway} {leg.edge.edge if leg.edge else ''}"))


def _variables(leg: CarrierLeg, number: str, uuid: str) -> dict[str, str]:
    values = {
        "origination_uuid": uuid,
        "callctl_carrier": leg.carrier,
        "callctl_gateway": leg.gateway,
        "callctl_edge": leg.edge.edge if leg.edge else leg.gateway,
        "leg_timeout": str(leg.ring_timeout),
        "leg_progress_timeout": str(leg.progress_timeout),
        "sip_cid_type": leg.shown_by,
    }
    if number:
        values["callctl_number"] = number
    if leg.caller_id:
        values["origination_caller_id_number"] = leg.caller_id
    if leg.codecs:
        values["absolute_codec_string"] = command.codec_list(leg.codecs)
    return values | media.of_callee(leg.media)
