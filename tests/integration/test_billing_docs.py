"""The statements of docs/billing.md work as they stand, and say what the page says."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.store.pool import Pool
from tests.integration.calls import charge, ended, write

PAGE = (Path(__file__).parents[2] / "docs" / "billing.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
START = 1_795_600_800_000_000  # 2026-11-25 10:00:00 UTC


@pytest.fixture
def asked(database: Pool, tmp_path: Path):
    """What each statement says of three calls, of the account and of one below it, and a top-up, all in November."""
    spool = Spool(tmp_path, min_free_mb=0)
    common = {"account": "acme", "started": START, "duration_ms": 45_000}
    uuid = "5f3a91c0-2f1e-4b5c-9b5d-3f0f0a6f8c11"
    calls = (
        ended(uuid, charge("acme", "3"), charge("telco", "1"), called="442071", **common),
        ended("b", charge("acme", "1.5"), charge("telco", "0.5"), called="33155", **common),
        ended("free", called="1002", **common),
    )
    write(spool, Writer(spool, database, 500), *calls)
    spool.close()
    with database.transaction() as cursor:
        cursor.execute("UPDATE ledger SET at = '2026-11-25 10:01:00'")
        cursor.execute(
            "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference) VALUES"
            " ('acme', '2026-10-31', 'topup', 9, 9, 'USD', 'x'), ('acme', '2026-11-26', 'topup', 7, 2.5, 'USD', 'y')"
        )
        cursor.execute("INSERT INTO account (name, tariff, body) VALUES ('acme', 'gold', '{\"parent\": \"telco\"}')")
        cursor.execute("INSERT INTO tariff VALUES ('gold', 'USD', 1, 0, '{}', NOW())")

    def ask(part: str) -> list[dict]:
        (text,) = (each for each in STATEMENTS if part in each)
        with database.connection() as connection:
            found: list[dict] = []
            for statement in filter(str.strip, re.sub(r" *--.*", "", text).split(";\n")):
                connection.query(statement)
                result = connection.store_result()
                found = list(result.fetch_row(0, 1)) if result else []
            return found

    return ask


def test_the_cursor(asked):
    found = [(row["settled_seq"], row["account"], row["amount"]) for row in asked("@cursor")]
    assert found == [(1, "acme", 3), (2, "acme", Decimal("1.5")), (3, "acme", None)]


def test_a_reseller(asked):
    assert [tuple(row.values()) for row in asked("@reseller")] == [("acme", "USD", 2, Decimal("4.5"), Decimal("1.5"))]


def test_a_month(asked):
    assert [tuple(row.values()) for row in asked("AS closing")] == [(9, Decimal("4.5"), 7, Decimal("11.5"))]
    (line,) = asked("GROUP BY g.destination")
    assert tuple(line.values()) == ("UK", "44", "USD", 2, 120, Decimal("4.5"))


def test_days(asked):
    ((day, *counted),) = (row.values() for row in asked("v_account_day"))
    assert (str(day), *counted) == ("2026-11-25", "USD", 3, 3, 100, 45, 135, 120, Decimal("4.5"))
    assert [tuple(row.values()) for row in asked("AVG(answered_at")] == [("acme", 3, 100, 45)]


def test_a_dispute(asked):
    (call,) = asked("called LIKE")
    assert (call["called"], call["amount"]) == ("442071", 3)
    booked = [(row["account"], row["amount"], row["booked"]) for row in asked("@call")]
    assert booked == [("acme", 3, -3), ("telco", 1, -1)]


def test_all_are_tried():
    assert len(STATEMENTS) == 8
