"""The whole platform with real nodes: two edges of deploy/kamailio, rtpengine, two FreeSWITCHes, `callctl serve`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callctl.settings import Edge
from deploy.private_services import Services
from tests.edge.phone import DOMAIN, PASSWORD
from tests.edge.platform import DATABASE, EdgeProcess, Run, database, kamailio, rtpengine
from tests.freeswitch.phones import HOST
from tests.freeswitch.switch import Switch, pair
from tests.integration.platform import Platform, Serve, wait
from tests.ports import free_port

PEERS = "127.0.6"  # the network of a carrier
DID = "442079460101"


@dataclass
class Whole:
    """Everything that runs."""

    platform: Platform
    a: EdgeProcess
    b: EdgeProcess
    switches: list[Switch]
    run: Run  # SQL in the edges' database

    @property
    def serve(self) -> Serve:
        """The controller."""
        return self.platform.serves[0]

    def channels(self) -> list[int]:
        """How many legs each node has."""
        return [int(switch.api("show channels count").split()[0]) for switch in self.switches]

    def quiet(self) -> None:
        """Return when no node has any."""
        wait(lambda: not any(self.channels()), "no leg is left on any node", 15)


def company(users: int, password: str) -> str:
    """Phones u0, u1, … that know their password, a room, and a number of a carrier that leads there."""
    phones = "".join(
        f'  - {{account: acme, user: "u{number}", domain: {DOMAIN}, password: "{password}"}}\n'
        for number in range(users)
    )
    return f"""
accounts: [{{name: acme, codecs: [PCMA, PCMU]}}]
endpoints:
{phones}
rooms: [{{name: sales, account: acme}}]
carriers: [{{name: c1, sources: [{PEERS}.0/24], codecs: [PCMU]}}]
dids: [{{number: "{DID}", account: acme, to: [{{room: sales}}]}}]
"""


@contextmanager
def whole(
    services: Services, folder: Path, *, users: int = 60, password: str = PASSWORD, highest_port: int = 11_999
) -> Iterator[Whole]:
    """All of it, the company applied; every part ends with the block."""
    controller = f"{HOST}:{free_port()}"
    switches = pair(folder, controller, "127.0.4")
    try:
        for switch in switches:
            switch.start()
        with database(services) as (mysql, run), rtpengine(folder / "rtpengine", highest_port) as relay:
            for switch in switches:
                run(f"INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:{switch.node.sip}')")
            run(f"INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, '{PEERS}.0', 24, 'c1')")
            with (
                kamailio(1, "kam-a", folder / "a", mysql.port, relay) as a,
                kamailio(2, "kam-b", folder / "b", mysql.port, relay) as b,
                Platform(folder / "platform", services, settings=_settings(switches, (a, b), controller)) as platform,
            ):
                found = Whole(platform, a, b, switches, run)
                serve = platform.serve()
                serve.set_up(company(users, password))
                serve.start()
                yield found
    finally:
        for switch in switches:
            switch.stop()


def _settings(switches: list[Switch], edges: tuple[EdgeProcess, ...], controller: str) -> dict[str, object]:
    return {
        "nodes": [switch.entry for switch in switches],
        "edges": [_edge(edge.edge) for edge in edges],
        "esl": {"listen": controller},
        "location": {"table": f"{DATABASE}.location", "subscriber": f"{DATABASE}.subscriber"},
    }


def _edge(edge: Edge) -> dict[str, object]:
    return {"name": edge.name, "server_id": edge.server_id, "address": edge.address}
