"""What `callctl apply` writes: tariffs, accounts, endpoints; in one transaction, with a new version if any changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import orjson
from MySQLdb.cursors import Cursor

from callctl.declaration import AccountEntry, Declaration, EndpointEntry
from callctl.declaration_file import Entry
from callctl.store import tariff
from callctl.store.pool import Pool

E = TypeVar("E", bound=Entry)


class Change(NamedTuple):
    """One thing that an apply does. `was` is empty for what is new, `now` for what goes."""

    what: str  # tariff, account, endpoint
    key: str
    was: dict[str, Any]
    now: dict[str, Any]


class Applied(NamedTuple):
    """What was (or would be) changed, and what is configured but in no file."""

    changes: list[Change]
    kept: list[tuple[str, str]]


def account_parents(pool: Pool) -> dict[str, str | None]:
    """Accounts that are configured, each with its parent."""
    rows = pool.rows("SELECT name, body FROM account")
    return {str(name): orjson.loads(body or "{}").get("parent") for name, body in rows}


def apply(pool: Pool, declared: Declaration, *, prune: bool, dry_run: bool) -> Applied:
    """Make the configuration match; what is in no file is kept, or removed with `prune`. Raises StoreError."""
    with pool.transaction() as cursor:
        # Whoever applies holds this row, so that two applies follow each other.
        cursor.execute("SELECT version FROM config_version WHERE id = 1 FOR UPDATE")
        cursor.fetchall()
        tariffs = _compare(cursor, "tariff", declared.tariffs, tariff.body)
        accounts = _compare(cursor, "account", declared.accounts, _body)
        endpoints = _compare(cursor, "endpoint", declared.endpoints, _body)
        kept: list[tuple[str, str]] = []
        changes = []
        for change in (*tariffs, *accounts, *endpoints):
            if change.now or prune:
                changes.append(change)
            else:
                kept.append((change.what, change.key))
        replaced = _write(cursor, changes, declared) if changes and not dry_run else {}
    for name, generation in replaced.items():
        tariff.remove_before(pool, name, generation)
    return Applied(changes, kept)


def _body(entry: Entry, _present: dict[str, Any]) -> dict[str, Any]:
    return entry.model_dump(mode="json", exclude_defaults=True)


def _compare(
    cursor: Cursor, what: str, declared: Mapping[str, E], body_of: Callable[[E, dict[str, Any]], dict[str, Any]]
) -> list[Change]:
    cursor.execute(f"SELECT name, body FROM {what} ORDER BY name")  # noqa: S608  one of the names above
    present = {name: orjson.loads(body or "{}") for name, body in cursor.fetchall()}
    wanted = {key: body_of(entry, present.get(key, {})) for key, entry in declared.items()}
    moved = {key: body for key, body in wanted.items() if present.get(key) != body}
    changes = [Change(what, key, present.get(key, {}), body) for key, body in moved.items()]
    return changes + [Change(what, key, body, {}) for key, body in present.items() if key not in wanted]


def _write(cursor: Cursor, changes: list[Change], declared: Declaration) -> dict[str, int]:
    """What goes, goes first: a number may pass from one endpoint to another in one apply.

    Returns the tariffs whose rates were replaced: all before this generation are to be removed.
    """
    replaced: dict[str, int] = {}
    for change in changes:
        if change.what == "tariff":
            entry = declared.tariffs.get(change.key)
            replaced[change.key] = (
                tariff.write(cursor, entry, change.was, change.now) if entry else tariff.drop(cursor, change.key)
            )
        elif not change.now:
            cursor.execute(f"DELETE FROM {change.what} WHERE name = %s", (change.key,))  # noqa: S608
    for change in changes:
        if change.now and change.what == "account":
            _write_account(cursor, AccountEntry.model_validate(change.now), change)
    moved = [change for change in changes if change.now and change.what == "endpoint"]
    cursor.executemany("DELETE FROM endpoint WHERE name = %s", [(change.key,) for change in moved])
    for change in moved:
        _write_endpoint(cursor, EndpointEntry.model_validate(change.now), change)
    cursor.execute("UPDATE config_version SET version = version + 1 WHERE id = 1")
    return replaced


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
        "INSERT INTO endpoint (name, account, `user`, domain, extension, caller_id, address, codecs, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            change.key,
            entry.account,
            entry.user,
            entry.domain.lower() if entry.domain else None,
            entry.extension,
            entry.caller_id,
            entry.address,
            ",".join(entry.codecs),
            orjson.dumps(change.now),
        ),
    )
