import gevent
import pytest
from gevent import socket

from callctl.errors import CommandFailed, DeadlineExceeded, Gone, WireError
from callctl.esl import command
from callctl.esl.session import MAX_WAITING, Session, subscribe
from callctl.esl.wire import Event
from tests.wire.leaks import nothing_left_behind
from tests.wire.recordings import OUTBOUND, events, frame_of, framed, messages, received

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
ERR = b"Content-Type: command/reply\nReply-Text: -ERR command not found\n\n"
LINGER = b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n"


def reply(text):
    return b"Content-Type: command/reply\nReply-Text: %s\n\n" % text


def an_event(name, number=0):
    return framed(Event(f"Event-Name: {name}\nUnique-ID: u-1\nEvent-Sequence: {number}".encode()))


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


@pytest.fixture
def pair():
    """A session and the socket of its FreeSWITCH."""
    ours, switch = socket.socketpair()
    session = Session("peer", ours, 20.0)
    yield session, switch
    session.stop()
    switch.close()


def all_events(session, timeout=2.0):
    found = []
    while (event := session.next_event(timeout)) is not None:
        found.append(event)
    return found


def test_connect_takes_the_channel_data(pair):
    session, switch = pair
    switch.sendall(frame_of(messages("a_bridged")[0]))
    channel = session.connect()
    assert switch.recv(100) == b"connect\n\n"
    assert session.uuid == channel.get("Unique-ID") == events("a_bridged")[0].get("Unique-ID")
    assert channel.variable("sip_network_ip") == "127.0.0.1"


def test_connect_asks_to_outlive_the_call_in_the_same_write(pair):
    session, switch = pair
    switch.sendall(frame_of(messages("a_bridged")[0]) + reply(b"-ERR command not found"))
    assert session.connect(10).get("Event-Name") == "CHANNEL_DATA"
    assert switch.recv(100) == b"connect\n\nlinger 10\n\n"


def test_a_refused_linger_does_not_cost_the_channel_data_it_came_with(pair):
    session, switch = pair
    switch.sendall(frame_of(messages("a_bridged")[0]) + ERR + an_event("A"))
    channel = session.connect(10)
    assert switch.recv(100) == b"connect\n\nlinger 10\n\n"
    assert channel.get("Unique-ID") == session.uuid != ""
    with pytest.raises(CommandFailed, match="refused 'linger 10'"):
        session.next_event(1)
    assert session.next_event(1).name == "A"


def test_replies_belong_to_the_commands_in_their_order(pair):
    session, switch = pair
    session.write(command.line("one"), command.line("two"), command.execute("bridge", "x"))
    switch.sendall(OK + reply(b"-ERR no"))
    with pytest.raises(CommandFailed, match="refused 'two': -ERR no") as caught:
        session.next_event(1)
    assert caught.value.reply == "-ERR no"
    switch.sendall(reply(b"-ERR invalid session"))
    with pytest.raises(CommandFailed, match="refused 'sendmsg bridge': -ERR invalid session"):
        session.next_event(1)


def test_a_command_gets_its_own_reply_though_others_wait_for_theirs(pair):
    session, switch = pair
    session.write(command.line("one"), command.line("two"))
    switch.sendall(reply(b"+OK 1") + an_event("A") + reply(b"+OK 2") + reply(b"+OK 3"))
    assert session.send("three").reply == "+OK 3"
    assert session.next_event(1).name == "A"
    switch.sendall(b"Content-Type: api/response\nContent-Length: 4\n\ntrue")
    assert session.send("api four").reply == "true"


def test_a_refusal_takes_no_event_of_its_chunk_along(pair):
    session, switch = pair
    session.write(command.line("one"), command.line("two"))
    switch.sendall(an_event("A") + ERR + an_event("B") + OK + an_event("C"))
    with pytest.raises(CommandFailed):
        session.next_event(1)
    switch.close()
    assert [event.name for event in all_events(session)] == ["A", "B", "C"]


def test_a_refused_command_raises_where_its_reply_is_waited_for(pair):
    session, switch = pair
    switch.sendall(ERR)
    with pytest.raises(CommandFailed, match="'linger 5'"):
        session.send("linger 5")


def test_events_that_come_before_a_reply_are_kept_for_later(pair):
    session, switch = pair
    switch.sendall(an_event("A") + LINGER + an_event("B") + OK)
    assert session.send("filter x y").reply == "+OK"
    assert session.lingering
    assert [session.next_event(1).name for _ in range(2)] == ["A", "B"]


def test_the_linger_notice_is_not_the_end(pair):
    session, switch = pair
    switch.sendall(an_event("CHANNEL_HANGUP") + LINGER)
    assert session.next_event(1).name == "CHANNEL_HANGUP"
    assert session.next_event(0.05) is None
    assert session.lingering
    assert not session.lost
    switch.sendall(an_event("CHANNEL_HANGUP_COMPLETE"))
    assert session.next_event(1).name == "CHANNEL_HANGUP_COMPLETE"


def test_silence_ends_what_waits_for_a_reply_and_a_late_one_is_nobody_elses():
    ours, switch = socket.socketpair()
    session = Session("peer", ours, 0.05)
    with pytest.raises(DeadlineExceeded):
        session.send("one")
    switch.sendall(reply(b"+OK 1") + reply(b"+OK 2"))
    assert session.send("two").reply == "+OK 2"
    session.stop()
    switch.close()


def test_a_peer_that_trickles_does_not_hold_a_command_past_its_deadline():
    ours, switch = socket.socketpair()
    session = Session("peer", ours, 0.1)

    def trickle():
        while True:
            switch.sendall(b"Content-Type: log/data\nContent-Length: 1\n\nx")
            gevent.sleep(0)

    trickler = gevent.spawn(trickle)
    with pytest.raises(DeadlineExceeded):
        session.send("one")
    assert session.next_event(0.05) is None
    trickler.kill()
    session.stop()
    switch.close()


