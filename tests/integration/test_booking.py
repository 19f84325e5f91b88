"""Calls into the books: each exactly once, in whatever order, how often and by whomever its facts are written."""

import random
import subprocess
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path

import gevent
import pytest
from structlog.testing import capture_logs

from callctl.admission import money
from callctl.admission.rebuild import Rebuild
from callctl.cdr import writer as writer_module
from callctl.cdr.spool import Record, Spool
from callctl.cdr.writer import Writer
from callctl.errors import StoreError
from callctl.live.client import connect
from callctl.live.publisher import Publisher
from callctl.serve.recording import tell_redis
from callctl.store import ledger
from callctl.store.balance import Balances
from callctl.store.ledger import Entry
from callctl.store.pool import Connection, Pool
from callctl.world import Booked, Demand
from deploy.private_services import Services
from tests.integration.calls import T0, answered, cdr, charge, ended, unheard, write

USD = Decimal


@pytest.fixture
def spool(tmp_path: Path):
    spool = Spool(tmp_path, min_free_mb=0)
    yield spool
    spool.close()


@pytest.fixture
def told() -> list[Booked]:
    return []


@pytest.fixture
def writer(spool: Spool, database: Pool, told: list[Booked]) -> Writer:
    return Writer(spool, database, 500, told.extend)


def books(pool: Pool) -> dict:
    """All that is kept of money but for ids and times."""
    return {
        "cdr": pool.rows("SELECT call_uuid, state, booked, price, tax, billed_seconds FROM cdr ORDER BY 1"),
        "charges": pool.rows(
            "SELECT call_uuid, account, amount, billed_seconds, started_at FROM cdr_charge ORDER BY 1, 2"
        ),
        "ledger": pool.rows("SELECT reference, account, amount, currency, call_uuid FROM ledger ORDER BY 1"),
        "balances": pool.rows("SELECT account, balance FROM account_balance ORDER BY 1"),
        "numbered": pool.rows("SELECT call_uuid, COUNT(*) FROM settled GROUP BY 1 ORDER BY 1"),
        "waiting": pool.rows("SELECT COUNT(*) FROM unsettled")[0][0],
    }


def chained(pool: Pool) -> bool:
    """Whether each balance is the one before plus the amount, and the last is the account's."""
    last: dict[str, tuple[Decimal, int]] = {}
    entries = pool.rows("SELECT account, id, amount, balance_after FROM ledger ORDER BY id")
    for account, number, amount, after in entries:
        if last.get(account, (0, 0))[0] + amount != after:
            return False
        last[account] = (after, number)
    kept = {account: tuple(rest) for account, *rest in pool.rows("SELECT * FROM account_balance WHERE ledger_id > 0")}
    return kept == last


