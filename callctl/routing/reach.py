"""Where the callee is now: the edges that hold the phone's registration, or the node that holds the room."""

from __future__ import annotations

from callctl.case import Case
from callctl.errors import ServiceAway
from callctl.model import Step, failed, passed
from callctl.plan import Bridge, Conference, Direct
from callctl.policy import media
from callctl.reason import Reason
from callctl.routing import onward
from callctl.routing.location import ring_groups


def check(case: Case) -> Step | None:
    """Sets the plan of a call to a phone, a room or a URI; None for a call that has its plan already."""
    if case.plan is not None:
        return None
    name = onward.name(case)
    if tried := case.failed.get(name):
        return failed("locate", tried, "locate.tried", name=name, reason=tried.machine_name)
    if case.room:
        return _room(case)
    if case.callee is not None:
        return _phone(case)
    return _uri(case)


def _phone(case: Case) -> Step:
    assert case.callee is not None
    callee = case.callee
    try:
        located = case.world.locate(callee.user, callee.domain)
    except ServiceAway as error:
        return failed("locate", Reason.LOCATION_AWAY, "locate.away", error=str(error))
    if not located.contacts:
        return failed("locate", Reason.NOT_REGISTERED, "locate.none", callee=callee.name)
    if not located.targets:
        return failed(
            "locate",
            Reason.EDGE_AWAY,
            "locate.unusable",
            callee=callee.name,
            contacts=located.contacts,
            unusable=located.unusable,
        )
    case.plan = Bridge(
        user=callee.user,
        domain=callee.domain,
        groups=ring_groups(located.targets),
        codecs=case.far_codecs,
        ring_timeout=case.settings.calls.ring_timeout,
        media=media.leg(case, case.media, media.far_side(case), by_edge=True),
    )
    return passed(
        "locate",
        "locate.found_some" if located.unusable else "locate.found",
        unusable=located.unusable,
        callee=callee.name,
        contacts=located.contacts,
        edges=tuple(f"{target.edge} ({target.address}, q {target.q:g})" for target in located.targets),
    )


def _uri(case: Case) -> Step:
    user, _, address = case.uri.partition("@")
    told = media.leg(case, case.media, media.far_side(case), by_edge=False)
    case.plan = Direct(user, address, case.far_codecs, case.settings.calls.ring_timeout, told)
    return passed("locate", "locate.uri", uri=case.uri)


def _room(case: Case) -> Step:
    """A call that a node sent on is not sent on again; should the room have moved meanwhile, it is refused."""
    here, declared = case.request.node, case.directory.room(case.room)
    profile = declared.profile if declared and declared.profile else case.settings.calls.conference_profile
    owner = case.world.room_owner(case.room, here)
    if owner == here:
        case.plan = Conference(
            case.room,
            owner,
            profile,
            pin=declared.pin if declared else "",
            max_members=declared.max_members if declared else None,
            hop=case.request.hop if case.hop else "",
        )
        return passed("room", "room.here", room=case.room, owner=owner)
    if case.hop:
        return failed("room", Reason.ROOM_MOVED, "room.moved", room=case.room, owner=owner)
    node = next((node for node in case.settings.nodes if node.name == owner), None)
    if node is None:
        return failed("room", Reason.ROOM_OWNER_UNKNOWN, "room.unknown_owner", room=case.room, owner=owner)
    case.plan = Conference(case.room, owner, profile, owner_sip=node.sip)
    return passed("room", "room.elsewhere", room=case.room, owner=owner)
