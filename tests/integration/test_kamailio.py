"""Two real Kamailio edges that share one `location` table, and SIPp phones that register at them."""

import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
import pytest

from callctl.routing.location import group, ring_groups
from callctl.settings import Edge, Location, Mysql
from callctl.store.location import LocationStore
from callctl.store.pool import Pool
from tests.ports import free_port

HERE = Path(__file__).parent / "kamailio"
SCHEMA = Path("/usr/share/kamailio/mysql")
DATABASE = "kamailio_live"
DOMAIN = "example.test"
DEADLINE = 20.0  # seconds
MISSING = [name for name in ("kamailio", "sipp") if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed: apt install kamailio sip-tester"),
    pytest.mark.skipif(not SCHEMA.is_dir(), reason=f"no {SCHEMA}: apt install kamailio-mysql-modules"),
]


@dataclass
class Phone:
    """A SIPp phone: one contact, which registers again and again under one Call-ID."""

    user: str
    host: str
    port: int
    folder: Path
    parameters: str = ""  # of its Contact
    cseq: int = 1

    def register(self, edge, transport="udp", expires=600):
        """Register at an edge and return when it said 200."""
        self.cseq += 1
        command = [
            "sipp", edge.address, "-sf", str(HERE / "register.xml"), "-m", "1", "-nostdin", "-timeout", "10s",
            "-timeout_error", "-i", self.host, "-p", str(self.port), "-t", {"udp": "u1", "tcp": "t1"}[transport],
            "-s", self.user, "-cid_str", f"{self.user}-{self.port}@{self.host}", "-base_cseq", str(self.cseq),
            "-key", "domain", DOMAIN, "-key", "expires", str(expires), "-key", "parameters", self.parameters,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def mysql(services):
    """An empty `location` table as Kamailio's package makes it, which Kamailio writes and callctl may only read."""
    administrator = MySQLdb.connect(unix_socket=str(services.mysql_socket), user=getpass.getuser())
    with closing(administrator), closing(administrator.cursor()) as cursor:

        def run(sql):
            cursor.execute(sql)
            while cursor.nextset():
                pass

        run(f"CREATE DATABASE {DATABASE}; USE {DATABASE}; GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1;")
        run(f"CREATE USER kamailio@127.0.0.1 IDENTIFIED BY 'test'; GRANT ALL ON {DATABASE}.* TO kamailio@127.0.0.1;")
        for name in "standard", "usrloc":
            run((SCHEMA / f"{name}-create.sql").read_text(encoding="utf-8"))
        yield Mysql(port=services.mysql_port, password=services.mysql_password, database=DATABASE)
        run(f"DROP DATABASE {DATABASE}; DROP USER kamailio@127.0.0.1;")


@contextmanager
def kamailio(edge, database_port, folder):
    """A Kamailio process that is `edge`."""
    folder.mkdir()
    command = [
        shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin"), "-f", str(HERE / "edge.cfg"), "-DD", "-E",
        "-m", "32", "-M", "4", "-Y", str(folder), "-l", f"udp:{edge.address}", "-l", f"tcp:{edge.address}",
        "-A", f"SERVER_ID={edge.server_id}",
        "-A", f'DB_URL="mysql://kamailio:test@127.0.0.1:{database_port}/{DATABASE}"',
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"TZ": "UTC"}, process_group=0)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(DEADLINE)


@pytest.fixture(scope="module")
def edges(mysql, tmp_path_factory):
    a = Edge(name="a", server_id=1, address=f"127.0.0.11:{free_port('127.0.0.11')}")
    b = Edge(name="b", server_id=2, address=f"127.0.0.12:{free_port('127.0.0.12')}")
    folder = tmp_path_factory.mktemp("edges")
    with kamailio(a, mysql.port, folder / "a"), kamailio(b, mysql.port, folder / "b"):
        for edge in a, b:
            assert until(lambda edge=edge: reachable(edge, "nobody") is False), (folder / edge.name / "log").read_text()
        yield a, b


@pytest.fixture
def store(mysql):
    with closing(Pool(mysql, 2, 5.0)) as pool:
        yield LocationStore(pool, Location())


@pytest.fixture
def phone(tmp_path):
    def make(user, host, parameters=""):
        return Phone(user, host, free_port(host), tmp_path, parameters)

    return make


