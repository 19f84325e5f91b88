"""The recorder over what nodes were recorded to say: what it writes down, shows, and does when it is not told."""

import random
import time
from decimal import Decimal

import gevent
import orjson
import pytest
from pydantic import SecretStr
from redis import Redis
from structlog.testing import capture_logs

from callctl.admission.money import Money
from callctl.call import hosted
from callctl.call import recorder as recorder_module
from callctl.call.keeper import Keeper
from callctl.call.recorder import EVENTS, NodeRecorder
from callctl.cdr.spool import Record, Spool
from callctl.errors import SpoolError
from callctl.esl.wire import Event
from callctl.live import board
from callctl.live.board import Board
from callctl.live.client import connect
from callctl.live.lease import Lease
from callctl.live.publisher import Publisher
from callctl.live.rooms import Looks, Rooms
from callctl.rating.basis import Basis, pack
from callctl.settings import Redis as RedisSettings
from callctl.settings import Settings
from callctl.store.balance import Balances
from callctl.store.booking import bill
from callctl.store.records import TABLES
from tests.unit.rating_calls import by_second, tariff
from tests.wire.budget import cases
from tests.wire.inbound import InboundSwitch
from tests.wire.leaks import nothing_left_behind
from tests.wire.recordings import INBOUND, changed, event, events, framed, without

RATES = tariff(by_second("6")).find("442079460000", 0)
PAID = {
    "variable_callctl_basis": pack([Basis("acme", "UTC", RATES), Basis("telco", "Asia/Shanghai", RATES)]),
    "variable_callctl_paid": "60", "variable_callctl_most": "3600", "variable_callctl_limit": "slice",
}  # fmt: skip
CALLCTL = {"callctl_controller": "host/0", "callctl_account": "acme", "callctl_kind": "onnet", "callctl_called": "1002"}


def heard(name):
    """What a recorded node would have told of a call of ours: the events asked for, with the variables we set."""
    started = event(name, "CHANNEL_HANGUP_COMPLETE").get("Caller-Channel-Created-Time")
    told = []
    for one in events(name):
        if one.name not in EVENTS and one.name != "HEARTBEAT":
            continue
        if one.get("Call-Direction") == "outbound":
            told.append(changed(one, variable_callctl_started=started, variable_callctl_edge="edge-a"))
        elif one.name == "conference::maintenance":
            told.append(changed(one, Conference_Name="3000-lab-fs"))
        else:
            told.append(changed(one, **{f"variable_{name}": value for name, value in CALLCTL.items()}))
    return told


def uuid_of(name):
    return events(name)[0].get("Unique-ID")


@pytest.fixture(autouse=True)
def _no_test_hangs(monkeypatch):
    monkeypatch.setattr(recorder_module, "RECONNECT", (0.01, 0.05))
    monkeypatch.setattr(recorder_module, "SETTLE", 0.02)
    with gevent.Timeout(60):
        yield


@pytest.fixture
def redis(services):
    with Redis(port=services.redis_port, password=services.redis_password, decode_responses=True) as made:
        yield made


def until(happened):
    while not happened():
        gevent.sleep(0.005)


def recorder_of(node, settings, client, spool, publisher, rooms, feed_is):
    """A recorder whose keeper does not run."""
    lease = Lease(client, settings.redis, f"keeper:{node.name}", "host", 5)
    keeper = Keeper(settings.money, Money(client, settings.redis, Balances(None).opening), lease, lambda _name: None)
    return NodeRecorder(node, settings, spool, publisher, rooms, keeper, lambda _name: "UTC", feed_is)


