"""The MySQL pool: it never stalls the loop, and never hands over what is not its statement's."""

import socket
import subprocess
import sys

import gevent
import pytest
from gevent.pool import Group
from gevent.server import StreamServer
from pydantic import SecretStr

from callctl.errors import StoreError, StoreRefused
from callctl.settings import Mysql
from callctl.store.pool import Pool
from deploy import private_services
from deploy.private_services import Services

LOOP_WATCH = """
import sys
from gevent import monkey; monkey.patch_all()
import gevent
from callctl.settings import Mysql
from callctl.store.pool import Pool

def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0.002)

ticks = 0
gevent.spawn(tick)
pool = Pool(Mysql(port=int(sys.argv[1]), password=sys.argv[2]), 4)
queries = [gevent.spawn(pool.rows, "SELECT NOW(6), SLEEP(0.3), SYSDATE(6)") for _ in range(4)]
gevent.joinall(queries, raise_error=True)
times = [query.value[0] for query in queries]
print("together" if max(row[0] for row in times) < min(row[2] for row in times) else "in turn", ticks)
"""


@pytest.fixture
def pool(settings):
    pool = Pool(settings.mysql, 2)
    yield pool
    pool.close()


def one(pool: Pool, sql: str):
    return pool.rows(sql)[0][0]


