"""A whole platform under test: `callctl serve` as a process of its own between simulated FreeSWITCH nodes and real
MariaDB and Redis.

The nodes live in the test's own process and run only while it waits, so tests wait with `wait` and `run` from here.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import gevent
import MySQLdb
from gevent import socket, subprocess
from gevent.pool import Pool
from MySQLdb.cursors import DictCursor
from redis import Redis

from callctl import declaration
from callctl.settings import Mysql, load
from callctl.sim.node import SimNode
from callctl.sim.result import CallResult
from callctl.sim.scenario import MIX, Scenario, SimCall, standard_world
from callctl.store import configuration
from callctl.store.migrate import migrate
from callctl.store.pool import Pool as DatabasePool
from deploy.private_services import Services
from tests.command import PATIENCE, Done, callctl
from tests.conftest import MONEY, empty
from tests.ports import free_port

T = TypeVar("T")

DOMAIN = "example.net"
EDGES = {"kam-a": "127.0.77.1:5060", "kam-b": "127.0.77.2:5060"}  # server ids 1 and 2; nobody listens there
COMPANY = Path(__file__).parents[2] / "examples" / "company.yaml"
PASSWORD = "sim"
SCALE = 0.02  # of the nodes' people and ring timers

# Calls that last until the test ends them; their phones are those of the mix.
TALKS = Scenario("talks", "1002")
RINGS = Scenario("rings", "1005")
MEETS = Scenario("meets", "conf_3001")
ECHOES = Scenario("echoes", "*43")

_LOCATION = """
CREATE TABLE {table} (
  ruid VARCHAR(64) NOT NULL PRIMARY KEY, username VARCHAR(64) NOT NULL, domain VARCHAR(64), contact VARCHAR(512)
  NOT NULL, received VARCHAR(128), path VARCHAR(512), expires DATETIME NOT NULL, q FLOAT(10, 2) NOT NULL DEFAULT 1,
  cseq INT NOT NULL DEFAULT 1, last_modified DATETIME NOT NULL, socket VARCHAR(64), instance VARCHAR(255),
  reg_id INT NOT NULL DEFAULT 0, server_id INT NOT NULL DEFAULT 0
)
"""
_REGISTER = """
INSERT INTO {table} (ruid, username, domain, contact, expires, q, last_modified, socket, server_id)
VALUES (%s, %s, %s, %s, UTC_TIMESTAMP() + INTERVAL 1 DAY, %s, UTC_TIMESTAMP(), %s, %s)
"""


def wait(condition: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """The first true value of `condition`; the nodes run meanwhile."""
    with gevent.Timeout(seconds, AssertionError(f"never within {seconds:g} s: {what}")):
        while not (value := condition()):
            gevent.sleep(0.02)
    return value


def together(*works: Callable[[], T]) -> list[T]:
    """The results of all, a few at a time."""
    return Pool(3).map(lambda work: work(), works)


def toml(tree: Mapping[str, Any]) -> str:
    """Sections, lists of sections and plain values as TOML."""
    lines: list[str] = []
    for section, content in tree.items():
        for item in [content] if isinstance(content, Mapping) else content:
            lines.append(f"[{section}]" if isinstance(content, Mapping) else f"[[{section}]]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in item.items()]
    return "\n".join(lines) + "\n"


def get(address: str, path: str) -> tuple[int, str]:
    """Status and body of an HTTP GET; status 0 when nobody answers."""
    host, _, port = address.rpartition(":")
    try:
        with closing(socket.create_connection((host, int(port)), timeout=5)) as peer:
            peer.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b"".join(iter(lambda: peer.recv(65536), b"")).decode()
    except OSError:
        return 0, ""
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ", 2)[1]), body


def children(pid: int) -> dict[int, str]:
    """Living child processes and their command lines."""
    found = {}
    with suppress(FileNotFoundError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(FileNotFoundError, ProcessLookupError):
                if words := Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode():
                    found[int(child)] = words
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass
class Story:
    """What MySQL says of a call."""

    cdr: dict[str, Any]
    legs: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """The events' names, as the switch numbered them."""
        return [event["event"] for event in self.events]