class Recording:
    """A recorder that follows a scripted node, with a real spool and the real Redis."""

    def __init__(self, settings, folder, switch):
        self.switch = switch
        self.folder = folder
        self.spool = Spool(folder, 0)
        self.client = connect(settings.redis)
        self.publisher = Publisher(self.client, settings.redis)
        self.states = []
        self.rooms = Rooms(self.client, settings.redis)
        self.recorder = recorder_of(
            switch.node, settings, self.client, self.spool, self.publisher, self.rooms, self.states.append
        )
        self.greenlet = None
        self._compared = 0
        self._comparing, self.recorder._compare = self.recorder._compare, self._compare

    def start(self):
        self.greenlet = gevent.spawn(self.recorder.run)
        return self

    def _compare(self, feed):
        self._comparing(feed)
        self._compared += 1

    def until_compared(self, times=1):
        until(lambda: self._compared >= times)
        gevent.sleep(0.05)

    def end(self):
        """What is on disk."""
        if self.greenlet is not None:
            self.greenlet.kill()
        self.switch.stop()
        self.client.connection_pool.disconnect()
        self.spool.close()
        again = Spool(self.folder, 0)
        records = [(record.kind, record.fields) for record in again.take(1000)]
        again.close()
        return records


@pytest.fixture
def make(settings, tmp_path):
    made = []

    def build(**switch):
        made.append(Recording(settings, tmp_path, InboundSwitch(**switch)))
        return made[0]

    yield build
    for one in made:
        if not one.spool._closing:
            one.end()


def play(make, told):
    """Everything a node tells, in one go; the records and the live events it makes."""
    recording = make(events=b"".join(map(framed, told))).start()
    recording.until_compared()
    recording.publisher.flush(5)
    live = [fields["event"] for _, fields in recording.client.xrange("callctl:events")]
    return recording, recording.end(), live


def of(records, kind):
    return [fields for known, fields in records if known == kind]


@pytest.mark.parametrize(
    ("name", "story"),
    [
        ("a_bridged.inbound", ["early_media", "answered", "bridged", "leg_ended", "ended"]),
        ("d_caller_cancel.inbound", ["ringing", "ended", "leg_ended"]),
        ("f_failover.inbound", [
            "leg_ended", "ringing", "early_media", "answered", "bridged", "leg_ended", "ended",
        ]),
        ("g2_conference_custom.inbound", ["early_media", "answered", "room_joined", "room_left", "ended"]),
    ],
)  # fmt: skip
def test_a_recorded_call_is_written_down(make, name, story):
    recording, records, live = play(make, heard(name))
    assert [fields["event"] for fields in of(records, "event")] == story
    assert live == story
    final = [fields for fields in of(records, "cdr") if fields["state"] == "final"]
    assert len(final) == 1
    assert (final[0]["call_uuid"], final[0]["account"], final[0]["controller"]) == (uuid_of(name), "acme", "host/0")
    answers = [fields.get("answered_at") for fields in of(records, "cdr") if fields["state"] == "answered"]
    assert (final[0].get("answered_at") in answers) == ("answered" in story)
    ended_legs = {fields["leg_uuid"] for fields in of(records, "leg") if "ended_at" in fields}
    assert len(ended_legs) == story.count("leg_ended")
    assert len(recording.recorder.calls) == 0


@pytest.mark.parametrize("name", INBOUND)
def test_what_is_told_twice_and_in_another_order_makes_the_same_rows(make, database, name):
    told = heard(name)
    chance = random.Random(name)
    disordered = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(disordered)
    _, records, _ = play(make, disordered)
    ordered = {}
    for kind, fields in records:
        ordered.setdefault((kind, orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)), Record(kind, fields))
    assert rows(database, [Record(kind, fields) for kind, fields in records]) == rows(database, ordered.values())


def rows(database, records):
    with database.transaction() as cursor:
        for table in ("cdr", "cdr_leg", "call_event"):
            cursor.execute(f"DELETE FROM {table}")
        for record in records:
            cursor.execute(TABLES[record.kind].upsert, TABLES[record.kind].row(record.fields))
    known = ", ".join(column for column in TABLES["cdr"].columns)
    return [
        sorted(database.rows(f"SELECT {known} FROM cdr")),
        sorted(database.rows("SELECT * FROM cdr_leg")),
        sorted(database.rows("SELECT * FROM call_event")),
    ]


