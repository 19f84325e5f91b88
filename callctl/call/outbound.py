"""What FreeSWITCH is told of one attempt at carriers, and what it tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from uuid import NAMESPACE_OID, uuid5

from callctl.call import buying, credentials, media
from callctl.esl import command
from callctl.model import ANONYMOUS
from callctl.plan import CarrierLeg, LegMedia, Outbound
from callctl.settings import split_address

_SHOWN_BY = {"pai": "pid", "rpid": "rpid", "none": "none"}  # as mod_sofia calls them
_FORGET = {"last_bridge_proto_specific_hangup_cause": ""}  # else an attempt that times out leaves the answer before it


def known(plan: Outbound, call: str) -> dict[str, str]:
    """What the A-leg carries of an attempt: by what it costs, and nothing of what the attempt before was answered."""
    buys = {leg_uuid(call, leg): leg.buy for leg in plan.attempts[0] if leg.buy is not None}
    return {"callctl_buy": buying.variable(buys), **_FORGET}


def bridge(plan: Outbound, call: str, profile: str, values: Mapping[str, str], event_uuid: str) -> bytes:
    """The command that makes the first attempt that is left; `values` are set on every leg.

    Raises UnsafeText; ConfigError where a password is gone since the decision.
    """
    legs = plan.attempts[0]
    found = _credentials(legs)
    common = {
        **values,
        "outbound_redirect_fatal": "true",  # or a carrier's 302 has FreeSWITCH dial what the carrier names
        "ignore_early_media": "true" if len(legs) > 1 or not legs[0].media.early_media else "false",
        "originate_timeout": str(seconds(plan)),
    }
    own = [_variables(leg, plan.number, leg_uuid(call, leg)) for leg in legs]
    if found is not None:
        common["local_var_clobber"] = "true"  # what a leg has itself counts
        for leg, mine in zip(legs, own, strict=True):
            if leg.password_file is None:
                mine.update(dict.fromkeys(command.CREDENTIALS, "none"))  # another's are not for it
    dials = [(leg.number, leg.gateway, leg.edge, variables) for leg, variables in zip(legs, own, strict=True)]
    return command.bridge(command.carrier_dial_string(dials, profile, common), event_uuid, found)


def _credentials(legs: tuple[CarrierLeg, ...]) -> command.Credentials | None:
    """Those of the legs of an attempt; routing/outbound.py never makes one with two kinds of them."""
    for leg in legs:
        if leg.password_file is not None:
            return command.Credentials(leg.username, credentials.password(leg.password_file))
    return None


def seconds(plan: Outbound) -> int:
    """How long the first attempt that is left may take."""
    return min(max(leg.ring_timeout for leg in plan.attempts[0]), plan.budget)


def near_codecs(plan: Outbound) -> tuple[str, ...]:
    """The codecs of the caller's side in the first attempt that is left: all that any of its legs may need."""
    lists = [leg.near_codecs for leg in plan.attempts[0]]
    return tuple(dict.fromkeys(chain.from_iterable(lists))) if all(lists) else ()


def near_media(plan: Outbound, own: LegMedia) -> LegMedia:
    """How the media of the caller's side goes in that attempt; through the switch where its legs differ."""
    (first, *others) = (leg.media for leg in plan.attempts[0])
    path = first.path if all(other.path == first.path for other in others) else "switch"
    return own._replace(path=path, early_media=first.early_media, fax=first.fax)


def leg_uuid(call: str, leg: CarrierLeg) -> str:
    """The channel UUID of a leg, known before it is there: no leg of a call is dialled twice.

    A call that is sent on may come to the same gateway again, with another number.
    """
    edge = leg.edge.edge if leg.edge else ""
    return _uuid(f"{call} {leg.carrier} {leg.gateway} {edge} {leg.number}")


@lru_cache(1024)  # each is asked for twice
def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))


def _variables(leg: CarrierLeg, number: str, uuid: str) -> dict[str, str]:
    values = {
        "origination_uuid": uuid,
        "callctl_carrier": leg.carrier,
        "callctl_gateway": leg.gateway,
        "callctl_edge": leg.edge.edge if leg.edge else leg.gateway,
        "leg_timeout": str(leg.ring_timeout),
        "leg_progress_timeout": str(leg.progress_timeout),
        "sip_cid_type": _SHOWN_BY[leg.shown_by],
    }
    host = split_address(leg.gateway)[0]
    if ":" not in host:  # an IPv6 address cannot stand there
        values["sip_invite_domain"] = command.domain(host)  # of who calls, else this node's address
    if number:
        values["callctl_number"] = number
    if leg.caller_id:
        values["origination_caller_id_number"] = leg.caller_id
    if leg.caller_id == ANONYMOUS:
        values["origination_privacy"] = "screen:hide_name:hide_number"
    if leg.codecs:
        values["absolute_codec_string"] = command.codec_list(leg.codecs)
    return values | media.of_callee(leg.media)