class TestBooked:
    """What the last record of a call becomes."""

    def test_each_level_is_charged_and_everybody_is_told(self, spool, writer, database, told):
        with database.transaction() as cursor:
            ledger.book(cursor, [Entry("acme", "topup", Decimal(10), "USD", "cash", T0)])
        write(spool, writer, ended("a", charge("acme", "1.5"), charge("telco", "0.000001", tax="0")))
        write(spool, writer, ended("b", charge("acme", "0", tax="0"), started=T0 + 1))
        start = database.rows("SELECT started_at FROM cdr ORDER BY call_uuid")
        assert books(database) == {
            "cdr": [("a", "final", "heard", USD("1.4"), USD("0.1"), 60), ("b", "final", "heard", 0, 0, 60)],
            "charges": [
                ("a", "acme", USD("1.5"), 60, *start[0]),
                ("a", "telco", USD("0.000001"), 60, *start[0]),
                ("b", "acme", 0, 60, *start[1]),
            ],
            "ledger": [
                ("call:a:acme", "acme", USD("-1.5"), "USD", "a"),
                ("call:a:telco", "telco", USD("-0.000001"), "USD", "a"),
                ("call:b:acme", "acme", 0, "USD", "b"),
                ("cash", "acme", 10, "USD", None),
            ],
            "balances": [("acme", USD("8.5")), ("telco", USD("-0.000001"))],
            "numbered": [("a", 1), ("b", 1)],
            "waiting": 0,
        }
        assert chained(database)
        ids = dict(database.rows("SELECT reference, id FROM ledger"))
        assert told == [
            Booked("acme", USD("8.5"), ids["call:a:acme"], ("a",)),
            Booked("telco", USD("-0.000001"), ids["call:a:telco"], ("a",)),
            Booked("acme", USD("8.5"), ids["call:b:acme"], ("b",)),
        ]
        assert database.rows(
            "SELECT ABS(TIMESTAMPDIFF(SECOND, at, UTC_TIMESTAMP())) < 60, started_at FROM ledger WHERE call_uuid = 'b'"
        ) == [(1, *start[1])]

    def test_redis_no_longer_counts_the_call_as_pending(self, spool, database, settings):
        client = connect(settings.redis)
        publisher = Publisher(client, settings.redis)
        writer = Writer(spool, database, 500, partial(tell_redis, publisher, settings.redis))
        balances = Balances(database)
        known = money.Money(client, settings.redis, balances.opening)
        Rebuild(client, settings.redis, balances).rebuild([], [])
        known.hold("a", [Demand("acme", Decimal(5), Decimal(1), Decimal(9), "2026-09-21")], 60)
        money.settle(client, settings.redis, "a", "acme", Decimal("1.5"), "2026-09-21")
        assert (known.look("acme").pending, known.look("acme").balance) == (Decimal("1.5"), 0)
        write(spool, writer, ended("a", charge("acme", "1.5")))
        publisher.flush(2)
        assert (known.look("acme").pending, known.look("acme").balance) == (0, Decimal("-1.5"))

    def test_only_answered_calls_are_numbered(self, spool, writer, database, told):
        write(spool, writer, cdr("refused", "final"), ended("free"), answered("up"), cdr("begun", "routed"))
        assert database.rows("SELECT call_uuid FROM settled") == [("free",)]
        assert dict(database.rows("SELECT call_uuid, booked FROM cdr")) == {
            "refused": None, "free": "heard", "up": None, "begun": None,
        }  # fmt: skip
        assert told == []

    def test_an_answer_that_is_told_after_the_end_numbers_the_call_once(self, spool, writer, database):
        write(spool, writer, cdr("a", "final", reason="end_unheard"))
        assert books(database)["numbered"] == []
        for _ in range(2):
            write(spool, writer, answered("a"))
            assert books(database)["numbered"] == [("a", 1)]

    def test_the_same_again_changes_nothing_but_tells_again(self, spool, writer, database, told):
        records = [answered("a"), ended("a", charge("acme", "1.5")), ended("a", charge("acme", "1.5"))]
        write(spool, writer, *records)
        before = books(database)
        assert told == [Booked("acme", USD("-1.5"), told[0].ledger_id, ("a",))]
        write(spool, writer, *records)
        write(spool, writer, records[1])
        assert books(database) == before
        assert told == [told[0]] * 3

    def test_an_end_that_is_told_otherwise_later_is_not_booked_again(self, spool, writer, database):
        write(spool, writer, ended("a", charge("acme", "1.5")))
        before = books(database)
        write(spool, writer, ended("a", charge("acme", "9", seconds=7), charge("telco", "1")))
        assert {**books(database), "balances": before["balances"]} == before


