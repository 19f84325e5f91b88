"""What `callctl doctor` says of a FreeSWITCH node that is away, or set up wrongly."""

import socket
from contextlib import closing
from ipaddress import ip_network

import pytest
from gevent.server import StreamServer
from pydantic import SecretStr

from callctl.doctor.installation import examine_all
from callctl.settings import Node
from callctl.sim import api
from callctl.sim.node import controlled_by
from tests.integration.doctor.bench import diagnose, expect, with_edges, with_node


def test_no_switch(installation):
    settings, node = installation
    node.stop()
    found = expect(settings, "switch.reachable", "fail", "cannot be reached", "mod_event_socket listens there")
    assert found["switch.dialplan"].verdict == "skip"
    assert found["switch.reachable"].about == "sim1"


def test_a_wrong_password(installation):
    settings, _ = installation
    wrong = with_node(settings, password=SecretStr("x8"))
    expect(wrong, "switch.reachable", "fail", "does not accept the password", "[[nodes]] password")


def test_a_switch_that_says_nothing(installation):
    settings, _ = installation
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        quiet = settings.esl.model_copy(update={"command_timeout": 0.2})
        mute = with_node(settings.model_copy(update={"esl": quiet}), esl=f"127.0.0.1:{silent.getsockname()[1]}")
        expect(mute, "switch.reachable", "fail", "timed out", "mod_event_socket listens there")


def test_a_switch_whose_acl_leaves_us_out(installation):
    settings, _ = installation
    refusal = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    server = StreamServer(("127.0.0.1", 0), lambda connection, _: connection.sendall(refusal))
    server.start()
    try:
        rude = with_node(settings, esl=f"127.0.0.1:{server.server_port}")
        expect(rude, "switch.reachable", "fail", "refuses this host", "ACL of event_socket.conf.xml")
    finally:
        server.stop()


def test_one_of_two_nodes(installation):
    settings, _ = installation
    nodes = (*settings.nodes, Node(name="fs2", esl="127.0.0.1:1", sip="127.0.0.1:5090", password=SecretStr("x9")))
    found = list(examine_all(settings.model_copy(update={"nodes": nodes}), None))
    assert [(one.check, one.about) for one in found if one.verdict == "fail"] == [
        ("location.nodes", ""),
        ("switch.reachable", "fs2"),
        ("switch.sip", "fs2"),
    ]


def test_another_name(installation):
    settings, node = installation
    node.name = "other"
    expect(settings, "switch.name", "fail", "it calls itself other", "Set [[nodes]] name to other")


def test_another_profile(installation):
    settings, _ = installation
    found = expect(with_node(settings, profile="core"), "switch.profile", "fail", "core is not up", "[[nodes]] profile")
    assert found["switch.dialplan"].verdict == "skip"


def test_another_sip_address(installation):
    settings, _ = installation
    own = settings.nodes[0].sip
    expect(with_node(settings, sip="127.0.0.1:9"), "switch.profile", "warn", own, "[[nodes]] sip", ("switch.sip",))


STATUS = (
    "FreeSWITCH (Version 1) is {}ready\n{} session(s) - peak 9\n"
    "0 session(s) per Sec out of max {}, peak {}, \n2000 session(s) max\n"
)


@pytest.mark.parametrize(
    ("command", "answer", "check", "verdict", "what", "mend"),
    [
        ("status", STATUS.format("not ", 0, 100, 5), "ready", "fail", "not ready", "fsctl resume"),
        ("status", STATUS.format("", 1900, 100, 5), "limits", "warn", "1900 of 2000 sessions", "max-sessions"),
        ("status", STATUS.format("", 0, 30, 5), "limits", "warn", "30 new ones a second", "sessions-per-second"),
        ("status", STATUS.format("", 0, 100, 100), "limits", "warn", "peak 100", "sessions-per-second"),
        ("fsctl", "+OK api_expansion is on \n", "expansion", "warn", "could run commands", "api-expansion"),
        ("strmicroepoch", "1000000", "time_of_day", "fail", "behind ours", "NTP"),
    ],
)
def test_a_switch_that_answers(installation, monkeypatch, command, answer, check, verdict, what, mend):
    settings, _ = installation
    monkeypatch.setitem(api.COMMANDS, command, lambda _node, _arguments: answer)
    expect(settings, f"switch.{check}", verdict, what, mend)


@pytest.mark.parametrize(
    ("module", "check", "verdict", "what", "mend"),
    [
        ("mod_conference", "modules", "fail", "mod_conference", "modules.conf.xml"),
        ("mod_opus", "codecs", "warn", "OPUS", "Load mod_opus"),
    ],
)
def test_a_module_that_is_not_loaded(installation, monkeypatch, module, check, verdict, what, mend):
    settings, _ = installation
    monkeypatch.setattr(api, "MODULES", api.MODULES - {module})
    expect(settings, f"switch.{check}", verdict, what, mend)


def changed(place, *action):
    """The dialplan that is right, with an action changed or left out."""
    return lambda listen: [*(plan := list(controlled_by([listen])))[:place], *action, *plan[place + 1 :]]