def test_what_a_call_costs_is_recorded_and_owed_when_its_end_is_heard(make, redis):
    story = heard("a_bridged.inbound")
    told = [changed(one, **PAID) if one.get("Call-Direction") == "inbound" else one for one in story]
    uuid = uuid_of("a_bridged.inbound")
    recording = make(answers={"version": "FreeSWITCH"}).start()
    recording.until_compared()
    for one in told[:-2]:
        recording.switch.send(framed(one))
    recording.recorder._feed.api("version")
    assert [call.payer for call in recording.recorder.calls] == ["acme"]
    recording.switch.send(b"".join(map(framed, told[-2:])))
    until(lambda: not len(recording.recorder.calls))
    recording.publisher.flush(5)
    (final,) = [fields for fields in of(recording.end(), "cdr") if fields["state"] == "final"]
    assert [charge["account"] for charge in final["charges"]] == ["acme", "telco"]
    owed = {name: redis.hget(f"callctl:{{account {name}}}:pending", uuid) for name in ("acme", "telco")}
    assert {name: int(text.split()[0]) for name, text in owed.items()} == {
        charge["account"]: int(Decimal(charge["amount"]) * 1_000_000) for charge in final["charges"]
    }


def test_a_call_that_no_controller_was_brought_is_not_ours(make):
    told = [without(one, "variable_socket_host") for one in events("a_bridged.inbound") if one.name in EVENTS]
    _, records, live = play(make, told)
    assert (records, live) == ([], [])


def test_a_call_whose_controller_was_lost_before_it_decided_is_ours_all_the_same(make):
    told = [one for one in events("d_caller_cancel.inbound") if one.name in EVENTS]
    _, records, _ = play(make, told)
    (final,) = of(records, "cdr")
    assert (final["state"], final["reason"]) == ("final", "caller_gave_up")


def test_a_call_is_shown_while_it_is_up(make, redis):
    told = heard("a_bridged.inbound")
    recording = make(answers={"version": "FreeSWITCH"}).start()
    recording.until_compared()
    seen = []
    for one in told:
        recording.switch.send(framed(one))
        recording.recorder._feed.api("version")  # whose answer comes after the event
        call = recording.recorder.calls.get(uuid_of("a_bridged.inbound"))
        seen.append((one.name, one.get("Call-Direction"), call.state if call else None))
    assert ("CHANNEL_PROGRESS_MEDIA", "inbound", "ringing") in seen
    assert ("CHANNEL_ANSWER", "inbound", "answered") in seen
    assert ("CHANNEL_BRIDGE", "inbound", "answered") in seen
    assert seen[-2:] == [("CHANNEL_HANGUP_COMPLETE", "inbound", None), ("HEARTBEAT", "", None)]
    recording.publisher.flush(5)
    assert redis.hgetall("callctl:live:lab-fs") == {}
    assert redis.get("callctl:live:lab-fs:feed") == "up"


def channels(*uuids):
    return orjson.dumps({"row_count": len(uuids), "rows": [{"uuid": uuid} for uuid in uuids]})


def open_call(spool, uuid, age_s, state="routed"):
    started = time.time_ns() // 1000 - age_s * 1_000_000
    spool.put([Record("cdr", {"call_uuid": uuid, "started_at": started, "state": state, "node": "lab-fs"})]).wait(5)


