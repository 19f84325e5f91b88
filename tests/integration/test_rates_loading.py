"""Rates that go to MySQL by LOAD DATA: the same rows as by INSERT, and no file for a server that asks for one."""

from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from callctl.errors import StoreError
from callctl.settings import Mysql
from callctl.store import loading, rates, tariff
from callctl.store.pool import Pool

TEXTS = ("", "it's", 'a "b"', "back\\slash\\", "\\N", "NULL", "a,b", "tab\tnew\nline\r\0\x1a", "中国 📞", "%s")
BODY = r"""'{\"max_cost\":\"1.5\",\"free_beyond\":true,\"note\":\"\\\\ \'\"}'"""
MOMENT = "'2026-01-01 00:00:00.000001'"
TERMS = (
    "0,0,1,60,1,1,0,0,NULL,NULL,NULL",
    f"-7,0.0000000001,99999999999999999999.0000000001,86400,86400,1,2,3,{MOMENT},NULL,{BODY}",
)
OUT_OF_RANGE = "99999,0,1,60,1,1,0,0,NULL,NULL,NULL"


@pytest.fixture
def loader(database):
    with closing(Pool(database.mysql, 1, loads=True)) as pool:
        yield pool


@pytest.fixture
def admin(services):
    with closing(MySQLdb.connect(unix_socket=str(services.mysql_socket), user=services.mysql_admin)) as connection:
        yield connection.cursor()


def lines(count=20):
    texts = [(text, terms) for text in TEXTS for terms in TERMS]
    return [rates.Line(number, f"44{number}*#", *texts[number % len(texts)]) for number in range(count)]


def imported(pool, name, wanted):
    """The rows that an import writes, and how many LOAD DATA it took."""
    loads = "SHOW GLOBAL STATUS LIKE 'Com_load'"
    before = int(pool.rows(loads)[0][1])
    generation = tariff.replace_rates(pool, name, "USD", wanted).generation
    columns = f"SELECT id, {rates.COLUMNS} FROM tariff_rate WHERE tariff = %s AND generation = %s ORDER BY id"
    return pool.rows(columns, (name, generation)), int(pool.rows(loads)[0][1]) - before


def test_both_ways_write_the_same(database, loader):
    inserted, none = imported(database, "by insert", lines())
    loaded, one = imported(loader, "by load", lines())
    assert (none, one) == (0, 1)
    assert loaded == inserted
    assert [row[2] for row in loaded] == [text for text in TEXTS for _ in TERMS]


def test_many_statements(database, loader, monkeypatch):
    monkeypatch.setattr(rates, "_STATEMENT", 10_000)
    loaded, several = imported(loader, "by load", lines(3000))
    assert several > 5
    assert loaded == imported(database, "by insert", lines(3000))[0]


def test_a_server_that_takes_no_files_is_given_inserts(loader, admin):
    admin.execute("SET GLOBAL local_infile = 0")
    try:
        rows, _ = imported(loader, "gold", lines())
    finally:
        admin.execute("SET GLOBAL local_infile = 1")
    assert len(rows) == 20


def test_a_request_that_cannot_be_read_is_answered_by_no_file_and_inserts(loader, monkeypatch):
    monkeypatch.setattr(loading, "_REQUEST", b"as under TLS")
    assert len(imported(loader, "gold", lines())[0]) == 20


@pytest.mark.parametrize("loads", [False, True])
def test_what_mysql_cannot_keep_is_refused_either_way(database, loader, loads):
    wrong = [*lines(), rates.Line(20, "45", "", OUT_OF_RANGE)]
    with pytest.raises(StoreError, match="Out of range value for column 'weight'"):
        tariff.replace_rates(loader if loads else database, "gold", "USD", wrong)
    assert database.rows("SELECT COUNT(*) FROM tariff_rate") == [(0,)]


def test_a_line_that_is_there_already_is_refused(loader, database):
    with pytest.raises(StoreError, match="Duplicate entry"):
        tariff.replace_rates(loader, "gold", "USD", [*lines(), *lines(1)])
    assert database.rows("SELECT COUNT(*) FROM tariff_rate") == [(0,)]


def packet(number: int, data: bytes) -> bytes:
    return len(data).to_bytes(3, "little") + bytes((number,)) + data


class Greedy:
    """As much of a MySQL server as takes a client to its LOAD DATA, and then asks for files. It runs on a thread."""

    SALT = (bytes(4), b"a" * 8, bytes(10), b"b" * 12)
    GREETING = b"\x0a5.5.5\0%b%b\0\xff\xf7\x2d\x02\0\xff\x81\x15%b%b\0mysql_native_password\0" % SALT
    FINE = bytes.fromhex("00000002000000")

    def __init__(self, *wanted: str) -> None:
        self.wanted = wanted
        self.heard = b""
        self.listener = get_original("socket", "socket")()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        peer, _ = self.listener.accept()
        with peer, self.listener:
            peer.settimeout(5)
            peer.sendall(packet(0, self.GREETING))
            self.hear(peer)
            peer.sendall(packet(2, self.FINE))
            while (asked := self.hear(peer)) and b"LOAD DATA" not in asked:
                peer.sendall(packet(1, self.FINE))
            for file in self.wanted:
                peer.sendall(packet(1, b"\xfb" + file.encode()))
                while self.hear(peer) and not self.heard.endswith(bytes(4)):
                    pass
            while self.hear(peer):
                pass

    def hear(self, peer: Any) -> bytes:
        try:
            data = bytes(peer.recv(1 << 16))
        except OSError:
            data = b""
        self.heard += data
        return data


@pytest.mark.parametrize("before", [(), (loading.NAME,)])
def test_a_server_gets_no_file_of_ours(tmp_path: Path, before):
    secret = tmp_path / "secret"
    secret.write_text("what nobody may know")
    server = Greedy(*before, str(secret))
    threads = ThreadPool(1)
    serving = threads.spawn(server.run)
    statement = f"LOAD DATA LOCAL INFILE '{loading.NAME}' INTO TABLE x"
    with closing(Pool(Mysql(port=server.port), 1, 2, loads=True)) as pool:
        with suppress(StoreError), pool.connection() as connection:
            assert loading.send(connection, statement, b"our own" * 100) == bool(before)
            if before:
                connection.answered()
        serving.get(timeout=10)
    threads.kill()
    assert statement.encode() in server.heard
    assert (b"our" in server.heard.replace(statement.encode(), b"")) == bool(before)
    assert b"nobody may know" not in server.heard
