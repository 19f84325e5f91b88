"""What is configured, kept in memory and read anew when it changes."""

from __future__ import annotations

import gevent
import structlog

from callctl.directory import Snapshot
from callctl.errors import ServiceAway, StoreError
from callctl.model import Account
from callctl.store.directory import config_version, load_directory
from callctl.store.pool import Pool

log = structlog.get_logger()

REFRESH = 3.0  # seconds between looks at the configuration's version


class Configuration:
    """`directory` is None until MySQL could be read for the first time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.directory: Snapshot | None = None

    def account(self, name: str) -> Account | None:
        """The account of that name. Raises StoreError while nothing could be read."""
        if self.directory is None:
            raise StoreError("Accounts could not be read from MySQL yet: check MySQL.")
        return self.directory.account(name)

    def zone(self, name: str) -> str:
        """The time zone of an account; UTC where it is not known."""
        account = self.directory.account(name) if self.directory else None
        return account.timezone if account else "UTC"

    def refresh(self) -> bool:
        """Read the configuration when its version changed; whether it did. Raises StoreError."""
        if self.directory is not None and config_version(self._pool) == self.directory.version:
            return False
        self.directory = Snapshot(*load_directory(self._pool))
        return True

    def refresh_if_possible(self) -> bool:
        """Refresh; MySQL away leaves the last configuration in force."""
        try:
            return self.refresh()
        except ServiceAway as error:
            log.warning("configuration could not be read; the last one stays in force", error=str(error))
            return False

    def keep_fresh(self) -> None:
        """Refresh for ever."""
        while True:
            gevent.sleep(REFRESH)
            self.refresh_if_possible()
