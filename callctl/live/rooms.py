"""Which node hosts a conference room: a lease in Redis, taken by the first caller and renewed while the room lives."""

from __future__ import annotations

import structlog

from callctl.errors import RedisAway
from callctl.live.client import Client, asking
from callctl.settings import Redis

log = structlog.get_logger()

LEASE = 30  # seconds a room stays with a node that no longer renews it

_TAKE = """
local owner = redis.call('GET', KEYS[1])
if owner then return owner end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""
_RENEW = """
local owner = redis.call('GET', KEYS[1])
if not owner or owner == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return owner or ARGV[1]
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Rooms:
    """Owners of rooms, by room number. One key a script, so that it runs on a cluster."""

    def __init__(self, client: Client, settings: Redis) -> None:
        self._settings = settings
        self._client = client
        self._take = client.register_script(_TAKE)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    def owner(self, room: str, node: str) -> str:
        """The node that hosts `room`; `node` takes it when nobody does. With Redis away everybody hosts his own."""
        try:
            with asking(self._settings):
                return str(self._take(keys=[self._key(room)], args=[node, LEASE]))
        except RedisAway as error:
            log.error("room owner unknown; the room is opened on the caller's node", room=room, error=str(error))
            return node

    def present_owner(self, room: str) -> str | None:
        """The node that hosts `room` now; nothing changes. Raises RedisAway."""
        with asking(self._settings):
            owner = self._client.get(self._key(room))
        return None if owner is None else str(owner)

    def renew(self, room: str, node: str) -> str:
        """Keep `room` with `node` while it lives there; the owner Redis knows. Raises RedisAway."""
        with asking(self._settings):
            return str(self._renew(keys=[self._key(room)], args=[node, LEASE]))

    def release(self, room: str, node: str) -> None:
        """`room` ended on `node`. Raises RedisAway."""
        with asking(self._settings):
            self._release(keys=[self._key(room)], args=[node])

    def _key(self, room: str) -> str:
        return f"{self._settings.prefix}room:{room}"
