"""The writer: facts in any order and any number of times make one row, and none is lost on the way."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import gevent
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callctl.cdr.spool import Record, Spool
from callctl.cdr.writer import Writer
from callctl.errors import StoreError
from callctl.store.pool import Pool
from callctl.store.records import TABLES
from deploy import private_services
from deploy.private_services import Services

T0 = 1_790_000_000_123_456  # 2026-09-21 14:13:20.123456 UTC


@pytest.fixture
def spool(tmp_path: Path):
    spool = Spool(tmp_path, min_free_mb=0)
    yield spool
    spool.close()


@pytest.fixture
def writer(spool: Spool, database: Pool) -> Writer:
    return Writer(spool, database, 500)


def cdr(uuid: str = "a", state: str = "routed", **fields) -> Record:
    return Record("cdr", {"call_uuid": uuid, "node": "fs1", "started_at": T0, "state": state, **fields})


def event(seq: int, uuid: str = "a") -> Record:
    fields = {"call_uuid": uuid, "seq": seq, "started_at": T0, "at": T0 + seq, "event": "CHANNEL_ANSWER"}
    return Record("event", fields | {"data": {"n": seq}})


def write(spool: Spool, writer: Writer, *records: Record) -> None:
    spool.put(records).wait(5)
    while writer.drain():
        pass


def the_row(database: Pool, table: str = "cdr") -> dict:
    (row,) = database.records(f"SELECT * FROM {table}")
    for name in ("seq", "booked"):
        row.pop(name, None)
    return {name: value for name, value in row.items() if value is not None}


class TestRows:
    """What facts become."""

    def test_every_column_arrives(self, spool: Spool, writer: Writer, database: Pool):
        counted = ["ring_ms", "duration_ms", "billed_seconds", "attempts", "sip_status", "q850", "emergency"]
        numbers = dict.fromkeys(counted, 7)
        money = dict.fromkeys(["price", "tax", "cost"], "1.234567")
        times = {"answered_at": T0 + 1, "ended_at": T0 + 10**6}
        given = numbers | money | times | {"trace": [{"check": "编"}], "currency": "USD"}
        texts = {name: f"{name}☎"[:12] for name in TABLES["cdr"].columns if name not in given.keys() | cdr().fields}
        write(spool, writer, cdr(state="final", **given, **texts))
        row = the_row(database)
        assert {name: str(row[name]) for name in times} == {
            "answered_at": "2026-09-21 14:13:20.123457",
            "ended_at": "2026-09-21 14:13:21.123456",
        }
        assert {name: row[name] for name in money} == dict.fromkeys(money, Decimal("1.234567"))
        assert {name: row[name] for name in numbers} == numbers
        assert {name: row[name] for name in texts} == texts
        assert orjson.loads(row["trace"]) == [{"check": "编"}]
        assert row.keys() == TABLES["cdr"].columns.keys()

    def test_legs_and_events(self, spool: Spool, writer: Writer, database: Pool):
        key = {"call_uuid": "a", "leg_uuid": "b", "started_at": T0}
        times = {"dialed_at": T0 + 1, "ringing_at": T0 + 2, "answered_at": T0 + 3, "ended_at": T0 + 4}
        rest = {"target": "edge1", "carrier": "c", "gateway": "g", "sip_status": 200, "hangup_cause": "X", "cost": "1"}
        rest["number"] = "44"
        parts = [Record("leg", key | {"leg": 1}), Record("leg", key | times), Record("leg", key | rest), event(5)]
        write(spool, writer, *parts, *parts)
        assert the_row(database, "cdr_leg").keys() == TABLES["leg"].columns.keys()
        ((seq, at, what, data),) = database.rows("SELECT seq, at, event, data FROM call_event")
        assert (seq, at.microsecond, what, orjson.loads(data)) == (5, 123461, "CHANNEL_ANSWER", {"n": 5})

    def test_columns_in_code_and_in_the_database_agree(self, database: Pool):
        """Widths in code are the columns' own, so that nothing is cut too early or refused."""
        for kind, table in {"cdr": "cdr", "leg": "cdr_leg", "event": "call_event"}.items():
            for name, width, number in database.rows(
                "SELECT column_name, character_maximum_length, column_type FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = %s "
                "AND data_type IN ('varchar', 'char', 'smallint', 'int', 'bigint')",
                (table,),
            ):
                if name == "seq" and kind == "cdr":
                    continue
                convert = TABLES[kind].columns[name]
                if width:
                    assert len(convert("x" * 5000)) == width, name
                else:
                    bits = {"smallint": 16, "int": 32, "bigint": 64}[number.split("(")[0].split()[0]]
                    assert (convert(10**30), convert(-1)) == (2**bits - 1, 0), name

    def test_values_too_large_are_cut_and_nothing_is_set_aside(self, spool: Spool, writer: Writer, database: Pool):
        odd = {"caller": "主" * 500, "ring_ms": 2**40, "attempts": -1, "trace": ["x" * 2**20], "kind": "\0'\\"}
        write(spool, writer, cdr("é" * 100, **odd))
        row = the_row(database)
        assert (row["call_uuid"], row["caller"], row["kind"]) == ("?" * 64, "主" * 128, "\0'\\")
        assert (row["ring_ms"], row["attempts"]) == (2**32 - 1, 0)
        assert orjson.loads(row["trace"]) == {"omitted_bytes": 2**20 + 4}
        assert spool.rejected() == 0


