"""`callctl doctor` asks real edges whether they know themselves."""

import pytest

from callctl.doctor import edge as room
from callctl.doctor import location, sip
from callctl.doctor.finding import examine
from callctl.settings import Mysql, Node, Settings
from tests.edge.platform import DATABASE, kamailio, until

ADVERTISED = "203.0.113.62:5062"
BEHIND_NAT = 'advertised_address="203.0.113.62"\nadvertised_port=5062\n'


def diagnose(edge, *nodes):
    return {found.check: found for found in examine(room.room(edge, nodes))}


def test_edges_as_deploy_has_them(platform):
    for edge in platform.a, platform.b:
        sockets = (edge.address(), f"tcp:{edge.address('tcp')}", f"tls:{edge.address('tls')}", edge.address("udp6"))
        found = diagnose(edge.edge.model_copy(update={"sockets": sockets}))
        assert {one.verdict for one in found.values()} == {"ok"}, found
        assert edge.address("udp6") in found["edge.itself"].what.en


def test_a_listener_that_an_edge_does_not_have(platform):
    edge = platform.a.edge.model_copy(update={"sockets": ("udp:203.0.113.1:5060",)})
    found = diagnose(edge)["edge.itself"]
    assert found.verdict == "fail"
    assert "203.0.113.1:5060 for its own" in found.what.en
    assert "alias=203.0.113.1:5060" in found.mend.en


@pytest.mark.parametrize(("alias", "verdict"), [("", "fail"), (f"alias={ADVERTISED}\n", "ok")])
def test_an_edge_whose_record_route_names_what_is_no_alias(platform, services, tmp_path, alias, verdict):
    """Nobody says the address in the settings: the edge does, in the request that it sends back."""
    assert platform
    with kamailio(3, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9", BEHIND_NAT + alias) as edge:
        found = diagnose(edge.edge)["edge.itself"]
    assert found.verdict == verdict
    assert ADVERTISED in found.what.en


def test_an_edge_whose_core_speaks_ipv6(platform, services, tmp_path):
    assert platform
    with kamailio(3, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9", core="::1") as edge:
        found = diagnose(edge.edge)
        assert sip.heard(edge.edge.address, f"sip:routes@{edge.edge.address}").startswith("OPTIONS ")
    assert found["edge.itself"].what.en == f"it knows itself as {edge.edge.address}"


def test_an_edge_that_was_stopped(platform, services, tmp_path):
    assert platform
    with kamailio(3, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9") as edge:
        pass
    found = diagnose(edge.edge)
    assert found["edge.reachable"].verdict == "fail"
    assert "nobody listens there" in found["edge.reachable"].what.en
    assert found["edge.itself"].verdict == "skip"


@pytest.fixture
def location_of(services):
    """What doctor says of `location`, by check, with these edges in the settings."""
    mysql = Mysql(port=services.mysql_port, password=services.mysql_password, database=DATABASE)

    def ask(*edges):
        return {one.check: one for one in examine(location.room(Settings(mysql=mysql, edges=edges)))}

    return ask


def test_an_edge_that_was_given_anothers_server_id(platform, services, tmp_path, phone, location_of):
    """Its rows say one edge by server_id, and another by the Path that it writes."""
    with kamailio(1, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9") as copied:
        edges = platform.a.edge, platform.b.edge, copied.edge.model_copy(update={"server_id": 3})
        # Phones that came by IPv6 before have rows of another host of the same edge, which is a warning.
        before = location_of(*edges)["location.server_ids"].verdict
        assert before != "fail"
        caller = phone(copied)
        caller.register()
        found = location_of(*edges)["location.server_ids"]
        caller.register(expires=0)
    assert found.verdict == "fail"
    assert "server_id 1, which is edge kam-a's, are of edge kam-c" in found.what.en
    assert location_of(*edges)["location.server_ids"].verdict == before


@pytest.mark.parametrize(
    ("zone", "verdict", "what"), [("Asia/Shanghai", "fail", "kam-c by 8 h"), ("America/Bogota", "warn", "is 5 h old")]
)
def test_an_edge_that_keeps_local_time(platform, services, tmp_path, phone, location_of, zone, verdict, what):
    with kamailio(4, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9", zone=zone) as local:
        edges = platform.a.edge, platform.b.edge, local.edge
        caller = phone(local)
        caller.register()
        found = location_of(*edges)["location.time_zone"]
        caller.register(expires=0)
    assert found.verdict == verdict
    assert what in found.what.en
    assert location_of(*edges)["location.time_zone"].verdict == "ok"


def test_an_edge_whose_server_id_the_settings_lack(platform, services, tmp_path, phone, location_of):
    with kamailio(5, "kam-c", tmp_path / "c", services.mysql_port, "127.0.0.1:9") as other:
        known = other.edge.model_copy(update={"server_id": 6})
        caller = phone(other)
        caller.register()
        by_path = location_of(platform.a.edge, platform.b.edge, known)
        unknown = location_of(platform.a.edge, platform.b.edge)
        caller.register(expires=0)
    assert (by_path["location.edges"].verdict, by_path["location.unlisted"].verdict) == ("ok", "warn")
    assert "5 (by Path or socket: kam-c)" in by_path["location.unlisted"].what.en
    assert unknown["location.edges"].verdict == "fail"
    assert "server_id 5" in unknown["location.edges"].what.en


def test_a_node_that_an_edge_does_not_reach(platform):
    """As behind a port that is blocked: the node runs, and its answers do not come."""
    first, second = (Node(name=one.host, sip=f"{one.host}:{one.port}") for one in platform.nodes)
    unknown = Node(name="fs3", sip="127.0.4.3:5080")
    edge = platform.a.edge
    assert diagnose(edge, first, second)["edge.reaches"].verdict == "ok"
    assert "fs3 (127.0.4.3:5080)" in diagnose(edge, first, unknown)["edge.reaches"].what.en
    platform.nodes[0].does = "silence"

    def said(verdict):
        return diagnose(edge, first, second)["edge.reaches"].verdict == verdict

    assert until(lambda: said("fail"), 30)
    found = diagnose(edge, first, second)["edge.reaches"]
    assert f"no calls to {first.name} ({first.sip})" in found.what.en
    assert second.name not in found.what.en
    platform.nodes[0].does = "bridge"
    assert until(lambda: said("ok"), 30)


def test_a_node_that_edges_do_not_know(platform, services):
    mysql = Mysql(port=services.mysql_port, password=services.mysql_password, database=DATABASE)
    known = [Node(name=one.host, sip=f"{one.host}:{one.port}") for one in platform.nodes]

    def nodes(*named):
        settings = Settings(mysql=mysql, edges=(platform.a.edge,), nodes=named)
        return next(one for one in examine(location.room(settings)) if one.check == "location.nodes")

    assert nodes(*known).verdict == "ok"
    assert "lacks fs3 (127.0.4.3:5080)" in nodes(*known, Node(name="fs3", sip="127.0.4.3:5080")).what.en
    assert f"also send calls to {known[1].sip}" in nodes(known[0]).what.en
