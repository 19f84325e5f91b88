"""Phones register at an edge by every transport; `location` says at once where they are."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.edge.phone import DOMAIN
from tests.edge.sip import Udp
from tests.ports import free_port

# What `location` says of the listener: WebSocket rows name the TCP or TLS one.
SOCKETS = {"udp": "udp", "tcp": "tcp", "tls": "tls", "ws": "tcp", "wss": "tls", "udp6": "udp", "tcp6": "tcp"}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_registers(platform, sipp, host, user, transport):
    name, edge = user(), platform.b
    keys = {"transport": {"udp": "u1", "tcp": "t1"}[transport], "user": name}
    sipp("register", (at := host()), free_port(at), edge.address(transport), **keys).wait()
    assert platform.located(name) == ["kam-b"]


def test_sipp_registers_over_ipv6(platform, sipp, user):
    name = user()
    sipp("register", "[::1]", free_port("::1"), platform.a.address("udp6"), user=name).wait()
    assert platform.located(name) == ["kam-a"]
    assert platform.rows(name, "socket") == [(f"udp:{platform.a.address('udp6')}",)]


@pytest.mark.parametrize("transport", list(SOCKETS))
def test_a_registration_is_in_the_table_before_the_phone_hears_of_it(platform, phone, transport):
    mine = phone(platform.a, transport)
    assert mine.register().status == 200
    host, port = mine.wire.own
    host = f"[{host}]" if ":" in host else host
    received = {"udp": "", "udp6": "", "tls": ";transport=tls", "ws": ";transport=ws", "wss": ";transport=ws"}
    [row] = platform.rows(mine.user, "domain, server_id, path, socket, received, expires")
    assert row[:3] == (DOMAIN, 1, f"<sip:{platform.a.edge.address};lr>")
    assert row[3] == f"{SOCKETS[transport]}:{platform.a.address(transport)}"
    assert row[4] == f"sip:{host}:{port}{received.get(transport, ';transport=tcp')}"
    assert abs(row[5] - datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=600)) < timedelta(seconds=30)
    assert platform.located(mine.user) == ["kam-a"]


def test_a_phone_that_unregistered_is_gone(platform, phone):
    mine = phone(platform.a)
    mine.register()
    assert mine.register(expires=0).status == 200
    assert platform.rows(mine.user, "ruid") == []


@pytest.mark.parametrize("parameters", ["", ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'])
def test_a_phone_that_moved_is_found_at_its_new_edge(platform, phone, host, parameters):
    at = host()
    port = 0 if parameters else free_port(at)  # with an instance it is the same phone wherever it comes from
    mine = phone(platform.a, at=at, port=port, parameters=parameters)
    for edge in (platform.a, platform.b, platform.a):
        mine.close()
        mine.wire = Udp(at, edge.at(), port)
        assert mine.register().status == 200
        assert platform.located(mine.user) == [edge.name]
    assert {server for (server,) in platform.rows(mine.user, "server_id")} == {1, 2}


def test_a_phone_whose_connection_is_lost_is_soon_not_called(platform, phone):
    mine = phone(platform.a, "tcp")
    mine.register()
    mine.close()
    caller = phone(platform.b)
    answer = caller.call(f"sip:{mine.user}@{DOMAIN}")
    assert 400 <= answer.status < 600


@pytest.mark.parametrize(("name", "password"), [("", "wrong"), ("nobody", "correct horse")])
def test_who_does_not_know_the_password_is_refused(platform, phone, name, password):
    stranger = phone(platform.a, name=name, password=password)
    assert stranger.register().status == 403
    assert stranger.register().status == 403
    assert platform.rows(stranger.user, "ruid") == []


def test_nobody_registers_another_user(platform, phone, user):
    mine = phone(platform.a)
    mine.aor = f"sip:{user()}@{DOMAIN}"
    assert mine.register().status == 403