def until(happens):
    end = time.monotonic() + DEADLINE
    while not (happened := happens()) and time.monotonic() < end:
        time.sleep(0.05)
    return happened


def reachable(edge, user):
    """Whether the edge itself finds user among its registrations; None when it does not answer."""
    host, port = edge.address.split(":")
    with socket.socket(type=socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        asker.bind(("127.0.0.1", 0))
        asker.connect((host, int(port)))
        request = (
            f"OPTIONS sip:{user}@{DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{asker.getsockname()[1]};branch=z9hG4bK{random.getrandbits(64)}\r\n"
            f"From: <sip:core@127.0.0.1>;tag=1\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: {random.getrandbits(64)}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
        )
        try:
            asker.send(request.encode())
            return {b"200": True, b"404": False}[asker.recv(4096).split()[1]]
        except OSError:
            return None


def rung(store, edges, user):
    """The edges rung for user, those of one string at once; each of them must know the user itself."""
    located = group(store.contacts(user, DOMAIN), edges)
    assert located.unusable == ()
    by_name = {edge.name: edge for edge in edges}
    assert all(reachable(by_name[target.edge], user) for target in located.targets)
    return ["".join(target.edge for target in at_once) for at_once in ring_groups(located.targets)]


def test_a_phone_is_rung_at_the_edge_it_registered_at(store, edges, phone):
    a, b = edges
    phone("udp", "127.0.0.21").register(a)
    phone("tcp", "127.0.0.22").register(b, transport="tcp")
    assert rung(store, edges, "udp") == ["a"]
    assert rung(store, edges, "tcp") == ["b"]
    assert reachable(b, "udp") is False  # the other edge would answer 404: the row is what leads to the right one
    assert reachable(a, "tcp") is False


def test_the_socket_alone_leads_to_the_same_edge(store, edges, phone):
    strangers = [edge.model_copy(update={"server_id": edge.server_id + 10}) for edge in edges]
    phone("bysocket", "127.0.0.21").register(edges[0])
    phone("bysocket", "127.0.0.22", ";q=0.5").register(edges[1], transport="tcp")
    assert rung(store, strangers, "bysocket") == ["a", "b"]


def test_phones_at_both_edges_are_rung_in_the_order_of_their_q(store, edges, phone):
    a, b = edges
    for user, at_a, at_b in (("equal", "", ";q=1.0"), ("ordered", ";q=0.3", ";q=0.7")):
        phone(user, "127.0.0.21", at_a).register(a)
        phone(user, "127.0.0.22", at_b).register(b)
    assert rung(store, edges, "equal") == ["ab"]
    assert rung(store, edges, "ordered") == ["b", "a"]


@pytest.mark.parametrize("parameters", ["", ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'])
def test_a_phone_that_moved_is_rung_at_its_new_edge_only(store, edges, phone, parameters):
    user = f"moved{len(parameters)}"
    moving = phone(user, "127.0.0.23", parameters)
    moving.register(edges[0])
    assert rung(store, edges, user) == ["a"]
    if parameters:
        moving.port = free_port(moving.host)  # with an instance it is the same phone at another contact
    moving.register(edges[1])
    assert len(store.contacts(user, DOMAIN)) == 2  # the first edge knows nothing of the move
    assert rung(store, edges, user) == ["b"]
    moving.register(edges[0])
    assert rung(store, edges, user) == ["a"]


def test_a_phone_that_unregistered_is_not_registered(store, edges, phone):
    leaving = phone("leaving", "127.0.0.24")
    leaving.register(edges[0])
    assert rung(store, edges, "leaving") == ["a"]
    leaving.register(edges[0], expires=0)
    assert rung(store, edges, "leaving") == []


def test_a_registration_ends_with_its_time_though_its_row_is_still_there(store, edges, phone, mysql):
    brief = phone("brief", "127.0.0.25")
    brief.register(edges[1])
    assert rung(store, edges, "brief") == ["b"]
    brief.register(edges[1], expires=1)
    assert until(lambda: store.contacts("brief", DOMAIN) == [])
    with closing(Pool(mysql, 1, 5.0)) as pool:
        assert pool.rows("SELECT COUNT(*) FROM location WHERE username = 'brief'") == [(1,)]