def test_the_loop_runs_on_while_mysql_works(services: Services):
    """Four statements of 0.3 s run side by side, and a greenlet beside them is never held up for one of them."""
    done = subprocess.run(
        [sys.executable, "-c", LOOP_WATCH, str(services.mysql_port), services.mysql_password],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    order, ticks = done.stdout.split()
    assert order == "together"
    assert int(ticks) > 20  # a blocked loop counts one or two


def test_session(pool: Pool):
    """Sessions count in UTC, in utf8mb4, strictly."""
    assert pool.rows("SELECT @@time_zone, @@character_set_client, @@sql_mode LIKE %s", ("%STRICT_ALL%",)) == [
        ("+00:00", "utf8mb4", 1)
    ]
    assert pool.rows("SELECT %s", ("主叫 ☎ '\\\n\0%s",)) == [("主叫 ☎ '\\\n\0%s",)]
    assert pool.records("SELECT 1 AS a, NULL AS b") == [{"a": 1, "b": None}]


def test_after_a_timeout_no_old_row_is_returned(settings):
    pool = Pool(settings.mysql, 1, deadline=0.2)
    with pytest.raises(StoreError, match=r"did not answer within 0\.2 s: see that it runs"):
        pool.rows("SELECT 'old', SLEEP(0.4)")
    gevent.sleep(0.5)
    assert one(pool, "SELECT 'new'") == "new"
    pool.close()


def test_after_a_foreign_timeout_or_a_kill_no_old_row_is_returned(settings):
    pool = Pool(settings.mysql, 1)
    with gevent.Timeout(0.1, False):
        pool.rows("SELECT 'old', SLEEP(0.3)")
    assert one(pool, "SELECT 'new'") == "new"
    asking = gevent.spawn(pool.rows, "SELECT 'old', SLEEP(0.3)")
    gevent.sleep(0.05)
    asking.kill()
    assert one(pool, "SELECT 'newer'") == "newer"
    pool.close()


def test_checkout_is_exclusive_and_has_a_deadline(settings):
    pool = Pool(settings.mysql, 1, deadline=0.2)
    with pool.connection():
        with pytest.raises(StoreError, match="All 1 connections to MySQL"):
            pool.transaction().__enter__()
        with pytest.raises(StoreError, match=r"did not answer within 0\.2 s"):
            pool.rows("SELECT 1")
    assert one(pool, "SELECT 1") == 1
    pool.close()


def test_many_greenlets_each_get_their_own_rows(pool: Pool):
    answers = Group().map(lambda n: pool.rows("SELECT %s, SLEEP(0.001)", (n,))[0][0], range(100))
    assert answers == list(range(100))


def test_a_connection_that_saw_an_exception_is_not_used_again(pool: Pool):
    number = one(pool, "SELECT CONNECTION_ID()")
    with pytest.raises(KeyError), pool.connection():
        raise KeyError
    assert one(pool, "SELECT CONNECTION_ID()") != number


def test_an_idle_connection_is_used_again(pool: Pool):
    assert one(pool, "SELECT CONNECTION_ID()") == one(pool, "SELECT CONNECTION_ID()")


def test_a_transaction_is_all_or_nothing(database: Pool):
    def insert(*names: str):
        with database.transaction() as cursor:
            for name in names:
                cursor.execute("INSERT INTO account (name) VALUES (%s)", (name,))

    with pytest.raises(StoreRefused):
        insert("acme", "acme")
    assert database.rows("SELECT name FROM account") == []
    insert("acme")
    assert database.rows("SELECT name FROM account") == [("acme",)]


def test_refused_values_are_told_from_a_refused_statement(database: Pool):
    with pytest.raises(StoreRefused, match="1406"), database.transaction() as cursor:
        cursor.execute("INSERT INTO account (name) VALUES (%s)", ("a" * 65,))
    with pytest.raises(StoreError, match="run `callctl migrate`") as caught:
        database.rows("SELECT * FROM nowhere")
    assert not isinstance(caught.value, StoreRefused)


def test_connections_the_server_closed_are_replaced(pool: Pool):
    """For statements of every kind, when it was closed long ago, and for reads when it closes under them."""
    old = one(pool, "SELECT CONNECTION_ID()")
    with Pool(pool.mysql, 1).connection() as other:
        other.query(f"KILL {old}")
        gevent.sleep(0.05)
        with pool.transaction() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            assert cursor.fetchone()[0] != old
        reading = gevent.spawn(pool.rows, "SELECT CONNECTION_ID(), SLEEP(0.2)")
        gevent.sleep(0.1)
        (victim,) = (
            row[0] for row in Pool(pool.mysql, 1).rows("SELECT id FROM information_schema.processlist WHERE info LIKE "
                                                      "'SELECT CONNECTION_ID(), SLEEP%%'")
        )  # fmt: skip
        other.query(f"KILL {victim}")
    assert reading.get()[0][0] != victim


def test_mysql_stopped_and_started(pool: Pool, services: Services):
    assert one(pool, "SELECT 1") == 1
    private_services.stop_mysql(services.folder)
    with pytest.raises(StoreError, match=rf"MySQL at 127\.0\.0\.1:{services.mysql_port} cannot be reached"):
        pool.rows("SELECT 1")
    private_services.start_mysql(services.folder)
    assert one(pool, "SELECT 2") == 2


def test_wrong_password_and_unknown_database(settings):
    secret = SecretStr("wrong")
    with pytest.raises(StoreError, match="refused user 'callctl': correct"):
        Pool(settings.mysql.model_copy(update={"password": secret}), 1).rows("SELECT 1")
    with pytest.raises(StoreError, match="does not let user 'callctl' use database 'nowhere'"):
        Pool(settings.mysql.model_copy(update={"database": "nowhere"}), 1).rows("SELECT 1")


def test_a_server_that_accepts_and_says_nothing(capfd):
    """The deadline holds while connecting too, and whoever waits is not alone in the loop."""
    server = StreamServer(("127.0.0.1", 0), lambda *_: gevent.sleep(60))
    server.start()
    pool = Pool(Mysql(port=server.server_port, connect_timeout=1), 2, deadline=0.2)
    with pytest.raises(StoreError, match=r"did not answer within 0\.2 s"):
        pool.rows("SELECT 1")
    server.stop()
    pool.close()
    assert capfd.readouterr().err == ""


def test_a_closed_pool_leaves_no_socket(settings):
    pool = Pool(settings.mysql, 1)
    with pool.connection() as connection:
        copy = socket.socket(fileno=socket.dup(connection.fileno()))
    pool.close()
    assert copy.recv(1) == b""
    copy.close()
