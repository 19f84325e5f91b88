"""Conference rooms as the nodes that host them tell of them, and what an operator does in them.

A caller whom another node sent on is in the room by a leg of that node; he is known by his own call, whose UUID the
controller left on that leg. Members are told by `json_list`: their names are whatever callers say, and in JSON they end
where they end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from callctl.call.hosted import room_of
from callctl.call.nodes import Nodes
from callctl.errors import CallctlError, CommandFailed

MemberAct = Literal["mute", "unmute"]
RoomAct = Literal["lock", "unlock"]


@dataclass(frozen=True, slots=True)
class Member:
    """Who is in a room. `call` is the caller's own call, on `node`; `leg` the channel that is in the room."""

    call: str
    node: str  # empty when it cannot be asked
    account: str
    caller: str
    seconds: int
    muted: bool
    talking: bool
    leg: str
    number: int  # FreeSWITCH's Member-ID


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """A room that is open on `node`."""

    room: str
    node: str
    members: int
    locked: bool
    max_members: int | None
    seconds: int


def open_rooms(nodes: Nodes) -> list[OpenRoom]:
    """All that are open, by name. Raises SwitchError."""
    return sorted(
        (room for node in nodes.up for room, _ in _listed(nodes, node)), key=lambda room: (room.room, room.node)
    )


def in_room(nodes: Nodes, room: str) -> list[tuple[OpenRoom, list[Member]]]:
    """The room and its members: on one node, or wherever it was opened while nobody could know of the others.

    Raises CallctlError where it is not open, SwitchError.
    """

    def member(place: str, told: dict[str, Any]) -> Member:
        leg = told["uuid"]
        own = nodes.variable(place, leg, "callctl_hop") or leg
        node, call = nodes.find(own, place)
        return Member(
            call=own,
            node=node,
            account=call.variable("callctl_account") if call else "",
            caller=call.get("Caller-Orig-Caller-ID-Number") if call else "",
            seconds=told["join_time"],
            muted=not told["flags"]["can_speak"],
            talking=told["flags"]["talking"],
            leg=leg,
            number=told["id"],
        )

    found = [
        (each, [member(node, told) for told in members])
        for node in nodes.up
        for each, members in _listed(nodes, node)
        if each.room == room
    ]
    if not found:
        raise nodes.missing(f"No room {room} is open", "see `callctl conference list`")
    return found


def _listed(nodes: Nodes, node: str) -> Iterator[tuple[OpenRoom, list[dict[str, Any]]]]:
    try:
        rows: list[dict[str, Any]] = orjson.loads(nodes.up[node].api("conference json_list"))
    except CommandFailed:
        return  # mod_conference is not loaded
    for row in rows:
        if room := room_of(row["conference_name"], node):
            members = [member for member in row["members"] if member.get("type") == "caller"]
            yield (
                OpenRoom(room, node, len(members), row["locked"], row.get("max_members"), row["run_time"]),
                members,
            )


def the_member(room: str, places: Iterable[tuple[OpenRoom, list[Member]]], beginning: str) -> tuple[OpenRoom, Member]:
    """The one member whose call begins so, and where. Raises CallctlError where that is none or several."""
    found = [
        (place, member)
        for place, members in places
        for member in members
        if beginning and (member.call.startswith(beginning) or member.leg.startswith(beginning))
    ]
    if not found:
        raise CallctlError(
            f"No call in room {room} has a UUID that begins with {beginning!r}: see `callctl conference show {room}`."
        )
    if len(found) > 1:
        raise CallctlError(f"{len(found)} calls in room {room} begin with {beginning}: give more of the UUID.")
    return found[0]


def act_on_member(nodes: Nodes, place: OpenRoom, member: Member, act: MemberAct) -> None:
    """Mute a member, or end that. Raises CallctlError where he has left, SwitchError."""
    try:
        nodes.up[place.node].api(f"conference {place.room}-{place.node} {act} {member.number}")
    except CommandFailed as error:
        raise CallctlError(f"Call {member.call} has left room {place.room} meanwhile.") from error


def act_on_room(nodes: Nodes, place: OpenRoom, act: RoomAct) -> None:
    """Let nobody more in, or end that. Raises CallctlError where the room has ended, SwitchError."""
    try:
        nodes.up[place.node].api(f"conference {place.room}-{place.node} {act}")
    except CommandFailed as error:
        raise CallctlError(f"Room {place.room} has ended meanwhile.") from error


def put_out(nodes: Nodes, place: OpenRoom, member: Member) -> None:
    """End a member's call, on its own node where that can be asked: then its record says who ended it."""
    if not member.node or not nodes.end(member.node, member.call):
        nodes.end(place.node, member.leg)


def end(nodes: Nodes, place: OpenRoom, members: Iterable[Member]) -> None:
    """Let nobody more in, and end the calls of those who are."""
    act_on_room(nodes, place, "lock")
    for member in members:
        put_out(nodes, place, member)
