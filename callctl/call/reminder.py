"""Reminds Redis of money: of all that is held and owed where it has forgotten, and of what nobody may have told it.

Redis is believed only when it was told everything since it runs. So every second it is asked whether it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import gevent
import structlog

from callctl.admission.rebuild import Holding, Owed, Rebuild
from callctl.call.charging import owed
from callctl.cdr.spool import Spool
from callctl.errors import CallctlError

log = structlog.get_logger()

EVERY = 1.0  # seconds between looks whether Redis remembers
HEAL = 60.0  # seconds between comparisons with MySQL
PATIENCE = 10.0  # seconds to wait at the start for nodes to say what is up


class Reminder:
    """`holdings` tells what the live calls of all nodes hold, `zone` the time zone of an account."""

    def __init__(
        self, rebuild: Rebuild, spool: Spool, holdings: Callable[[], Iterable[Holding]], zone: Callable[[str], str]
    ) -> None:
        self._rebuild = rebuild
        self._spool = spool
        self._holdings = holdings
        self._zone = zone
        self._away = ""

    def run(self, ready: Callable[[], bool]) -> None:
        """Remind for ever, from when the nodes have said what is up."""
        deadline = time.monotonic() + PATIENCE
        while not ready() and time.monotonic() < deadline:
            gevent.sleep(0.05)
        told = False
        healed = 0.0
        while True:
            try:
                if not (told and self._rebuild.ready()):
                    told = False
                    self._rebuild.rebuild(list(self._holdings()), list(self._owed()))
                    told, healed = True, time.monotonic()
                    log.info("Redis was told of all money that is held and owed")
                elif time.monotonic() - healed > HEAL:
                    healed = time.monotonic()
                    self._rebuild.heal()
                self._away = ""
            except CallctlError as error:
                if not self._away:
                    log.error("Redis cannot be told of money", error=str(error))
                self._away = str(error)
            gevent.sleep(EVERY)

    def _owed(self) -> Iterator[Owed]:
        """The charges of ended calls that MySQL may not have."""
        for record in self._spool.charged():
            yield from owed(record.fields, self._zone)