class Serve:
    """One host's `callctl serve` with its own settings file, spool folder and log."""

    def __init__(self, folder: Path, tree: dict[str, Any], workers: int = 1) -> None:
        folder.mkdir(parents=True)
        esl, http = free_port(), free_port()
        self.listen, self.http = f"127.0.0.1:{esl}", f"127.0.0.1:{http}"
        self.spool = folder / "spool"
        self.config = folder / "callctl.toml"
        self.rewrite(tree)
        self.log = folder / "log"
        self.workers = workers
        self.process: subprocess.Popen | None = None

    def rewrite(self, tree: Mapping[str, Any]) -> None:
        """Write the settings file anew: `tree`, and this host's own where that does not say."""
        own = {
            "esl": {"listen": self.listen}, "http": {"listen": self.http}, "spool": {"directory": str(self.spool)},
        }  # fmt: skip
        self.config.write_text(toml({**tree, **{name: {**own[name], **tree.get(name, {})} for name in own}}))

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self.process is not None
        return self.process.pid

    def command(self, *arguments: str) -> list[str]:
        """`callctl` with this host's settings."""
        return [sys.executable, "-m", "callctl", "--config", str(self.config), *arguments]

    def run(self, *arguments: str, text: str = "", **environment: str) -> Done:
        """Run a command to its end."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
        return callctl("--config", str(self.config), *arguments, text=text, environment=environment)

    def set_up(self, text: str) -> None:
        """Make the tables, and apply a declarative file: what an installation does before its first start."""
        file = self.config.with_name("company.yaml")
        file.write_text(text)
        for arguments in (("migrate",), ("apply", "-f", str(file))):
            done = self.run(*arguments)
            assert done.code == 0, done.err

    def spawn(self) -> None:
        """Start it and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--workers", str(self.workers)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start(self) -> Serve:
        """Start it and return when it takes calls and hears its nodes."""
        self.spawn()
        self.await_ready()
        return self

    def await_ready(self) -> None:
        """Return when it takes calls and hears its nodes."""
        try:
            wait(self.whole, "callctl serve is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-4000:]}") from None

    def whole(self) -> bool:
        """Whether every worker takes calls and every node is heard."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        state = self.readyz()
        return bool(state and state["ready"] and state["workers"] == self.workers and all(state["feeds"].values()))

    def readyz(self) -> dict[str, Any]:
        """What /readyz says; empty when nobody answers."""
        body = get(self.http, "/readyz")[1]
        return json.loads(body) if body else {}

    def metric(self, name: str) -> float:
        """A sample of /metrics without labels."""
        text = get(self.http, "/metrics")[1]
        return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")), -1.0)

    def part(self, name: str) -> int:
        """The process id of the "recorder" or of "worker --index N"."""
        return wait(
            lambda: next((pid for pid, words in children(self.pid).items() if f"process {name}" in words), 0), name
        )

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Log lines of that event."""
        lines = []
        for line in self.log.read_text().splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if line.get("event") == event]

    def tell(self, number: int) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, give the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.tell(number)
        return self.process.wait(timeout=PATIENCE)


