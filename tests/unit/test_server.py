import gevent
import pytest
from gevent import socket
from gevent.event import Event as Signal

from callctl.errors import ConfigError, Gone
from callctl.esl.server import Server, listen
from callctl.settings import Esl
from tests.ports import free_port
from tests.wire.leaks import nothing_left_behind
from tests.wire.recordings import frame_of, messages

CONNECT = frame_of(messages("a_bridged")[0])


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


class Door:
    """A server whose calls are kept in `met` and go on until told."""

    def __init__(self, host="127.0.0.1", **esl):
        self.port = free_port(host)
        self.met = []
        self.go = Signal()
        address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.server = Server(listen(address), Esl(listen=address, **esl), lambda session: self.handle(session))
        self.server.start()

    def handle(self, session):
        self.met.append(session)
        self.go.wait()

    def call(self, host="127.0.0.1"):
        return socket.create_connection((host, self.port), timeout=5)

    def until(self, calls):
        while len(self.met) < calls:
            gevent.sleep(0.002)


@pytest.fixture
def door():
    made = Door()
    yield made
    made.go.set()
    assert made.server.drain(5) == 0


def test_a_call_is_handled_with_a_session_of_its_own(door):
    switch = door.call()
    door.until(1)
    switch.sendall(CONNECT)
    assert door.met[0].connect().get("Unique-ID") == messages("a_bridged")[0].get("Unique-ID")
    assert len(door.server) == 1
    door.go.set()
    assert switch.recv(100) == b"connect\n\n"
    assert switch.recv(100) == b""
    switch.close()


@pytest.mark.parametrize(
    ("allowed", "taken"),
    [
        (["127.0.0.0/8"], True), (["127.0.0.1"], True), (["10.0.0.0/8", "127.0.0.1/32"], True), (["0.0.0.0/0"], True),
        (["10.0.0.0/8"], False), (["127.0.0.2"], False), (["::/0"], False), ([], False),
    ],
)  # fmt: skip
def test_only_peers_of_the_list_are_let_in(allowed, taken):
    door = Door(allowed=allowed)
    door.go.set()
    with door.call() as switch:
        assert switch.recv(1) == b""
    assert door.server.drain(5) == 0
    assert bool(door.met) == taken


def has_ipv6():
    try:
        return free_port("::1") > 0
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv4_peer_of_an_ipv6_listener_is_known_by_its_ipv4_address():
    door = Door("::", allowed=["127.0.0.0/8"])
    door.go.set()
    with door.call() as switch:
        assert switch.recv(1) == b""
    with door.call("::1") as switch:
        assert switch.recv(1) == b""
    assert door.server.drain(5) == 0
    assert [session.address[0] for session in door.met] == ["::ffff:127.0.0.1"]


def test_a_thousand_probes_leave_nothing_behind(door):
    def probed(session):
        with pytest.raises(Gone):
            session.connect()
        door.met.append(session)

    door.handle = probed
    with nothing_left_behind():
        for number in range(1000):
            probe = door.call()
            if number % 2:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes with a reset
            probe.close()
        door.until(1000)
        while len(door.server):
            gevent.sleep(0.002)


def test_a_burst_of_calls_is_accepted_whole(door):
    switches = [gevent.spawn(door.call) for _ in range(300)]
    sockets = [switch.get() for switch in switches]
    door.until(300)
    assert len(door.server) == 300
    for sock in sockets:
        sock.close()


def test_draining_refuses_new_calls_and_waits_for_those_in_hand(door):
    switch = door.call()
    door.until(1)
    assert door.server.drain(0.01) == 1
    with pytest.raises(ConnectionRefusedError):
        door.call()
    drained = gevent.spawn(door.server.drain, 10)
    gevent.sleep(0)
    assert not drained.ready()
    door.go.set()
    assert drained.get() == 0
    switch.close()


def test_draining_lets_calls_go_that_may_and_waits_for_the_others(door):
    door.handle = lambda session: door.met.append(session) or session.next_event(60)
    switches = [door.call() for _ in range(3)]
    door.until(3)
    door.met[0].may_go = door.met[1].may_go = lambda: True
    assert door.server.drain(0.5) == 1
    assert [session.lost for session in door.met] == [True, True, False]
    door.met[2].may_go = lambda: True
    assert door.server.drain(5) == 0
    for switch in switches:
        switch.close()


def test_a_port_in_use_is_said_with_the_setting_to_change():
    with listen(f"127.0.0.1:{free_port()}") as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(ConfigError, match=rf"^{address} cannot be listened on \(.*in use\): .*\[http\] listen"):
            listen(address, "[http] listen")


def test_an_address_that_is_not_ours_is_said_too():
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:8084 cannot be listened on .*\[esl\] listen"):
        listen("192.0.2.1:8084")
