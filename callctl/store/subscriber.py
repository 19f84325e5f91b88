"""Phones' passwords in Kamailio's `subscriber` table: their hashes only, those of endpoints that have one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from callctl.store.configuration import Change
from callctl.store.pool import Pool

_AT_ONCE = 1000  # rows of one statement
_OURS = "SELECT `user`, domain, JSON_UNQUOTE(JSON_EXTRACT(body, '$.ha1')) FROM endpoint WHERE body LIKE '%%\"ha1\"%%'"


class Phone(NamedTuple):
    """Whom a hash is of."""

    user: str
    domain: str


def provision(pool: Pool, kamailio: Pool, table: str, changes: Iterable[Change]) -> int:
    """Make `table` hold the hash of every endpoint that has one, and of none that `changes` took it from.

    Returns how many rows changed; twice changes nothing, so what failed half-way is made up for by the next time. What
    else the table holds is somebody else's and stays. Raises StoreError.
    """
    wanted, found = compare(pool, kamailio, table)
    gone = {phone for phone in _had_one(changes) if phone in found and phone not in wanted}
    add = [(*phone, ha1) for phone, ha1 in wanted.items() if phone not in found]
    move = [(ha1, *phone) for phone, ha1 in wanted.items() if found.get(phone, ha1) != ha1]
    with kamailio.transaction() as cursor:
        for begin in range(0, len(add), _AT_ONCE):
            cursor.executemany(
                f"INSERT INTO {table} (username, domain, ha1, password) VALUES (%s, %s, %s, '')",  # noqa: S608
                add[begin : begin + _AT_ONCE],
            )
        cursor.executemany(f"UPDATE {table} SET ha1 = %s, password = '' WHERE username = %s AND domain = %s", move)  # noqa: S608
        cursor.executemany(f"DELETE FROM {table} WHERE username = %s AND domain = %s", sorted(gone))  # noqa: S608
    return len(add) + len(move) + len(gone)


def compare(pool: Pool, kamailio: Pool, table: str) -> tuple[dict[Phone, str], dict[Phone, str]]:
    """The hashes of endpoints that have one, and those that `table` holds. Raises StoreError."""
    wanted = {Phone(user, domain): str(ha1) for user, domain, ha1 in pool.rows(_OURS)}
    return wanted, {Phone(user, domain): str(ha1) for user, domain, ha1 in kamailio.rows(_all(table))}


def _all(table: str) -> str:
    return f"SELECT username, domain, ha1 FROM {table}"  # noqa: S608  checked where settings are read


def _had_one(changes: Iterable[Change]) -> Iterable[Phone]:
    for change in changes:
        if change.what == "endpoint" and "ha1" in change.was:
            yield Phone(change.was["user"], change.was["domain"].lower())
