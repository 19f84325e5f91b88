"""The conference rooms open on a node: kept with it by their leases for as long as the node shows them."""

from __future__ import annotations

import re

import gevent
import structlog

from callctl.errors import CommandFailed, DeadlineExceeded, Gone, RedisAway
from callctl.esl.feed import Feed
from callctl.esl.wire import Event
from callctl.live.rooms import RENEW, Rooms
from callctl.model import ROOM

log = structlog.get_logger()


def room_of(conference: str, node: str) -> str:
    """The room of a conference on `node`; "" of one that is not ours."""
    found = re.fullmatch(rf"({ROOM})-{re.escape(node)}", conference)
    return found[1] if found else ""


class HostedRooms:
    """Rooms alive on `node`; a room's conference is named ROOM-NODE."""

    def __init__(self, node: str, rooms: Rooms) -> None:
        self._node = node
        self._rooms = rooms
        self.open: set[str] = set()
        self._split: dict[str, str] = {}  # rooms that another node has the lease of, and which
        self._listed = re.compile(r"^\+OK Conference (\S+) \(", re.MULTILINE)

    def follow(self, feed: Feed) -> None:
        """Keep the rooms while the feed lives. A greenlet of its own: nothing else that is asked may delay it."""
        gevent.spawn(self._follow, feed)

    def unheard(self) -> None:
        """The node cannot be asked: what it hosts is lost when the leases end."""
        self._rooms.looked(self._node)

    def hear(self, event: Event) -> str:
        """Follow a conference's event; its room while that is open, "" where it ended or is none of ours."""
        room = room_of(event.get("Conference-Name"), self._node)
        if not room:
            return ""
        if event.get("Action") == "conference-destroy":
            self.open.discard(room)
            return ""
        self.open.add(room)
        return room

    def _follow(self, feed: Feed) -> None:
        while True:
            try:
                self._ask(feed)
            except Gone:
                return
            except DeadlineExceeded:
                continue  # one that is dead is given up by who reads it; until then nothing is renewed
            self.renew()
            gevent.sleep(RENEW)

    def _ask(self, feed: Feed) -> None:
        """Learn what is open. The summary leaves out the members, whose names are what callers say."""
        try:
            listed = self._listed.findall(feed.api("conference list summary"))
        except CommandFailed:
            listed = []  # mod_conference is not loaded
        self.open = {room for name in listed if (room := room_of(name, self._node))}

    def renew(self) -> None:
        """Keep the rooms with their node."""
        for room in sorted(self.open):
            try:
                owner = self._rooms.keep(room, self._node)
            except RedisAway:
                return  # the publisher tells the operator
            if owner == self._node:
                self._split.pop(room, None)
            elif self._split.get(room) != owner:
                self._split[room] = owner
                log.error("room is open on two nodes", room=room, nodes=[owner, self._node])
        self._rooms.looked(self._node)
