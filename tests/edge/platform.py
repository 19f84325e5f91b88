"""What runs around the tests: the edges' database, Kamailio and rtpengine as deploy/ has them."""

from __future__ import annotations

import getpass
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import MySQLdb

from callctl.live.options import ask
from callctl.settings import Edge, Mysql
from deploy.private_services import Services
from tests.ports import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
SCHEMA = Path("/usr/share/kamailio/mysql")
TABLES = ("standard", "usrloc", "auth_db", "dispatcher", "permissions")
DATABASE = "kamailio_edges"
START = 30.0  # seconds
STOP = 5.0  # seconds
RELAY = {"pub": "127.0.3.9", "core": "127.0.2.9"}
PATH = f"{os.environ['PATH']}:/usr/sbin"

Run = Callable[[str], list[tuple[object, ...]]]


@contextmanager
def database(services: Services) -> Iterator[tuple[Mysql, Run]]:
    """Kamailio's tables as its package makes them, with the rights of grants.sql; callctl may read them."""
    administrator = MySQLdb.connect(
        unix_socket=str(services.mysql_socket), user=getpass.getuser(), autocommit=True
    )  # fmt: skip
    with closing(administrator), closing(administrator.cursor()) as cursor:

        def run(sql: str) -> list[tuple[object, ...]]:
            cursor.execute(sql)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                pass
            return rows

        run(f"CREATE DATABASE {DATABASE}; USE {DATABASE}; GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1;")
        for table in TABLES:
            run((SCHEMA / f"{table}-create.sql").read_text(encoding="utf-8"))
        run(f"GRANT INSERT, UPDATE, DELETE ON {DATABASE}.subscriber TO callctl@127.0.0.1")
        grants = (DEPLOY / "kamailio" / "grants.sql").read_text(encoding="utf-8")
        run(grants.replace("kamailio.", f"{DATABASE}.").replace("'kamailio'@'%'", "edge@127.0.0.1"))
        yield Mysql(port=services.mysql_port, password=services.mysql_password, database=DATABASE), run
        run(f"DROP DATABASE {DATABASE}; DROP USER edge@127.0.0.1;")


@dataclass(frozen=True)
class EdgeProcess:
    """A Kamailio with deploy/'s configuration and facts of its own."""

    edge: Edge
    host: str  # where phones come
    ports: dict[str, int]  # by transport; "6" is IPv6
    folder: Path

    def at(self, transport: str = "udp") -> tuple[str, int]:
        """Where phones come by a transport; udp6 and tcp6 are the IPv6 ones."""
        return ("::1" if transport.endswith("6") else self.host), self.ports[transport]

    @property
    def name(self) -> str:
        """Its name."""
        return self.edge.name

    def address(self, transport: str = "udp") -> str:
        """The same as one text."""
        host, port = self.at(transport)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()


def facts(edge: EdgeProcess, database_port: int, relay: str) -> str:
    """Its edge.cfg."""
    host, ports = edge.host, edge.ports
    return f"""
#!substdef "!EDGE_NAME!{edge.name}!g"
#!substdef "!CORE_ADDRESS!{edge.edge.address}!g"
#!define SERVER_ID {edge.edge.server_id}
#!define DB_URL "mysql://edge:PASSWORD@127.0.0.1:{database_port}/{DATABASE}"
#!substdef "!ROUTE_SECRET!{random.getrandbits(128):032x}!g"
listen=udp:{edge.edge.address} name "core"
listen=udp:{host}:{ports["udp"]} name "out"
listen=tcp:{host}:{ports["tcp"]}
listen=tcp:{host}:{ports["ws"]}
listen=tls:{host}:{ports["tls"]}
listen=tls:{host}:{ports["wss"]}
listen=udp:[::1]:{ports["udp6"]}
listen=tcp:[::1]:{ports["tcp6"]}
alias={edge.name}.example.net
#!substdef "!TLS_CERTIFICATE!{edge.folder}/certificate.pem!g"
#!substdef "!TLS_KEY!{edge.folder}/key.pem!g"
#!define RTPENGINE "udp:{relay}"
#!substdef "!CORE_FAMILY!IP4!g"
"""


@contextmanager
def kamailio(
    number: int, name: str, folder: Path, database_port: int, relay: str, more: str = "", zone: str = "UTC",
    core: str = "",
) -> Iterator[EdgeProcess]:
    """An edge that runs in a time zone, `more` in its edge.cfg, its core's address of its own or `core`.

    It is asked for by OPTIONS until it answers.
    """
    folder.mkdir()
    core, host = core or f"127.0.2.{number}", f"127.0.3.{number}"
    ports = {name: free_port(host) for name in ("udp", "tcp", "tls", "ws", "wss")}
    ports |= {name: free_port("::1") for name in ("udp6", "tcp6")}
    shown = f"[{core}]" if ":" in core else core
    address = f"{shown}:{free_port(core)}"
    edge = EdgeProcess(Edge(name=name, server_id=number, address=address), host, ports, folder)
    for file in (DEPLOY / "kamailio").glob("*.cfg"):
        (folder / file.name).symlink_to(file)
    (folder / "edge.cfg").unlink()
    (folder / "edge.cfg").write_text(facts(edge, database_port, relay) + more)
    certificate(folder)
    command = [
        shutil.which("kamailio", path=PATH) or "kamailio", "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-m", "128",
        "-Y", str(folder),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"TZ": zone}, process_group=0)
    try:
        until(lambda: answers(edge.edge.address) or process.poll() is not None, START)
        assert process.poll() is None, edge.log()
        yield edge
    finally:
        if process.poll() is None:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End an edge; now and then one of its processes waits for ever for a lock that another took with it."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP)


@contextmanager
def rtpengine(folder: Path, highest: int = 11_999) -> Iterator[str]:
    """The media relay of all edges, with deploy/'s configuration and ports up to `highest`; where it is controlled."""
    folder.mkdir()
    control = f"127.0.0.1:{free_port('127.0.0.1')}"
    command = [
        "rtpengine", f"--config-file={DEPLOY / 'rtpengine' / 'rtpengine.conf'}", "--foreground", "--log-stderr",
        f"--interface=pub/{RELAY['pub']}", "--interface=pub/::1", f"--interface=core/{RELAY['core']}",
        "--interface=core/::1", f"--listen-ng={control}", "--port-min=10000", f"--port-max={highest}", "--log-level=6",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: "Startup complete" in (folder / "log").read_text() or process.poll() is not None, START)
        assert process.poll() is None, (folder / "log").read_text()
        yield control
    finally:
        process.terminate()
        process.wait(START)


def certificate(folder: Path) -> None:
    """A certificate nobody trusts."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=example.net", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def answers(address: str) -> bool:
    """Whether an edge answers OPTIONS at its core's address, as controllers ask."""
    try:
        return (ask(address, 0.3) or "").startswith("SIP/2.0 200")
    except OSError:
        return False


def until(happens: Callable[[], object], patience: float = 10.0) -> bool:
    """Wait for something; whether it happened in time."""
    end = time.monotonic() + patience
    while not (happened := bool(happens())) and time.monotonic() < end:
        time.sleep(0.05)
    return happened
