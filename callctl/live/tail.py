"""Reading the stream of live events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from callctl.live.client import asking, connect
from callctl.settings import Redis

BLOCK = 1.0  # seconds one read may wait


class LiveEvent(NamedTuple):
    """One event of the stream. `at_us` is the switch's time, microseconds since the epoch."""

    event: str
    call: str
    at_us: int
    node: str
    account: str
    data: dict[str, Any]


def follow(settings: Redis, since_seconds: float | None) -> Iterator[LiveEvent]:
    """Events from `since_seconds` ago, from now on without it, for ever. Raises RedisAway."""
    patient = settings.model_copy(update={"timeout": settings.timeout + BLOCK})
    redis = connect(patient)
    stream = settings.prefix + "events"
    last = "$" if since_seconds is None else str(int((time.time() - since_seconds) * 1000))
    if last == "$":
        with asking(settings):
            newest: Any = redis.xrevrange(stream, count=1)
        last = newest[0][0] if newest else "0"
    while True:
        with asking(settings):
            answer: Any = redis.xread({stream: last}, count=500, block=int(BLOCK * 1000))
        for _, entries in answer or ():
            for last, fields in entries:  # noqa: B007  the newest id is where the next read begins
                yield LiveEvent(
                    fields["event"],
                    fields["call"],
                    int(fields["at"]),
                    fields["node"],
                    fields["account"],
                    orjson.loads(fields["data"]),
                )