class TestUnheard:
    """An end that nobody heard, and the real one."""

    def test_the_heard_end_corrects_by_the_difference_and_numbers_anew(self, spool, writer, database, told):
        write(spool, writer, answered("a"), unheard("a", charge("acme", "5", 300), charge("telco", "2", 300)))
        assert books(database)["cdr"] == [("a", "final", "unheard", USD("4.9"), USD("0.1"), 300)]
        write(spool, writer, answered("b"), ended("b", charge("acme", "1")))
        write(spool, writer, ended("a", charge("acme", "3", 180), charge("telco", "2", 180), charge("top", "1")))
        found = books(database)
        assert found["cdr"][0] == ("a", "final", "heard", USD("2.9"), USD("0.1"), 180)
        assert [row[1:4] for row in found["charges"] if row[0] == "a"] == [
            ("acme", 3, 180), ("telco", 2, 180), ("top", 1, 60),
        ]  # fmt: skip
        assert [row[:3] for row in found["ledger"] if row[4] == "a"] == [
            ("call:a:acme", "acme", -5), ("call:a:acme:2", "acme", 2), ("call:a:telco", "telco", -2),
            ("call:a:top", "top", -1),
        ]  # fmt: skip
        assert found["balances"] == [("acme", -4), ("telco", -2), ("top", -1)]
        assert database.rows("SELECT call_uuid FROM settled ORDER BY settled_seq") == [("a",), ("b",), ("a",)]
        assert [(each.account, each.balance, each.calls) for each in told[-3:]] == [
            ("acme", -4, ("a",)), ("telco", -2, ("a",)), ("top", -1, ("a",)),
        ]  # fmt: skip
        assert chained(database)
        write(spool, writer, unheard("a", charge("acme", "9")), ended("a", charge("acme", "3", 180)))
        assert books(database) == found

    def test_a_heard_end_is_never_changed_by_an_unheard_one(self, spool, writer, database):
        write(spool, writer, ended("a", charge("acme", "3")))
        before = books(database)
        write(spool, writer, unheard("a", charge("acme", "5")))
        assert books(database) == before

    def test_an_unheard_end_charges_nothing_where_the_heard_one_did_not(self, spool, writer, database):
        write(spool, writer, cdr("a", "final", ended_at=T0 + 9, reason="busy"))
        write(spool, writer, unheard("a", charge("acme", "5")))
        assert books(database)["ledger"] == []
        assert books(database)["numbered"] == []

    def test_of_a_batch_with_both_only_the_heard_is_booked(self, spool, writer, database):
        write(spool, writer, unheard("a", charge("acme", "5")), ended("a", charge("acme", "3")))
        assert [row[0] for row in books(database)["ledger"]] == ["call:a:acme"]
        assert books(database)["balances"] == [("acme", -3)]

    def test_of_two_hosts_that_found_it_gone_the_first_counts(self, spool, writer, database):
        write(spool, writer, answered("a"), unheard("a", charge("acme", "5", 300)))
        before = books(database)
        write(spool, writer, unheard("a", charge("acme", "6", 360)), unheard("a", charge("acme", "5", 300)))
        assert books(database) == before
        write(spool, writer, answered("b"), unheard("b", charge("acme", "1")), unheard("b", charge("acme", "2")))
        assert books(database)["cdr"][1] == ("b", "final", "unheard", USD("0.9"), USD("0.1"), 60)
        assert books(database)["balances"] == [("acme", -6)]

    def test_what_the_heard_end_does_not_charge_is_given_back(self, spool, writer, database):
        write(spool, writer, unheard("a", charge("acme", "5")))
        write(spool, writer, cdr("a", "final", ended_at=T0 + 9))
        found = books(database)
        assert found["balances"] == [("acme", 0)]
        assert [row[1:4] for row in found["charges"]] == [("acme", 0, 0)]
        assert found["cdr"] == [("a", "final", "heard", None, None, None)]


class TestLegs:
    """An account that pays for several legs of a call, and the carrier that costs us."""

    def test_an_account_that_pays_for_two_legs_has_two_charges_and_one_entry(self, spool, writer, database):
        write(spool, writer, ended("a", charge("acme", "3"), charge("telco", "1"), charge("acme", "2.5", 30)))
        found = books(database)
        assert sorted(row[1:3] for row in found["charges"]) == [("acme", USD("2.5")), ("acme", 3), ("telco", 1)]
        assert found["balances"] == [("acme", USD("-5.5")), ("telco", -1)]
        write(spool, writer, ended("a", charge("acme", "3"), charge("telco", "1"), charge("acme", "2.5", 30)))
        assert books(database) == found

    def test_a_guess_at_two_legs_is_corrected_by_what_both_differ(self, spool, writer, database):
        write(spool, writer, unheard("a", charge("acme", "3"), charge("acme", "2")))
        write(spool, writer, ended("a", charge("acme", "2"), charge("acme", "1.5")))
        assert books(database)["balances"] == [("acme", USD("-3.5"))]

    def test_a_carriers_charge_is_kept_and_no_accounts(self, spool, writer, database):
        write(spool, writer, ended("a", charge("acme", "3"), charge("c1", "1", side="buy")))
        found = books(database)
        assert [row[1] for row in found["charges"]] == ["acme", "c1"]
        assert found["balances"] == [("acme", -3)]
        assert database.rows("SELECT side FROM cdr_charge ORDER BY account") == [("sell",), ("buy",)]


