"""Who of several hosts does a thing that one alone should do: a key in Redis that its holder renews."""

from __future__ import annotations

from callctl.live.client import Client, asking
from callctl.settings import Redis

_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""


class Lease:
    """The lease `name`, as `holder` sees it; it ends `seconds` after its holder last asked."""

    def __init__(self, client: Client, settings: Redis, name: str, holder: str, seconds: int) -> None:
        self._client = client
        self._settings = settings
        self._key = settings.prefix + name
        self._arguments: list[str | int] = [holder, seconds]
        self._take = client.register_script(_TAKE)

    def held(self) -> bool:
        """Take the lease if nobody else has it, or renew it; whether it is ours. Raises RedisAway."""
        with asking(self._settings):
            return bool(self._take(keys=[self._key], args=self._arguments))
