"""The calls that are up now, mirrored to Redis: what a node's feed has heard and not yet heard the end of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from callctl.live import metrics
from callctl.live.client import Client, asking
from callctl.live.publisher import Publisher
from callctl.settings import Redis
from callctl.world import CARRIER

LEASE = 90  # seconds the mirror of a node outlives the last word of its feed


@dataclass(slots=True)
class LiveCall:
    """A call that is up. `since_us` is its start, microseconds since the epoch."""

    uuid: str
    state: str  # routed, ringing, answered
    account: str
    caller: str
    called: str
    since_us: int
    node: str
    levels: tuple[str, ...] = ()  # where it holds a place, see callctl.admission
    payer: str = ""  # the account nearest its caller that pays for it


class NodeCalls:
    """The live calls of one node."""

    def __init__(self, node: str, publisher: Publisher, settings: Redis) -> None:
        self._node = node
        self._key = f"{settings.prefix}live:{node}"
        self._publisher = publisher
        self._calls: dict[str, LiveCall] = {}
        self._carriers: Counter[str] = Counter()  # the calls that hold a place at each

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(list(self._calls.values()))

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, uuid: str) -> LiveCall | None:
        """The call, when it is up."""
        return self._calls.get(uuid)

    def put(self, call: LiveCall) -> None:
        """A call is up, or more is known of it."""
        self._count(self._calls.get(call.uuid), call)
        self._calls[call.uuid] = call
        key, uuid, body = self._key, call.uuid, orjson.dumps(asdict(call))
        self._publisher.write(lambda pipe: pipe.hset(key, uuid, body))
        metrics.live_calls.labels(self._node).set(len(self._calls))

    def drop(self, uuid: str) -> None:
        """A call ended."""
        self._count(self._calls.pop(uuid, None), None)
        key = self._key
        self._publisher.write(lambda pipe: pipe.hdel(key, uuid))
        metrics.live_calls.labels(self._node).set(len(self._calls))

    def _count(self, before: LiveCall | None, now: LiveCall | None) -> None:
        """Where a call held places, and where it does now."""
        for call, step in (before, -1), (now, 1):
            for level in call.levels if call is not None else ():
                if level.startswith(CARRIER):
                    name = level.removeprefix(CARRIER)
                    self._carriers[name] += step
                    metrics.carrier_calls.labels(name, self._node).set(self._carriers[name])

    def renew(self) -> None:
        """The feed is alive: so is its mirror."""
        key, mark = self._key, f"{self._key}:feed"

        def write(pipe: Any) -> None:
            pipe.expire(key, LEASE)
            pipe.set(mark, "up", ex=LEASE)

        self._publisher.write(write)

    def rewrite(self) -> None:
        """Redis was away, or came back empty: write the whole mirror."""
        key = self._key
        self._publisher.write(lambda pipe: pipe.delete(key))
        for call in self:
            self.put(call)
        self.renew()

    def lost(self) -> None:
        """The feed went: the mirror stays until its lease ends, marked as no longer followed."""
        mark = f"{self._key}:feed"
        self._publisher.write(lambda pipe: pipe.set(mark, "down", ex=LEASE))


def read(client: Client, settings: Redis, nodes: Iterable[str]) -> tuple[list[LiveCall], list[str]]:
    """Live calls of `nodes`, oldest first, and the nodes whose feed nobody follows. Raises RedisAway."""
    calls: list[LiveCall] = []
    unheard: list[str] = []
    for node in nodes:
        key = f"{settings.prefix}live:{node}"
        with asking(settings):
            bodies: Any = client.hvals(key)
            if client.get(f"{key}:feed") != "up":
                unheard.append(node)
        calls += [LiveCall(**orjson.loads(body)) for body in bodies]
    return sorted(calls, key=lambda call: call.since_us), unheard
