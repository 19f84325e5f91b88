"""Live state on its way to Redis: never waited for by a call, in order, in pipelines.

While Redis is away a bounded number of writes is kept and the oldest are dropped; calls go on, and the log and the
metrics say so. What was dropped from the stream of events stands in MySQL's `call_event` all the same.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import gevent
import orjson
import structlog
from gevent.event import Event as Signal
from gevent.lock import BoundedSemaphore

from callctl.errors import RedisAway
from callctl.live import metrics
from callctl.live.client import Client, asking
from callctl.settings import Redis

log = structlog.get_logger()

KEPT = 20_000  # writes kept while Redis is away
PIPELINE = 500
GATHER = 0.02  # seconds; a journey to Redis for many writes costs little more than for one
RETRY = 1.0  # seconds
TRIM = 30.0  # seconds between cuts of the stream by age
REPEATS = 60  # seconds in which an event that is told again is known to be the same

# Every host hears every node: what several tell is appended once. Both keys are of one slot of a cluster.
_APPEND_ONCE = """
if redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
end
"""

Write = Callable[[Any], object]  # puts one command on a pipeline


class Publisher:
    """`run` in a greenlet of its own; everything else returns at once."""

    def __init__(self, client: Client, settings: Redis, on_return: Callable[[], None] = lambda: None) -> None:
        self.stream = settings.prefix + "events"
        self._client = client
        self._settings = settings
        self._on_return = on_return
        self._writes: deque[Write] = deque(maxlen=KEPT)
        self._wake = Signal()
        self._sending = BoundedSemaphore()  # one batch after the other, so that the last word on a key is written last
        self._dropped = 0
        self._trimmed = 0.0
        self.away = False

    def event(
        self,
        name: str,
        call: str,
        at_us: int,
        node: str,
        account: str,
        data: Mapping[str, Any],
        once: str = "",
        seconds: int = REPEATS,
    ) -> None:
        """Append to the stream of live events, unless another host has told the same.

        What is the same is named by `once`, and known to be for so many seconds; else it is the event of that moment.
        """
        fields = {
            "event": name,
            "call": call,
            "at": str(at_us),
            "node": node,
            "account": account,
            "data": orjson.dumps(data).decode(),
        }
        seen = f"{{{self.stream}}}:{once or f'{call}:{at_us}'}:{name}"
        values = [seconds, self._settings.events_max, *chain.from_iterable(fields.items())]
        self.write(lambda pipe: pipe.eval(_APPEND_ONCE, 2, self.stream, seen, *values))

    def write(self, write: Write) -> None:
        """Queue a command; the oldest goes when too many wait."""
        if len(self._writes) == KEPT:
            self._drop(1)
        self._writes.append(write)
        self._wake.set()

    def run(self) -> None:
        """Send what is queued, for ever."""
        metrics.redis_up.set(1)  # as far as is known
        while True:
            self._wake.wait()
            gevent.sleep(GATHER)
            self._wake.clear()
            while self._writes:
                self._send_some()
                if self.away:
                    gevent.sleep(RETRY)  # with nothing under way, or a flush would wait for it

    def flush(self, seconds: float) -> None:
        """Send what is left, giving up after `seconds` or when Redis is away."""
        deadline = time.monotonic() + seconds
        while (self._writes or self._sending.locked()) and not self.away and time.monotonic() < deadline:
            self._send_some()

    def _send_some(self) -> None:
        with self._sending:
            self._send_batch()

    def _send_batch(self) -> None:
        batch = [self._writes.popleft() for _ in range(min(PIPELINE, len(self._writes)))]
        try:
            with asking(self._settings):
                pipe = self._client.pipeline(transaction=False)
                for write in batch:
                    write(pipe)
                self._trim(pipe)
                pipe.execute()
        except RedisAway as error:
            lost = max(0, len(batch) + len(self._writes) - KEPT)
            self._drop(lost)
            self._writes.extendleft(reversed(batch[lost:]))
            if not self.away:
                self.away = True
                metrics.redis_up.set(0)
                log.error("Redis is away; calls go on, live events wait", error=str(error))
            return
        if self.away:
            self.away = False
            log.warning("Redis is back", dropped=self._dropped)
            self._dropped = 0
            self._on_return()
        metrics.redis_up.set(1)

    def _drop(self, writes: int) -> None:
        self._dropped += writes
        metrics.live_writes_dropped.inc(writes)

    def _trim(self, pipe: Any) -> None:
        if time.monotonic() - self._trimmed > TRIM:
            self._trimmed = time.monotonic()
            oldest = int((time.time() - self._settings.events_age) * 1000)
            pipe.xtrim(self.stream, minid=oldest, approximate=True)
