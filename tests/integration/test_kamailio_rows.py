"""Rows that Kamailio 5.6.3 wrote, and rows of OpenSIPS's columns, read from a real MariaDB and led to their edges."""

import getpass
import socket
from contextlib import closing
from pathlib import Path

import MySQLdb
import pytest

from callctl.errors import StoreError
from callctl.routing.location import group, ring_groups
from callctl.settings import Edge, Location, Mysql
from callctl.store.location import LocationStore
from callctl.store.pool import Pool

ROWS = Path(__file__).parents[1] / "data" / "kamailio" / "location_rows.sql"
DATABASE = "kamailio_rows"
A = Edge(name="a", server_id=1, address="127.0.1.1:5060", sockets=("127.0.0.1", "[::1]:5061"))
B = Edge(name="b", server_id=2, address="127.0.1.2:5060", sockets=("127.0.0.2", "[::1]:5062"))
# The same two, as a controller knows them that was told other server ids.
A_BY_SOCKET = A.model_copy(update={"server_id": 11})
B_BY_SOCKET = B.model_copy(update={"server_id": 12})
OPENSIPS = """
CREATE TABLE opensips (
  contact_id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, username CHAR(64) NOT NULL, domain CHAR(64),
  contact TEXT NOT NULL, received CHAR(255), path CHAR(255), expires INT UNSIGNED NOT NULL,
  q FLOAT(10,2) NOT NULL DEFAULT 1.0, callid CHAR(255) NOT NULL DEFAULT 'x', cseq INT NOT NULL DEFAULT 13,
  last_modified DATETIME NOT NULL DEFAULT '2026-01-01', flags INT NOT NULL DEFAULT 0, cflags CHAR(255),
  user_agent CHAR(255) NOT NULL DEFAULT '', socket CHAR(64), methods INT, sip_instance CHAR(255), kv_store TEXT,
  attr CHAR(255));
INSERT INTO opensips (username, domain, contact, expires, q, socket) VALUES
  ('alice', 'example.test', 'sip:alice@192.0.2.1', UNIX_TIMESTAMP() + 3600, 0.5, 'udp:127.0.0.1:5061'),
  ('alice', 'example.test', 'sip:alice@192.0.2.2', UNIX_TIMESTAMP() + 3600, -1, 'tcp:[::1]:5062'),
  ('gone', 'example.test', 'sip:gone@192.0.2.3', UNIX_TIMESTAMP() - 1, 1, 'udp:127.0.0.1:5061'),
  ('perm', 'example.test', 'sip:perm@192.0.2.4', 0, 1, 'udp:127.0.0.2:5062');
INSERT INTO opensips (username, domain, contact, expires, socket, sip_instance, last_modified) VALUES
  ('moved', 'example.test', 'sip:m@old', UNIX_TIMESTAMP() + 3600, 'udp:127.0.0.1:5061', '<urn:uuid:1>', '2026-01-01'),
  ('moved', 'example.test', 'sip:m@new', UNIX_TIMESTAMP() + 3600, 'udp:127.0.0.2:5062', '<urn:uuid:1>', '2026-01-02');
"""