class TestTrouble:
    """Charges that cannot be booked, writers that die or stall, many at once."""

    @pytest.mark.parametrize(
        "bad",
        [
            charge("acme", "1" * 13), charge("acme", "0.1234567"), charge("acme", "much"), charge("", "1"),
            charge("a" * 65, "1"), charge("acme", "1", seconds=-1), charge("acme", "1", currency="EURO"),
            charge("acme", "1", side="both"), {"account": "acme"}, charge("acme", "NaN"),
            charge("acme", "1", tax="1e12"), charge("acme", "9" * 12),
        ],
    )  # fmt: skip
    def test_a_charge_that_cannot_be_booked_is_set_aside_with_its_call(self, spool, writer, database, bad):
        with database.transaction() as cursor:
            # So much that MySQL refuses the last of the bad ones.
            ledger.book(cursor, [Entry("acme", "topup", Decimal("-9e11"), "USD", "debt", T0)])
        good = ended("a", charge("acme", "1")), ended("c", charge("x", "1"))
        with capture_logs() as logs:
            write(spool, writer, good[0], _with(ended("bad"), bad), good[1])
        assert database.rows("SELECT call_uuid FROM cdr ORDER BY 1") == [("a",), ("c",)]
        assert [row[0] for row in books(database)["ledger"]] == ["call:a:acme", "call:c:x", "debt"]
        assert (spool.depth(), spool.rejected()) == (0, 1)
        (line,) = [log for log in logs if log["log_level"] == "error"]
        assert line["event"].endswith("its call is not charged")
        assert (line["call"], line["charges"]) == ("bad", [bad])

    def test_a_call_of_a_day_that_was_dropped_is_not_charged_again(self, spool, writer, database):
        write(spool, writer, ended("a", charge("acme", "3")))
        with database.transaction() as cursor:
            for table in ("cdr", "cdr_charge", "settled"):
                cursor.execute(f"DELETE FROM {table}")
        write(spool, writer, ended("a", charge("acme", "3")), ended("b", charge("acme", "1")))
        assert books(database)["balances"] == [("acme", -4)]
        assert (database.rows("SELECT call_uuid FROM cdr"), spool.rejected()) == ([("b",)], 1)

    def test_cut_off_after_any_statement(self, spool, writer, database, monkeypatch):
        """A writer that loses MySQL before any of its statements books nothing twice and leaves nothing out."""
        sent = Connection.query
        left = 0

        def query(self, statement):
            nonlocal left
            left -= 1
            if left == 0:
                raise StoreError("cut off")
            sent(self, statement)

        monkeypatch.setattr(Connection, "query", query)
        cuts = 0
        for number in range(1, 100):
            spool.put([ended(f"call-{number}", charge("acme", "1"), charge("telco", "1"))]).wait(5)
            left = number
            try:
                writer.drain()
            except StoreError:
                cuts += 1
            done, left = left > 0, 0
            while writer.drain():
                pass
            found = books(database)
            assert found["balances"] == [("acme", -number), ("telco", -number)]
            assert chained(database)
            if done:
                break
        assert cuts > 15
        while found["waiting"]:
            writer_module.numbering.number(database)
            found = books(database)
        assert found["numbered"] == [(call, 1) for call in sorted(f"call-{n + 1}" for n in range(number))]

    def test_killed_between_commit_and_forget(self, spool, database, services: Services, told):
        """The calls are booked and still in the spool: the next writer changes nothing but tells Redis."""
        spool.put([ended("a", charge("acme", "3")), unheard("b", charge("acme", "1"))]).wait(5)
        arguments = [str(spool.path.parent), str(services.mysql_port), services.mysql_password]
        child = subprocess.run([sys.executable, "-c", DYING_WRITER, *arguments], capture_output=True, check=False)
        assert child.returncode == -9, child.stderr
        before = books(database)
        assert (before["balances"], spool.depth()) == ([("acme", -4)], 2)
        assert Writer(spool, database, 500, told.extend).drain() == 2
        assert {**before, "numbered": [("a", 1), ("b", 1)], "waiting": 0} == books(database)
        assert [each.calls for each in told] == [("a", "b")]

    def test_a_stalled_writer_holds_up_no_others(self, spool, writer, database, monkeypatch):
        """Its transaction is rolled back by MySQL, though its connection is still there."""
        monkeypatch.setattr(writer_module, "_SILENCE", 1)
        spool.put([ended("a", charge("acme", "3"))]).wait(5)
        monkeypatch.setattr(writer_module.booking, "write", lambda *_: gevent.sleep(60))
        stalled = gevent.spawn(writer.drain)
        gevent.sleep(0.3)
        monkeypatch.undo()
        assert writer.drain() == 1
        assert books(database)["balances"] == [("acme", -3)]
        stalled.kill()

    def test_a_storm_of_facts(self, tmp_path: Path, database: Pool):
        """Any order and repetition of the facts of many calls, in random pieces, from two hosts at once.

        A billing job that reads meanwhile has each call as it is in the end.
        """
        for seed in range(6):
            self._storm(random.Random(seed), tmp_path / str(seed), database, 30)

    def _storm(self, chosen: random.Random, folder: Path, database: Pool, calls: int) -> None:
        with database.transaction() as cursor:
            for table in ("cdr", "cdr_charge", "ledger", "account_balance", "unsettled", "settled"):
                cursor.execute(f"DELETE FROM {table}")
        spools = [Spool(folder / name, 0) for name in ("one", "two") if not (folder / name).mkdir(parents=True)]
        stories = [_story(chosen, f"call-{number}") for number in range(calls)]
        for spool in spools:
            facts = [fact for _, each in stories for fact in each for _ in range(chosen.choice((0, 1, 1, 2)))]
            chosen.shuffle(facts)
            spool.put(facts).wait(10)
        missed = [fact for _, each in stories for fact in each]
        chosen.shuffle(missed)
        spools[0].put(missed).wait(10)
        booked: list[Booked] = []
        billed: dict[str, tuple[int, Decimal | None]] = {}
        job = gevent.spawn(_bill, database, billed)
        runs = [gevent.spawn(Writer(spool, database, chosen.randint(1, 40), booked.extend).run) for spool in spools]
        newest = "SELECT (SELECT COUNT(*) FROM unsettled), (SELECT MAX(settled_seq) FROM settled)"

        def behind() -> bool:
            return database.rows(newest) != [(0, max((number for number, _ in billed.values()), default=0))]

        while any(spool.depth() for spool in spools) or behind():
            gevent.sleep(0.02)
        gevent.killall([*runs, job])
        assert billed == {
            call: (number, amount)
            for call, number, amount in database.rows("SELECT call_uuid, settled_seq, amount FROM v_billable_call")
        }
        owed: dict[str, Decimal] = {}
        for charges, _ in stories:
            for each in charges:
                owed[each["account"]] = owed.get(each["account"], Decimal(0)) - Decimal(each["amount"])
        found = books(database)
        assert dict(found["balances"]) == owed
        assert chained(database)
        assert {(row[0], row[1], row[2]) for row in found["charges"]} == {
            (f"call-{number}", each["account"], Decimal(each["amount"]))
            for number, (charges, _) in enumerate(stories) for each in charges
        }  # fmt: skip
        assert {row[0] for row in found["numbered"]} == {f"call-{number}" for number in range(calls)}
        assert {call for each in booked for call in each.calls} == {row[0] for row in found["charges"]}
        assert [spool.rejected() for spool in spools] == [0, 0]
        for spool in spools:
            spool.close()


