"""How good carriers were lately, kept in memory so that no call waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from random import uniform

import gevent
import structlog

from callctl.errors import ServiceAway
from callctl.outside import Quality, Route
from callctl.store.pool import Pool
from callctl.store.quality import measure

log = structlog.get_logger()

EVERY = 60.0  # seconds between looks at the records, more or less: workers shall not all ask at once
FORGOTTEN = 600.0  # seconds after which what could not be read anew is no longer believed


class Qualities:
    """What was read last; nothing while it could not be read for long."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: Mapping[str, Mapping[str, Quality]] = {}
        self._since = 0.0

    def of(self, prefix: str) -> Mapping[str, Quality]:
        """The quality of carriers with calls to a prefix, by their names."""
        return self._known.get(prefix, {}) if time.monotonic() - self._since < FORGOTTEN else {}

    def read(self, routes: Iterable[Route]) -> None:
        """Look at the records, for what these routes choose by. MySQL away leaves what was known."""
        wanted = asked(routes)
        try:
            self._known = measure(self._pool, wanted) if wanted else {}
        except ServiceAway as error:
            log.warning("the quality of carriers could not be read", error=str(error))
        else:
            self._since = time.monotonic()

    def keep_fresh(self, routes: Callable[[], Iterable[Route]]) -> None:
        """Look for ever."""
        while True:
            self.read(routes())
            gevent.sleep(EVERY * uniform(0.75, 1.25))  # noqa: S311


def asked(routes: Iterable[Route]) -> dict[str, set[str]]:
    """The carriers of each prefix for which any entry chooses by quality."""
    found: dict[str, set[str]] = {}
    for route in routes:
        for prefix, entries in route.entries.items():
            for entry in entries:
                if entry.choose == "quality":
                    found.setdefault(prefix, set()).update(name for name, _ in entry.carriers)
    return found