@pytest.fixture(scope="module")
def mysql(services):
    """The recorded rows as on the day they were written: live ones live, the dead edge's past its time."""
    administrator = MySQLdb.connect(unix_socket=str(services.mysql_socket), user=getpass.getuser(), charset="utf8mb4")
    with closing(administrator), closing(administrator.cursor()) as cursor:

        def run(sql):
            cursor.execute(sql)
            while cursor.nextset():
                pass

        run(f"CREATE DATABASE {DATABASE}; USE {DATABASE};")
        run(f"GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1")
        run(ROWS.read_text(encoding="utf-8"))
        run(OPENSIPS)
        live = "SET expires = UTC_TIMESTAMP() + INTERVAL 1 HOUR"
        run("UPDATE location_dead_edge SET expires = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
        for table in "location", "location_ownpath", "location_advertised", "location_moved":
            run(f"UPDATE {table} {live} WHERE expires > '1970-01-03'")
        run(f"UPDATE location_tz8 {live} + INTERVAL 8 HOUR WHERE expires > '1970-01-03'")
        run(
            "INSERT INTO location (ruid, username, domain, contact, expires, last_modified, server_id)"
            " SELECT seq, 'crowd', 'example.test', seq, UTC_TIMESTAMP() + INTERVAL 1 HOUR,"
            " '2026-01-01' + INTERVAL seq SECOND, 1 FROM seq_1_to_150"
        )
        administrator.commit()
        yield Mysql(port=services.mysql_port, password=services.mysql_password, database=DATABASE)
        run(f"DROP DATABASE {DATABASE}")


@pytest.fixture
def pool(mysql):
    with closing(Pool(mysql, 2, 5.0)) as opened:
        yield opened


def edges_of(pool, user, table="location", edges=(A, B), domain="example.test", **location):
    """The edges that are rung for user@domain: those of one string at once."""
    contacts = LocationStore(pool, Location(table=table, **location)).contacts(user, domain)
    located = group(contacts, edges)
    assert located.unusable == ()
    return ["".join(target.edge for target in at_once) for at_once in ring_groups(located.targets)]


@pytest.mark.parametrize("edges", [(A, B), (A_BY_SOCKET, B_BY_SOCKET)], ids=["by server_id", "by socket"])
@pytest.mark.parametrize(
    ("user", "rung"),
    [
        ("alice", ["b", "a"]),  # q 1.0 at b; 0.8 and 0.3 at a
        ("bob", ["a"]),  # behind NAT
        ("carol", ["ab"]),  # TCP on both, no q
        ("tls6", ["a"]),
        ("wsuser", ["ab"]),  # WebSocket: the row says tcp:…:8061
        ("dave", ["a"]),  # secure WebSocket
        ("v6user", ["a"]),
        ("frank", ["b"]),  # IPv6
        ("erin", ["b"]),
        ("pathy", ["a"]),  # a Path of the phone's own proxy
    ],
)
def test_each_phone_is_rung_at_the_edge_that_holds_it(pool, user, rung, edges):
    assert edges_of(pool, user, edges=edges) == rung


def test_alice_has_two_phones_at_one_edge_and_one_leg_for_both(pool):
    located = group(LocationStore(pool, Location()).contacts("alice", "example.test"), (A, B))
    assert [(target.edge, target.address, target.q) for target in located.targets] == [
        ("b", "127.0.1.2:5060", 1.0),
        ("a", "127.0.1.1:5060", pytest.approx(0.8)),
    ]
    assert located.contacts == 3


def test_a_domain_is_its_own_unless_the_table_has_none(pool):
    assert edges_of(pool, "alice", domain="other.test") == ["b"]
    assert edges_of(pool, "erin", domain="other.test") == []
    assert edges_of(pool, "erin", domain="other.test", use_domain=False) == ["b"]


def test_a_permanent_contact_without_socket_is_known_by_its_server(pool):
    assert edges_of(pool, "perm") == ["a"]
    assert edges_of(pool, "perm", edges=(A_BY_SOCKET, B_BY_SOCKET)) == ["a", "b"]  # may be anywhere: in turn


@pytest.mark.parametrize("user", ["bob", "erin", "wsuser"])
def test_the_path_an_edge_wrote_names_it(pool, user):
    by_path = (A_BY_SOCKET.model_copy(update={"sockets": ()}), B_BY_SOCKET.model_copy(update={"sockets": ()}))
    assert edges_of(pool, user, "location_ownpath", by_path) == ["b"]


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("carol", "localhost"),
        ("frank", "2001:db8::62"),
        ("frank", "[2001:DB8::62]:5062"),
        ("erin", "udp:203.0.113.62:5062"),
    ],
)
def test_an_advertised_address_is_matched_with_the_edges_other_names(pool, user, name):
    edges = (A_BY_SOCKET, Edge(name="b", server_id=12, address="127.0.1.2:5060", sockets=(name,)))
    assert edges_of(pool, user, "location_advertised", edges) == ["b"]


def test_an_advertised_address_nobody_configured_is_named(pool):
    contacts = LocationStore(pool, Location(table="location_advertised")).contacts("frank", "example.test")
    assert group(contacts, (A_BY_SOCKET, B_BY_SOCKET)).unusable == (
        "no edge has server_id 2, socket udp:2001:db8::62:5062",
    )


def test_a_phone_that_moved_is_rung_where_it_is_now(pool):
    assert len(LocationStore(pool, Location(table="location_moved")).contacts("erin", "example.test")) == 2
    assert edges_of(pool, "erin", "location_moved") == ["b"]


def test_what_a_killed_edge_left_behind_is_not_rung(pool):
    assert pool.rows("SELECT COUNT(*) FROM location_dead_edge WHERE username = 'bob'")[0][0] == 1
    assert edges_of(pool, "bob", "location_dead_edge") == []


def test_an_edge_in_another_time_zone_still_has_its_permanent_contacts(pool):
    assert edges_of(pool, "perm", "location_tz8") == ["b"]
    assert edges_of(pool, "erin", "location_tz8") == ["b"]


def test_a_table_in_another_database_is_reached_by_its_full_name(mysql):
    with closing(Pool(mysql.model_copy(update={"database": "callctl"}), 1, 5.0)) as pool:
        assert edges_of(pool, "erin", f"{DATABASE}.location") == ["b"]


def test_opensips_rows_are_led_to_their_edges_by_socket(pool):
    assert edges_of(pool, "alice", "opensips", kind="opensips") == ["b", "a"]
    assert edges_of(pool, "gone", "opensips", kind="opensips") == []
    assert edges_of(pool, "perm", "opensips", kind="opensips") == ["b"]
    assert edges_of(pool, "moved", "opensips", kind="opensips") == ["b"]


def test_of_too_many_contacts_the_newest_are_read(pool):
    contacts = LocationStore(pool, Location()).contacts("crowd", "example.test")
    assert [contact.ruid for contact in contacts] == [str(number) for number in range(150, 50, -1)]


@pytest.mark.parametrize("user", ["nobody", "' OR 1=1 -- ", "%", "", "\\'"])
def test_nobody_registered_is_an_answer(pool, user):
    assert LocationStore(pool, Location()).contacts(user, "example.test") == []


def test_a_database_that_cannot_be_asked_is_not_nobody_registered(mysql):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        stopped = mysql.model_copy(update={"port": closed.getsockname()[1]})
        with closing(Pool(stopped, 1, 5.0)) as pool, pytest.raises(StoreError):
            LocationStore(pool, Location()).contacts("alice", "example.test")


def test_a_missing_table_is_not_nobody_registered(pool):
    with pytest.raises(StoreError):
        LocationStore(pool, Location(table="no_such_table")).contacts("alice", "example.test")
