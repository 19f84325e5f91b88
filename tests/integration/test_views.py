"""The views that billing jobs and reports read."""

from datetime import date
from decimal import Decimal

import pytest

from callctl.store import numbering
from callctl.store.pool import Pool

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def pool(database: Pool) -> Pool:
    return database


def call(pool: Pool, uuid: str, started: str, seconds: int | None, **columns) -> None:
    """A call that ended; answered where it lasted `seconds`."""
    row = {
        "call_uuid": uuid, "started_at": started, "state": "final", "account": "acme", "kind": "pstn",
        "duration_ms": 1000 * (seconds or 0), "answered_at": started if seconds is not None else None, **columns,
    }  # fmt: skip
    with pool.transaction() as cursor:
        names = ", ".join(row)
        cursor.execute(f"INSERT INTO cdr ({names}) VALUES %s", (tuple(row.values()),))
        if seconds is not None:
            cursor.execute("INSERT INTO unsettled (call_uuid, started_at) VALUES (%s, %s)", (uuid, started))


def charge(
    pool: Pool, uuid: str, started: str, account: str, amount: str, tax: str, currency: str = "USD", side: str = "sell"
) -> None:
    with pool.transaction() as cursor:
        cursor.execute(
            "INSERT INTO cdr_charge VALUES (%s, %s, %s, 0, %s, 'gold', '44', 'UK', 60, %s, %s, %s)",
            (uuid, account, side, started, amount, tax, currency),
        )


def test_a_billable_call_stands_there_once_under_its_last_number(pool: Pool):
    paid = {"cost": "0.4", "carrier": "c1"}
    paid |= {"price": "1.5", "tax": "0.15", "currency": "USD", "billed_seconds": 60, "tariff": "gold"}
    call(pool, "a", "2026-03-01 10:00:00", 59, called="4420", destination="UK", **paid)
    call(pool, "free", "2026-03-01 11:00:00", 5)
    call(pool, "refused", "2026-03-01 12:00:00", None)
    numbering.number(pool)
    with pool.transaction() as cursor:
        cursor.execute("INSERT INTO unsettled (call_uuid, started_at) VALUES ('a', '2026-03-01 10:00:00')")
    numbering.number(pool)
    found = pool.records("SELECT * FROM v_billable_call ORDER BY settled_seq")
    assert [(row["settled_seq"], row["call_uuid"], row["amount"]) for row in found] == [
        (2, "free", None), (3, "a", Decimal("1.65")),
    ]  # fmt: skip
    known = {
        "account": "acme", "called": "4420", "destination": "UK", "billed_seconds": 60, "price": Decimal("1.5"),
        "tax": Decimal("0.15"), "currency": "USD", "duration_ms": 59_000, "margin": Decimal("1.1"),
    }  # fmt: skip
    assert {name: found[1][name] for name in known} == known
    assert str(found[1]["started_at"]) == "2026-03-01 10:00:00"


def test_an_accounts_day(pool: Pool):
    with pool.transaction() as cursor:
        cursor.execute("INSERT INTO account (name, tariff) VALUES ('acme', 'gold'), ('other', NULL)")
        cursor.execute("INSERT INTO tariff VALUES ('gold', 'USD', 1, 0, '{}', NOW())")
    for uuid, seconds in (("a", 30), ("b", 45)):
        call(pool, uuid, "2026-03-01 10:00:00", seconds, currency="USD")
        charge(pool, uuid, "2026-03-01 10:00:00", "acme", "1.65", "0.15")
        charge(pool, uuid, "2026-03-01 10:00:00", "telco", "0.5", "0")
    call(pool, "c", "2026-03-01 23:59:59.999999", None)
    call(pool, "d", "2026-03-02 00:00:00", None)
    call(pool, "e", "2026-03-01 10:00:00", 7, account="other")
    call(pool, "up", "2026-03-01 10:00:00", 7, state="answered")
    rows = pool.rows(
        "SELECT account, day, currency, calls, answered, asr, seconds, acd, charged_calls, billed_seconds, price, tax,"
        " amount FROM v_account_day ORDER BY account, day"
    )
    assert rows == [
        ("acme", DAY, "USD", 3, 2, Decimal("66.67"), 75, Decimal("37.5"), 2, 120, 3, Decimal("0.3"), Decimal("3.3")),
        ("acme", NEXT, "USD", 1, 0, 0, 0, None, 0, 0, 0, 0, 0),
        ("other", DAY, "", 1, 1, 100, 7, 7, 0, 0, 0, 0, 0),
        ("telco", DAY, "USD", 0, 0, None, 0, None, 2, 120, 1, 0, 1),
    ]