class TestMerging:
    """One call, many facts."""

    def test_later_facts_win_and_unknown_ones_take_nothing_away(self, spool: Spool, writer: Writer, database: Pool):
        write(spool, writer, cdr(account="acme", carrier="c1"), cdr(state="answered", answered_at=T0 + 9, carrier="c2"))
        write(spool, writer, cdr(state="final", ended_at=T0 + 10, account=None))
        row = the_row(database)
        assert (row["state"], row["account"], row["carrier"]) == ("final", "acme", "c2")
        assert row["ended_at"] > row["answered_at"]

    def test_a_late_fact_fills_gaps_only(self, spool: Spool, writer: Writer, database: Pool):
        write(spool, writer, cdr(state="final", controller="b"))
        write(spool, writer, cdr(state="routed", controller="a", account="acme"))
        row = the_row(database)
        assert (row["state"], row["controller"], row["account"]) == ("final", "b", "acme")

    @pytest.mark.parametrize("reason", ["busy", None])
    @pytest.mark.parametrize("heard_first", [True, False])
    def test_a_heard_end_outweighs_one_that_was_guessed(self, spool, writer, database, reason, heard_first):
        guess = cdr(state="final", ended_at=T0 + 99, hangup_cause="NORMAL_TEMPORARY_FAILURE", reason="end_unheard")
        heard = cdr(state="final", ended_at=T0 + 10, hangup_cause="USER_BUSY", reason=reason)
        for record in [heard, guess] if heard_first else [guess, heard]:
            write(spool, writer, record)
        row = the_row(database)
        assert (row["ended_at"].microsecond, row["hangup_cause"], row.get("reason")) == (123466, "USER_BUSY", reason)

    def test_any_order_any_number_of_times(self, spool: Spool, writer: Writer, database: Pool):
        """Whatever way the same facts arrive, in whatever batches, the row is the same."""

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(facts=FACTS, data=st.data())
        def check(facts: list[Record], data: st.DataObject):
            rows = []
            again = facts + data.draw(st.lists(st.sampled_from(facts), max_size=4))
            for order in (facts, data.draw(st.permutations(again))):
                with database.transaction() as cursor:
                    cursor.execute("DELETE FROM cdr")
                cut = data.draw(st.integers(0, len(order)))
                write(spool, writer, *order[:cut])
                write(spool, writer, *order[cut:])
                rows.append(the_row(database))
            assert rows[0] == rows[1]
            assert rows[0]["state"] == max((fact.fields["state"] for fact in facts), key=list(SAID).index)

        check()