def test_a_call_that_ended_while_nobody_listened_is_closed_and_one_that_is_up_is_kept(make):
    dump = next(one for one in heard("a_bridged.inbound") if one.name == "CHANNEL_ANSWER")
    up = uuid_of("a_bridged.inbound")
    recording = make(answers={"show channels as json": channels(up, "of-somebody-else"), f"uuid_dump {up}": dump.raw})
    open_call(recording.spool, "gone", 60, "answered")
    open_call(recording.spool, "gone-unanswered", 60)
    open_call(recording.spool, up, 60)
    open_call(recording.spool, "just-begun", 1)
    with capture_logs() as logs:
        recording.start()
        until(lambda: len(recording.spool.open_calls("lab-fs")) == 2)
    assert {call.call_uuid for call in recording.spool.open_calls("lab-fs")} == {up, "just-begun"}
    assert [(call.uuid, call.state) for call in recording.recorder.calls] == [(up, "answered")]
    closed = [line["call"] for line in logs if line["event"] == "call ended unheard"]
    assert sorted(closed) == ["gone", "gone-unanswered"]
    (kept,) = [call for call in recording.spool.open_calls("lab-fs") if call.call_uuid == up]
    assert (kept.state, kept.answered_us) == ("answered", dump.number("Caller-Channel-Answered-Time"))
    ends = {fields["call_uuid"]: fields for fields in of(recording.end(), "cdr") if fields["state"] == "final"}
    assert ends.keys() == {"gone", "gone-unanswered"}
    assert {fields["reason"] for fields in ends.values()} == {"end_unheard"}
    assert ("duration_ms" in ends["gone"], ends["gone-unanswered"]["duration_ms"]) == (False, 0)


class AskedFor(dict):
    """Answers of a switch that does something when it is asked for one of them."""

    def __init__(self, question, act):
        super().__init__({"show channels as json": channels(), "conference list summary": "+OK No active conferences."})
        self.question = question
        self.act = act

    def get(self, question, default=None):
        if question == self.question:
            self.act()
        return super().get(question, default)


def test_a_call_whose_end_was_only_late_is_not_closed_as_unheard(make, monkeypatch):
    """The switch has forgotten the call, and its last event is still on the way."""
    monkeypatch.setattr(recorder_module, "SETTLE", 0.3)
    end = framed(heard("a_bridged.inbound")[-2])
    recording = make()
    open_call(recording.spool, uuid_of("a_bridged.inbound"), 60)
    recording.switch.answers = AskedFor(
        "conference list summary", lambda: gevent.spawn_later(0.05, recording.switch.send, end)
    )
    recording.start()
    recording.until_compared()
    gevent.sleep(0.5)
    finals = [fields for fields in of(recording.end(), "cdr") if fields["state"] == "final"]
    assert [fields.get("reason") for fields in finals] == [None]


def test_calls_that_begin_while_others_are_asked_about_are_not_taken_for_gone(make, monkeypatch):
    monkeypatch.setattr(recorder_module, "YOUNG", 0)
    recording = make()
    recording.switch.answers = AskedFor("uuid_dump up-1", lambda: open_call(recording.spool, "begun-since", 1))
    recording.switch.answers["show channels as json"] = channels("up-1")
    open_call(recording.spool, "gone", 60)
    recording.start()
    until(lambda: [call.call_uuid for call in recording.spool.open_calls("lab-fs")] == ["begun-since"])
    gevent.sleep(0.1)
    assert len(recording.spool.open_calls("lab-fs")) == 1


def test_a_call_too_young_to_be_taken_for_gone_is_asked_about_again_soon(make, monkeypatch):
    monkeypatch.setattr(recorder_module, "RENEW", 0.05)
    monkeypatch.setattr(recorder_module, "YOUNG", 1_500_000)
    recording = make()
    open_call(recording.spool, "young", 0)
    recording.start()
    recording.until_compared()
    assert [call.call_uuid for call in recording.spool.open_calls("lab-fs")] == ["young"]
    until(lambda: not recording.spool.open_calls("lab-fs"))


def test_a_node_that_goes_and_comes_back_is_heard_again(make, redis):
    up = uuid_of("a_bridged.inbound")
    recording = make(answers={"show channels as json": channels(up)}).start()
    recording.until_compared()
    recording.switch.send(b"".join(map(framed, heard("a_bridged.inbound")[:3])))
    until(lambda: recording.recorder.calls.get(up))
    recording.switch.hang_up()
    recording.until_compared(2)
    assert recording.states == [True, False, True]
    assert [call.uuid for call in recording.recorder.calls] == [up]
    recording.publisher.flush(5)
    assert list(redis.hgetall("callctl:live:lab-fs")) == [up]
    recording.switch.answers["show channels as json"] = channels()
    recording.switch.hang_up()
    recording.until_compared(3)
    assert len(recording.recorder.calls) == 0


