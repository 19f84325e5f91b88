"""`settled_seq` is a cursor: who reads behind it sees every call once, and nothing ever appears behind it."""

import random

import gevent
import pytest

from callctl.settings import Mysql
from callctl.store import numbering
from callctl.store.pool import LATEST, Connection, Pool

PUT = "INSERT INTO unsettled (call_uuid, started_at) VALUES (%s, '2026-01-01')"


def put(pool: Pool, *calls: str) -> None:
    with pool.transaction() as cursor:
        cursor.executemany(PUT, [(call,) for call in calls])


def settled(pool: Pool):
    return pool.rows("SELECT settled_seq, call_uuid FROM settled ORDER BY 1")


@pytest.fixture
def stalled(database: Pool):
    """Puts calls into `unsettled` in a transaction that goes no further until it is told to."""
    connection = Connection(database.mysql, 10.0)

    def begin(*calls: str) -> Connection:
        connection.query(LATEST)
        connection.begin()
        connection.cursor().executemany(PUT, [(call,) for call in calls])
        return connection

    yield begin
    connection.discard()


def test_numbers_follow_each_other_and_are_given_once(database: Pool):
    put(database, "a", "b", "c")
    assert numbering.number(database) == 3
    assert numbering.number(database) == 0
    put(database, "d", "a")
    assert numbering.number(database) == 2
    assert settled(database) == [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "a")]
    assert database.rows("SELECT * FROM unsettled") == []


def test_more_than_a_statement_takes(database: Pool, monkeypatch):
    monkeypatch.setattr(numbering, "_AT_ONCE", 2)
    put(database, *"abcde")
    assert [numbering.number(database) for _ in range(4)] == [2, 2, 1, 0]
    assert settled(database) == list(enumerate("abcde", 1))


def test_what_was_numbered_before_a_crash_only_leaves(database: Pool):
    put(database, "a", "b")
    with database.transaction() as cursor:
        cursor.execute(numbering._NUMBER, (1,))
    put(database, "c")
    while numbering.number(database):
        pass
    assert settled(database) == [(1, "a"), (2, "b"), (3, "c")]
    assert database.rows("SELECT * FROM unsettled") == []


def test_a_stalled_writer_holds_up_nobody_and_comes_later(database: Pool, stalled):
    connection = stalled("slow")
    put(database, "a", "b")
    with gevent.Timeout(3):
        assert numbering.number(database) == 2
    connection.commit()
    assert numbering.number(database) == 1
    assert settled(database) == [(1, "a"), (2, "b"), (3, "slow")]


def test_of_two_who_number_at_once_one_does_it(database: Pool, monkeypatch):
    put(database, "a", "b")
    other = Connection(database.mysql, 10.0)
    other.query(LATEST)
    other.begin()
    other.cursor().execute(numbering._NUMBER, (10,))
    waiting = gevent.spawn(numbering.number, database)
    gevent.sleep(0.3)
    assert not waiting.ready()
    other.commit()
    assert waiting.get(timeout=5) == 0
    other.discard()
    assert numbering.number(database) == 2
    assert settled(database) == [(1, "a"), (2, "b")]


def test_nothing_appears_behind_a_cursor(database: Pool, stalled):
    """Writers and numberers at once, one writer stalled in its transaction, and readers who poll."""
    mysql: Mysql = database.mysql
    chosen = random.Random(5)
    rounds, done = 60, 0

    def write(name: str) -> None:
        nonlocal done
        pool = Pool(mysql, 1)
        for number in range(rounds):
            with pool.transaction(idle=30) as cursor:
                for part in range(chosen.randint(1, 3)):
                    cursor.execute(PUT, (f"{name}-{number}-{part}",))
                    gevent.sleep(chosen.random() * 0.01)
        done += 1
        pool.close()

    def number() -> None:
        pool = Pool(mysql, 1)
        while True:
            numbering.number(pool)
            gevent.sleep(chosen.random() * 0.005)

    seen: list[list[tuple[int, str]]] = [[], []]

    def read(found: list[tuple[int, str]]) -> None:
        pool = Pool(mysql, 1)
        while True:
            cursor = found[-1][0] if found else 0
            limit = chosen.choice((1, 3, 1000))
            found += pool.rows(
                "SELECT settled_seq, call_uuid FROM settled WHERE settled_seq > %s ORDER BY settled_seq LIMIT %s",
                (cursor, limit),
            )
            gevent.sleep(chosen.random() * 0.003)

    connection = stalled("stalled-1", "stalled-2")
    others = [gevent.spawn(number) for _ in range(3)] + [gevent.spawn(read, found) for found in seen]
    writers = [gevent.spawn(write, name) for name in ("w1", "w2", "w3", "w4")]
    gevent.sleep(1)
    connection.commit()
    gevent.joinall(writers, raise_error=True)
    with gevent.Timeout(20):
        while database.rows("SELECT COUNT(*) FROM unsettled") != [(0,)] or any(
            not found or found[-1] != settled(database)[-1] for found in seen
        ):
            gevent.sleep(0.02)
    gevent.killall(others)
    everything = settled(database)
    assert done == 4
    assert len({call for _, call in everything}) == len(everything) >= 4 * rounds + 2
    assert [found == everything for found in seen] == [True, True]
    assert [number for number, _ in everything] == list(range(1, len(everything) + 1))
