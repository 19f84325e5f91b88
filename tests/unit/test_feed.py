import gevent
import pytest
from gevent import socket
from pydantic import SecretStr

from callctl.errors import CommandFailed, ConfigError, DeadlineExceeded, Gone, ServiceAway, UnsafeText, WireError
from callctl.esl import feed as feed_module
from callctl.esl.feed import Feed
from callctl.esl.wire import Event
from callctl.settings import Node
from tests.wire.inbound import InboundSwitch, api_response, command_reply
from tests.wire.leaks import nothing_left_behind
from tests.wire.recordings import INBOUND, events, frame_of, framed, messages

EVENT = framed(Event(b"Event-Name: HEARTBEAT\nEvent-Sequence: 1"))


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


@pytest.fixture
def switch():
    made = InboundSwitch({"version": "FreeSWITCH Version x", "status": "UP\n\nand more\n"})
    yield made
    made.stop()


class Listening:
    """A feed that is connected and read, with what it heard."""

    def __init__(self, switch, timeout=20.0):
        self.feed = Feed(switch.node, timeout)
        self.heard = []
        self.feed.connect()
        self.reader = gevent.spawn(self._listen)

    def _listen(self):
        try:
            self.feed.listen(self.heard.append)
        except Gone as error:
            return error
        except WireError as error:
            return error

    def end(self):
        self.feed.stop()
        return self.reader.get()


def test_it_logs_in_asks_and_hears(switch):
    switch.events = EVENT * 2
    listening = Listening(switch)
    assert listening.feed.api("version") == "FreeSWITCH Version x"
    assert listening.feed.api("status") == "UP\n\nand more"
    listening.feed.subscribe(("CHANNEL_ANSWER", "CUSTOM", "conference::maintenance"))
    assert listening.feed.api("version") == "FreeSWITCH Version x"
    assert [event.name for event in listening.heard] == ["HEARTBEAT", "HEARTBEAT"]
    assert switch.asked[0] == "auth ClueCon"
    assert "event plain HEARTBEAT CHANNEL_ANSWER CUSTOM conference::maintenance" in switch.asked
    assert isinstance(listening.end(), Gone)


def test_nobody_there_is_a_service_away():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    feed = Feed(Node(name="fs1", esl=f"127.0.0.1:{port}", sip="127.0.0.1:5060"), 1.0)
    with pytest.raises(ServiceAway, match=rf"fs1 cannot be reached at 127\.0\.0\.1:{port} .*refused"):
        feed.connect()
    feed.stop()


def test_a_wrong_password_is_a_wrong_setting(switch):
    node = switch.node.model_copy(update={"password": SecretStr("wrong")})
    feed = Feed(node, 2.0)
    with pytest.raises(ConfigError, match="does not accept the password"):
        feed.connect()
    feed.stop()