def test_a_call_that_a_busy_switch_does_not_list_yet_is_not_taken_for_gone(make):
    up = uuid_of("a_bridged.inbound")
    recording = make(answers={"show channels as json": channels(), f"uuid_exists {up}": "true"}).start()
    recording.until_compared()
    recording.switch.send(b"".join(framed(changed(one, **PAID)) for one in heard("a_bridged.inbound")[:3]))
    until(lambda: recording.recorder.calls.get(up))
    recording.switch.hang_up()
    recording.until_compared(2)
    assert [call.uuid for call in recording.recorder.calls] == [up]
    assert {holding.call for holding in recording.recorder.keeper.holdings()} == {up}
    recording.switch.answers[f"uuid_exists {up}"] = "false"
    recording.switch.hang_up()
    recording.until_compared(3)
    assert len(recording.recorder.calls) == len(list(recording.recorder.keeper.holdings())) == 0


def test_a_mirror_that_ended_with_its_lease_is_written_again(make, redis):
    up = uuid_of("a_bridged.inbound")
    recording = make(answers={"show channels as json": channels(up)}).start()
    recording.until_compared()
    recording.switch.send(b"".join(map(framed, heard("a_bridged.inbound")[:3])))
    until(lambda: recording.recorder.calls.get(up))
    recording.publisher.flush(5)
    redis.delete("callctl:live:lab-fs", "callctl:live:lab-fs:feed")
    recording.switch.hang_up()

    def shown():
        recording.publisher.flush(5)
        return list(redis.hgetall("callctl:live:lab-fs"))

    until(lambda: shown() == [up])


@pytest.mark.parametrize("broken", ["not json", '{"rows": [', ""])
def test_a_switch_that_answers_nonsense_is_asked_again_over_a_new_feed(make, broken):
    recording = make(answers={"show channels as json": broken}).start()
    recording.switch.until_asked("auth", 2)
    recording.switch.answers["show channels as json"] = channels()
    until(lambda: recording.recorder.compared)
    assert recording.states[:2] == [True, False]
    assert recording.states[-1]


def test_nobody_there_and_a_wrong_password_are_said_and_tried_again(settings, tmp_path):
    switch = InboundSwitch()
    recording = Recording(settings, tmp_path, switch)
    right = recording.recorder.node
    recording.recorder.node = right.model_copy(update={"password": SecretStr("wrong")})
    with capture_logs() as logs:
        recording.start()
        until(lambda: any(line["event"] == "feed refused" for line in logs))
        recording.recorder.node = right.model_copy(update={"esl": "127.0.0.1:1"})
        until(lambda: any(line["event"] == "feed down" for line in logs))
        recording.recorder.node = right
        recording.until_compared()
    assert recording.states[-1]
    assert True not in recording.states[:-1]
    recording.end()


