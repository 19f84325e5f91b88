"""The conference rooms open on a node: kept with it by their lease while they live, given back when they end."""

from __future__ import annotations

import re

import gevent
import structlog

from callctl.errors import CommandFailed, RedisAway
from callctl.esl.feed import Feed
from callctl.esl.wire import Event
from callctl.live.rooms import Rooms

log = structlog.get_logger()


class HostedRooms:
    """Rooms alive on `node`; a room's conference is named ROOM-NODE."""

    def __init__(self, node: str, rooms: Rooms) -> None:
        self._node = node
        self._rooms = rooms
        self.open: set[str] = set()
        name = r"([0-9]+)-" + re.escape(node)
        self._name = re.compile(name)
        self._listed = re.compile(rf"^\+OK Conference {name} \(", re.MULTILINE)

    def ask(self, feed: Feed) -> None:
        """Learn what is open. The summary leaves out the members, whose names are what callers say."""
        try:
            self.open = set(self._listed.findall(feed.api("conference list summary")))
        except CommandFailed:
            self.open = set()  # mod_conference is not loaded

    def hear(self, event: Event) -> str:
        """Follow a conference's event; its room while that is open, "" where it ended or is none of ours."""
        found = self._name.fullmatch(event.get("Conference-Name"))
        if found is None:
            return ""
        room = found[1]
        if event.get("Action") == "conference-destroy":
            self.open.discard(room)
            gevent.spawn(self._release, room)
            return ""
        self.open.add(room)
        return room

    def renew(self) -> None:
        """Keep the rooms with their node."""
        for room in sorted(self.open):
            try:
                owner = self._rooms.renew(room, self._node)
            except RedisAway:
                return  # the publisher tells the operator
            if owner != self._node:
                log.error("room is open on two nodes", room=room, nodes=[owner, self._node])

    def _release(self, room: str) -> None:
        try:
            self._rooms.release(room, self._node)
        except RedisAway:
            return  # the lease ends by itself
