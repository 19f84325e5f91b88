"""Conference rooms: members, and the conference::maintenance events that tell of them (cases g, g2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from callctl.sim import blocks

if TYPE_CHECKING:
    from callctl.sim.call import Call
    from callctl.sim.node import SimNode

SUBCLASS = "conference::maintenance"
Headers = list[tuple[str, str]]


class Room:
    """One room; it is there while somebody is in it."""

    def __init__(self, node: SimNode, name: str, profile: str, max_members: int) -> None:
        self.node = node
        self.name = name
        self.profile = profile
        self.uuid = node.new_uuid()
        self.members: dict[int, Call] = {}
        self.muted: set[int] = set()
        self.locked = False
        self.max_members = max_members  # 0: as many as come
        self._began = time.time()
        self._joined: dict[int, float] = {}
        self._floor = 0
        self._tell("conference-create")

    def _room(self) -> Headers:
        return [
            ("Conference-Name", self.name), ("Conference-Domain", self.node.values["address"]),
            ("Conference-Size", str(len(self.members))), ("Conference-Ghosts", "0"),
            ("Conference-Profile-Name", self.profile), ("Conference-Unique-ID", self.uuid),
        ]  # fmt: skip

    def _tell(self, action: str, more: Headers | None = None) -> None:
        self.node.announce("CUSTOM", [*self._room(), ("Action", action), *(more or [])], subclass=SUBCLASS)

    def _tell_of(self, call: Call, member: int, before: Headers, after: Headers) -> None:
        floor = ("Floor", "true" if member == self._floor else "false")
        block = blocks.fill("member.txt", {"member": str(member)})
        call.leg.fire("CUSTOM", [*before, *self._room(), floor], [*block, *after], subclass=SUBCLASS)

    def has(self, call: Call) -> bool:
        """Whether a call is a member."""
        return call in self.members.values()

    def full(self) -> bool:
        """Whether nobody more is let in: locked, or as many as may be."""
        return self.locked or 0 < self.max_members <= len(self.members)

    def join(self, call: Call) -> None:
        """Enter; the first to come has the floor."""
        member = self.node.next_member()
        self.members[member] = call
        self._joined[member] = time.time()
        put = call.leg.variables.set
        put("read_codec", "L16")
        put("conference_name", self.name)
        put("app_session_uuid", self.uuid)
        put("conference_member_id", str(member))
        put("conference_moderator", "false")
        put("conference_ghost", "false")
        put("conference_uuid", self.uuid)
        self._tell_of(call, member, [], [("Action", "add-member")])
        if not self._floor:
            self._floor = member
            change = [*self._room(), ("Action", "floor-change"), ("Old-ID", "none")]
            self._tell_of(call, member, change, [("New-ID", str(member))])

    def leave(self, call: Call) -> None:
        """Leave; the last one out ends the room."""
        member = next((number for number, who in self.members.items() if who is call), 0)
        if self._floor == member:
            self._floor = 0
            self._tell("floor-change", [("Old-ID", "none"), ("New-ID", "none")])
        self.members.pop(member, None)
        self.muted.discard(member)
        call.leg.variables.set("read_codec", call.leg.codec)
        self._tell_of(call, member, [], [("Action", "del-member")])
        if not self.members:
            self.node.rooms.pop(self.name, None)
            self._tell("conference-destroy")

    def kick(self, member: int) -> bool:
        """Put a member out, or all with 0; False when there is none of that number."""
        gone = [member] if member else list(self.members)
        calls = [call for number, call in self.members.items() if number in gone]
        for number in gone:
            self.members.pop(number, None)
        for call in calls:
            call.touch()
        return bool(calls)

    def json(self) -> dict[str, Any]:
        """What `conference json_list` prints of it (observed); of what nobody asks for, only the name."""
        return {
            "conference_name": self.name, "member_count": len(self.members), "ghost_count": 0, "rate": 8000,
            "run_time": int(time.time() - self._began), "conference_uuid": self.uuid, "locked": self.locked,
            "destruct": False, "running": True, "dynamic": True, "recording": False,
            **({"max_members": self.max_members} if self.max_members else {}), "variables": {},
            "members": [self._member_json(member, call) for member, call in reversed(self.members.items())],
        }  # fmt: skip

    def _member_json(self, member: int, call: Call) -> dict[str, Any]:
        profile = call.leg.profile
        return {
            "type": "caller", "id": member, "flags": {
                "can_hear": True, "can_see": True, "can_speak": member not in self.muted, "hold": False,
                "mute_detect": False, "talking": False, "has_video": False, "has_floor": member == self._floor,
                "is_moderator": False,
            },
            "uuid": call.leg.uuid, "caller_id_name": profile["caller_name"],
            "caller_id_number": profile["caller_number"], "join_time": int(time.time() - self._joined[member]),
            "last_talking": 0, "energy": 100,
        }  # fmt: skip

    def listing(self) -> str:
        """What `conference NAME list` prints."""
        rows = []
        for number, call in self.members.items():
            profile = call.leg.profile
            flags = "hear|speak|floor" if number == self._floor else "hear|speak"
            who = f"{profile['caller_name']};{profile['caller_number']}"
            rows.append(f"{number};{call.leg.name};{call.leg.uuid};{who};{flags};0;0;100\n")
        return "".join(rows)