def test_a_carriers_day(pool: Pool):
    answered = "2026-03-01 10:00:05.5"
    legs = [
        ("a", "1", "c1", answered, "2026-03-01 10:00:20"),
        ("a", "2", "c1", None, "2026-03-01 10:00:20"),
        ("a", "3", "c2", None, "2026-03-01 10:00:20"),
        ("b", "4", "c1", answered, None),
        ("b", "5", None, answered, "2026-03-01 10:00:20"),
    ]
    with pool.transaction() as cursor:
        for uuid, leg, *rest in legs:
            cursor.execute(
                "INSERT INTO cdr_leg (call_uuid, leg_uuid, started_at, carrier, answered_at, ended_at) VALUES %s",
                ((uuid, leg, "2026-03-01 10:00:00", *rest),),
            )
    charge(pool, "a", "2026-03-01 10:00:00", "c1", "0.3", "0.05", "EUR", "buy")
    charge(pool, "a", "2026-03-01 10:00:00", "c1", "9", "0")
    assert pool.rows("SELECT * FROM v_carrier_day ORDER BY carrier") == [
        ("c1", DAY, 2, 1, 50, 14, Decimal("14.5"), 60, Decimal("0.25"), "EUR"),
        ("c2", DAY, 1, 0, 0, 0, None, 0, None, None),
    ]  # fmt: skip


def test_a_days_margin(pool: Pool):
    day, usd, c1 = "2026-03-01 10:00:00", {"currency": "USD"}, {"carrier": "c1"}
    call(pool, "a", day, 5, price="1.5", cost="0.4", **usd, **c1)
    call(pool, "b", day, 5, price="1.0", cost="1.2", **usd, **c1)
    call(pool, "c", day, 5, price="7", **usd, **c1)
    call(pool, "d", day, 5, price="9", **usd)
    call(pool, "e", "2026-03-02 00:00:00", 5, cost="0.3", currency="EUR", **c1)
    call(pool, "f", day, None, **usd, **c1)
    call(pool, "g", day, 5, price="3", cost="1", account="other", **usd, **c1)
    assert pool.rows("SELECT * FROM v_margin_day ORDER BY account, day") == [
        ("acme", DAY, "USD", 3, 1, Decimal("2.5"), Decimal("1.6"), Decimal("0.9")),
        ("acme", NEXT, "EUR", 1, 1, None, None, None),
        ("other", DAY, "USD", 1, 0, 3, 1, 2),
    ]


def test_calls_that_are_up(pool: Pool):
    with pool.transaction() as cursor:
        cursor.execute(
            "INSERT INTO cdr (call_uuid, started_at, state, answered_at) VALUES"
            " ('rings', UTC_TIMESTAMP(6), 'routed', NULL),"
            " ('talks', UTC_TIMESTAMP(6), 'answered', UTC_TIMESTAMP(6) - INTERVAL 90 SECOND),"
            " ('over', UTC_TIMESTAMP(6), 'final', UTC_TIMESTAMP(6)),"
            " ('lost', UTC_TIMESTAMP(6) - INTERVAL 3 DAY, 'answered', NULL)"
        )
    rows = pool.rows("SELECT call_uuid, state, seconds BETWEEN 90 AND 120 FROM v_live ORDER BY call_uuid")
    assert rows == [("rings", "routed", None), ("talks", "answered", 1)]