def test_a_peer_that_does_not_read_does_not_hold_a_writer_for_ever():
    ours, switch = socket.socketpair()
    session = Session("peer", ours, 0.1)
    with pytest.raises(Gone):
        session.write(b"x" * 50_000_000)
    assert session.lost
    switch.close()


def test_a_long_command_is_written_whole(pair):
    session, switch = pair
    text = command.execute("playback", "x" * 3_000_000)

    def read_all():
        got = b""
        while len(got) < len(text):
            got += switch.recv(65536)
        return got

    reader = gevent.spawn(read_all)
    session.write(text)
    assert reader.get() == text


def test_a_reply_that_nobody_asked_for_ends_the_session(pair):
    session, switch = pair
    switch.sendall(an_event("A") + OK)
    with pytest.raises(WireError, match="no command"):
        session.next_event(1)
    assert session.lost
    assert [event.name for event in all_events(session)] == ["A"]


def test_bytes_that_are_no_event_socket_end_the_session(pair):
    session, switch = pair
    session.write(command.line("one"))
    switch.sendall(b"HTTP/1.1 200 OK\nContent-Length: lots\n\n")
    with pytest.raises(WireError, match="Content-Length"):
        session.next_event(1)
    assert session.next_event(1) is None
    with pytest.raises(Gone):
        session.send("two")


def test_events_that_nobody_takes_are_bounded(pair):
    session, switch = pair
    flood = gevent.spawn(lambda: [switch.sendall(an_event("A")) for _ in range(MAX_WAITING + 1)])
    with pytest.raises(WireError, match=f"more than {MAX_WAITING} events"):
        session.send("one")
    flood.kill()


def test_a_socket_that_is_gone_says_so_to_who_writes_and_to_who_waits(pair):
    session, switch = pair
    switch.close()
    with pytest.raises(Gone):
        session.send("one")
    with pytest.raises(Gone):
        session.write(command.line("two"))
    assert session.next_event(1) is None
    session.leave()
    session.stop()


def test_leaving_says_exit_and_closes(pair):
    session, switch = pair
    session.leave()
    assert switch.recv(100) == b"exit\n\n"
    assert switch.recv(100) == b""
    session.leave()


def test_the_words_of_greenswitch_work_and_never_block(pair):
    session, switch = pair
    session.park()
    session.hangup("USER_BUSY")
    session.playback("tone_stream://x", block=False)
    expected = (
        command.execute("park") + command.execute("hangup", "USER_BUSY") + command.execute("playback", "tone_stream://x")
    )  # fmt: skip
    assert switch.recv(65536) == expected
    with pytest.raises(NotImplementedError):
        session.bridge("user/1", block=True)


def test_a_subscription_filters_before_it_asks_for_events():
    assert subscribe("u-1", ("CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE")) == (
        b"filter Unique-ID u-1\n\n",
        b"event plain CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE\n\n",
    )


def expecting(session, name):
    """A session that has written as many commands as a recording has replies."""
    replies = sum(message.is_reply for message in messages(name))
    session.write(*[command.line(f"command {number}") for number in range(replies)])


def follow(session):
    """All events, whatever is refused meanwhile."""
    found = []
    while not session.lost or found[-1:] != [None]:
        try:
            found.append(session.next_event(20.0))
        except CommandFailed:
            continue
    return [event for event in found if event is not None]


@pytest.mark.parametrize("name", OUTBOUND)
@pytest.mark.parametrize("size", [65536, 1448])
def test_every_recording_is_heard_whole(pair, name, size):
    session, switch = pair
    expecting(session, name)
    data = received(name)

    def play():
        for start in range(0, len(data), size):
            switch.sendall(data[start : start + size])
        switch.shutdown(socket.SHUT_WR)

    player = gevent.spawn(play)
    assert [event.raw for event in follow(session)] == [event.raw for event in events(name)]
    player.get()
    noticed = any(message.content_type == "text/disconnect-notice" for message in messages(name))
    assert session.lingering == noticed


@pytest.mark.parametrize("name", ["a_bridged", "b_busy", "d_caller_cancel", "h_hangup_rejected", "o3_errors"])
def test_a_socket_that_ends_anywhere_gives_what_came_and_then_the_end(name):
    data = received(name)
    ends = []
    at = 0
    for message in messages(name):
        at = data.index(message.raw, at) + len(message.raw) + 2 + len(message.body)
        ends.append((at, message.is_event))
    for cut in range(0, len(data), max(1, len(data) // 40)):
        ours, switch = socket.socketpair()
        session = Session("peer", ours, 20.0)
        expecting(session, name)
        switch.sendall(data[:cut])
        switch.close()
        assert len(follow(session)) == sum(is_event for end, is_event in ends if end <= cut)
        with pytest.raises(Gone):
            session.connect()


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, 5430])
def test_a_socket_that_ends_while_the_call_is_taken_over_is_gone(pair, cut):
    session, switch = pair
    switch.sendall(received("a_bridged")[:cut])
    switch.close()
    with pytest.raises(Gone):
        session.connect()


def test_a_thousand_sessions_leave_nothing_behind():
    data = received("h_hangup_rejected")
    with nothing_left_behind():
        for number in range(1000):
            ours, switch = socket.socketpair()
            session = Session("peer", ours, 20.0)
            expecting(session, "h_hangup_rejected")
            switch.sendall(data[: len(data) - number * 7])
            switch.close()
            follow(session)
            if number % 2:
                session.leave()
            else:
                session.stop()
