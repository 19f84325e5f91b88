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
    """What each statement says of four calls, of the account and of one below it, and a top-up, all in November.

    The last came by a DID and went on to the outside: both pay for two legs.
    """
    spool = Spool(tmp_path, min_free_mb=0)
    common = {"account": "acme", "started": START, "duration_ms": 45_000}
    uuid = "5f3a91c0-2f1e-4b5c-9b5d-3f0f0a6f8c11"
    calls = (
        ended(uuid, charge("acme", "3"), charge("telco", "1"), called="442071", **common),
        ended("b", charge("acme", "1.5"), charge("telco", "0.5"), called="33155", **common),
        ended("free", called="1002", **common),
    )
    abroad = {"prefix": "33", "destination": "France"}
    legs = charge("acme", "1"), charge("acme", "2", **abroad), charge("telco", "0.25"), charge("telco", "0.5", **abroad)
    did = ended("did", *legs, charge("north", "0.4", 90, side="buy", **abroad), called="33155", **common)
    did.fields.update(price="2.8", tax="0.2", carrier="north", cost="0.3")
    write(spool, Writer(spool, database, 500), *calls, did)
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
    assert found == [(1, "acme", 3), (2, "acme", Decimal("1.5")), (3, "acme", 3), (4, "acme", None)]


def test_a_reseller(asked):
    assert [tuple(row.values()) for row in asked("@reseller")] == [("acme", "USD", 3, Decimal("7.5"), Decimal("2.25"))]


def test_a_month(asked):
    assert [tuple(row.values()) for row in asked("AS closing")] == [(9, Decimal("7.5"), 7, Decimal("8.5"))]
    assert [tuple(row.values()) for row in asked("GROUP BY g.destination")] == [
        ("UK", "44", "USD", 3, 180, Decimal("5.5")), ("France", "33", "USD", 1, 60, 2),
    ]  # fmt: skip


def test_a_call_that_was_corrected_in_another_month_adds_up(asked, database):
    with database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference, call_uuid, started_at)"
            " SELECT account, '2026-10-31', kind, 5, 0, currency, 'x:2', call_uuid, started_at FROM ledger"
            " WHERE reference = 'call:did:acme'"
        )
        cursor.execute("UPDATE ledger SET amount = amount - 5 WHERE reference = 'call:did:acme'")
    assert [row["amount"] for row in asked("GROUP BY g.destination")] == [Decimal("10.5"), 2]
    assert [row["charges"] for row in asked("AS closing")] == [Decimal("12.5")]


def test_what_calls_bring_and_carriers_ask(asked):
    ((day, *sums),) = (row.values() for row in asked("v_margin_day"))
    assert (str(day), *sums) == ("2026-11-25", "USD", 1, 0, Decimal("2.8"), Decimal("0.3"), Decimal("2.5"))
    assert [tuple(row.values()) for row in asked("@carrier")] == [
        ("France", "33", "USD", 1, 90, Decimal("0.4"), Decimal("0.1")),
    ]  # fmt: skip


def test_days(asked):
    ((day, *counted),) = (row.values() for row in asked("v_account_day"))
    assert (str(day), *counted) == ("2026-11-25", "USD", 4, 4, 100, 45, 180, 240, Decimal("7.5"))
    assert [tuple(row.values()) for row in asked("AVG(answered_at")] == [("acme", 4, 100, 45)]


def test_a_dispute(asked):
    (call,) = asked("called LIKE")
    assert (call["called"], call["amount"]) == ("442071", 3)
    booked = [(row["account"], row["amount"], row["booked"]) for row in asked("@call")]
    assert booked == [("acme", 3, -3), ("telco", 1, -1)]


def test_all_are_tried():
    assert len(STATEMENTS) == 10
