"""The controller on calls that are cut, repeated, reordered and mangled: it never dies, and says what it did with each.

A case is a number: `bring(NUMBER)` in a shell brings it again.
"""

import random
from contextlib import suppress

import gevent
import orjson
import pytest
from gevent import socket
from structlog.testing import capture_logs

from callctl.call.controller import Controller
from callctl.errors import StoreError
from callctl.esl.session import Session
from callctl.live.client import connect
from callctl.live.publisher import Publisher
from callctl.settings import Calls, Esl, Node, Redis, Settings
from callctl.store.records import TABLES
from tests.unit.company import HERE, World
from tests.wire.budget import cases
from tests.wire.hostile import BREAKS, TEXTS
from tests.wire.inbound import api_response, command_reply
from tests.wire.leaks import nothing_left_behind
from tests.wire.outbound import GOODBYE, OutboundSwitch, channel_data
from tests.wire.recordings import OUTBOUND, frame_of, messages, received
from tests.wire.test_controller_recorded import DIRECTORY, TWO_EDGES

REDIS = Redis(port=1)
PUBLISHER = Publisher(connect(REDIS), REDIS)  # never run: nothing is sent
SETTINGS = Settings(
    esl=Esl(command_timeout=0.1),
    nodes=(Node(name="lab-fs", sip="127.0.0.1:5080"), Node(name="fs2", sip="10.9.0.2:5080")),
    calls=Calls(max_duration=100),
    redis=REDIS,
)
CALLED = ("1000", "1000", "1000", "9008", "conf_7", "*43", "777", "conf_x", "")
HEADERS = (
    "Caller_Destination_Number", "Caller_Caller_ID_Number", "Caller_Caller_ID_Name", "variable_sip_req_host",
    "variable_switch_r_sdp", "variable_sip_h_X-Callctl-Endpoint", "variable_sip_h_X-Callctl-Hop", "Unique_ID",
    "variable_sip_network_ip", "FreeSWITCH_Switchname", "Caller_Channel_Created_Time", "Event_Sequence",
    "variable_sip_call_id", "Event_Date_Timestamp",
)  # fmt: skip
STRAYS = (
    command_reply("+OK"), command_reply("-ERR"), api_response("-ERR No such channel!"), GOODBYE, b"\n\n\n",
    b"Content-Length: x\n\n", b"\x00" * 100, b"Content-Type: text/event-plain\n\n", b"X: y\n\n",
)  # fmt: skip


class Kept:
    """A spool in memory that refuses what MySQL would refuse."""

    healthy = True

    def __init__(self):
        self.records = []

    def put(self, records):
        for record in records:
            TABLES[record.kind].row(orjson.loads(orjson.dumps(record.fields)))
        self.records += records


