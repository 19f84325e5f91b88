"""Concurrent calls and calls a second, at each level that has a limit: leases, not counters.

A call's place is a member of its level's set, keyed by the call's UUID, with an expiry that is moved on while the call
lasts. So a crash heals by itself, and an end that is heard twice takes nothing twice. A script touches the keys of one
level only (one hash tag), so that it runs on a cluster; all levels are asked at once, and what was taken is given back
when one refuses.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from callctl.live.client import Client, asking
from callctl.settings import Redis
from callctl.world import Admitted, Level

LEASE = 180  # seconds; more than a call may take to ring where nobody yet renews it
SECOND = 1000  # milliseconds over which calls a second are counted

_ADMIT = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local uuid, most_calls, most_starts, asking = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - {SECOND})
local calls = redis.call('ZCARD', KEYS[1])
local starts = redis.call('ZCARD', KEYS[2])
if redis.call('ZSCORE', KEYS[1], uuid) then return {{'', calls, starts}} end
if most_starts >= 0 and starts >= most_starts then return {{'cps', calls, starts}} end
if most_calls >= 0 and calls >= most_calls then return {{'calls', calls, starts}} end
if not asking then
    redis.call('ZADD', KEYS[1], now + {LEASE * 1000}, uuid)
    redis.call('PEXPIRE', KEYS[1], {LEASE * 1000})
    redis.call('ZADD', KEYS[2], now, uuid)
    redis.call('PEXPIRE', KEYS[2], {2 * SECOND})
end
return {{'', calls + 1, starts + 1}}
"""


class Limits:
    """The levels' places in Redis."""

    def __init__(self, client: Client, settings: Redis) -> None:
        self._settings = settings
        self._client = client
        self._admit = client.register_script(_ADMIT)

    def admit(self, call: str, levels: Sequence[Level], *, only_ask: bool = False) -> list[Admitted]:
        """Take a place at each level; the last of what is returned says which refused, if one did, and then none is
        kept. Twice for one call is once. `only_ask` takes nothing. Raises RedisAway.
        """
        asked = [
            (
                [calls_key(self._settings, level.name), self._starts_key(level.name)],
                [call, *(-1 if limit is None else limit for limit in (level.calls, level.cps)), int(only_ask)],
            )
            for level in levels
        ]
        with asking(self._settings):
            answers = self._client.evaluate(self._admit, asked)
        found = [
            Admitted(level, answer[0], int(answer[1]), int(answer[2]))
            for level, answer in zip(levels, answers, strict=True)
        ]
        refused = next((position for position, each in enumerate(found) if each.refused), None)
        if refused is None:
            return found
        self._give_back(call, [taken.level for taken in found if not taken.refused])
        return found[: refused + 1]

    def in_use(self, level: Level) -> tuple[int, int]:
        """How many calls and starts of the last second a level counts. Raises RedisAway."""
        with asking(self._settings):
            seconds, micros = self._client.time()
            now = seconds * 1000 + micros // 1000
            calls = self._client.zcount(calls_key(self._settings, level.name), f"({now}", "+inf")
            starts = self._client.zcount(self._starts_key(level.name), f"({now - SECOND}", "+inf")
            return calls, starts

    def _give_back(self, call: str, levels: Sequence[Level]) -> None:
        with asking(self._settings):
            for level in levels:
                self._client.zrem(calls_key(self._settings, level.name), call)
                self._client.zrem(self._starts_key(level.name), call)

    def _starts_key(self, level: str) -> str:
        return f"{self._settings.prefix}{{{level}}}:starts"


def calls_key(settings: Redis, level: str) -> str:
    """The set of a level's calls."""
    return f"{settings.prefix}{{{level}}}:calls"


def release(pipe: Any, settings: Redis, call: str, levels: Iterable[str]) -> None:
    """Give the places of a call back, on a pipeline."""
    for level in levels:
        pipe.zrem(calls_key(settings, level), call)


def renew(pipe: Any, settings: Redis, call: str, levels: Iterable[str]) -> None:
    """Move the expiry of a live call's places on; a place that Redis lost is there again."""
    until = int((time.time() + LEASE) * 1000)
    for level in levels:
        key = calls_key(settings, level)
        pipe.zadd(key, {call: until})
        pipe.pexpire(key, LEASE * 1000)
