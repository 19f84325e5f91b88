"""An installation that is well, to be broken."""

import getpass
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import MySQLdb
import pytest
from pydantic import SecretStr

from callctl import settings as configuration
from callctl.settings import Edge, Esl, Http, Node
from callctl.settings import Spool as SpoolSettings
from callctl.sim.node import SimNode
from tests.integration.doctor.bench import DATABASE, PASSWORD, ROWS, SipSpeaker, configure
from tests.ports import free_port


@pytest.fixture(scope="module")
def administrator(services):
    """Runs statements as the one who may do everything."""
    connection = MySQLdb.connect(unix_socket=str(services.mysql_socket), user=getpass.getuser(), autocommit=True)
    with closing(connection), closing(connection.cursor()) as cursor:

        def run(*statements):
            for statement in statements:
                cursor.execute(statement)
                while cursor.nextset():
                    pass

        yield run


@pytest.fixture
def location(administrator):
    """A `location` table as two Kamailios keep it, with its `version`; callctl may read it."""
    administrator(
        f"CREATE DATABASE {DATABASE}", f"USE {DATABASE}", f"GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1"
    )
    administrator(
        ROWS.read_text(encoding="utf-8"),
        "CREATE TABLE version (table_name VARCHAR(32), table_version INT)",
        "INSERT INTO version VALUES ('location', 9)",
        "CREATE TABLE dispatcher (setid INT, destination VARCHAR(192))",
        "CREATE TABLE address (grp INT, ip_addr VARCHAR(50), mask INT DEFAULT 32, port INT DEFAULT 0, tag VARCHAR(64))",
        "UPDATE location SET last_modified = UTC_TIMESTAMP(), expires = UTC_TIMESTAMP() + INTERVAL 1 HOUR"
        " WHERE expires > '1970-01-03'",
    )
    yield administrator
    administrator(f"DROP DATABASE {DATABASE}", f"REVOKE SELECT ON {DATABASE}.* FROM callctl@127.0.0.1")


@pytest.fixture
def speakers():
    """What answers OPTIONS where edges and nodes are: starts one at a host, and ends them all."""
    with ExitStack() as stack:
        yield lambda host: stack.enter_context(closing(SipSpeaker(host)))


@pytest.fixture
def installation(settings, database, location, speakers):
    """Settings of a whole installation, and its node; the spool is on a disk wherever /tmp is."""
    configure(settings, "accounts: [{name: acme}]\nendpoints: [{account: acme, user: '1001', domain: example.net}]\n")
    listen = f"127.0.0.1:{free_port()}"
    sip, a, b = (speakers(host).address for host in ("127.0.0.1", "127.0.1.1", "127.0.1.2"))
    node = SimNode("sim1", [listen], listen_esl=("127.0.0.1", 0), password=PASSWORD, sip=sip).start()
    location(f"INSERT INTO dispatcher VALUES (1, 'sip:{sip}')")
    edges = (
        Edge(name="a", server_id=1, address=a, sockets=("127.0.0.1", "[::1]")),
        Edge(name="b", server_id=2, address=b, sockets=("127.0.0.2", "[::1]:5062")),
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield (
            settings.model_copy(
                update={
                    "esl": Esl(listen=listen, command_timeout=2, max_sessions=100),
                    "http": Http(listen=f"127.0.0.1:{free_port()}"),
                    "nodes": (Node(name="sim1", esl=node.esl_address, sip=sip, password=SecretStr(PASSWORD)),),
                    "edges": edges,
                    "location": configuration.Location(table=f"{DATABASE}.location"),
                    "spool": SpoolSettings(directory=Path(folder) / "spool", min_free_mb=1),
                }
            ),
            node,
        )
    node.stop()
