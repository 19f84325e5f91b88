"""`callctl cdr`: exported as it is, proved to add up, dropped day by day."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.cli import main
from callctl.store import numbering
from callctl.store.export import COLUMNS
from callctl.store.partitions import TABLES
from callctl.store.pool import Pool
from tests.integration.calls import T0, answered, cdr, charge, ended, unheard, write

HOUR = 3_600_000_000

# Runs a command and prints the most memory it took, in KiB.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture
def environment(settings) -> dict[str, str]:
    password = settings.mysql.password.get_secret_value()
    return {"CALLCTL_MYSQL__PORT": str(settings.mysql.port), "CALLCTL_MYSQL__PASSWORD": password, "LC_ALL": "C.UTF-8"}


@pytest.fixture
def run(database, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(line: str, code: int = 0, **more) -> str:
        done = CliRunner().invoke(main, ["cdr", *line.split()], catch_exceptions=False, **more)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout if code < 2 and not done.stderr else done.stderr

    return run


@pytest.fixture
def put(database: Pool, tmp_path: Path):
    spool = Spool(tmp_path, min_free_mb=0)
    writer = Writer(spool, database, 500)
    yield lambda *records: write(spool, writer, *records)
    spool.close()


def change(pool: Pool, *statements: str) -> None:
    with pool.transaction() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def days(database: Pool):
    """Partitions for three days in September."""
    bounds = (date(2026, 9, 22), date(2026, 9, 23), date(2026, 9, 24))
    parts = "".join(f"PARTITION d{day:%d} VALUES LESS THAN (TO_DAYS('{day}'))," for day in bounds)
    for table in TABLES:
        change(database, f"ALTER TABLE {table} PARTITION BY RANGE (TO_DAYS(started_at)) "
               f"({parts} PARTITION later VALUES LESS THAN MAXVALUE)")  # fmt: skip
    yield
    for table in TABLES:
        change(database, f"ALTER TABLE {table} PARTITION BY RANGE (TO_DAYS(started_at)) "
               "(PARTITION later VALUES LESS THAN MAXVALUE)")  # fmt: skip


class TestExport:
    """Records as CSV and as JSON."""

    def test_every_column_oldest_first(self, run, put, days):
        also = {"caller": 'a "quoted", name', "account": "acme", "cost": "1.5", "carrier": "c1", "emergency": 1}
        late = ended("b", charge("acme", "1.5"), started=T0 + 30 * HOUR, **also)
        put(late, cdr("z", "routed", started=T0 + 29 * HOUR, account="other"), cdr("a", "routed", account="other"))
        put(cdr("c", "routed", started=T0 + 60 * HOUR))
        rows = list(csv.DictReader(io.StringIO(run("export"))))
        assert [row["call_uuid"] for row in rows] == ["a", "z", "b", "c"]
        assert tuple(rows[0]) == COLUMNS
        known = {
            "started_at": "2026-09-22T20:13:20.123456Z", "caller": 'a "quoted", name', "price": "1.400000",
            "billed_seconds": "60", "reason": "", "state": "final", "cost": "1.500000", "margin": "-0.100000",
            "emergency": "1",
        }  # fmt: skip
        assert {name: rows[2][name] for name in known} == known
        for line in ("export --json", "export --format jsonl"):
            found = [json.loads(line) for line in run(line).splitlines()]
            assert [row["call_uuid"] for row in found] == ["a", "z", "b", "c"]
            assert (found[2]["price"], found[2]["billed_seconds"], found[2]["reason"]) == ("1.400000", 60, None)
            assert [row["margin"] for row in found] == [None, None, "-0.100000", None]

    @pytest.mark.parametrize(
        ("options", "calls"),
        [
            ("", "abcd"), ("--since 2026-09-22", "bcd"), ("--until 2026-09-22", "a"),
            ("--since 2026-09-21T14:13:20.123456 --until 2026-09-23T02:13:20.123457", "ab"),
            ("--until 2026-09-23T02:13:20.123456", "a"),
            ("--since 2026-09-22T04:13:20.123457+08:00", "bcd"), ("--account acme", "ac"),
            ("--account acme --since 2026-09-22 --until 2026-10-01", "c"), ("--account nobody", ""),
            ("--since 2026-09-23 --until 2026-09-22", ""),
        ],
    )  # fmt: skip
    def test_what_is_asked_for(self, run, put, days, options, calls):
        for number, account in enumerate(("acme", "other", "acme", "other")):
            put(cdr("abcd"[number], "routed", started=T0 + number * 36 * HOUR, account=account))
        rows = list(csv.DictReader(io.StringIO(run(f"export {options}"))))
        assert "".join(row["call_uuid"] for row in rows) == calls

    def test_a_wrong_time_is_told(self, run):
        assert "write one as 2026-03-01" in run("export --since yesterday", code=2)

    def test_memory_does_not_grow_with_the_records(self, database, environment):
        def peak(*arguments: str) -> int:
            """KiB."""
            command = [sys.executable, "-c", PEAK, sys.executable, "-m", "callctl", "cdr", *arguments]
            return int(subprocess.check_output(command, env={**os.environ, **environment}))

        fill = (
            "INSERT INTO cdr (call_uuid, started_at, state, account, caller, sip_call_id)"
            " SELECT CONCAT('call-', seq), '2026-09-21', 'final', 'acme', '1001', REPEAT('x', 200) FROM seq_{}_to_{}",
            "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference)"
            " SELECT 'acme', '2026-09-21', 'topup', 1, seq, 'USD', CONCAT('r', seq) FROM seq_{}_to_{}",
            "REPLACE INTO account_balance SELECT 'acme', {1}, MAX(id) FROM ledger WHERE {0}",
        )
        change(database, *(sql.format(1, 2000) for sql in fill))
        few = peak("export"), peak("verify")
        change(database, *(sql.format(2001, 40_000) for sql in fill))
        many = peak("export"), peak("verify")
        assert [after - before < 8 * 1024 for before, after in zip(few, many, strict=True)] == [True, True]


HEARD = "call_uuid = 'a'"
CORRUPTIONS = {
    "UPDATE cdr SET state = 'answered' WHERE call_uuid = 'free'": {("no_end", "free")},
    f"UPDATE cdr SET price = price + 1 WHERE {HEARD}": {("other_price", "a")},
    f"UPDATE cdr SET billed_seconds = 1 WHERE {HEARD}": {("other_price", "a")},
    f"DELETE FROM cdr_charge WHERE {HEARD} AND account = 'acme'": {
        ("other_price", "a"), ("entry_without_charge", "call:a:acme"),
    },
    f"DELETE FROM cdr_charge WHERE {HEARD} AND account = 'telco'": {("entry_without_charge", "call:a:telco")},
    'UPDATE cdr SET trace = \'{"steps": [{"key": "x"}, {"check": "charge", "key": "charge.rates"}]}\''
    " WHERE call_uuid = 'free'": {("not_charged", "free")},
    f"DELETE FROM settled WHERE {HEARD}": {("not_numbered", "a")},
    f"UPDATE cdr SET booked = NULL WHERE {HEARD}": {("charge_without_call", "a")},
    "DELETE FROM cdr WHERE call_uuid = 'b'": {("charge_without_call", "b")},
    "UPDATE cdr_charge SET amount = amount + 1, tax = tax + 1 WHERE call_uuid = 'b'": {
        ("other_entry", "b"), ("other_price", "b"),
    },
    f"UPDATE cdr_charge SET amount = 9 WHERE {HEARD} AND account = 'telco'": {("other_entry", "a")},
    "UPDATE cdr_charge SET currency = 'EUR' WHERE account = 'telco'": {("other_entry", "a")},
    "UPDATE ledger SET reference = 'call:b:acme:3' WHERE reference = 'call:b:acme:2'": {
        ("other_entry", "b"), ("entry_without_charge", "call:b:acme:3"),
    },
    "UPDATE ledger SET started_at = NULL, call_uuid = NULL WHERE reference = 'call:a:acme'": {
        ("entry_without_charge", "call:a:acme"),
    },
    "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference) VALUES"
    " ('x', UTC_TIMESTAMP(), 'topup', 2, 3, 'USD', 'x')": {("broken_chain", "x"), ("other_balance", "x")},
    "UPDATE ledger SET balance_after = balance_after + 1 WHERE reference = 'call:b:acme'": {
        ("broken_chain", "call:b:acme"), ("broken_chain", "cash"),
    },
    "UPDATE ledger SET currency = 'EUR' WHERE reference = 'cash'": {("other_currency", "cash")},
    "DELETE FROM ledger WHERE reference = 'call:b:acme:2'": {("other_entry", "b"), ("other_balance", "cash")},
    "UPDATE account_balance SET balance = 0 WHERE account = 'acme'": {("other_balance", "call:b:acme:2")},
    "UPDATE account_balance SET ledger_id = 1 WHERE account = 'acme'": {("other_balance", "call:b:acme:2")},
    "INSERT INTO account_balance VALUES ('x', 1, 0)": {("balance_without_entry", "x")},
    "INSERT INTO account_balance VALUES ('x', 0, 1)": {("balance_without_entry", "x")},
    "DELETE FROM account_balance WHERE account = 'telco'": {("other_balance", "call:a:telco")},
}  # fmt: skip


COSTS = {
    "UPDATE cdr SET cost = 9 WHERE call_uuid = 'x'": {("other_cost", "x")},
    "UPDATE cdr SET cost = NULL WHERE call_uuid = 'x'": {("other_cost", "x")},
    "UPDATE cdr SET carrier = 'north' WHERE call_uuid = 'x'": {("other_cost", "x")},
    "UPDATE cdr_charge SET amount = 9 WHERE call_uuid = 'x' AND side = 'buy'": {("other_cost", "x")},
    "DELETE FROM cdr_charge WHERE call_uuid = 'x' AND side = 'buy'": {("other_cost", "x")},
    "DELETE FROM cdr_charge WHERE call_uuid = 'euro' AND side = 'buy'": {("other_cost", "euro")},
    "UPDATE cdr SET cost = 9 WHERE call_uuid = 'nobody'": {("other_cost", "nobody")},
    "UPDATE cdr SET booked = NULL WHERE call_uuid = 'nobody'": {("charge_without_call", "nobody")},
    "UPDATE cdr_charge SET amount = 9, tax = 0 WHERE call_uuid = 'x' AND side = 'sell' AND part = 1": {
        ("other_entry", "x"), ("other_price", "x"),
    },
    "DELETE FROM cdr_charge WHERE call_uuid = 'x' AND side = 'sell' AND part = 1": {
        ("other_entry", "x"), ("other_price", "x"),
    },
}  # fmt: skip


class TestVerify:
    """The books add up, or it is said what does not."""

    @pytest.fixture
    def books(self, database, put):
        """Calls as the writer books them: heard, corrected, free, refused and up, and a top-up."""
        put(ended("a", charge("acme", "1.5"), charge("telco", "1"), account="acme"))
        put(answered("b", account="acme"), unheard("b", charge("acme", "5")))
        change(
            database,
            "INSERT INTO ledger (account, at, kind, amount, balance_after, currency, reference)"
            " SELECT account, UTC_TIMESTAMP(6), 'topup', 10, balance + 10, 'USD', 'cash' FROM account_balance"
            " WHERE account = 'acme'",
            "UPDATE account_balance SET balance = balance + 10, ledger_id = (SELECT MAX(id) FROM ledger)"
            " WHERE account = 'acme'",
        )
        put(ended("b", charge("acme", "3")), ended("free"), cdr("refused", "final"))
        change(database, "INSERT INTO cdr (call_uuid, started_at, state) VALUES ('up', UTC_TIMESTAMP(6), 'answered')")

    def wrong(self, said: str) -> set[tuple[str, str]]:
        found = [json.loads(line) for line in said.splitlines()]
        assert found.pop()["wrong"] == len(found)
        return {(each["wrong"], each.get("call_uuid") or each.get("reference") or each["account"]) for each in found}

    def test_books_that_add_up(self, run, books):
        assert run("verify") == "5 calls, 3 charges, 5 entries of 2 accounts: all adds up.\n"
        assert run("verify --lang zh") == "5 个呼叫、3 笔费用、2 个账户的 5 条账目：全部一致。\n"
        counted = {"calls": 5, "charges": 3, "entries": 5, "accounts": 2, "wrong": 0}
        assert json.loads(run("verify --json")) == counted

    def test_empty_books(self, run):
        assert run("verify") == "0 calls, 0 charges, 0 entries of 0 accounts: all adds up.\n"

    @pytest.mark.parametrize("statement", CORRUPTIONS)
    def test_what_does_not_add_up_is_named(self, run, books, database, statement):
        if "'answered'" in statement:  # more than two days ago, as no call lasts so long
            change(database, "UPDATE cdr SET started_at = '2026-01-01', booked = NULL WHERE call_uuid = 'free'")
        change(database, statement)
        assert self.wrong(run("verify --json", code=1)) == CORRUPTIONS[statement]
        assert "None" not in run("verify --lang zh", code=1)
        assert "do not add up.\n" in run("verify", code=1)

    @pytest.fixture
    def costs(self, put):
        """Calls that cost us too: of two legs, in another currency, of unknown worth, paid by nobody, corrected."""
        c1, euro = charge("c1", "0.6", side="buy"), charge("c1", "0.6", currency="EUR", side="buy")
        bought = {"account": "acme", "carrier": "c1"}
        two = ended("x", charge("acme", "1.5"), charge("acme", "1"), c1, cost="0.5", **bought)
        two.fields.update(price="2.3", tax="0.2")
        put(two, ended("euro", charge("acme", "1.5"), euro, cost="0.55", **bought))
        put(ended("unknown", charge("acme", "1.5"), euro, **bought))
        nobody = cdr("nobody", "final", answered_at=T0 + 5, cost="0.5", currency="EUR", charges=[euro], **bought)
        put(nobody, answered("late", **bought), unheard("late", charge("acme", "1.5"), c1, cost="0.5", **bought))
        c2 = charge("c2", "0.3", side="buy")
        put(ended("late", charge("acme", "1"), c2, cost="0.2", **bought | {"carrier": "c2"}))
        put(answered("free"), unheard("free", charge("acme", "1.5"), c1, cost="0.5", **bought))
        put(ended("free", charge("acme", "1.5"), **bought))

    def test_what_carriers_cost_adds_up(self, run, costs, database):
        assert run("verify") == "6 calls, 13 charges, 6 entries of 1 accounts: all adds up.\n"
        assert database.rows("SELECT call_uuid, carrier, cost FROM cdr WHERE call_uuid IN ('free', 'late')") == [
            ("free", "c1", None), ("late", "c2", Decimal("0.2")),
        ]  # fmt: skip

    @pytest.mark.parametrize("statement", COSTS)
    def test_what_carriers_cost_otherwise_is_named(self, run, costs, database, statement):
        change(database, statement)
        assert self.wrong(run("verify --json", code=1)) == COSTS[statement]
        for lang in ("en", "zh"):
            assert "None" not in run(f"verify --lang {lang}", code=1)

    def test_balances_go_on_from_what_is_older(self, run, books, database):
        change(database, "UPDATE ledger SET at = '2026-01-01' WHERE reference = 'call:a:acme'")
        assert run("verify --since 2026-09-22") == "1 calls, 0 charges, 4 entries of 2 accounts: all adds up.\n"

    def test_only_what_is_not_older(self, run, books, database):
        change(
            database,
            f"UPDATE cdr SET price = 9 WHERE {HEARD}",
            "UPDATE ledger SET balance_after = 9, at = '2026-01-01' WHERE reference = 'call:a:acme'",
        )
        assert self.wrong(run("verify --json --since 2026-09-22", code=1)) == {("broken_chain", "call:b:acme")}
        assert len(self.wrong(run("verify --json --since 2026-09-21", code=1))) == 2
        assert len(self.wrong(run("verify --json", code=1))) == 3


class TestDrop:
    """Old days go, by partition."""

    @pytest.fixture
    def records(self, put, days):
        for number, uuid in enumerate("abcd"):
            put(answered(uuid, started=T0 + number * 24 * HOUR))
            put(ended(uuid, charge("acme", "1"), started=T0 + number * 24 * HOUR))

    def left(self, database: Pool) -> list[str]:
        tables = "cdr", "cdr_charge", "settled", "v_billable_call"
        return ["".join(row[0] for row in database.rows(f"SELECT call_uuid FROM {t} ORDER BY 1")) for t in tables]

    def test_old_days_go_and_new_ones_stay(self, run, records, database):
        assert run("drop --before 2026-09-23 --yes") == "Records before 2026-09-23 are dropped.\n"
        assert self.left(database) == ["cd"] * 4
        assert database.rows("SELECT COUNT(*) FROM ledger") == [(4,)]
        assert run("verify") == "2 calls, 2 charges, 4 entries of 1 accounts: all adds up.\n"
        again = {"kept_since": None, "partitions": {}, "numbers": 0}
        assert json.loads(run("drop --before 2026-09-23 --yes --json")) == again

    def test_a_partition_that_holds_a_newer_day_as_well_stays(self, run, records, database):
        said = json.loads(run("drop --before 2026-10-30 --yes --json"))
        partitions = {table: ["d22", "d23", "d24"] for table in TABLES}
        assert said == {"kept_since": "2026-09-24", "partitions": partitions, "numbers": 3}
        assert self.left(database) == ["d"] * 4

    def test_the_newest_number_stays_so_that_none_is_given_twice(self, run, records, put, database):
        change(database, "DELETE FROM settled WHERE call_uuid > 'b'")
        run("drop --before 2026-09-23 --yes")
        assert database.rows("SELECT settled_seq, call_uuid FROM settled") == [(2, "b")]
        put(ended("e", started=T0 + 100 * HOUR))
        assert database.rows("SELECT MAX(settled_seq) FROM settled") == [(3,)]
        assert [row["call_uuid"] for row in database.records("SELECT call_uuid FROM v_billable_call")] == ["e"]

    def test_numbers_go_in_pieces(self, run, records, database, monkeypatch):
        monkeypatch.setattr("callctl.store.partitions._PIECE", 1)
        run("drop --before 2026-09-24 --yes")
        assert self.left(database) == ["d"] * 4

    def test_days_with_calls_that_wait_for_their_number_are_kept(self, run, records, database):
        change(database, "INSERT INTO unsettled (call_uuid, started_at) VALUES ('b', '2026-09-22 14:00:00')")
        assert "1 calls from before 2026-09-23 have no number yet" in run("drop --before 2026-09-23 --yes", code=1)
        run("drop --before 2026-09-22 --yes")
        assert self.left(database) == ["bcd"] * 4
        while numbering.number(database):
            pass
        run("drop --before 2026-09-23 --yes")
        assert self.left(database)[0] == "cd"

    def test_one_is_asked_first(self, run, records, database):
        assert "Drop all records of calls before 2026-09-22?" in run("drop --before 2026-09-22", code=1, input="n\n")
        assert self.left(database) == ["abcd"] * 4
        run("drop --before 2026-09-22", input="y\n")
        assert self.left(database) == ["bcd"] * 4

    def test_days_that_are_not_over_are_refused(self, run, records, database):
        assert "is not over yet" in run("drop --before 2126-01-01 --yes", code=2)
        assert "write one as 2026-03-01" in run("drop --before soon --yes", code=2)
        assert self.left(database) == ["abcd"] * 4
