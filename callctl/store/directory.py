"""What is configured, read from MySQL."""

from __future__ import annotations

from typing import Any

import orjson
from MySQLdb.cursors import Cursor

from callctl.model import Account, Endpoint, Limits
from callctl.store.pool import Pool

_PAGE = 1000  # rows; reading a result blocks the process, so it is read in pieces

_ACCOUNTS = (
    "SELECT name, active, codecs, codec_check, max_duration, body FROM account WHERE name > %s ORDER BY name LIMIT %s"
)
_ENDPOINTS = (
    "SELECT name, account, COALESCE(`user`, ''), COALESCE(domain, ''), COALESCE(extension, ''), caller_id, "
    "COALESCE(address, ''), codecs, body FROM endpoint WHERE name > %s ORDER BY name LIMIT %s"
)


def config_version(pool: Pool) -> int:
    """The number that grows with every change of what is configured. Raises StoreError."""
    return int(pool.rows("SELECT version FROM config_version WHERE id = 1")[0][0])


def load_directory(pool: Pool) -> tuple[int, list[Account], list[Endpoint]]:
    """The version and all accounts and endpoints of one moment. Raises StoreError."""
    with pool.transaction() as cursor:
        # The version is the first read, and the transaction's snapshot is taken by it: all that follows is of it.
        cursor.execute("SELECT version FROM config_version WHERE id = 1")
        version = int(cursor.fetchone()[0])
        accounts = [
            Account(
                name,
                bool(active),
                _codecs(codecs),
                bool(codec_check),
                max_duration,
                _entry(body).get("parent") or "",
                _limits(body),
            )
            for name, active, codecs, codec_check, max_duration, body in _pages(cursor, _ACCOUNTS)
        ]
        endpoints = [
            Endpoint(account, name, user, domain, extension, caller_id, address, _codecs(codecs), _limits(body))
            for name, account, user, domain, extension, caller_id, address, codecs, body in _pages(cursor, _ENDPOINTS)
        ]
    return version, accounts, endpoints


def _pages(cursor: Cursor, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    last = ""
    while True:
        cursor.execute(sql, (last, _PAGE))
        page = cursor.fetchall()
        rows += page
        if len(page) < _PAGE:
            return rows
        last = page[-1][0]


def _entry(body: str | None) -> dict[str, Any]:
    """The entry as it was applied."""
    entry: dict[str, Any] = orjson.loads(body) if body else {}
    return entry


def _limits(body: str | None) -> Limits:
    return Limits(**_entry(body).get("limits", {}))


def _codecs(text: str) -> tuple[str, ...]:
    return tuple(codec for codec in text.split(",") if codec)
