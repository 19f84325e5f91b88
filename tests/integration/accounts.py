"""Accounts' money in MySQL, as tests put it there."""

import time
from decimal import Decimal

import orjson

from callctl.store.balance import reference
from callctl.store.ledger import Entry, book, standing
from callctl.store.pool import Pool
from callctl.world import Booked


def put_account(database: Pool, name: str, **entry: str) -> None:
    """An account as `callctl apply` leaves it."""
    with database.transaction() as cursor:
        cursor.execute("REPLACE INTO account (name, body) VALUES (%s, %s)", (name, orjson.dumps(entry).decode()))


def put_balance(database: Pool, account: str, balance: str) -> Booked:
    """Bring an account's balance to so much, by a top-up."""
    with database.transaction() as cursor:
        before = standing(cursor, account)
        amount = Decimal(balance) - before.balance
        name = f"topup:{account}:{before.ledger_id}"
        return book(cursor, [Entry(account, "topup", amount, "USD", name, time.time_ns() // 1000)])[0]


def book_call(database: Pool, call: str, account: str, cost: str) -> Booked:
    """Book what a call cost that ended now, as the writer does."""
    with database.transaction() as cursor:
        at = time.time_ns() // 1000
        return book(cursor, [Entry(account, "call", -Decimal(cost), "USD", reference(call, account), at, "", call)])[0]
