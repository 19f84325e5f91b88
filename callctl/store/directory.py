"""What is configured, read from MySQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from MySQLdb.cursors import Cursor

from callctl.model import Account, Endpoint, Limits
from callctl.store.pool import Pool

_PAGE = 1000  # rows; reading a result blocks the process, so it is read in pieces

_ACCOUNT = (
    "SELECT name, active, codecs, codec_check, max_duration, tariff, body, "
    "COALESCE((SELECT MIN(reference) FROM account_hold WHERE account = name AND released_at IS NULL), ''), "
    "COALESCE((SELECT currency FROM tariff WHERE tariff.name = account.tariff), '') "
    "FROM account WHERE name "
)
_ACCOUNTS = f"{_ACCOUNT} > %s ORDER BY name LIMIT %s"
_ENDPOINTS = (
    "SELECT name, account, COALESCE(`user`, ''), COALESCE(domain, ''), COALESCE(extension, ''), caller_id, "
    "COALESCE(address, ''), prefix, codecs, body FROM endpoint WHERE name > %s ORDER BY name LIMIT %s"
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
        accounts = [_account(*row) for row in _pages(cursor, _ACCOUNTS)]
        endpoints = [
            Endpoint(account, name, user, domain, extension, caller_id, address, _codecs(codecs), _limits(body), prefix)
            for name, account, user, domain, extension, caller_id, address, prefix, codecs, body in _pages(
                cursor, _ENDPOINTS
            )
        ]
    return version, accounts, endpoints


def account(cursor: Cursor, name: str) -> Account | None:
    """The account of that name."""
    cursor.execute(f"{_ACCOUNT} = %s", (name,))
    return next((_account(*row) for row in cursor.fetchall()), None)


def lineage(cursor: Cursor, name: str) -> list[Account]:
    """The account, its parent, and so on to the top."""
    found: dict[str, Account] = {}
    while name and name not in found and (above := account(cursor, name)) is not None:
        found[name] = above
        name = above.parent
    return list(found.values())


def _account(
    name: str,
    active: int,
    codecs: str,
    codec_check: int,
    max_duration: int | None,
    tariff: str | None,
    body: str | None,
    held: str,
    currency: str,
) -> Account:
    entry = _entry(body)
    limits = entry.get("limits", {})
    return Account(
        name=name,
        active=bool(active),
        codecs=_codecs(codecs),
        codec_check=bool(codec_check),
        max_duration=max_duration,
        parent=entry.get("parent") or "",
        limits=_limits(body),
        tariff=tariff or "",
        currency=entry.get("currency") or currency,
        timezone=entry.get("timezone", "UTC"),
        credit_limit=Decimal(entry.get("credit_limit", 0)),
        spend_per_day=_amount(limits.get("spend_per_day")),
        price_per_minute=_amount(limits.get("price_per_minute")),
        blocked=tuple(entry.get("blocked", ())),
        allowed=tuple(entry.get("allowed", ())),
        premium=entry.get("premium", False),
        held=held,
    )


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


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
    limits = _entry(body).get("limits", {})
    return Limits(limits.get("calls"), limits.get("cps"))


def _codecs(text: str) -> tuple[str, ...]:
    return tuple(codec for codec in text.split(",") if codec)
