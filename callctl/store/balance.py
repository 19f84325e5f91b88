"""What MySQL says of accounts' money: what Redis's copy is opened and healed from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson
from MySQLdb.cursors import Cursor

from callctl.store.ledger import Standing, standing
from callctl.store.pool import Pool
from callctl.world import Booked

_PAGE = 500  # names in one statement


class Opening(NamedTuple):
    """An account at one moment; `booked` are those of the calls asked about whose charge `balance` contains."""

    balance: Decimal
    ledger_id: int  # the last entry that `balance` contains
    day: str  # its own, YYYY-MM-DD
    spent: Decimal  # that day, by calls
    booked: tuple[str, ...] = ()


def reference(call: str, account: str) -> str:
    """The ledger's reference of what a call cost an account."""
    return f"call:{call}:{account}"


class Balances:
    """The balances behind `pool`. Every answer is of one moment. All raise StoreError."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def opening(self, account: str, calls: Sequence[str] = ()) -> Opening:
        """An account as it stands, with what it spent on its present day."""
        with self._pool.transaction() as cursor:
            balance, ledger_id = standing(cursor, account)
            day, start, end = _today(_zone(cursor, account))
            cursor.execute(
                "SELECT COALESCE(SUM(-amount), 0) FROM ledger "
                "WHERE account = %s AND kind = 'call' AND at >= %s AND at < %s",
                (account, start, end),
            )
            spent = cursor.fetchone()[0]
            return Opening(balance, ledger_id, day, spent, _booked(cursor, {account: calls})[account])

    def booked(self, pending: Mapping[str, Sequence[str]]) -> list[Booked]:
        """How accounts stand, and which of the calls given for each are booked. Those without balance are left out."""
        with self._pool.transaction() as cursor:
            balances = _balances(cursor, pending)
            calls = _booked(cursor, pending)
        return [Booked(account, *balance, calls[account]) for account, balance in balances.items()]


def _pages(names: Collection[str]) -> Iterator[list[str]]:
    ordered = list(names)
    for begin in range(0, len(ordered), _PAGE):
        yield ordered[begin : begin + _PAGE]


def _balances(cursor: Cursor, accounts: Collection[str]) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    for names in _pages(accounts):
        cursor.execute("SELECT account, balance, ledger_id FROM account_balance WHERE account IN %s", (names,))
        found.update({account: Standing(balance, ledger_id) for account, balance, ledger_id in cursor.fetchall()})
    return found


def _booked(cursor: Cursor, pending: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    asked = {reference(call, account): (account, call) for account, calls in pending.items() for call in calls}
    booked: dict[str, list[str]] = {account: [] for account in pending}
    for names in _pages(asked):
        cursor.execute("SELECT reference FROM ledger WHERE reference IN %s", (names,))
        for (name,) in cursor.fetchall():
            account, call = asked[name]
            booked[account].append(call)
    return {account: tuple(calls) for account, calls in booked.items()}


def _zone(cursor: Cursor, account: str) -> str:
    cursor.execute("SELECT body FROM account WHERE name = %s", (account,))
    row = cursor.fetchone()
    return str(orjson.loads(row[0]).get("timezone", "UTC")) if row and row[0] else "UTC"


def _today(zone: str) -> tuple[str, datetime, datetime]:
    """The day it is in a time zone, and when it begins and ends, as MySQL's columns count time."""
    here = ZoneInfo(zone)
    today = datetime.now(here).date()
    return today.isoformat(), _midnight(today, here), _midnight(today + timedelta(days=1), here)


def _midnight(day: date, here: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), here).astimezone(UTC).replace(tzinfo=None)
