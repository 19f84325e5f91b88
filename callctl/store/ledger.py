"""The books in MySQL: entries that are only ever added, each with the balance after it, and the accounts' balances.

Whoever adds entries to an account holds its row of `account_balance` until they are committed: so entries of one
account follow each other, and every balance is the one before plus the amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from MySQLdb import IntegrityError
from MySQLdb.cursors import Cursor

from callctl.errors import CallctlError
from callctl.store.pool import Pool, put
from callctl.world import Booked

Kind = Literal["call", "topup", "adjust", "refund", "fee"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 MySQL's DATETIME has no zone; all of ours are UTC

# Unlike SELECT ... FOR UPDATE this takes no gap, where two who book the first entry of two accounts would meet.
_LOCK = "INSERT INTO account_balance (account) VALUES (%s) ON DUPLICATE KEY UPDATE account = VALUES(account)"
_INSERT = (
    "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference, note, call_uuid, started_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_KEEP = (
    "INSERT INTO account_balance (account, balance, ledger_id) VALUES (%s, %s, %s)"
    " ON DUPLICATE KEY UPDATE balance = VALUES(balance), ledger_id = VALUES(ledger_id)"
)
_FOUND = (
    "SELECT account, kind, amount, currency, reference, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at), note,"
    " COALESCE(call_uuid, ''), started_at, balance_after, id FROM ledger WHERE "
)


class Entry(NamedTuple):
    """What is added to an account's balance; the amount of a call is negative. `reference` is never booked twice."""

    account: str
    kind: Kind
    amount: Decimal  # at most 6 decimals
    currency: str
    reference: str
    at_us: int
    note: str = ""
    call: str = ""  # the call it charges
    call_at: datetime | None = None  # the start of that call


class Standing(NamedTuple):
    """An account's balance, and the last entry of the ledger in it."""

    balance: Decimal = Decimal(0)
    ledger_id: int = 0


class BookedTwice(CallctlError):
    """A reference is in the books already."""

    def __init__(self) -> None:
        super().__init__("One of the references is in the ledger already: name another, or leave it as it is.")


def lock(cursor: Cursor, accounts: Iterable[str]) -> dict[str, Standing]:
    """Hold the accounts' balances until the transaction ends, in the order of their names, and say what they are."""
    names = sorted(set(accounts))
    if not names:
        return {}
    cursor.executemany(_LOCK, [(name,) for name in names])
    cursor.execute(
        "SELECT account, balance, ledger_id FROM account_balance WHERE account IN %s ORDER BY account FOR UPDATE",
        (names,),
    )
    return {name: Standing(balance, ledger_id) for name, balance, ledger_id in cursor.fetchall()}


def book(cursor: Cursor, entries: Sequence[Entry], held: Mapping[str, Standing] | None = None) -> list[Booked]:
    """Add entries in this order, within the caller's transaction; what that made of each account.

    `held` is what the caller has locked already. Raises BookedTwice, and then the transaction is to be rolled back.
    """
    if not entries:
        return []
    names = {each.account for each in entries}
    held = held or {}
    found = {**held, **lock(cursor, names - held.keys())}
    balances = {name: found[name].balance for name in sorted(names)}
    rows = []
    for entry in entries:
        balances[entry.account] += entry.amount
        rows.append((
            entry.account,
            moment(entry.at_us),
            entry.kind,
            entry.amount,
            balances[entry.account],
            entry.currency,
            entry.reference,
            entry.note,
            entry.call or None,
            entry.call_at,
        ))
    try:
        put(cursor, _INSERT, rows)
    except IntegrityError as error:
        raise BookedTwice from error
    cursor.execute(
        "SELECT account, MAX(id) FROM ledger WHERE reference IN %s GROUP BY account",
        ([entry.reference for entry in entries],),
    )
    last = {str(account): int(ledger_id) for account, ledger_id in cursor.fetchall()}
    cursor.executemany(_KEEP, [(account, balances[account], last[account]) for account in sorted(balances)])
    calls: dict[str, list[str]] = {account: [] for account in balances}
    for entry in entries:
        if entry.call:
            calls[entry.account].append(entry.call)
    return [Booked(account, balances[account], last[account], tuple(calls[account])) for account in balances]


def entry_of(cursor: Cursor, reference: str) -> tuple[Entry, Standing] | None:
    """The entry of that reference, and the balance after it."""
    cursor.execute(f"{_FOUND} reference = %s", (reference,))
    return next(iter(_found(cursor)), None)


def last(cursor: Cursor, account: str, most: int) -> list[tuple[Entry, Standing]]:
    """An account's last entries, each with the balance after it, the oldest of them first."""
    cursor.execute(f"{_FOUND} account = %s ORDER BY id DESC LIMIT %s", (account, most))
    return _found(cursor)[::-1]


def moment(at_us: int) -> datetime:
    """A time as MySQL has it: UTC, without saying so."""
    return _EPOCH + timedelta(microseconds=at_us)


def _found(cursor: Cursor) -> list[tuple[Entry, Standing]]:
    return [(Entry(*columns), Standing(balance, number)) for *columns, balance, number in cursor.fetchall()]


def balances(pool: Pool) -> dict[str, Standing]:
    """The balances of all accounts that ever had an entry. Raises StoreError."""
    return {
        name: Standing(balance, ledger_id)
        for name, balance, ledger_id in pool.rows("SELECT account, balance, ledger_id FROM account_balance")
    }


def standing(cursor: Cursor, account: str) -> Standing:
    """The account's balance now; nothing was ever booked where it is 0 with ledger_id 0."""
    cursor.execute("SELECT balance, ledger_id FROM account_balance WHERE account = %s", (account,))
    return next((Standing(balance, ledger_id) for balance, ledger_id in cursor.fetchall()), Standing())