class TestRooms:
    def listed(self, *rooms):
        members = "1;sofia/internal/99@h;u;99-lab-fs;99-lab-fs;hear|speak|floor;0;0;300\n"
        return "".join(f"+OK Conference {room} (1 member rate: 8000 flags: running)\n{members}" for room in rooms)

    def test_a_room_is_kept_with_its_node_while_it_lives(self, make, redis):
        joined = next(one for one in heard("g2_conference_custom.inbound") if one.get("Action") == "add-member")
        recording = make().start()
        recording.switch.until_asked("api conference list summary")
        recording.until_compared()
        recording.rooms.owner("3000", "lab-fs")
        recording.switch.send(framed(joined))
        until(lambda: recording.recorder.rooms.open == {"3000"})
        redis.expire("callctl:room:3000", 5)
        recording.recorder.rooms.renew()
        assert redis.ttl("callctl:room:3000") > 5
        recording.switch.send(framed(changed(joined, Action="conference-destroy")))
        until(lambda: recording.recorder.rooms.open == set())
        assert redis.get("callctl:room:3000") == "lab-fs", "the next caller may be on the way to it"

    def test_rooms_are_renewed_whatever_else_waits(self, make, redis, monkeypatch):
        monkeypatch.setattr(hosted, "RENEW", 0.05)
        monkeypatch.setattr(recorder_module, "SETTLE", 600)
        recording = make(answers={"conference list summary": self.listed("3000-lab-fs")})
        open_call(recording.spool, "gone", 60)
        recording.start()
        recording.switch.until_asked("api uuid_exists")
        gevent.sleep(0.05)
        redis.delete("callctl:room:3000")
        until(lambda: redis.get("callctl:room:3000") == "lab-fs")

    def test_a_node_that_no_longer_answers_loses_its_rooms(self, make, redis, monkeypatch):
        monkeypatch.setattr(hosted, "RENEW", 0.05)
        recording = make(answers={"conference list summary": self.listed("3000-lab-fs")}).start()
        until(lambda: redis.get("callctl:room:3000") == "lab-fs")
        recording.switch.mute = True
        gevent.sleep(0.2)
        redis.delete("callctl:room:3000")
        gevent.sleep(0.3)
        assert redis.get("callctl:room:3000") is None

    def test_what_is_known_of_a_node_is_marked(self, make, settings, tmp_path):
        marks = Board(tmp_path / "board", [board.rooms("lab-fs")])
        recording = make(answers={"conference list summary": self.listed("3000-lab-fs")})
        recording.rooms._looks = Looks(marks, ["lab-fs"])
        recording.start()
        until(lambda: marks.fresh(board.rooms("lab-fs"), 1))
        marks.clear(board.rooms("lab-fs"))
        recording.switch.stop()
        until(lambda: marks.fresh(board.rooms("lab-fs"), 1))

    def test_rooms_that_were_open_before_we_listened_are_known(self, make, redis):
        listed = self.listed("3000-lab-fs", "3001-other", "sales-lab-fs", "3002-lab-fsx", "_x-lab-fs")
        recording = make(answers={"conference list summary": listed}).start()
        recording.until_compared()
        until(lambda: redis.get("callctl:room:3000") == "lab-fs")
        assert recording.recorder.rooms.open == {"3000", "sales"}

    def test_a_caller_who_is_named_like_a_room_takes_none(self, make, redis):
        recording = make(answers={"conference list summary": self.listed("3000-lab-fs")}).start()
        recording.until_compared()
        until(lambda: redis.get("callctl:room:3000") == "lab-fs")
        assert redis.keys("callctl:room:*") == ["callctl:room:3000"]
        assert "api conference list summary" in recording.switch.asked, "whose lines have no caller's text in them"

    def test_a_switch_without_conferences_is_heard_all_the_same(self, make):
        missing = "-ERR conference Command not found!\n"
        recording = make(answers={"conference list summary": missing, "show channels as json": channels("up-1")})
        recording.start()
        recording.switch.until_asked("api uuid_dump up-1")
        gevent.sleep(0.05)
        assert recording.states == [True]

    def test_a_room_open_on_two_nodes_is_said_once(self, make, redis, monkeypatch):
        monkeypatch.setattr(hosted, "RENEW", 0.02)
        recording = make(answers={"conference list summary": self.listed("3000-lab-fs")})
        recording.rooms.owner("3000", "fs2")

        def said():
            return sum(line["event"] == "room is open on two nodes" for line in logs)

        with capture_logs() as logs:
            recording.start()
            until(said)
            gevent.sleep(0.2)
            assert said() == 1
            redis.delete("callctl:room:3000")
            until(lambda: redis.get("callctl:room:3000") == "lab-fs")
            redis.set("callctl:room:3000", "fs2")
            until(lambda: said() == 2)


