"""What is heard of a node's calls on its way: to the spool, to who watches, and into what Redis knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gevent
import structlog

from callctl.admission import money
from callctl.call import facts
from callctl.call.reminder import owed
from callctl.cdr.spool import Record, Spool
from callctl.errors import SpoolError
from callctl.esl.wire import Event
from callctl.live.publisher import Publisher
from callctl.settings import Redis

log = structlog.get_logger()


class Story:
    """Of one node. `zone` is an account's time zone."""

    def __init__(
        self, node: str, settings: Redis, spool: Spool, publisher: Publisher, zone: Callable[[str], str]
    ) -> None:
        self._node = node
        self._settings = settings
        self._spool = spool
        self._publisher = publisher
        self._zone = zone

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

    def settle(self, last: Mapping[str, Any], held_at: Iterable[str]) -> None:
        """A call ended: it owes what its final record says, and holds nothing any more."""
        charged = owed(last, self._zone)
        for each in charged:
            self.write(money.settle, *each)
        for account in set(held_at) - {each.account for each in charged}:
            self.write(money.release, last["call_uuid"], account)

    def write(self, act: Callable[..., None], *values: Any) -> None:
        """Do something in Redis, in turn: its client and settings come before the values."""
        self._publisher.write(lambda pipe: act(pipe, self._settings, *values))
