"""What is heard of a node's calls on its way: to the spool, to who watches, and into what Redis knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gevent
import structlog

from callctl.call import facts
from callctl.cdr.spool import Record, Spool
from callctl.errors import SpoolError
from callctl.esl.wire import Event
from callctl.live.publisher import Publisher
from callctl.settings import Redis

log = structlog.get_logger()


class Story:
    """Of one node."""

    def __init__(self, node: str, settings: Redis, spool: Spool, publisher: Publisher) -> None:
        self._node = node
        self._settings = settings
        self._spool = spool
        self._publisher = publisher

    def tell(
        self, event: Event, name: str, data: Mapping[str, Any], records: list[Record], call: str, account: str
    ) -> None:
        """Keep the records of an event and the event itself, and let watchers see it.

        `call` where the event is not of the A-leg, `account` where it does not say.
        """
        started_us = event.number("variable_callctl_started") if call else event.number("Caller-Channel-Created-Time")
        call = call or event.get("Unique-ID")
        at = event.number("Event-Date-Timestamp")
        line = facts.event(call, started_us, event.number("Event-Sequence"), at, name, data)
        self.record([*records, line])
        self._publisher.event(name, call, at, self._node, event.variable("callctl_account") or account, data)

    def record(self, records: list[Record]) -> None:
        """Hold the feed up rather than lose a record: FreeSWITCH keeps what we do not read."""
        while True:
            try:
                self._spool.put(records)
            except SpoolError as error:
                log.error("spool is full; the feed waits", error=str(error))
                gevent.sleep(0.5)
            else:
                return

    def write(self, act: Callable[..., None], *values: Any) -> None:
        """Do something in Redis, in turn: its client and settings come before the values."""
        self._publisher.write(lambda pipe: act(pipe, self._settings, *values))