def test_a_record_that_cannot_be_kept_holds_the_feed_up_until_it_can(make, monkeypatch):
    recording = make(events=b"".join(map(framed, heard("d_caller_cancel.inbound"))))
    monkeypatch.setattr(recorder_module.gevent, "sleep", lambda _seconds, real=gevent.sleep: real(0.01))
    refused = []
    put = recording.spool.put

    def full(records):
        if len(refused) < 5:
            refused.append(records)
            raise SpoolError("The spool has no room.")
        return put(records)

    monkeypatch.setattr(recording.spool, "put", full)
    recording.start()
    until(lambda: len(recording.spool.open_calls("lab-fs")) == 0 and len(refused) == 5)
    recording.until_compared()
    monkeypatch.undo()
    assert [fields["event"] for fields in of(recording.end(), "event")] == ["ringing", "ended", "leg_ended"]


def test_following_and_letting_go_leaves_nothing_behind(make):
    recording = make().start()
    recording.until_compared()
    with nothing_left_behind():
        for number in range(2, 14):
            recording.switch.hang_up()
            recording.until_compared(number)


class Kept:
    """A spool in memory that refuses what MySQL would refuse."""

    def __init__(self):
        self.records = []

    def put(self, records):
        for record in records:
            fields = orjson.loads(orjson.dumps({**record.fields, "basis": None}))
            del fields["basis"]  # which the spool keeps to itself
            charges = fields.pop("charges", ())
            row = TABLES[record.kind].row(fields)
            if record.kind == "cdr":
                bill(row[0], fields, charges)
        self.records += records


def test_mangled_events_never_end_the_recorder():
    """Each case: the events of a recorded node, with bytes changed, lines dropped and events repeated."""
    nobody = Settings(redis=RedisSettings(port=1))
    client = connect(nobody.redis)
    rooms = Rooms(client, nobody.redis)
    told = [heard(name) for name in INBOUND]
    told += [[changed(one, **PAID) for one in story] for story in told]
    for number in range(cases(1000)):
        chance = random.Random(number)
        kept = Kept()
        publisher = Publisher(client, nobody.redis)
        recorder = recorder_of(InboundNode, nobody, client, kept, publisher, rooms, lambda _up: None)
        for one in chance.choices(chance.choice(told), k=12):
            recorder._hear(mangled(one, chance))
        for call in recorder.calls:
            assert call.node == "lab-fs"


class InboundNode:
    name = "lab-fs"


def mangled(original, chance):
    lines = original.raw.split(b"\n")
    for _ in range(chance.randrange(6)):
        place = chance.randrange(len(lines))
        change = chance.randrange(4)
        if change == 0:
            del lines[place]
        elif change == 1:
            lines[place] = (
                lines[place].partition(b": ")[0] + b": " + chance.choice((b"", b"-1", b"9" * 30, b"\xff%0A", b"x"))
            )
        elif change == 2:
            lines.insert(place, chance.choice(lines))
        else:
            lines[place] = bytes(chance.randrange(256) for _ in range(20)).replace(b"\n", b"")
        lines = lines or [b""]
    return Event(b"\n".join(lines), original.body)


def test_a_node_on_which_nothing_happens_is_known_to_be_heard_all_the_same(make, monkeypatch):
    monkeypatch.setattr(recorder_module, "RENEW", 0.05)
    recording = make().start()
    until(lambda: len(recording.states) > 3)
    assert set(recording.states) == {True}


def test_a_node_that_no_longer_answers_is_not_taken_for_a_silent_one(make, monkeypatch):
    monkeypatch.setattr(recorder_module, "RENEW", 0.05)
    recording = make().start()
    until(lambda: recording.states)
    recording.switch.mute = True
    recording.recorder._feed.timeout = 0.2
    until(lambda: False in recording.states)