# A call as it was: what is said of it at each state, of which each fact tells a part. A guessed end tells nothing that
# the heard end does not tell better.
OUTCOME = {"ended_at": T0 + 10**6, "hangup_cause": "NORMAL_CLEARING", "hangup_by": "callee", "duration_ms": 1000}
SAID = {
    "routed": {"account": "acme", "caller": "1001", "trace": [1], "carrier": "c1", "codec_in": "PCMA"},
    "answered": {"answered_at": T0 + 5, "codec_out": "PCMU", "attempts": 2},
    "final": {"sip_status": 200, "q850": 16, "billed_seconds": 1},
}
GUESS = cdr(state="final", reason="end_unheard", ended_at=T0 + 2 * 10**6, hangup_cause="LOST", duration_ms=2000)


@st.composite
def _facts(draw: st.DrawFn) -> list[Record]:
    def part(state: str, always: dict) -> Record:
        said = SAID[state]
        names = draw(st.sets(st.sampled_from(sorted(said))))
        return cdr(state=state, **{name: said[name] for name in names}, **always)

    reason = draw(st.sampled_from([{}, {"reason": "busy"}]))
    facts = [part("routed", {}) for _ in range(draw(st.integers(0, 2)))]
    facts += [part("answered", {}) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        facts += [part("final", OUTCOME | {"carrier": "c2"} | reason) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()) or not facts:
        facts.append(GUESS)
    return facts


FACTS = _facts()


class TestTrouble:
    """Records that MySQL refuses, a MySQL that is away, a writer that dies."""

    def test_one_bad_record_does_not_hold_up_the_others(self, spool: Spool, writer: Writer, database: Pool):
        bad = [
            cdr("bad1", price="1" * 30),  # refused by MySQL
            cdr("bad2", price="a lot"),
            cdr("bad3", wrong_column=1),
            cdr("bad4", answered_at=10**18),
            Record("event", {"call_uuid": "bad5"}),
        ]
        write(spool, writer, cdr("a"), *bad, cdr("b"), event(1))
        assert database.rows("SELECT call_uuid FROM cdr ORDER BY 1") == [("a",), ("b",)]
        assert database.rows("SELECT COUNT(*) FROM call_event") == [(1,)]
        assert spool.depth() == 0
        assert spool.rejected() == len(bad)

    def test_a_missing_table_is_no_fault_of_the_records(self, spool: Spool, writer: Writer, database: Pool):
        with database.transaction() as cursor:
            cursor.execute("RENAME TABLE cdr TO cdr_elsewhere")
        spool.put([cdr()]).wait(5)
        with pytest.raises(StoreError, match="run `callctl migrate`"):
            writer.drain()
        with database.transaction() as cursor:
            cursor.execute("RENAME TABLE cdr_elsewhere TO cdr")
        assert spool.depth() == 1
        assert writer.drain() == 1

    def test_mysql_stopped_and_started_during_a_run(self, spool, writer, database, services: Services):
        """Calls go on while MySQL is away; afterwards each is there, once."""
        running = gevent.spawn(writer.run)

        def call(n: int) -> None:
            for state in ("routed", "answered", "final"):
                spool.put([cdr(f"call-{n}", state), event(3 * n, f"call-{n}")]).wait(5)

        calls = 0

        def place(many: int) -> None:
            nonlocal calls
            for _ in range(many):
                call(calls)
                calls += 1

        place(50)
        private_services.stop_mysql(services.folder)
        place(100)
        assert spool.depth() > 0
        private_services.start_mysql(services.folder)
        place(50)
        while spool.depth():
            gevent.sleep(0.05)
        running.kill()
        expected = sorted(f"call-{n}" for n in range(calls))
        for table in ("cdr WHERE state = 'final'", "call_event"):
            assert [uuid for (uuid,) in database.rows(f"SELECT call_uuid FROM {table} ORDER BY 1")] == expected
        assert spool.rejected() == 0

    def test_killed_between_commit_and_forget(self, spool: Spool, database: Pool, services: Services):
        """The records are in MySQL and still in the spool: the next writer changes nothing and drops them."""
        spool.put([cdr(state="final", account="acme"), event(1), event(2)]).wait(5)
        command = writer_command(DYING_WRITER, spool, services)
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        assert child.returncode == -9, child.stderr
        before = database.rows("SELECT * FROM cdr"), database.rows("SELECT * FROM call_event")
        assert (len(before[0]), len(before[1]), spool.depth()) == (1, 2, 3)
        assert Writer(spool, database, 500).drain() == 3
        assert (database.rows("SELECT * FROM cdr"), database.rows("SELECT * FROM call_event")) == before
        assert spool.depth() == 0

    def test_killed_at_any_time(self, spool: Spool, database: Pool, services: Services):
        """Writers killed again and again, at moments of chance: all arrives, once."""
        spool.put([record for n in range(2000) for record in (cdr(f"call-{n}", "final"), event(n))]).wait(5)
        command = writer_command(WRITER, spool, services)
        for grace in range(1, 6):
            child = subprocess.Popen(command, stdout=subprocess.PIPE)
            child.stdout.readline()
            gevent.sleep(grace * 0.03)
            child.kill()
            child.wait()
            child.stdout.close()
        writer = Writer(spool, database, 500)
        while writer.drain():
            pass
        assert database.rows("SELECT COUNT(*), COUNT(DISTINCT call_uuid) FROM cdr") == [(2000, 2000)]
        assert database.rows("SELECT COUNT(*) FROM call_event") == [(2000,)]

    def test_two_writers_on_one_call(self, tmp_path: Path, database: Pool):
        """The controller's host and the host that heard the end each have a spool of their own."""
        spools = [Spool(tmp_path / name, 0) for name in ("one", "two") if (tmp_path / name).mkdir() is None]
        for n in range(200):
            last = (
                spools[0].put([cdr(f"call-{n}", account="acme")]),
                spools[1].put([cdr(f"call-{199 - n}", "final", hangup_cause="X")]),
            )
        for commit in last:
            commit.wait(30)
        runs = [gevent.spawn(Writer(spool, database, 20).run) for spool in spools]
        while any(spool.depth() for spool in spools):
            gevent.sleep(0.05)
        gevent.killall(runs)
        for spool in spools:
            spool.close()
        assert database.rows("SELECT state, account, hangup_cause, COUNT(*) FROM cdr GROUP BY 1, 2, 3") == [
            ("final", "acme", "X", 200)
        ]


def test_the_writer_makes_the_days_partitions(spool: Spool, writer: Writer, database: Pool):
    running = gevent.spawn(writer.run)
    count = "SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name = 'cdr'"
    while database.rows(count)[0][0] < 5:
        gevent.sleep(0.05)
    running.kill()


WRITER = """
import sys
from gevent import monkey; monkey.patch_all()
from pathlib import Path
from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.settings import Mysql
from callctl.store.pool import Pool

spool = Spool(Path(sys.argv[1]))
writer = Writer(spool, Pool(Mysql(port=int(sys.argv[2]), password=sys.argv[3]), 1), 50)
print(flush=True)
while writer.drain():
    pass
"""

DYING_WRITER = WRITER.replace("print", "import os\nspool.forget = lambda ids: os.kill(os.getpid(), 9)\nprint")


def writer_command(program: str, spool: Spool, services: Services) -> list[str]:
    return [sys.executable, "-c", program, str(spool.path.parent), str(services.mysql_port), services.mysql_password]