def test_a_password_of_two_lines_is_never_sent(switch):
    feed = Feed(switch.node.model_copy(update={"password": SecretStr("a\n\napi shutdown")}), 2.0)
    with pytest.raises(ConfigError, match="line break"):
        feed.connect()
    feed.stop()
    assert switch.asked == []


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", "ACL of event_socket"),
        (b"SSH-2.0-OpenSSH\r\nContent-Length: none\n\n", "cannot be reached"),
        (b"x" * 300_000, "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
def test_who_is_no_freeswitch_or_refuses_us_is_a_service_away(greeting, said):
    switch = InboundSwitch(greeting=greeting)
    feed = Feed(switch.node, 5.0 if greeting else 0.2)
    with pytest.raises(ServiceAway, match=said):
        feed.connect()
    feed.stop()
    switch.stop()


def test_a_socket_that_ends_while_logging_in_is_a_service_away():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        node = Node(name="fs1", esl=f"127.0.0.1:{listener.getsockname()[1]}", sip="127.0.0.1:5060")
        feed = Feed(node, 2.0)
        connecting = gevent.spawn(feed.connect)
        listener.accept()[0].close()
        with pytest.raises(ServiceAway, match="closed the connection"):
            connecting.get()
        feed.stop()


def test_a_refused_command_raises_with_its_text(switch):
    listening = Listening(switch)
    with pytest.raises(CommandFailed, match="refused 'api nonsense': -ERR no such command"):
        listening.feed.api("nonsense")
    listening.end()


def test_a_reply_that_comes_too_late_goes_to_nobody(switch):
    switch.answers |= {"slow": None, "quick": "quick answer"}
    listening = Listening(switch, timeout=0.05)
    with pytest.raises(DeadlineExceeded, match="'api'"):
        listening.feed.api("slow")
    switch.send(api_response("slow answer"))
    assert listening.feed.api("quick") == "quick answer"
    listening.end()


def test_replies_go_to_those_who_asked_in_their_order(switch):
    switch.answers |= {f"n{number}": f"answer {number}" for number in range(50)}
    listening = Listening(switch)
    asking = [gevent.spawn(listening.feed.api, f"n{number}") for number in range(50)]
    assert [greenlet.get() for greenlet in asking] == [f"answer {number}" for number in range(50)]
    listening.end()


def test_every_waiter_is_told_when_the_socket_goes(switch):
    switch.answers |= {"slow": None}
    listening = Listening(switch, timeout=20)
    waiting = [gevent.spawn(listening.feed.api, "slow") for _ in range(5)]
    switch.until_asked("api slow", 5)
    switch.hang_up()
    for waiter in waiting:
        with pytest.raises(Gone):
            waiter.get()
    assert isinstance(listening.reader.get(), Gone)
    with pytest.raises(Gone):
        listening.feed.api("version")


def test_stopping_tells_every_waiter_and_the_reader(switch):
    switch.answers |= {"slow": None}
    listening = Listening(switch, timeout=20)
    waiter = gevent.spawn(listening.feed.api, "slow")
    switch.until_asked("api slow")
    assert isinstance(listening.end(), Gone)
    with pytest.raises(Gone):
        waiter.get()


def test_a_feed_that_never_connected_is_gone(switch):
    feed = Feed(switch.node, 1.0)
    with pytest.raises(Gone):
        feed.send("api version")
    feed.stop()


def test_a_command_that_may_not_be_sent_takes_nobodys_reply(switch):
    listening = Listening(switch)
    with pytest.raises(UnsafeText):
        listening.feed.api("version\n\napi shutdown")
    assert listening.feed.api("version") == "FreeSWITCH Version x"
    listening.end()


def test_silence_is_the_end_of_a_feed(switch, monkeypatch):
    monkeypatch.setattr(feed_module, "SILENCE", 0.05)
    listening = Listening(switch)
    assert isinstance(listening.reader.get(), Gone)


@pytest.mark.parametrize("garbage", [command_reply("+OK"), b"Content-Length: x\n\n", b"x" * 300_000])
def test_garbage_ends_the_feed_and_every_waiter(switch, garbage):
    switch.answers |= {"slow": None}
    listening = Listening(switch, timeout=20)
    waiter = gevent.spawn(listening.feed.api, "slow")
    switch.until_asked("api slow")
    if garbage == command_reply("+OK"):
        switch.send(api_response("ok"))
        assert waiter.get() == "ok"
    switch.send(garbage)
    assert isinstance(listening.reader.get(), WireError)
    if garbage != command_reply("+OK"):
        with pytest.raises(Gone):
            waiter.get()


@pytest.mark.parametrize("name", INBOUND)
def test_a_recorded_node_is_heard_whole(switch, name):
    recorded = [message for message in messages(name) if message.is_event]
    switch.events = b"".join(map(frame_of, recorded))
    listening = Listening(switch)
    listening.feed.subscribe(("ALL",))
    listening.feed.api("version")
    assert [event.raw for event in listening.heard] == [event.raw for event in events(name)]
    listening.end()


def test_what_hears_an_event_may_fail_and_the_feed_ends_with_it(switch):
    switch.events = EVENT
    feed = Feed(switch.node, 2.0)
    feed.connect()

    def fail(_event):
        raise RuntimeError("on_event failed")

    reader = gevent.spawn(feed.listen, fail)
    feed.subscribe(())
    with pytest.raises(RuntimeError):
        reader.get()
    with pytest.raises(Gone):
        feed.send("api version")


def test_connecting_again_and_again_leaves_nothing_behind(switch):
    with nothing_left_behind():
        for number in range(100):
            listening = Listening(switch)
            listening.feed.api("version")
            if number % 2:
                switch.hang_up()
                listening.reader.get()
            else:
                listening.end()
