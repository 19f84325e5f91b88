"""The controllers that are compared, each started as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.feed import SilentFeed
from deploy.private_services import ServiceError, Services, start, stop
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
SERVER_CORE = {0}  # the process that controls calls; everything else may run where it likes
READY = 60.0  # seconds

TOP_UP = ["account", "topup", "acme", "10000000", "--reference", "benchmark"]
SWITCH = "fs1"  # what the driver calls itself


class Unavailable(Exception):
    """This controller cannot be measured here; the message says why."""


class Server:
    """A controller that listens on `address`; `pid` is the process that controls calls."""

    name = ""
    called = "1002"  # whom the callers of the load call

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and return when it takes calls. Raises Unavailable."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=ROOT, env={**os.environ, "GOMAXPROCS": "1"}
            )
        self._await(self._listening)
        os.sched_setaffinity(self.pid, SERVER_CORE)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def pid(self) -> int:
        """The process that controls calls."""
        assert self._process is not None
        return self._process.pid

    def resident(self) -> int:
        """Its memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _listening(self) -> bool:
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True

    def _await(self, ready: object) -> None:
        assert callable(ready)
        deadline = time.monotonic() + READY
        while not ready():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"it did not start: see {self.folder / self.name}.log")
            time.sleep(0.1)


class PlainGreenswitch(Server):
    """greenswitch as its README shows it."""

    name = "greenswitch"

    def command(self) -> list[str]:
        """The server, quiet."""
        return [sys.executable, str(ROOT / "benchmarks" / "plain_greenswitch.py"), self.address]


class Eslgo(Server):
    """The Go library, when Go and the module can be had."""

    name = "eslgo"

    def start(self) -> None:
        """Build, then start."""
        go = shutil.which("go")
        if go is None:
            raise Unavailable("Go is not on this machine")
        source = ROOT / "benchmarks" / "eslgo"
        modules = f"-modfile={self.folder / 'go.mod'}"
        shutil.copy(source / "go.mod", self.folder)
        build = [go, "build", modules, "-mod=mod", "-o", str(self.folder / "eslgo")]
        done = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable("its Go module cannot be had: " + (done.stderr.strip().splitlines() or ["?"])[-1])
        super().start()

    def command(self) -> list[str]:
        """The server, on one processor as the others."""
        return [str(self.folder / "eslgo"), self.address]


class Callctl(Server):
    """callctl with one worker, on a private MariaDB and Redis, with the company and phones of the demo.

    As it is installed: its recorder has a feed of the node, so answered calls are let go.
    """

    name = "callctl"
    feed = True
    rated = ""  # the kinds of calls that cost money

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._http = f"127.0.0.1:{free_port()}"
        self._config = folder / "callctl.toml"
        self._worker = 0
        self._feed = SilentFeed()
        threading.Thread(target=self._feed.serve_forever, daemon=True).start()

    def start(self) -> None:
        """Database, schema, company, phones; then the controller."""
        try:
            services = start(self.folder / "services")
        except ServiceError as error:
            raise Unavailable(str(error)) from error
        self._write_config(services)
        for arguments in (["migrate"], *self._company()):
            subprocess.run(self._callctl(*arguments), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with (ROOT / "deploy" / "demo" / "location.sql").open() as sql:
            subprocess.run(["mariadb", "--socket", str(services.mysql_socket)], stdin=sql, check=True)
        super().start()

    def stop(self) -> None:
        """End the controller and its services."""
        super().stop()
        self._feed.shutdown()
        stop(self.folder / "services")

    def _company(self) -> list[list[str]]:
        """The commands that say who calls."""
        return [["apply", "-f", "examples/company.yaml"]]

    def command(self) -> list[str]:
        """`callctl serve`."""
        return self._callctl("serve", "--workers", "1")

    @property
    def pid(self) -> int:
        """The worker."""
        if not self._worker:
            supervisor = super().pid
            children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
            commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in children}
            self._worker = next(child for child, words in commands.items() if b"worker" in words)
        return self._worker

    def _callctl(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "callctl", "--config", str(self._config), *arguments]

    def _listening(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._http}/readyz", timeout=2) as answer:
                return all(json.load(answer)["feeds"].values())
        except (urllib.error.URLError, OSError):
            return False

    def _write_config(self, services: Services) -> None:
        node = f'{{name = "{SWITCH}", esl = "{self._feed.address}", sip = "127.0.0.1:5080", password = "any"}}'
        self._config.write_text(
            f"""\
esl.listen = "{self.address}"
nodes = [{node if self.feed else ""}]
edges = [
  {{name = "kam-a", server_id = 1, address = "127.0.1.1:5060", sockets = ["udp:203.0.113.1:5060"]}},
  {{name = "kam-b", server_id = 2, address = "127.0.1.2:5060", sockets = ["tls:203.0.113.2:5061"]}},
]
mysql = {{port = {services.mysql_port}, password_file = "{services.folder / "mysql.password"}"}}
location.table = "kamailio.location"
money.rated = [{self.rated}]
redis = {{port = {services.redis_port}, password_file = "{services.folder / "redis.password"}"}}
spool.directory = "{self.folder / "spool"}"
http.listen = "{self._http}"
"""
        )


class CallctlKeeping(Callctl):
    """The same without a feed, so that it keeps each call's socket to the end, as the others do."""

    name = "callctl, no feed"
    feed = False


class CallctlRated(Callctl):
    """The same with calls that cost: two accounts pay, money is held at both, and three levels have limits."""

    name = "callctl, rated"
    rated = '"onnet"'

    def _company(self) -> list[list[str]]:
        apply = ["apply", "-f", "benchmarks/rated.yaml"]
        return [*self._tariffs("retail", "wholesale"), apply, TOP_UP]

    def _tariffs(self, *names: str) -> list[list[str]]:
        """The commands that make tariffs of 100,000 prefixes; each is a thousandth cheaper than the one before."""
        commands = []
        for position, name in enumerate(names):
            rates = self.folder / f"{name}.csv"
            with rates.open("w") as file:
                file.write("prefix,destination,rate,connection_charge,minimal_time,resolution_time\n")
                for prefix in range(100_000, 200_000):
                    shown = prefix // 100 if prefix % 100 == 0 else prefix
                    file.write(f"{shown},Somewhere,0.0{prefix % 9 + 1}{9 - position},0.01,30,6\n")
            commands.append(["tariff", "import", name, str(rates), "--currency", "EUR"])
        return commands


class CallctlOutbound(CallctlRated):
    """Calls to the outside: as those that cost, and of three carriers the cheapest for this call is taken.

    Each carrier has a tariff of 100,000 prefixes, two gateways, and limits.
    """

    name = "callctl, outbound"
    rated = '"pstn"'
    called = "123456789012"

    def _company(self) -> list[list[str]]:
        apply = ["apply", "-f", "benchmarks/rated.yaml", "-f", "benchmarks/outbound.yaml"]
        routed = ["account", "change", "acme", "--routes", "out"]
        return [*self._tariffs("retail", "wholesale", "cost1", "cost2", "cost3"), apply, routed, TOP_UP]
