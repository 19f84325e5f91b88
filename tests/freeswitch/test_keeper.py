"""The keeper on a real FreeSWITCH: its end is moved on, its caller is warned, and its money ends it."""

import time
from decimal import Decimal

import gevent
import pytest

from callctl.call.keeper import Keeper
from callctl.errors import Gone
from callctl.esl import command
from callctl.esl.feed import Feed
from callctl.model import Account
from callctl.rating.basis import Basis, pack
from callctl.settings import Money
from callctl.world import Held
from tests.freeswitch.phones import HOST
from tests.integration.platform import wait
from tests.unit.rating_calls import by_second, tariff

EVENTS = ("CHANNEL_ANSWER", "PLAYBACK_START", "CHANNEL_HANGUP_COMPLETE")
SLICE = 3  # seconds


class Purse:
    """Money that one call may hold, one a second."""

    def __init__(self, money):
        self.money = Decimal(money)

    def hold(self, _call, demands, _lease):
        (demand,) = demands
        granted = min(demand.want, self.money)
        refused = "money" if granted < demand.need else ""
        zero = Decimal(0)
        return [Held(demand.account, refused, zero if refused else granted, self.money, zero, zero)]


class Always:
    """A lease that nobody else wants."""

    def held(self):
        return True


@pytest.fixture
def keep(switch):
    """Starts a keeper of the switch; what the switch told of the caller's leg, and the socket to ask it."""
    feed, told, greenlets = Feed(switch.node, 5.0), [], []

    def hear(event):
        if event.get("Call-Direction") != "inbound":
            return
        told.append(event)
        if event.name == "CHANNEL_ANSWER":
            kept.heard(event)
        elif event.name == "CHANNEL_HANGUP_COMPLETE":
            kept.ended(event)

    def listen():
        try:
            feed.listen(hear)
        except Gone:
            return

    def start(purse, warn_before):
        nonlocal kept
        settings = Money.model_construct(slice=SLICE, warn_before=warn_before)
        kept = Keeper(settings, purse, Always(), lambda name: Account(name))
        feed.connect()
        greenlets.append(gevent.spawn(listen))
        feed.subscribe(EVENTS)
        kept.follow(feed)
        greenlets.append(gevent.spawn(kept.run))
        wait(lambda: kept.keeping, "it keeps the node")
        return told, feed

    kept = None
    yield start
    feed.stop()
    gevent.killall(greenlets)


def paid_call(port):
    """A desk that bridges a call, as carry_out does, with its first slice paid."""
    found = tariff(by_second("60")).find("442079460000", time.time_ns() // 1000)

    def do(session):
        uuid = session.connect(5).get("Unique-ID")
        dialled = f"sofia/internal/1002@example.net;fs_path={command.route(f'{HOST}:{port}')}"
        known = {
            "hangup_after_bridge": "true", "callctl_paid": str(SLICE), "callctl_most": "600", "callctl_limit": "slice",
            "execute_on_answer_callctl": f"sched_hangup +{SLICE + 1} ALLOTTED_TIMEOUT",
            "callctl_basis": pack([Basis("acme", "UTC", found)]),
        }  # fmt: skip
        session.write(
            command.line(f"api sched_del {uuid}"),
            command.line(f"filter Unique-ID {uuid}"),
            command.line("event plain CHANNEL_HANGUP_COMPLETE"),
            command.set_variables(uuid, known),
            command.execute("bridge", dialled).replace(b"event-lock: true\n", b""),
        )
        while session.next_event(30.0):
            pass

    return do


def tasks(feed):
    """What the switch's scheduler has for calls."""
    return [line.split(",")[2] for line in feed.api("show tasks").splitlines() if "callctl-" in line]


def seconds(event):
    """Since the answer."""
    return (event.number("Event-Date-Timestamp") - event.number("Caller-Channel-Answered-Time")) / 1e6


def test_a_call_lives_as_long_as_its_money_is_warned_and_then_hung_up(desk, phones, keep):
    told, feed = keep(Purse(8), warn_before=2)
    desk.do = paid_call(phones.edge("answers").port)
    caller = phones.caller("stays", "1002")
    caller.heard("SIP/2.0 200")
    wait(lambda: tasks(feed), "its end was moved on")
    groups = tasks(feed)
    assert len(groups) == 1
    caller.wait()
    (tone,) = [event for event in told if event.name == "PLAYBACK_START"]
    assert tone.get("Playback-File-Path") == command.TONES
    assert 5.5 <= seconds(tone) < 8
    end = wait(lambda: next((event for event in told if event.name == "CHANNEL_HANGUP_COMPLETE"), None), "it ended")
    assert 7.9 <= seconds(end) <= 11
    assert (end.get("Hangup-Cause"), end.variable("callctl_paid")) == ("ALLOTTED_TIMEOUT", "8")
    assert end.variable("callctl_limit") == "money"
    wait(lambda: not tasks(feed), "no timer is left", 5)


def test_money_that_comes_while_the_tone_plays_lets_the_call_live_on(desk, phones, keep):
    purse = Purse(4)
    told, _ = keep(purse, warn_before=3)
    desk.do = paid_call(phones.edge("answers").port)
    caller = phones.caller("hangs_up", "1002", 8000)
    wait(lambda: [event for event in told if event.name == "PLAYBACK_START"], "the caller is warned")
    purse.money = Decimal(100)
    caller.wait()
    end = wait(lambda: next((event for event in told if event.name == "CHANNEL_HANGUP_COMPLETE"), None), "it ended")
    assert end.get("Hangup-Cause") == "NORMAL_CLEARING"
    assert caller.talked > 7500
