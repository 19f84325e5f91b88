"""Which node hosts a conference room: a lease in Redis, taken by the first caller and renewed while the room lives.

A room stays with its node until LEASE seconds after it was last seen there, so a node that dies loses its rooms within
that time. A call asks before it enters, on the node that it enters, which renews that node's own lease: between two
members a room cannot move.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import gevent
import structlog

from callctl.errors import RedisAway
from callctl.live import board
from callctl.live.board import Board
from callctl.live.client import Client, asking
from callctl.settings import Redis

log = structlog.get_logger()

LEASE = 10  # seconds
RENEW = 2.0  # seconds between looks at what is open on a node, each of which renews
KNOWN = 9.0  # seconds a look counts; less than LEASE, or a room could be lost between two of them
PATIENCE = 2.5  # seconds a first caller waits for a look; the dialplan's guard ends a call undecided after 3 to 4
POLL = 0.1  # seconds

_TAKE = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""


class Looks:
    """When this host's recorder last knew which rooms are open on each node, or that the node cannot be asked.

    After Redis lost the leases, or nobody renewed them, they are taken again by the next looks: who takes a room that
    nobody holds waits for those.
    """

    def __init__(self, marks: Board, nodes: Sequence[str]) -> None:
        self._marks = marks
        self._nodes = nodes

    def looked(self, node: str) -> None:
        """The leases of `node` are in Redis, or it cannot be asked."""
        self._marks.mark(board.rooms(node))

    def wait(self, node: str) -> None:
        """Until all nodes but `node` were looked at, for PATIENCE at most."""
        deadline = time.monotonic() + PATIENCE
        while unknown := [name for name in self._nodes if name != node and not self._known(name)]:
            if time.monotonic() > deadline:
                log.warning("a room is opened without knowing what is open on other nodes", nodes=unknown)
                return
            gevent.sleep(POLL)

    def _known(self, node: str) -> bool:
        return self._marks.fresh(board.rooms(node), KNOWN)


class Rooms:
    """Owners of rooms, by the room's name. One key a script, so that it runs on a cluster."""

    def __init__(self, client: Client, settings: Redis, looks: Looks | None = None) -> None:
        self._settings = settings
        self._client = client
        self._looks = looks
        self._take = client.register_script(_TAKE)

    def owner(self, room: str, node: str) -> str:
        """The node that hosts `room`; `node` takes it when nobody does, and keeps it when it does itself.

        With Redis away everybody hosts his own.
        """
        try:
            owner = self.present_owner(room)
            if owner is None and self._looks is not None:
                self._looks.wait(node)
            return self.keep(room, node) if owner in (None, node) else owner
        except RedisAway as error:
            log.error("room owner unknown; the room is opened on the caller's node", room=room, error=str(error))
            return node

    def present_owner(self, room: str) -> str | None:
        """The node that hosts `room` now; nothing changes. Raises RedisAway."""
        with asking(self._settings):
            owner = self._client.get(self._key(room))
        return None if owner is None else str(owner)

    def keep(self, room: str, node: str) -> str:
        """Renew the lease of `node`, or take it where nobody has it; the owner Redis knows. Raises RedisAway."""
        with asking(self._settings):
            return str(self._take(keys=[self._key(room)], args=[node, LEASE]))

    def looked(self, node: str) -> None:
        """The rooms of `node` are renewed, or it cannot be asked for them."""
        if self._looks is not None:
            self._looks.looked(node)

    def _key(self, room: str) -> str:
        return f"{self._settings.prefix}room:{room}"