@pytest.mark.parametrize(
    ("dialplan", "what", "mend"),
    [
        (lambda _: [("answer", ""), ("echo", "")], "application socket", "freeswitch-conf/dialplan/callctl.xml"),
        (lambda _: controlled_by(["127.0.0.1:9"]), "calls are brought to 127.0.0.1:9, not to", "callctl_controllers"),
        (lambda listen: changed(2, ("socket", f"{listen} async"))(listen), "async full", "freeswitch-conf"),
        (changed(1), "no sched_hangup guard", "freeswitch-conf"),
        (changed(0, ("set", "park_timeout=3:NETWORK_OUT_OF_ORDER")), "park_timeout 3 is shorter", "freeswitch-conf"),
        (changed(3, ("hangup", "NORMAL_CLEARING")), "nothing after socket that answers 503", "freeswitch-conf"),
    ],
)
def test_a_dialplan(installation, dialplan, what, mend):
    settings, node = installation
    node.dialplan = dialplan(settings.esl.listen)
    expect(settings, "switch.dialplan", "fail", what, mend)


def test_a_dialplan_that_is_not_there(installation, monkeypatch):
    settings, _ = installation
    monkeypatch.setitem(api.COMMANDS, "xml_locate", lambda _node, _arguments: "can't find anything\n")
    expect(settings, "switch.dialplan", "fail", "no dialplan context callctl", "freeswitch-conf/dialplan/callctl.xml")


@pytest.mark.parametrize(
    ("name", "changes", "check", "verdict", "what", "mend"),
    [
        ("PROFILE", {"apply-inbound-acl": None}, "peers", "fail", "no apply-inbound-acl", "internal.xml"),
        ("PROFILE", {"auth-messages": "false"}, "guards", "fail", "auth-messages=false: a SIP MESSAGE", "internal.xml"),
        ("PROFILE", {"accept-blind-auth": "true"}, "guards", "fail", "any password", "internal.xml"),
        ("PROFILE", {"inbound-late-negotiation": "false"}, "guards", "warn", "codecs are settled", "internal.xml"),
        ("PROFILE", {"disable-transfer": None}, "guards", "warn", "a REFER moves calls", "internal.xml"),
        ("GLOBALS", {"outbound_redirect_fatal": None}, "guards", "warn", "302 chooses", "internal.xml"),
    ],
)
def test_a_profile_that_is_not_shut(installation, monkeypatch, name, changes, check, verdict, what, mend):
    settings, _ = installation
    values = getattr(api, name) | changes
    monkeypatch.setattr(api, name, {key: value for key, value in values.items() if value is not None})
    expect(settings, f"switch.{check}", verdict, what, mend)


def test_an_acl_that_leaves_an_edge_or_a_node_out(installation, monkeypatch):
    settings, _ = installation
    monkeypatch.setattr(api, "PEERS", ip_network("127.0.1.1/32"))
    expect(settings, "switch.peers", "fail", "callctl_peers refuses calls of b (127.0.1.2)", "reloadacl")
    behind = settings.edges[1].model_copy(update={"sources": (ip_network("127.0.1.1"),)})
    assert diagnose(with_edges(settings, settings.edges[0], behind))["switch.peers"].verdict == "ok"
    other = settings.nodes[0].model_copy(update={"name": "fs2", "sip": "127.0.9.9:5080"})
    two = settings.model_copy(update={"nodes": (*settings.nodes, other), "edges": settings.edges[:1]})
    found = [one for one in examine_all(two, None) if (one.check, one.about) == ("switch.peers", "sim1")]
    assert "fs2 (127.0.9.9)" in found[0].what.en


def test_a_conference_profile_that_is_not_there(installation):
    settings, _ = installation
    calls = settings.calls.model_copy(update={"conference_profile": "wide"})
    expect(settings.model_copy(update={"calls": calls}), "switch.rooms", "fail", "profile wide", "conference.conf.xml")


def test_a_controller_that_is_named_twice(installation):
    settings, node = installation
    listen = settings.esl.listen
    node.dialplan = controlled_by([listen, listen])
    expect(settings, "switch.dialplan", "warn", f"names one twice: {listen}", "callctl_controllers")


def test_calls_that_reach_no_controller(installation, database, monkeypatch):
    settings, _ = installation
    sofia = api.COMMANDS["sofia"]

    def counted(came, lost):
        text = f"CALLS-IN         \t{came}\nFAILED-CALLS-IN  \t{lost}\n"
        monkeypatch.setitem(api.COMMANDS, "sofia", lambda node, arguments: sofia(node, arguments) + text)

    counted(7, 6)
    assert diagnose(settings)["switch.arrivals"].what.en == "7 calls came since it started, 6 failed"
    counted(7, 7)
    expect(settings, "switch.arrivals", "fail", "none of its 7 calls reached", "deploy/nftables/controller.nft")
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO cdr (call_uuid, started_at, state, node) VALUES ('u', NOW(), 'final', 'sim1')")
    assert diagnose(settings)["switch.arrivals"].verdict == "fail"  # of its feed
    with database.transaction() as cursor:
        cursor.execute("UPDATE cdr SET controller = 'core/0'")
    assert diagnose(settings)["switch.arrivals"].what.en == "all of its 7 calls were refused by callctl"
