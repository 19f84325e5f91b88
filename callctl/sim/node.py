"""A simulated FreeSWITCH node: calls that dial its controllers, and an event socket that others dial."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Group

from callctl.sim import apps, blocks, bridge  # noqa: F401 - they register the applications
from callctl.sim.attempt import Attempt
from callctl.sim.call import Call
from callctl.sim.conference import Room
from callctl.sim.event import SwitchEvent
from callctl.sim.inbound import EventSocket
from callctl.sim.leg import Leg, now_us
from callctl.sim.listener import Listener
from callctl.sim.result import CallResult
from callctl.sim.scenario import SimCall
from callctl.sim.scheduler import Scheduler
from callctl.sim.world import World

Dialplan = Sequence[tuple[str, str]]


def controlled_by(controllers: Iterable[str], guard: int = 4, park_timeout: int = 180) -> Dialplan:
    """The dialplan of freeswitch-conf: guards, the controllers in order, and 503 when none accepts."""
    return (
        ("set", f"park_timeout={park_timeout}:NETWORK_OUT_OF_ORDER"),
        ("sched_hangup", f"+{guard} NETWORK_OUT_OF_ORDER"),
        ("socket", "|".join(controllers) + " async full"),
        ("hangup", "NETWORK_OUT_OF_ORDER"),
    )


class SimNode:
    """One node. `scale` is how much faster than life people and ring timers are; guards and lingers keep real time.

    `listen_esl` None: no inbound event socket; port 0: one that is free, see `esl_address`.
    """

    connect_timeout = 5.0  # the real one has none; a test would rather fail
    first_command = 25.0  # seconds a controller has for its first command
    listed_after = 0.0  # seconds until `show` has a new channel; a busy node's takes longer

    def __init__(
        self, name: str = "sim1", controllers: Iterable[str] = ("127.0.0.1:8084",), *,
        listen_esl: tuple[str, int] | None = None, password: str = "", seed: int = 0,
        world: World | None = None, scale: float = 1.0, heartbeat: float = 20.0, poll: float = 0.02,
        sip: str = "127.0.0.1:5080", profile: str = "internal", dialplan: Dialplan | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.world = world or World({})
        self.scale = scale
        self.dialplan = controlled_by(controllers) if dialplan is None else dialplan
        self.flowing = Event()  # cleared while the node is stalled
        self.flowing.set()
        self.api_expansions: list[str] = []  # API calls that an application argument would have run on the switch
        self.legs: dict[str, Attempt] = {}
        self.rooms: dict[str, Room] = {}
        self.event_names = frozenset(blocks.origins())
        self.started = time.monotonic()
        self.total = self.peak = 0
        self._random = random.Random(seed)  # noqa: S311 - chooses among recorded orders, no secret
        address, _, port = sip.rpartition(":")
        self.values = {
            "core_uuid": self.new_uuid(), "name": name, "address": address, "port": port, "profile": profile,
        }  # fmt: skip
        self._poll = poll
        self._calls: dict[str, Call] = {}
        self._scheduler = Scheduler(self.later)
        self._wide: list[Listener] = []
        self._narrow: dict[str, Listener] = {}
        self._sequence = self._sessions = self._members = 0
        self._group = Group()
        self._heartbeat = heartbeat
        self._socket = EventSocket(self, listen_esl, password) if listen_esl else None

    # running it

    @property
    def esl_address(self) -> str:
        """HOST:PORT of the inbound event socket."""
        assert self._socket is not None
        return self._socket.address

    @property
    def has_feed(self) -> bool:
        """Whether a controller's feed has subscribed to the ends of calls."""
        return any(not listener.uuid and listener.listens("CHANNEL_HANGUP_COMPLETE", "") for listener in self._wide)

    def start(self) -> SimNode:
        """Listen and give heartbeats."""
        if self._socket:
            self._socket.start()
        self.spawn(self._beat)
        return self

    def stop(self) -> None:
        """End without a word to anybody, as a crash would: every call and connection is gone."""
        if self._socket:
            self._socket.stop()
        for listener in [*self._wide, *self._narrow.values()]:
            listener.close()
        self._group.kill()
        self._calls.clear()
        self.legs.clear()

    kill = stop

    def drop_feeds(self) -> None:
        """Close every inbound connection; calls go on."""
        for listener in list(self._wide):
            if not listener.uuid:
                listener.close()

    def stall(self) -> None:
        """Say nothing more on any connection until `resume`."""
        self.flowing.clear()

    def resume(self) -> None:
        """Go on after `stall`."""
        self.flowing.set()

    def spawn(self, function: Callable[..., Any], *args: Any) -> gevent.Greenlet[..., Any]:
        """A greenlet that ends with the node."""
        return self._group.spawn(function, *args)

    def later(self, seconds: float, function: Callable[..., Any], *args: Any) -> gevent.Greenlet[..., Any]:
        """The same, after a time."""
        greenlet = gevent.Greenlet(function, *args)
        self._group.add(greenlet)
        greenlet.start_later(seconds)
        return greenlet

    # calls

    def dial(self, spec: SimCall) -> CallResult:
        """An INVITE comes in; the result fills as the call goes on, and `finished` is set at its end."""
        call = Call(self, spec)
        self._calls[call.leg.uuid] = call
        self.total += 1
        self.peak = max(self.peak, len(self._calls))
        self.spawn(call.run)
        return call.result

    def place(self, spec: SimCall, timeout: float = 60.0) -> CallResult:
        """The same, and waits for the end of the call."""
        result = self.dial(spec)
        if not result.finished.wait(timeout):
            raise TimeoutError(f"call {result.uuid} ({result.scenario}) did not end within {timeout} s")
        return result

    def call(self, channel: str) -> Call | None:
        """The call with that A-leg."""
        return self._calls.get(channel)

    def calls(self) -> list[Call]:
        """Calls in progress."""
        return [call for call in self._calls.values() if not call.leg.down]

    def all_legs(self) -> list[Leg]:
        """Channels that are up."""
        legs = [call.leg for call in self._calls.values()] + [attempt.leg for attempt in self.legs.values()]
        return [leg for leg in legs if not leg.down]

    def forget(self, call: Call) -> None:
        """A channel is gone."""
        self._calls.pop(call.leg.uuid, None)

    def hang_up(self, channel: str, cause: str) -> bool:
        """End a channel, A or B; False when it is not up."""
        if (call := self._calls.get(channel)) is not None:
            return call.hang_up(cause)
        attempt = self.legs.get(channel)
        if attempt is None or attempt.leg.down:
            return False
        attempt.end(cause)
        return True

    # timers

    def schedule(self, group: str, seconds: int, act: Callable[[], Any], *, real: bool = False) -> int:
        """A task of the scheduler; whole seconds, so up to one early. Its number."""
        return self._scheduler.add(group, seconds - self.random() if real else self.whole_seconds(seconds), act)

    def arm(self, channel: str, seconds: int, cause: str, *, real: bool = False) -> int:
        """Hang a channel up later. It adds a timer, it never replaces one."""
        return self.schedule(channel, seconds, lambda: self.hang_up(channel, cause), real=real)

    def cancel_tasks(self, group: str) -> int:
        """Take back a group's tasks, or the task of that number; how many."""
        return self._scheduler.delete(group)

    def scaled(self, seconds: float) -> float:
        """Seconds of the scenario in seconds of the clock."""
        return seconds * self.scale

    def whole_seconds(self, seconds: int) -> float:
        """A timer of FreeSWITCH's whole-second clock, so up to one early (cases c, j)."""
        early = time.time() % 1 if self.scale == 1 else self.random()
        return self.scaled(max(0.0, seconds - early))

    def tick(self) -> float:
        """How long until the next 20 ms poll notices."""
        return self._poll * self._random.random()

    def random(self) -> float:
        """0 to 1, from the node's seed."""
        return self._random.random()

    # names and numbers

    def new_uuid(self) -> str:
        """A channel's UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def tag(self) -> str:
        """A SIP tag."""
        return f"{self._random.getrandbits(60):x}"

    def next_session(self) -> int:
        """A session's number."""
        self._sessions += 1
        return self._sessions

    def next_sequence(self) -> int:
        """Event-Sequence: one for the whole core."""
        self._sequence += 1
        return self._sequence

    def next_member(self) -> int:
        """Member-ID counts per node, not per room."""
        self._members += 1
        return self._members

    def room(self, name: str, profile: str, most: int = 0) -> Room:
        """The conference of that name, made when there is none, for `most` members then."""
        if name not in self.rooms:
            self.rooms[name] = Room(self, name, profile, most)
        return self.rooms[name]

    def figures(self) -> dict[str, str]:
        """For `status` and HEARTBEAT."""
        up = time.monotonic() - self.started
        return {
            "minutes": str(int(up) // 60), "seconds": str(int(up) % 60), "uptime": str(int(up * 1000)),
            "count": str(len(self.all_legs())), "total": str(self._sessions), "peak": str(self.peak),
        }  # fmt: skip

    # events

    def attach(self, listener: Listener) -> None:
        """A connection begins to hear."""
        self._wide.append(listener)

    def detach(self, listener: Listener) -> None:
        """A connection is gone."""
        if listener in self._wide:
            self._wide.remove(listener)
        if self._narrow.get(listener.uuid) is listener:
            del self._narrow[listener.uuid]

    def narrowed(self, listener: Listener) -> None:
        """An outbound connection hears its own call only: keep it out of everybody else's way."""
        if listener in self._wide:
            self._wide.remove(listener)
            self._narrow[listener.uuid] = listener

    def audience(self, name: str, subclass: str = "", owner: str = "") -> list[Listener]:
        """Who subscribed to a kind of event that belongs to the call `owner`."""
        listeners = [listener for listener in self._wide if listener.listens(name, subclass)]
        own = self._narrow.get(owner)
        if own is not None and own.listens(name, subclass):
            listeners.append(own)
        return listeners

    def core(self, name: str, sequence: int, subclass: str = "") -> str:
        """The headers every event begins with."""
        now = now_us()
        at = time.gmtime(now // 1_000_000)
        file, function, line = blocks.origins()[name]
        first = f"Event-Subclass: {blocks.encode(subclass)}\n" if subclass else ""
        values = {
            **self.values, "now": str(now), "sequence": str(sequence), "file": file, "function": function,
            "line": line, "local": time.strftime("%Y-%m-%d%%20%H%%3A%M%%3A%S", time.localtime(now // 1_000_000)),
            "gmt": time.strftime("%a,%%20%d%%20%b%%20%Y%%20%H%%3A%M%%3A%S%%20GMT", at),
        }  # fmt: skip
        rows = blocks.fill("core.txt", values)
        return f"{first}Event-Name: {name}\n" + "".join(f"{head}: {value}\n" for head, value in rows)

    def announce(
        self, name: str, headers: Iterable[tuple[str, str]], body: str = "", subclass: str = "", owner: str = ""
    ) -> None:
        """An event that belongs to no channel."""
        sequence = self.next_sequence()
        audience = self.audience(name, subclass, owner)
        if audience:
            head = self.core(name, sequence, subclass) + blocks.lines(headers)
            event = SwitchEvent(name, head, subclass=subclass, body=body)
            for listener in audience:
                listener.hear(event)

    def _beat(self) -> None:
        while True:
            gevent.sleep(self._heartbeat)
            self.announce("HEARTBEAT", blocks.fill("heartbeat.txt", self.figures()))
