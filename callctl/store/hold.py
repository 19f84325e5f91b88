"""Accounts that an operator has blocked: while a hold of theirs is not released, they make no calls."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from MySQLdb.cursors import Cursor

from callctl.errors import CallctlError
from callctl.store.directory import account as read_account
from callctl.store.pool import Pool


class Hold(NamedTuple):
    """A hold; `released_at` is None while it blocks."""

    reference: str
    account: str
    held_at: datetime
    released_at: datetime | None
    note: str


def block(pool: Pool, account: str, reference: str, note: str) -> bool:
    """Block an account; whether that was not done under this reference before.

    Raises CallctlError where the account is not there, or the reference is another account's or was released.
    """
    with pool.transaction() as cursor:
        found = _locked(cursor, account, reference)
        if found is not None and found.released_at is not None:
            raise CallctlError(f"Hold {reference} of {account} was released already: block it under another reference.")
        if found is None:
            cursor.execute(
                "INSERT INTO account_hold (reference, account, note) VALUES (%s, %s, %s)", (reference, account, note)
            )
            _tell_workers(cursor)
        return found is None


def release(pool: Pool, account: str, reference: str) -> bool:
    """Release a hold; whether that was not done before. Raises CallctlError where there is no such hold."""
    with pool.transaction() as cursor:
        found = _locked(cursor, account, reference)
        if found is None:
            names = ", ".join(hold.reference for hold in holds(cursor, account)) or "nothing"
            raise CallctlError(f"Account {account} is not held by {reference}, but by {names}: correct the reference.")
        if found.released_at is None:
            cursor.execute(
                "UPDATE account_hold SET released_at = UTC_TIMESTAMP(6) WHERE reference = %s", (reference,)
            )
            _tell_workers(cursor)
        return found.released_at is None


def holds(cursor: Cursor, account: str) -> list[Hold]:
    """What blocks an account now."""
    cursor.execute(
        "SELECT reference, account, held_at, released_at, note FROM account_hold "
        "WHERE account = %s AND released_at IS NULL ORDER BY held_at",
        (account,),
    )
    return [Hold(*row) for row in cursor.fetchall()]


def _locked(cursor: Cursor, account: str, reference: str) -> Hold | None:
    """The hold of that reference; whoever changes what is configured waits until the transaction ends."""
    cursor.execute("SELECT version FROM config_version WHERE id = 1 FOR UPDATE")
    cursor.fetchall()
    if read_account(cursor, account) is None:
        raise CallctlError(f"There is no account {account}: `callctl account list` names those there are.")
    cursor.execute(
        "SELECT reference, account, held_at, released_at, note FROM account_hold WHERE reference = %s", (reference,)
    )
    found = next((Hold(*row) for row in cursor.fetchall()), None)
    if found is not None and found.account != account:
        raise CallctlError(f"Hold {reference} is one of account {found.account}: name another reference.")
    return found


def _tell_workers(cursor: Cursor) -> None:
    cursor.execute("UPDATE config_version SET version = version + 1 WHERE id = 1")
