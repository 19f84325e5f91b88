"""What `callctl doctor` says of edges and nodes by what their SIP addresses answer."""

import pytest

from callctl.doctor import sip
from tests.integration.doctor.bench import diagnose, expect, with_edges, with_node
from tests.ports import free_port


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sip, "PATIENCE", 0.2)


def with_edge(settings, speaker, **changes):
    """Edge a is where `speaker` is."""
    first, second = settings.edges
    return with_edges(settings, first.model_copy(update={"address": speaker.address, **changes}), second)


def test_an_edge_that_is_not_there(installation):
    settings, _ = installation
    first, second = settings.edges
    gone = with_edges(settings, first.model_copy(update={"address": f"127.0.1.1:{free_port('127.0.1.1')}"}), second)
    found = expect(gone, "edge.reachable", "fail", "nobody listens there", "See that Kamailio runs")
    assert found["edge.reachable"].about == "a"
    assert found["edge.itself"].verdict == "skip"


def test_an_edge_behind_a_port_that_is_blocked(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.1.1")
    speaker.says = "silence"
    expect(with_edge(settings, speaker), "edge.reachable", "fail", "no answer to OPTIONS", "deploy/nftables/edge.nft")


def test_an_edge_that_is_out_of_service_is_not_asked(installation):
    settings, _ = installation
    first, second = settings.edges
    out = first.model_copy(update={"address": f"127.0.1.1:{free_port('127.0.1.1')}", "enabled": False})
    assert diagnose(with_edges(settings, out, second))["edge.reachable"].verdict == "ok"


def test_an_edge_that_does_not_know_one_of_its_addresses(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.1.1")
    known = with_edge(settings, speaker, sockets=("127.0.0.1", "udp:[::1]:5062"))
    assert diagnose(with_edges(known, known.edges[0]))["edge.itself"].verdict == "ok"
    named = with_edge(settings, speaker, sockets=("127.0.0.1", "sip.example.net:5061"))
    expect(named, "edge.itself", "fail", "does not take sip.example.net:5061 for its own", "alias=sip.example.net:5061")


def test_an_edge_whose_address_is_anothers(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.1.1")
    speaker.own.clear()
    expect(with_edge(settings, speaker), "edge.itself", "fail", f"does not take {speaker.address}", "alias=")


def test_an_edge_that_does_not_reach_a_node(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.1.1")
    speaker.away.add(settings.nodes[0].sip)
    found = expect(with_edge(settings, speaker), "edge.reaches", "fail", "sends no calls to sim1", "deploy/nftables")
    assert found["edge.reaches"].about == "a"


@pytest.mark.parametrize("says", ["200 OK", "403 Forbidden"])
def test_an_edge_of_which_nothing_can_be_told(installation, speakers, says):
    settings, _ = installation
    speaker = speakers("127.0.1.1")
    speaker.says = says
    found = diagnose(with_edge(settings, speaker))
    said = [found[f"edge.{check}"].verdict for check in ("reachable", "itself", "reaches")]
    assert said == ["ok", "skip", "skip"]


def test_a_node_whose_sip_port_is_blocked(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.0.1")
    speaker.says = "silence"
    expect(with_node(settings, sip=speaker.address), "switch.sip", "fail", "no answer to OPTIONS", "node.nft")


def test_a_node_that_edges_leave_alone(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.0.1")
    speaker.says = "503 Maximum Calls In Progress"
    expect(with_node(settings, sip=speaker.address), "switch.sip", "warn", "503 Maximum Calls", "paused or full")


def test_a_port_that_something_else_has(installation, speakers):
    settings, _ = installation
    speaker = speakers("127.0.0.1")
    speaker.says = None
    expect(with_node(settings, sip=speaker.address), "switch.sip", "fail", "what answers is not SIP", "[[nodes]] sip")
