"""MySQL, as commands open it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from callctl.cli.output import Context
from callctl.store.configuration import Change
from callctl.store.migrate import require_current
from callctl.store.pool import Pool
from callctl.store.subscriber import provision


@contextmanager
def opened(
    context: Context, deadline: float | None = None, *, connections: int = 1, loads: bool = False
) -> Iterator[Pool]:
    """Connections to MySQL, whose schema is the one this callctl was written for. Raises StoreError, ConfigError."""
    pool = Pool(context.settings.mysql, connections, deadline, loads=loads)
    try:
        require_current(pool)
        yield pool
    finally:
        pool.close()


def provide_phones(context: Context, pool: Pool, changes: Iterable[Change]) -> None:
    """Have edges know phones by what is configured, where settings name the table for it. Raises StoreError."""
    location = context.settings.location
    if not location.subscriber:
        return
    kamailio = Pool(context.settings.location_mysql, 1)
    try:
        provision(pool, kamailio, location.subscriber, changes)
    finally:
        kamailio.close()