class Case:
    """One call, made by its number."""

    def __init__(self, number):
        self.chance = random.Random(number)
        self.name = self.chance.choice(OUTBOUND)
        self.spool = Kept()
        self.world = World()
        self.world.directory = DIRECTORY
        self.world.located = self.chance.choice((HERE, HERE, TWO_EDGES, StoreError("MySQL is away.")))
        self.world.owner = self.chance.choice(("", "", "fs2", "fs9"))
        heard = self.chance.random() < 0.3
        self.controller = Controller(SETTINGS, "host/0", self.world, self.spool, PUBLISHER, lambda _node: heard)

    def connect(self):
        """The channel data, of any number, and sometimes with a hostile text somewhere or a byte changed."""
        changes = {"Caller_Destination_Number": self.chance.choice(CALLED)}
        if self.chance.random() < 0.3:
            changes[self.chance.choice(HEADERS)] = self.chance.choice(TEXTS).encode("utf-8", "replace").decode()
        data = channel_data(self.name, **changes)
        if self.chance.random() < 0.1:
            between, place = self.chance.choice(BREAKS), self.chance.randrange(len(data))
            data = data[:place] + between + data[place:]
        return self.bytes_changed(data) if self.chance.random() < 0.1 else data

    def bytes_changed(self, data):
        changed = bytearray(data)
        for _ in range(self.chance.randrange(1, 8)):
            changed[self.chance.randrange(len(changed))] = self.chance.randrange(256)
        return bytes(changed)

    def pieces(self, frames):
        """Frames dropped, repeated and reordered, with bytes changed, strays between them, and an early end."""
        found = list(frames)
        for _ in range(self.chance.randrange(4)):
            if not found:
                break
            place, other = self.chance.randrange(len(found)), self.chance.randrange(len(found))
            change = self.chance.randrange(5)
            if change == 0:
                del found[place]
            elif change == 1:
                found.insert(other, found[place])
            elif change == 2:
                found[place], found[other] = found[other], found[place]
            elif change == 3:
                found.insert(place, self.chance.choice(STRAYS))
            else:
                frame = found[place]
                found[place] = self.bytes_changed(frame if isinstance(frame, bytes) else frame_of(frame))
        if self.chance.random() < 0.2:
            del found[self.chance.randrange(len(found) + 1) :]
        return found

    def dump(self, sock):
        """All that was recorded, whatever is commanded, then the end of the socket, at times in the middle."""
        data = b"".join((self.connect(), *self.pieces(map(frame_of, messages(self.name)[1:]))))
        data = data[: self.chance.randrange(len(data))] if self.chance.random() < 0.3 else data
        try:
            for start in range(0, len(data), 65536):
                sock.sendall(data[start : start + 65536])
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass
        finally:
            sock.close()

    def answer(self, sock):
        """The recorded events in answer to commands, some of which are refused."""
        refusals = {
            start: self.chance.choice(("-ERR", "-ERR command not found", "-ERR No such channel!"))
            for start in ("filter", "event", "linger", "api sched_del", "api uuid_setvar_multi", "sendmsg")
            if self.chance.random() < 0.05
        }
        switch = OutboundSwitch(sock, self.name, self.connect(), refusals, self.chance.random() < 0.5)
        switch.quiet = 0.001
        for part in (switch.before, switch.after):
            if self.chance.random() < 0.7:
                part[:] = self.pieces(part)
        switch.play()

    def run(self):
        """Bring the call; the log lines above `info`."""
        ours, theirs = socket.socketpair()
        playing = gevent.spawn(self.dump if self.chance.random() < 0.5 else self.answer, theirs)
        session = Session("peer", ours, SETTINGS.esl.command_timeout)
        with capture_logs() as logs, gevent.Timeout(60):
            try:
                self.controller.handle(session)
            finally:
                session.stop()
                playing.join()
        playing.get()
        return [line for line in logs if line["log_level"] != "info"]


def bring(number):
    """A case ends with the record of its decision, or a log line that says why there is none."""
    case = Case(number)
    logged = case.run()
    faults = [line for line in logged if "exc_info" in line]
    assert not faults, f"case {number} ({case.name}): {faults}"
    states = [record.fields["state"] for record in case.spool.records if record.kind == "cdr"]
    assert states in (["routed"], ["routed", "final"]) or logged, f"case {number} ({case.name}) left nothing: {states}"
    assert states[:1] != ["final"]


@pytest.mark.timeout(600)
def test_some_thousands():
    bring(-1)
    with nothing_left_behind():
        for number in range(cases(3000)):
            bring(number)


@pytest.mark.parametrize("name", OUTBOUND)
def test_a_recording_played_at_the_controller_blindly(name):
    """Not one of its replies fits what the controller commands; it is over all the same."""
    case = Case(0)
    ours, theirs = socket.socketpair()
    session = Session("peer", ours, SETTINGS.esl.command_timeout)

    def play():
        with theirs, suppress(OSError):  # the controller may have had enough before the end
            theirs.sendall(received(name))

    playing = gevent.spawn(play)
    with gevent.Timeout(60):
        case.controller.handle(session)
    session.stop()
    playing.join()
    assert session.lost
