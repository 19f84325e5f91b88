"""What `callctl apply` writes, in one transaction, with a new version if anything changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import orjson
from MySQLdb.cursors import Cursor

from callctl.declaration import Declaration
from callctl.declaration.account import AccountEntry, EndpointEntry
from callctl.declaration.check import Bodies, Known
from callctl.declaration.file import Entry
from callctl.store import tariff
from callctl.store.forwarding import forget
from callctl.store.pool import Pool

E = TypeVar("E", bound=Entry)

_NAMING = frozenset({"parent", "tariff", "tariff_in", "routes", "numbers"})  # keys of an account that name others


class Change(NamedTuple):
    """One thing that an apply does. `was` is empty for what is new, `now` for what goes."""

    what: str  # tariff, account, endpoint, numbers, currency, carrier, route, did, room
    key: str
    was: dict[str, Any]
    now: dict[str, Any]


class Applied(NamedTuple):
    """What was (or would be) changed, and what is configured but in no file."""

    changes: list[Change]
    kept: list[tuple[str, str]]


def apply(pool: Pool, declare: Callable[[Known], Declaration], *, prune: bool, dry_run: bool) -> Applied:
    """Make the configuration match what `declare` makes of the present one; the rest is kept, or removed with `prune`.

    An account that has entries in the ledger is closed where it would be removed. Raises what `declare` raises, and
    StoreError.
    """
    with pool.transaction() as cursor:
        # Whoever applies holds this row, so that two applies follow each other.
        cursor.execute("SELECT version FROM config_version WHERE id = 1 FOR UPDATE")
        cursor.fetchall()
        known = _known(cursor)
        declared = declare(Known(booked=known.booked) if prune else known)
        changes = [
            *_compare("tariff", known.tariffs, declared.tariffs, tariff.body),
            *_compare("account", known.accounts, declared.accounts, _body),
            *_compare("endpoint", known.endpoints, declared.endpoints, _body),
            *(
                change
                for what in sorted({*known.items, *declared.items})
                for change in _compare(what, known.items.get(what, {}), declared.items.get(what, {}), _body)
            ),
        ]
        done = [
            _kept_in_the_books(change, known.booked)
            for change in changes
            if change.now or prune or (change.what, change.key) in declared.removed
        ]
        done = [change for change in done if change.now != change.was]
        if done and not dry_run:
            _write(cursor, done, declared)
    if not dry_run and any(change.what == "tariff" for change in done):
        tariff.tidy(pool)
    changed = {(change.what, change.key) for change in done}
    untouched = ((change.what, change.key) for change in changes)
    return Applied(done, [each for each in untouched if each not in changed])


def body_of(cursor: Cursor, what: str, key: str) -> dict[str, Any]:
    """An account, endpoint or tariff as it was applied, without what has its default; empty where there is none."""
    cursor.execute(f"SELECT body FROM {what} WHERE name = %s", (key,))  # noqa: S608  one of the names above
    return next((orjson.loads(body or "{}") for (body,) in cursor.fetchall()), {})


def _known(cursor: Cursor) -> Known:
    cursor.execute("SELECT ledger.account, ledger.currency FROM account_balance JOIN ledger ON ledger.id = ledger_id")
    booked = dict(cursor.fetchall())
    items: dict[str, dict[str, dict[str, Any]]] = {}
    for key, body in _bodies(cursor, "config_item").items():
        what, _, name = key.partition("/")
        items.setdefault(what, {})[name] = body
    return Known(_bodies(cursor, "account"), _bodies(cursor, "endpoint"), _bodies(cursor, "tariff"), items, booked)


def _bodies(cursor: Cursor, table: str) -> dict[str, dict[str, Any]]:
    cursor.execute(f"SELECT name, body FROM {table} ORDER BY name")  # noqa: S608  one of the names above
    return {name: orjson.loads(body or "{}") for name, body in cursor.fetchall()}


def _body(entry: Entry, _present: Mapping[str, Any]) -> dict[str, Any]:
    return entry.model_dump(mode="json", exclude_defaults=True)


def _compare(
    what: str,
    present: Bodies,
    declared: Mapping[str, E],
    body_of: Callable[[E, Mapping[str, Any]], dict[str, Any]],
) -> list[Change]:
    wanted = {key: body_of(entry, present.get(key, {})) for key, entry in declared.items()}
    moved = {key: body for key, body in wanted.items() if present.get(key) != body}
    changes = [Change(what, key, dict(present.get(key, {})), body) for key, body in moved.items()]
    return changes + [Change(what, key, dict(body), {}) for key, body in present.items() if key not in wanted]


def _kept_in_the_books(change: Change, booked: Mapping[str, str]) -> Change:
    """Closes an account that would go and has entries in the ledger; what it names may go."""
    if change.now or change.what != "account" or change.key not in booked:
        return change
    body = {key: value for key, value in change.was.items() if key not in _NAMING}
    return change._replace(now=body | {"name": change.key, "status": "closed", "currency": booked[change.key]})


def _write(cursor: Cursor, changes: list[Change], declared: Declaration) -> None:
    """What goes, goes first: a number may pass from one endpoint to another in one apply."""
    for change in changes:
        if change.what == "tariff":
            entry = declared.tariffs.get(change.key)
            if entry:
                tariff.write(cursor, entry, change.was, change.now)
            else:
                tariff.drop(cursor, change.key)
        elif change.what not in ("account", "endpoint"):
            _write_item(cursor, change)
        elif not change.now:
            cursor.execute(f"DELETE FROM {change.what} WHERE name = %s", (change.key,))  # noqa: S608
            if change.what == "endpoint":
                forget(cursor, change.key)
            if change.what == "account":
                cursor.execute("DELETE FROM account_hold WHERE account = %s", (change.key,))
    for change in changes:
        if change.now and change.what == "account":
            _write_account(cursor, AccountEntry.model_validate(change.now), change)
    moved = [change for change in changes if change.now and change.what == "endpoint"]
    cursor.executemany("DELETE FROM endpoint WHERE name = %s", [(change.key,) for change in moved])
    for change in moved:
        _write_endpoint(cursor, EndpointEntry.model_validate(change.now), change)
    cursor.execute("UPDATE config_version SET version = version + 1 WHERE id = 1")


def _write_item(cursor: Cursor, change: Change) -> None:
    name = f"{change.what}/{change.key}"
    if change.now:
        cursor.execute("REPLACE INTO config_item (name, body) VALUES (%s, %s)", (name, orjson.dumps(change.now)))
    else:
        cursor.execute("DELETE FROM config_item WHERE name = %s", (name,))


def _write_account(cursor: Cursor, entry: AccountEntry, change: Change) -> None:
    cursor.execute(
        "REPLACE INTO account (name, active, codecs, codec_check, max_duration, tariff, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            entry.name,
            entry.status == "active",
            ",".join(entry.codecs),
            entry.codec_check,
            entry.max_duration,
            entry.tariff,
            orjson.dumps(change.now),
        ),
    )


def _write_endpoint(cursor: Cursor, entry: EndpointEntry, change: Change) -> None:
    cursor.execute(
        "INSERT INTO endpoint (name, account, `user`, domain, extension, caller_id, address, prefix, codecs, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            change.key,
            entry.account,
            entry.user,
            entry.domain.lower() if entry.domain else None,
            entry.extension,
            entry.caller_id,
            entry.address,
            entry.prefix or "",
            ",".join(entry.codecs),
            orjson.dumps(change.now),
        ),
    )
