"""The spool: what it says it kept is on disk, whatever the disk and its processes do."""

import itertools
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import gevent
import pytest

from callctl.cdr import spool as module
from callctl.cdr.spool import OpenCall, Record, Spool
from callctl.errors import SpoolError

T0 = 1_790_000_000_000_000


def cdr(uuid: str, state: str = "routed", **fields) -> Record:
    return Record("cdr", {"call_uuid": uuid, "node": "fs1", "started_at": T0, "state": state, **fields})


def event(seq: int, size: int = 0) -> Record:
    return Record("event", {"call_uuid": "a", "seq": seq, "started_at": T0, "at": T0, "event": "X", "data": "x" * size})


@pytest.fixture
def spool(tmp_path: Path):
    spool = Spool(tmp_path, min_free_mb=0)
    yield spool
    spool.close()


@pytest.fixture
def full_disk():
    """Let no file of this process grow beyond 200 kB, and give the room back when called."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, ignored)


class TestRecords:
    """What is put, taken and dropped."""

    def test_records_come_back_in_their_order_until_forgotten(self, spool: Spool):
        records = [cdr("a", trace=[{"主": "叫"}], ended_at=None), Record("leg", {"leg_uuid": "b"}), event(2**63)]
        spool.put(records).wait(5)
        taken = spool.take(10)
        assert [(record.kind, record.fields) for record in taken] == records
        assert spool.take(1) == taken[:1]
        spool.forget([taken[0].id])
        assert spool.take(10) == taken[1:]
        assert spool.depth() == 2

    def test_those_with_charges_are_found_among_the_others(self, spool: Spool):
        def ended(uuid: str, *charges: dict[str, str]) -> Record:
            return cdr(uuid, "final", charges=list(charges))

        said = event(1)._replace(fields=event(1).fields | {"data": '"charges":[{'})
        charged = [ended(f"c{n}", {"account": "acme", "amount": str(n)}) for n in range(600)]  # more than a page
        spool.put([cdr("a"), ended("free"), said, *charged, cdr("b", "answered")]).wait(5)
        found = spool.charged()
        assert next(found).fields == charged[0].fields
        spool.forget([record.id for record in spool.take(10)])  # MySQL has got them meanwhile
        assert [record.fields["call_uuid"] for record in found] == [f"c{n}" for n in range(1, 600)]

    def test_nothing_put_is_nothing_to_wait_for(self, spool: Spool):
        spool.put([]).wait(0)

    def test_an_identity_is_not_given_twice(self, spool: Spool):
        """Else a slow forget of one record could drop another."""
        spool.put([event(1)]).wait(5)
        (first,) = spool.take(1)
        spool.forget([first.id])
        spool.put([event(2)]).wait(5)
        assert spool.take(1)[0].id > first.id

    def test_puts_while_a_transaction_runs_share_the_next(self, spool: Spool):
        commits = [spool.put([event(n)]) for n in range(100)]
        assert len({id(commit) for commit in commits}) == 1
        for commit in commits:
            commit.wait(5)
        assert spool.depth() == 100

    def test_what_was_kept_is_there_when_the_file_is_opened_again(self, tmp_path: Path):
        for n in range(3):
            spool = Spool(tmp_path)
            spool.put([cdr(str(n))]).wait(5)
            spool.close()
        spool = Spool(tmp_path)
        assert [record.fields["call_uuid"] for record in spool.take(10)] == ["0", "1", "2"]
        spool.close()

    def test_close_keeps_what_nobody_waited_for(self, tmp_path: Path):
        spool = Spool(tmp_path)
        spool.put([cdr("a")])
        spool.close()
        with pytest.raises(SpoolError, match="is closed"):
            spool.put([cdr("b")])
        spool = Spool(tmp_path)
        assert spool.depth() == 1
        spool.close()

    def test_a_rejected_record_is_kept_aside_with_its_reason(self, spool: Spool):
        spool.put([cdr("a"), cdr("b")]).wait(5)
        spool.reject(spool.take(1)[0].id, "too odd")
        assert [record.fields["call_uuid"] for record in spool.take(10)] == ["b"]
        assert spool.rejected() == 1
        with sqlite3.connect(spool.path) as other:
            assert other.execute("SELECT kind, error FROM rejected").fetchall() == [("cdr", "too odd")]
        other.close()

    def test_only_the_owner_may_read_it(self, spool: Spool):
        spool.put([cdr("a")]).wait(5)
        assert {file.stat().st_mode & 0o777 for file in spool.path.parent.iterdir()} == {0o600}


class TestOpenCalls:
    """Which calls have no end yet."""

    def test_a_call_is_open_from_its_first_record_to_its_final_one(self, spool: Spool):
        spool.put([cdr("a"), cdr("b"), cdr("b", "answered")]).wait(5)
        calls = spool.open_calls("fs1")
        assert [call._replace(seen_us=0) for call in calls] == [
            OpenCall("a", "fs1", T0, "routed", 0),
            OpenCall("b", "fs1", T0, "answered", 0),
        ]
        assert all(call.seen_us > T0 for call in calls)
        assert spool.open_calls("fs2") == []
        spool.put([cdr("a", "final")]).wait(5)
        assert [call.call_uuid for call in spool.open_calls("fs1")] == ["b"]

    def test_a_late_fact_does_not_open_a_finished_call(self, spool: Spool):
        spool.put([cdr("a", "final"), cdr("a")]).wait(5)
        spool.put([cdr("a", "answered")]).wait(5)
        assert spool.open_calls("fs1") == []

    def test_a_late_fact_does_not_take_an_answer_back(self, spool: Spool):
        spool.put([cdr("a", "answered"), cdr("a", "routed")]).wait(5)
        assert [call.state for call in spool.open_calls("fs1")] == ["answered"]

    def test_what_an_open_call_is_charged_by_stays_with_it_whatever_is_told_first(self, spool: Spool):
        routed, answered = cdr("a", basis="gold"), cdr("a", "answered", answered_at=T0 + 5)
        for records in ([routed, answered], [answered, routed]):
            spool.put([*records, cdr("a", "answered")]).wait(5)
            (call,) = spool.open_calls("fs1")
            assert (call.state, call.answered_us, call.basis) == ("answered", T0 + 5, "gold")
            spool.put([cdr("a", "final")]).wait(5)
            with sqlite3.connect(spool.path) as other:
                other.execute("DELETE FROM closed_call")
            other.close()
        assert not any("basis" in record.fields for record in spool.take(20)), "no column of MySQL"

    def test_a_call_that_is_seen_up_is_known_to_be_up_since(self, spool: Spool):
        spool.put([cdr("a"), cdr("b"), cdr("c", node="fs2")]).wait(5)
        before = {call.call_uuid: call.seen_us for call in spool.open_calls("fs1")}
        spool.seen("fs1", ["a", "c", "nobody's"])
        after = {call.call_uuid: call.seen_us for call in spool.open_calls("fs1")}
        assert after["a"] > before["a"]
        assert after["b"] == before["b"]
        (other,) = spool.open_calls("fs2")
        assert other.seen_us < after["a"]
        spool.seen("fs1", [])

    def test_a_file_of_an_earlier_version_is_used_on(self, tmp_path: Path):
        with sqlite3.connect(tmp_path / "spool.db") as old:
            old.execute(
                "CREATE TABLE open_call (call_uuid TEXT PRIMARY KEY, node TEXT NOT NULL, started_us INTEGER NOT NULL,"
                " state TEXT NOT NULL, seen_us INTEGER NOT NULL) WITHOUT ROWID"
            )
            old.execute("INSERT INTO open_call VALUES ('a', 'fs1', 1, 'routed', 2)")
        old.close()
        for _ in range(2):
            spool = Spool(tmp_path)
            assert spool.open_calls("fs1") == [OpenCall("a", "fs1", 1, "routed", 2, 0, "")]
            spool.close()

    def test_finished_calls_are_remembered_for_a_day(self, tmp_path: Path):
        spool = Spool(tmp_path)
        spool.put([cdr("old", "final"), cdr("new", "final")]).wait(5)
        spool.close()
        with sqlite3.connect(tmp_path / "spool.db") as other:
            other.execute("UPDATE closed_call SET at = at - 90000 * 1000000 WHERE call_uuid = 'old'")
        other.close()
        spool = Spool(tmp_path)
        spool.put([cdr("x", "final")]).wait(5)
        spool.close()
        with sqlite3.connect(tmp_path / "spool.db") as other:
            assert other.execute("SELECT call_uuid FROM closed_call ORDER BY 1").fetchall() == [("new",), ("x",)]
        other.close()

    @pytest.mark.parametrize("wrong", [{"state": "ringing"}, {"started_at": -1}, {"started_at": 2**63}])
    def test_facts_that_are_none_show_at_their_maker(self, spool: Spool, wrong: dict):
        with pytest.raises(ValueError, match="not the facts of a call"):
            spool.put([cdr("a"), cdr("b", **wrong)])
        with pytest.raises(KeyError, match="call_uuid"):
            spool.put([Record("cdr", {"started_at": T0, "state": "routed"})])
        spool.put([cdr("c")]).wait(5)
        assert [record.fields["call_uuid"] for record in spool.take(10)] == ["c"]


class TestTrouble:
    """A disk that is full, a file that is not ours, processes that die."""

    def test_a_full_disk_is_told_and_nothing_is_lost(self, tmp_path: Path, full_disk):
        spool = Spool(tmp_path, min_free_mb=0)
        numbers = itertools.count()

        def fill():
            while True:
                spool.put([event(next(numbers), 10_000)]).wait(5)

        with pytest.raises(SpoolError, match=r"make room on its disk\.$"):
            fill()
        last = next(numbers)
        assert not spool.healthy
        late = spool.put([event(last)])
        assert [record.fields["seq"] for record in spool.take(1000)] == list(range(last - 1))
        full_disk()
        while not spool.healthy:
            gevent.sleep(0.05)
        late.wait(0)
        assert [record.fields["seq"] for record in spool.take(1000)] == list(range(last + 1))
        spool.close()

    def test_a_waiter_that_was_told_no_may_wait_again(self, spool: Spool, full_disk):
        commit = spool.put([event(1, 300_000)])
        with pytest.raises(SpoolError):
            commit.wait(5)
        full_disk()
        while not spool.healthy:
            gevent.sleep(0.05)
        commit.wait(0)
        assert spool.depth() == 1

    def test_closing_tells_what_could_not_be_kept(self, tmp_path: Path, full_disk):
        spool = Spool(tmp_path)
        spool.put([event(1, 300_000), event(2)])
        with pytest.raises(SpoolError, match=r"^2 records are lost with this process"):
            spool.close()

    def test_memory_is_bounded_while_the_disk_takes_nothing(self, spool: Spool, full_disk, monkeypatch):
        monkeypatch.setattr(module, "_MOST_WAITING", 400_000)
        with pytest.raises(SpoolError):
            spool.put([event(1, 300_000)]).wait(5)
        with pytest.raises(SpoolError, match=r"memory for records is used up: The spool .* make room"):
            spool.put([event(2, 300_000)])
        full_disk()
        while not spool.healthy:
            gevent.sleep(0.05)
        spool.put([event(2, 300_000)]).wait(5)
        assert spool.depth() == 2

    def test_a_disk_without_room_is_not_healthy(self, tmp_path: Path):
        spool = Spool(tmp_path, min_free_mb=2**40)
        assert not spool.healthy
        spool.put([cdr("a")]).wait(5)  # what is under way is still recorded
        spool.close()

    def test_a_file_that_is_not_a_spool_is_left_alone(self, tmp_path: Path):
        file = tmp_path / "spool.db"
        file.write_bytes(b"not a database " * 100)
        with pytest.raises(SpoolError, match=r"spool\.db cannot be used \(file is not a database\): move it aside"):
            Spool(tmp_path)
        assert file.read_bytes() == b"not a database " * 100

    def test_a_damaged_file_is_told(self, tmp_path: Path):
        spool = Spool(tmp_path)
        spool.put([event(n, 5000) for n in range(50)]).wait(5)
        spool.close()
        file = tmp_path / "spool.db"
        content = bytearray(file.read_bytes())
        content[4096:40_960] = b"\xff" * 36_864
        file.write_bytes(content)
        spool = Spool(tmp_path)
        with pytest.raises(SpoolError, match="move it aside"):
            spool.take(100)
        spool.close()

    def test_a_folder_that_is_not_there(self, tmp_path: Path):
        with pytest.raises(SpoolError, match=r"\(No such file or directory\): let the user callctl runs as"):
            Spool(tmp_path / "nowhere")

    def test_kill_9_loses_nothing_that_was_kept(self, tmp_path: Path):
        """The child writes down each number it was told is kept, then is killed in the middle of its work."""
        child = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        told = [int(child.stdout.readline()) for _ in range(30)]
        child.kill()
        told += [int(line) for line in child.stdout.read().split()]
        child.wait()
        child.stdout.close()
        spool = Spool(tmp_path)
        kept = [record.fields["seq"] for record in spool.take(100_000)]
        assert set(told) <= set(kept)
        assert len(kept) == len(set(kept))
        spool.close()

    def test_processes_share_the_file(self, tmp_path: Path):
        children = [
            subprocess.Popen([sys.executable, "-c", SHARER, str(tmp_path), str(n)], stderr=subprocess.PIPE, text=True)
            for n in range(4)
        ]
        for child in children:
            assert child.wait() == 0, child.stderr.read()
            child.stderr.close()
        spool = Spool(tmp_path)
        assert sorted(record.fields["seq"] for record in spool.take(1000)) == list(range(200))
        spool.close()


KEEPER = """
import sys
from gevent import monkey; monkey.patch_all()
from pathlib import Path
from callctl.cdr.spool import Record, Spool
spool = Spool(Path(sys.argv[1]))
for n in range(10**9):
    spool.put([Record("event", {"call_uuid": "a", "seq": n})]).wait(5)
    print(n, flush=True)
"""

SHARER = """
import sys
from gevent import monkey; monkey.patch_all()
from pathlib import Path
from callctl.cdr.spool import Record, Spool
spool = Spool(Path(sys.argv[1]))
for n in range(int(sys.argv[2]) * 50, int(sys.argv[2]) * 50 + 50):
    spool.put([Record("event", {"call_uuid": "a", "seq": n})]).wait(20)
spool.close()
"""
