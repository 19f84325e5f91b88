"""Two edges as deploy/kamailio has them, the media relay of deploy/rtpengine, and two nodes that play FreeSWITCH."""

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callctl.routing.location import group
from callctl.settings import Location
from callctl.store.location import LocationStore
from callctl.store.pool import Pool
from deploy.private_services import Services
from tests.edge.node import Node
from tests.edge.phone import DOMAIN, PASSWORD, Phone, Sipp
from tests.edge.platform import PATH, SCHEMA, EdgeProcess, Run, database, kamailio, rtpengine
from tests.edge.sip import Message, Tcp, Udp, WebSocket, Wire

MISSING = [name for name in ("kamailio", "sipp", "rtpengine", "openssl") if not shutil.which(name, path=PATH)]
USERS = 600
PEERS = "127.0.6"  # the network of a carrier


class Platform:
    """Everything that runs, and what tests ask of it."""

    def __init__(self, run: Run, edges: list[EdgeProcess], nodes: list[Node], store: LocationStore) -> None:
        self.run, self.nodes, self._store = run, nodes, store
        self.a, self.b = edges
        self.edges = {edge.name: edge for edge in edges}
        for node in nodes:
            node.locate = self.locate

    def located(self, user: str, domain: str = DOMAIN) -> list[str]:
        """The names of the edges that callctl would ring for a user."""
        found = group(self._store.contacts(user, domain), [edge.edge for edge in self.edges.values()])
        assert found.unusable == ()
        return [target.edge for target in found.targets]

    def locate(self, user: str, domain: str) -> str | None:
        """Where the core reaches the first of them."""
        names = self.located(user, domain)
        return self.edges[names[0]].edge.address if names else None

    def rows(self, user: str, columns: str) -> list[tuple[object, ...]]:
        """The registrations of a user."""
        return self.run(f"SELECT {columns} FROM location WHERE username = '{user}' ORDER BY id")

    def calls(self) -> list[Message]:
        """The calls that came to any node."""
        return [call for node in self.nodes for call in node.calls()]


@pytest.fixture(scope="package")
def running(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All of it, for every test here."""
    if MISSING or not SCHEMA.is_dir():
        pytest.skip(f"{MISSING or SCHEMA} not installed: sh deploy/packages.sh test")
    folder = tmp_path_factory.mktemp("edges")
    nodes = [Node("127.0.4.1"), Node("127.0.4.2")]
    with database(services) as (mysql, run), rtpengine(folder / "rtpengine") as relay:
        for name in (f"u{number}" for number in range(USERS)):
            secret = hashlib.md5(f"{name}:{DOMAIN}:{PASSWORD}".encode()).hexdigest()
            run(f"INSERT INTO subscriber (username, domain, ha1) VALUES ('{name}', '{DOMAIN}', '{secret}')")
        for node in nodes:
            run(f"INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:{node.host}:{node.port}')")
        run(f"INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, '{PEERS}.0', 24, 'c1')")
        with (
            kamailio(1, "kam-a", folder / "a", mysql.port, relay) as a,
            kamailio(2, "kam-b", folder / "b", mysql.port, relay) as b,
            closing(Pool(mysql, 2, 5.0)) as pool,
        ):
            yield Platform(run, [a, b], nodes, LocationStore(pool, Location()))
    for node in nodes:
        node.end()


@pytest.fixture
def platform(running: Platform) -> Platform:
    """All of it, the nodes as they were at first and with nothing heard."""
    for node in running.nodes:
        node.does, node.extra = "bridge", ""
        node.heard.clear()
    return running


_hosts = itertools.count()
_users = itertools.count()


@pytest.fixture
def host() -> Callable[[], str]:
    """Addresses that no other test calls from."""
    return lambda: f"127.5.{(number := next(_hosts)) // 250}.{number % 250 + 1}"


@pytest.fixture
def user() -> Callable[[], str]:
    """Users that no other test has."""
    return lambda: f"u{next(_users)}"


WIRES: dict[str, Callable[[str, tuple[str, int], int], Wire]] = {
    "udp": Udp,
    "udp6": Udp,
    "tcp": Tcp,
    "tcp6": Tcp,
    "tls": partial(Tcp, secure=True),
    "ws": WebSocket,
    "wss": partial(WebSocket, secure=True),
}


@pytest.fixture
def phone(host: Callable[[], str], user: Callable[[], str]) -> Iterator[Callable[..., Phone]]:
    """Makes phones in Python at an edge."""
    made: list[Phone] = []

    def make(
        edge: EdgeProcess, transport: str = "udp", name: str = "", at: str = "", port: int = 0, **kwargs: str
    ) -> Phone:
        source = at or ("::1" if transport.endswith("6") else host())
        made.append(Phone(name or user(), WIRES[transport](source, edge.at(transport), port), **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Callable[..., Sipp]]:
    """Runs SIPp's scenarios."""
    made: list[Sipp] = []

    def run(scenario: str, host: str, port: int, edge: str, **keys: Any) -> Sipp:
        made.append(Sipp(tmp_path, scenario, host, port, edge, **keys))
        return made[-1]

    yield run
    for each in made:
        each.stop()