class Platform:
    """Databases, nodes and controllers. A context manager: what it started ends with it."""

    def __init__(
        self, folder: Path, services: Services, *, nodes: Sequence[str] = ("sim1",),
        settings: Mapping[str, Mapping[str, Any]] | None = None, scale: float = SCALE,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.services = services
        self.prefix = f"callctl-{random.getrandbits(32):08x}:"
        self.table = f"kamailio.location_{random.getrandbits(32):08x}"
        self.world = standard_world(DOMAIN, EDGES.values())
        self.nodes: dict[str, SimNode] = {}
        self.serves: list[Serve] = []
        self._scale = scale
        self._names = nodes
        self._ports = {name: free_port() for name in nodes}
        self._settings = settings or {}
        self._dialled: dict[str, SimNode] = {}

    def __enter__(self) -> Platform:
        with self.admin() as cursor:
            cursor.execute(_LOCATION.format(table=self.table))
        for phone in range(1002, 1011):
            for server in (1, 2) if phone == 1009 else (1 + phone % 2,):
                self.register(str(phone), server)
        return self

    def __exit__(self, *_exc: object) -> None:
        for node in self.nodes.values():
            node.stop()
        for serve in self.serves:
            if serve.process is not None:
                serve.stop()

    # services

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """A cursor of MariaDB's administrator."""
        connection = MySQLdb.connect(
            unix_socket=str(self.services.mysql_socket), user=self.services.mysql_admin, charset="utf8mb4",
            autocommit=True,
        )  # fmt: skip
        with closing(connection), closing(connection.cursor()) as cursor:
            yield cursor

    def register(self, user: str, server: int) -> None:
        """A phone's registration at an edge; the first edge is preferred."""
        values = (
            f"uloc-{server}-{user}", user, DOMAIN, f"sip:{user}@192.0.2.{server}:5060", 1.5 - server / 2,
            f"udp:127.0.77.{server}:5060", server,
        )  # fmt: skip
        with self.admin() as cursor:
            cursor.execute(_REGISTER.format(table=self.table), values)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of callctl's database."""
        connection = MySQLdb.connect(
            host="127.0.0.1", port=self.services.mysql_port, user=self.services.mysql_user, database="callctl",
            password=self.services.mysql_password, charset="utf8mb4", autocommit=True, cursorclass=DictCursor,
        )  # fmt: skip
        with closing(connection), closing(connection.cursor()) as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def redis(self) -> Redis:
        """A client of the private Redis."""
        return Redis(port=self.services.redis_port, password=self.services.redis_password, decode_responses=True)

    # controllers and nodes

    def tree(self) -> dict[str, Any]:
        """The settings that every controller shares."""
        services = self.services.folder
        common = {
            "nodes": [
                {"name": name, "esl": f"127.0.0.1:{port}", "sip": sip(name), "password": PASSWORD}
                for name, port in self._ports.items()
            ],
            "edges": [
                {"name": name, "server_id": number, "address": address}
                for number, (name, address) in enumerate(EDGES.items(), 1)
            ],
            "mysql": {"port": self.services.mysql_port, "password_file": str(services / "mysql.password")},
            "location": {"table": self.table},
            "redis": {
                "port": self.services.redis_port, "password_file": str(services / "redis.password"),
                "prefix": self.prefix,
            },
        }  # fmt: skip
        tree: dict[str, Any] = {**common, **self._settings}
        for name, section in common.items():
            if isinstance(section, dict):
                tree[name] = {**section, **self._settings.get(name, {})}
        return tree

    def serve(self, workers: int = 1, **settings: Mapping[str, Any]) -> Serve:
        """A controller that is not started yet."""
        tree = self.tree()
        for name, section in settings.items():
            tree[name] = {**tree.get(name, {}), **section}
        host = Serve(self.folder / f"host{len(self.serves) + 1}", tree, workers)
        self.serves.append(host)
        return host

    def start(self, *controllers: Serve) -> Serve:
        """Migrate, apply the company, start the nodes and one controller; what most tests need. The controller."""
        hosts = controllers or (self.serve(),)
        self.configure(load(hosts[0].config).mysql)
        for name in self._names:
            self.node(name, [host.listen for host in hosts])
        for host in hosts:
            host.spawn()
        for host in hosts:
            host.await_ready()
        return hosts[0]

    @staticmethod
    def configure(mysql: Mysql) -> None:
        """Migrate, forget the money of tests before, and apply the company."""
        migrate(mysql)
        pool = DatabasePool(mysql, 1)
        empty(pool, *MONEY)
        configuration.apply(pool, declaration.read([COMPANY]).among, prune=True, dry_run=False)
        pool.close()

    def node(self, name: str, controllers: Iterable[str]) -> SimNode:
        """Start a node, at the address it had before when it was killed."""
        self.nodes[name] = SimNode(
            name, controllers, listen_esl=("127.0.0.1", self._ports[name]), password=PASSWORD, world=self.world,
            seed=random.getrandbits(64), scale=self._scale, heartbeat=5.0, sip=sip(name),
        ).start()  # fmt: skip
        return self.nodes[name]

    def apply(self, host: Serve, text: str) -> None:
        """Apply a declarative file, and return when every worker of `host` decides by it."""
        file = self.folder / "applied.yaml"
        file.write_text(text)
        done = host.run("apply", "-f", str(file))
        assert done.code == 0, done.err
        version = self.rows("SELECT version FROM config_version")[0]["version"]
        wait(
            lambda: sum(line["version"] >= version for line in host.logged("configuration read")) >= host.workers,
            "the configuration is in force",
        )

    # calls

    def dial(self, scenario: Scenario | str, node: str = "", *, minutes_ago: int = 0, **call: Any) -> CallResult:
        """A call of the phone 1001 comes in from the first edge; its result fills as it goes on."""
        call = {"source_ip": "127.0.77.1", **call}
        spec = SimCall(MIX[scenario] if isinstance(scenario, str) else scenario, **call)
        spec.headers = {"X-Callctl-Endpoint": f"{spec.caller}@{DOMAIN}", **spec.headers}
        switch = self.nodes[node or self._names[0]]
        result = switch.dial(spec)
        began = switch.call(result.uuid)
        assert began is not None
        began.leg.times.created -= minutes_ago * 60_000_000
        self._dialled[result.uuid] = switch
        return result

    def place(self, scenario: Scenario | str, node: str = "", **call: Any) -> CallResult:
        """The same, and waits for its end."""
        return self.finish(self.dial(scenario, node, **call))[0]

    def finish(self, *results: CallResult) -> list[CallResult]:
        """Wait until calls have ended at their switch."""
        for result in results:
            assert result.finished.wait(PATIENCE), f"{result.scenario} {result.uuid} did not end"
        return list(results)

    def talking(self, result: CallResult) -> CallResult:
        """Wait until a call's parties talk."""
        node = self._dialled[result.uuid]

        def talks() -> bool:
            call = node.call(result.uuid)
            assert call or not result.finished.is_set(), f"it ended before: {result.status} {result.cause}"
            return bool(call and call.talking.is_set())

        wait(talks, f"{result.scenario} is connected")
        return result

    def ringing(self, result: CallResult) -> CallResult:
        """Wait until the callee's phone rings."""
        node = self._dialled[result.uuid]
        wait(lambda: (call := node.call(result.uuid)) and call.leg.times.progress, f"{result.scenario} rings")
        return result

    def hang_up(self, *results: CallResult) -> None:
        """The callers hang up; returns when the calls have ended."""
        for result in results:
            call = self._dialled[result.uuid].call(result.uuid)
            if call is not None:
                call.caller_leaves()
        self.finish(*results)

    # records

    def final(self, uuid: str) -> dict[str, Any]:
        """The only cdr row of a call, once it is final."""
        wait(lambda: self.rows("SELECT 1 FROM cdr WHERE call_uuid = %s AND state = 'final'", uuid), f"{uuid} is final")
        (row,) = self.rows("SELECT * FROM cdr WHERE call_uuid = %s", uuid)
        return {**row, "trace": json.loads(row["trace"]) if row["trace"] else {}}

    def story(self, result: CallResult) -> Story:
        """All of a call that ended, once its feed has told all of it."""
        final = self.final(result.uuid)
        legs_ended = "SELECT 1 FROM cdr_leg WHERE call_uuid = %s AND ended_at IS NOT NULL AND leg IS NOT NULL"
        wait(lambda: len(self.rows(legs_ended, result.uuid)) >= len(result.legs), f"legs of {result.uuid}")
        wait(
            lambda: self.rows("SELECT 1 FROM call_event WHERE call_uuid = %s AND event = 'ended'", result.uuid),
            f"the end of {result.uuid} in its events",
        )
        events = self.rows("SELECT * FROM call_event WHERE call_uuid = %s ORDER BY seq", result.uuid)
        for event in events:
            event["data"] = json.loads(event["data"])
        legs = self.rows("SELECT * FROM cdr_leg WHERE call_uuid = %s ORDER BY leg", result.uuid)
        return Story(final, legs, events)


def sip(node: str) -> str:
    """Where the core reaches a node's profile: an address of its own."""
    return f"127.0.0.{10 + int(node.removeprefix('sim'))}:5080"
