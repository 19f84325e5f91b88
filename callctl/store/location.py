"""Live registrations, read from the `location` table that Kamailio or OpenSIPS writes."""

from __future__ import annotations

from callctl.routing.location import Contact
from callctl.settings import Location
from callctl.store.pool import Pool

_LIMIT = 100  # rows of one callee; the newest are kept

_COLUMNS = {
    "kamailio": "ruid, contact, received, path, socket, server_id, q, last_modified, cseq, instance, reg_id",
    "opensips": "contact_id, contact, received, path, socket, 0, q, last_modified, cseq, sip_instance, 0",
}
# A permanent contact has expires 0: for Kamailio the epoch in its own time zone, so up to a day around it.
_LIVE = {
    "kamailio": "(expires > UTC_TIMESTAMP() OR expires < '1970-01-03')",
    "opensips": "(expires > UNIX_TIMESTAMP() OR expires = 0)",
}


class LocationStore:
    """The `location` table behind `pool`, as `settings` names it."""

    def __init__(self, pool: Pool, settings: Location) -> None:
        self._pool = pool
        self._use_domain = settings.use_domain
        table = ".".join(f"`{part}`" for part in settings.table.split("."))
        domain = " AND domain = %s" if settings.use_domain else ""
        self._select = (
            f"SELECT {_COLUMNS[settings.kind]} FROM {table} WHERE username = %s{domain} AND {_LIVE[settings.kind]}"  # noqa: S608
            f" ORDER BY last_modified DESC LIMIT {_LIMIT}"
        )

    def contacts(self, user: str, domain: str) -> list[Contact]:
        """Live rows of user@domain, of the user at any domain without use_domain. Raises StoreError: could not ask."""
        args = (user, domain) if self._use_domain else (user,)
        return [Contact(str(row[0]), *row[1:]) for row in self._pool.rows(self._select, args)]
