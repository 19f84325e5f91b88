"""MySQL, as commands open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from callctl.cli.output import Context
from callctl.store.migrate import require_current
from callctl.store.pool import Pool


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
