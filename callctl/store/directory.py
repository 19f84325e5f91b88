"""What is configured, read from MySQL."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from MySQLdb.cursors import Cursor

from callctl.model import Account, Endpoint, Limits, Room
from callctl.outside import Outside, Rules
from callctl.store.forwarding import as_wished, wishes
from callctl.store.outside import caller_ids, forward, media, outside, rewriting
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


_ITEMS = "SELECT name, body FROM config_item WHERE name > %s ORDER BY name LIMIT %s"


def config_version(pool: Pool) -> int:
    """The number that grows with every change of what is configured. Raises StoreError."""
    return int(pool.rows("SELECT version FROM config_version WHERE id = 1")[0][0])


def load_directory(pool: Pool) -> tuple[int, list[Account], list[Endpoint], Outside, list[Room]]:
    """The version, all accounts and endpoints, what lies outside and all rooms, of one moment. Raises StoreError."""
    with pool.transaction() as cursor:
        # The version is the first read, and the transaction's snapshot is taken by it: all that follows is of it.
        cursor.execute("SELECT version FROM config_version WHERE id = 1")
        version = int(cursor.fetchone()[0])
        items = _items(cursor)
        around = outside(items)
        accounts = [_account(around.numbers, *row) for row in _pages(cursor, _ACCOUNTS)]
        said = wishes(cursor)
        endpoints = [as_wished(_endpoint(around.numbers, *row), said) for row in _pages(cursor, _ENDPOINTS)]
    return version, accounts, endpoints, around, [Room(**body) for body in items.get("room", {}).values()]


def _items(cursor: Cursor) -> dict[str, dict[str, dict[str, Any]]]:
    items: dict[str, dict[str, dict[str, Any]]] = {}
    for key, body in _pages(cursor, _ITEMS):
        what, _, name = key.partition("/")
        items.setdefault(what, {})[name] = _entry(body)
    return items


def _endpoint(
    numbers: Mapping[str, Rules],
    name: str,
    account: str,
    user: str,
    domain: str,
    extension: str,
    caller_id: str,
    address: str,
    prefix: str,
    codecs: str,
    body: str | None,
) -> Endpoint:
    entry = _entry(body)
    own = entry.get("caller_ids")
    return Endpoint(
        account=account,
        name=name,
        user=user,
        domain=domain,
        extension=extension,
        caller_id=caller_id,
        address=address,
        codecs=_codecs(codecs),
        limits=_limits(body),
        prefix=prefix,
        numbers=rewriting(entry.get("numbers"), numbers),
        caller_ids=None if own is None else caller_ids(own),
        media=media(entry.get("media")),
        forward=forward(entry.get("forward")),
        dnd=entry.get("dnd", False),
    )


def account(cursor: Cursor, name: str) -> Account | None:
    """The account of that name, without its number rules."""
    cursor.execute(f"{_ACCOUNT} = %s", (name,))
    return next((_account({}, *row) for row in cursor.fetchall()), None)


def lineage(cursor: Cursor, name: str) -> list[Account]:
    """The account, its parent, and so on to the top."""
    found: dict[str, Account] = {}
    while name and name not in found and (above := account(cursor, name)) is not None:
        found[name] = above
        name = above.parent
    return list(found.values())


def _account(
    numbers: Mapping[str, Rules],
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
        routes=entry.get("routes") or "",
        tariff_in=entry.get("tariff_in") or "",
        numbers=rewriting(entry.get("numbers"), numbers),
        caller_ids=caller_ids(entry.get("caller_ids")),
        media=media(entry.get("media")),
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