def _bill(pool: Pool, billed: dict[str, tuple[int, Decimal | None]]) -> None:
    """A billing job: keeps of each call what it reads last, and never looks back."""
    cursor = 0
    sql = "SELECT settled_seq, call_uuid, amount FROM v_billable_call WHERE settled_seq > %s ORDER BY 1 LIMIT 7"
    while True:
        for number, call, amount in pool.rows(sql, (cursor,)):
            cursor, billed[call] = number, (number, amount)
        gevent.sleep(0.005)


def _with(record: Record, *charges: dict) -> Record:
    return Record(record.kind, {**record.fields, "charges": list(charges)})


def _story(chosen: random.Random, uuid: str) -> tuple[list[dict], list[Record]]:
    """What a call comes to, and the facts told of it; some ends were not heard, by one host or two."""
    levels = chosen.sample(("acme", "telco", "top", "other"), chosen.randint(0, 3))
    real = [charge(name, f"{chosen.randrange(10**7) / 10**6:.6f}", tax="0") for name in levels]
    guess = unheard(uuid, *(charge(name, "7.5", 900, tax="0") for name in levels))
    return real, [cdr(uuid, "routed"), answered(uuid), ended(uuid, *real), *[guess] * chosen.randint(0, 2)]


DYING_WRITER = """
import os, sys
from gevent import monkey; monkey.patch_all()
from pathlib import Path
from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.settings import Mysql
from callctl.store.pool import Pool

spool = Spool(Path(sys.argv[1]))
spool.forget = lambda ids: os.kill(os.getpid(), 9)
Writer(spool, Pool(Mysql(port=int(sys.argv[2]), password=sys.argv[3]), 1), 50).drain()
"""
