"""Hears every node of the platform, and writes down what becomes of its calls, whoever controls them.

One greenlet a node reads its feed. After every (re)connect, and now and then, what is up on the switch is compared with
what is open here: a call that ended while nobody listened is closed as unheard, never kept as if it went on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import gevent
import orjson
import structlog

from callctl.admission import money
from callctl.admission.limits import release, renew
from callctl.call import charging, facts
from callctl.call.hosted import HostedRooms
from callctl.call.keeper import Keeper
from callctl.call.story import Story
from callctl.cdr.spool import Record, Spool
from callctl.errors import CallctlError, ConfigError, SpoolError, SwitchError
from callctl.esl.feed import Feed
from callctl.esl.wire import Event
from callctl.live import metrics
from callctl.live.calls import LiveCall, NodeCalls
from callctl.live.publisher import Publisher
from callctl.live.rooms import Rooms
from callctl.outside import GIVEN_UP
from callctl.settings import Node, Settings

log = structlog.get_logger()

EVENTS = (
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_ANSWER",
    "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP_COMPLETE",
    "CUSTOM",
    "conference::maintenance",
)
RECONNECT = (0.2, 2.0)  # seconds, first and longest pause
RENEW = 10.0  # seconds between renewals of places
COMPARE = 60.0  # seconds between comparisons with the switch
SETTLE = 2.0  # seconds an end may be on its way to us after the switch has forgotten the call
YOUNG = 10_000_000  # microseconds in which a call may be open here and not yet up there
STATES = {
    "CHANNEL_PROGRESS": ("ringing", "ringing"),
    "CHANNEL_PROGRESS_MEDIA": ("early_media", "ringing"),
    "CHANNEL_ANSWER": ("answered", "answered"),
    "CHANNEL_BRIDGE": ("bridged", "answered"),
}
MEMBERS = {"add-member": "room_joined", "del-member": "room_left"}


class NodeRecorder:
    """Follows one node. `zone` is an account's time zone; `feed_is(up)` is told whether the node's calls are heard."""

    def __init__(
        self,
        node: Node,
        settings: Settings,
        spool: Spool,
        publisher: Publisher,
        rooms: Rooms,
        keeper: Keeper,
        zone: Callable[[str], str],
        feed_is: Callable[[bool], None],
    ) -> None:
        self.node = node
        self.calls = NodeCalls(node.name, publisher, settings.redis)
        self._settings = settings
        self._spool = spool
        self.rooms = HostedRooms(node.name, rooms)
        self.keeper = keeper
        self.compared = False  # whether the node has said what is up
        self._story = Story(node.name, settings.redis, spool, publisher)
        self._zone = zone
        self._feed_is = feed_is
        self._feed: Feed | None = None

    def run(self) -> None:
        """Follow the node for ever, over as many connections as it takes."""
        pause = RECONNECT[0]
        while True:
            feed = Feed(self.node, self._settings.esl.command_timeout)
            helper: gevent.Greenlet[[Feed], None] | None = None
            try:
                feed.connect()
                helper = gevent.spawn(self._accompany, feed)
                pause = RECONNECT[0]
                feed.listen(self._hear)
            except ConfigError as error:
                log.error("feed refused", node=self.node.name, error=str(error))
                pause = RECONNECT[1]
            except CallctlError as error:
                log.warning("feed down", node=self.node.name, error=str(error))
            finally:
                feed.stop()
                if helper is not None:
                    helper.kill()
                self._down()
            gevent.sleep(pause)
            pause = min(pause * 2, RECONNECT[1])

    def _down(self) -> None:
        self._feed = None
        self.keeper.follow(None)
        self.rooms.unheard()
        self._feed_is(False)
        metrics.node_up.labels(self.node.name).set(0)
        self.calls.lost()

    def _accompany(self, feed: Feed) -> None:
        """What must be asked while the reader reads: subscribe, then compare and renew while the feed lives."""
        try:
            feed.subscribe(EVENTS)
            self.rooms.follow(feed)
            self._feed = feed
            self._feed_is(True)
            metrics.node_up.labels(self.node.name).set(1)
            self.calls.renew()
            log.info("feed up", node=self.node.name)
            self._compare(feed)
            self.compared = True
            self.keeper.follow(feed)
            self.calls.rewrite()  # calls that ended unheard, before a restart of ours too, are no longer shown
            again = time.monotonic() + YOUNG / 1e6  # for calls that were too young to be taken for gone
            while True:
                self._renew()
                gevent.sleep(RENEW)
                feed.api("status")  # a feed that is only silent answers; one that is dead raises
                self._feed_is(True)
                self.calls.renew()
                if time.monotonic() > again:
                    self._compare(feed)
                    again = time.monotonic() + COMPARE
        except (CallctlError, orjson.JSONDecodeError) as error:
            log.warning("feed down", node=self.node.name, error=str(error))
            feed.stop()

    def _compare(self, feed: Feed) -> None:
        rows = orjson.loads(feed.api("show channels as json")).get("rows", [])
        unlisted = ({call.uuid for call in self.calls} | self._open()) - {row["uuid"] for row in rows}
        # A busy node lists a call some time after it is up (nodes.Nodes.calls), and more come up while we ask.
        gone = {uuid for uuid in unlisted if feed.api(f"uuid_exists {uuid}") != "true"}
        for uuid in gone:
            self.calls.drop(uuid)
            self.keeper.forget(uuid)
        for uuid in {row["uuid"] for row in rows if row.get("direction") != "outbound"}:
            known = self.calls.get(uuid)
            if known is None or known.state == "ringing":  # it may have been answered unheard
                self._recall(feed, uuid)
        if gone & self._open():
            gevent.sleep(SETTLE)
            self._close_unheard(gone & self._open())

    def _open(self) -> set[str]:
        """Calls that are open here, and have had the time to come up there."""
        young = time.time_ns() // 1000 - YOUNG
        return {call.call_uuid for call in self._spool.open_calls(self.node.name) if call.started_us < young}

    def _close_unheard(self, uuids: set[str]) -> None:
        now = time.time_ns() // 1000
        for call in self._spool.open_calls(self.node.name):
            if call.call_uuid in uuids:
                log.warning("call ended unheard", call=call.call_uuid, node=self.node.name)
                ended = facts.unheard(call, now)
                self._story.record([ended])
                for each in charging.owed(ended.fields, self._zone):
                    self._story.write(money.settle, *each)

    def _recall(self, feed: Feed, uuid: str) -> None:
        """A call that was up before we listened: learn of it from the switch."""
        try:
            dump = Event(feed.api(f"uuid_dump {uuid}").encode())
        except SwitchError:
            return  # it ended meanwhile, which its own event tells
        if not _is_ours(dump):
            return
        if dump.get("Answer-State") == "answered":
            self._story.record([facts.answered(dump)])  # what it is charged by, should its end not be heard
            self._put(dump, "answered")
        else:
            self._put(dump, "ringing")

    def _renew(self) -> None:
        """Calls are up: so are their places and their money; if no more is heard of them, they are charged until now.

        Money is renewed by who keeps the node: only that one knows how much it is.
        """
        with suppress(SpoolError):  # the spool itself says so
            self._spool.seen(self.node.name, [call.uuid for call in self.calls])
        for call in self.calls:
            if call.levels:
                self._story.write(renew, call.uuid, call.levels)
        if self.keeper.keeping:
            for holding in self.keeper.holdings():
                self._story.write(money.renew, *holding)

    def _put(self, event: Event, state: str) -> None:
        """A call is up, or was answered."""
        payer, *_ = (*self.keeper.heard(event), "")
        self.calls.put(_live_call(event, state, self.node.name, payer))

    def _hear(self, event: Event) -> None:
        if event.name == "HEARTBEAT":
            self.calls.renew()
        elif event.name == "conference::maintenance":
            self._hear_room(event)
        elif event.get("Call-Direction") == "outbound":
            if event.name == "CHANNEL_HANGUP_COMPLETE":
                self._hear_leg(event)
        elif _is_ours(event):
            self._hear_call(event)

    def _hear_call(self, event: Event) -> None:
        uuid = event.get("Unique-ID")
        if event.name == "CHANNEL_HANGUP_COMPLETE":
            metrics.ended.labels(event.get("Hangup-Cause")).inc()
            records = facts.ended(event)
            last = records[0].fields
            self._tell(event, "ended", _some(last, "duration_ms", "hangup_cause", "hangup_by", "reason"), records)
            self.calls.drop(uuid)
            self.keeper.ended(event)
            if levels := _levels(event):
                self._story.write(release, uuid, levels)
            if charging.costs(event):
                self._story.write(charging.settled, event)
            return
        if event.name not in STATES:
            return
        name, state = STATES[event.name]
        known = self.calls.get(uuid)
        if known is None or (known.state, state) == ("ringing", "answered"):
            self._put(event, state)
        records = [facts.answered(event)] if event.name == "CHANNEL_ANSWER" else []
        other = event.get("Other-Leg-Unique-ID")
        self._tell(event, name, {"leg": other} if other else {}, records)

    def _hear_leg(self, event: Event) -> None:
        records = facts.leg_ended(event)
        if not records:
            return
        leg = records[0].fields
        if carrier := leg.get("carrier"):
            metrics.carrier_tries.labels(carrier, _outcome(leg)).inc()
        data = _some(leg, "leg_uuid", "carrier", "gateway", "target", "sip_status", "hangup_cause")
        self._tell(event, "leg_ended", data, records, leg["call_uuid"])

    def _hear_room(self, event: Event) -> None:
        room, action = self.rooms.hear(event), event.get("Action")
        if room and action in MEMBERS:
            data = {"room": room, "member": event.get("Member-ID"), "size": event.number("Conference-Size")}
            self._tell(event, MEMBERS[action], data, [])

    def _tell(self, event: Event, name: str, data: Mapping[str, Any], records: list[Record], call: str = "") -> None:
        known = self.calls.get(call or event.get("Unique-ID"))
        self._story.tell(event, name, data, records, call, known.account if known else "")


def _some(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _outcome(leg: Mapping[str, Any]) -> str:
    """What a try at a carrier came to."""
    if leg.get("answered_at"):
        return "answered"
    return "given_up" if leg.get("hangup_cause") in GIVEN_UP else "failed"


def _is_ours(a_leg: Event) -> bool:
    """Whether a call was brought to a controller."""
    brought = a_leg.variable("callctl_controller") or a_leg.variable("socket_host")
    return bool(brought and a_leg.get("Unique-ID"))


def _live_call(event: Event, state: str, node: str, payer: str) -> LiveCall:
    return LiveCall(
        uuid=event.get("Unique-ID"),
        state=state,
        account=event.variable("callctl_account"),
        caller=event.get("Caller-Caller-ID-Number"),
        called=event.variable("callctl_called") or event.get("Caller-Destination-Number"),
        since_us=event.number("Caller-Channel-Created-Time"),
        node=node,
        levels=_levels(event),
        payer=payer,
    )


def _levels(event: Event) -> tuple[str, ...]:
    """Where the call holds a place, as the controller left it on the channel."""
    return tuple(level for level in event.variable("callctl_levels").split(",") if level)
