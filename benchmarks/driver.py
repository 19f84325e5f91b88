"""Many calls at once towards a controller, by one thread and epoll: recorded frames go out, commands are barely read.

    python -m benchmarks.driver ADDRESS CALLED closed SECONDS CONCURRENCY   calls as fast as they go
    python -m benchmarks.driver ADDRESS CALLED open SECONDS RATE            new calls at a steady rate
    python -m benchmarks.driver ADDRESS CALLED hold CALLS RATE              calls that stay up until a line on stdin

With `--same` as a last word each server gets the 23 kinds of `myevents`, whatever it subscribed to.
The result is one line of JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
import uuid
from collections import deque
from functools import cache

from benchmarks.recording import API_OK, BYE, MY_EVENTS, OK, answered_first, bridged, channel_data

SOURCES = [f"127.0.0.{number}" for number in range(11, 27)]  # each has its own ephemeral ports
PATIENCE = 30.0  # seconds for calls in progress to end


@cache
def _talk(answered: bool, stage: str, types: frozenset[bytes], application: bytes) -> tuple[bytes, bytes]:
    """What follows on a `bridge`: up to CHANNEL_BRIDGE, or from there to the end. And the UUID in it."""
    recording = answered_first() if answered else bridged()
    first, middle = recording.index(b"CHANNEL_EXECUTE", b"bridge"), recording.index(b"CHANNEL_BRIDGE") + 1
    if stage == "begin":
        return recording.said(first, middle, types, application), recording.uuid
    return recording.said(middle, len(recording.frames), types, application) + recording.notice, recording.uuid


@cache
def _app(name: bytes, types: frozenset[bytes]) -> tuple[bytes, bytes]:
    """The events of `answer` and of `set`, which stands for all else."""
    recording = answered_first()
    name = name if name == b"answer" else b"set"
    first, last = recording.index(b"CHANNEL_EXECUTE", name), recording.index(b"CHANNEL_EXECUTE_COMPLETE", name)
    return recording.said(first, last + 1, types, b""), recording.uuid


class Call:
    """One connection."""

    __slots__ = (
        "answered", "application", "began", "buffer", "decided", "first", "out", "sock", "types", "uuid", "writing",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, name: bytes) -> None:
        self.sock = sock
        self.uuid = name
        self.buffer = b""
        self.out = b""
        self.types: frozenset[bytes] = frozenset()
        self.answered = self.writing = False
        self.application = b""
        self.began = time.perf_counter()
        self.first = self.decided = 0.0


class Driver:
    """The load. `hold` keeps calls bridged; `same` sends everybody the same events."""

    def __init__(self, address: str, called: str, *, hold: bool = False, same: bool = False) -> None:
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.channel, self.template = channel_data(called)
        self.hold, self.same = hold, same
        self.run = str(uuid.uuid4())[9:].encode()  # calls of one run share the rest of their UUIDs
        self.poll = select.epoll()
        self.calls: dict[int, Call] = {}
        self.number = self.done = self.failed = self.bridged = 0
        self.first: list[float] = []
        self.decided: list[float] = []

    def dial(self) -> None:
        """One more call."""
        self.number += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        sock.bind((SOURCES[self.number % len(SOURCES)], 0))
        call = Call(sock, b"%08x-%b" % (self.number, self.run))
        sock.connect_ex(self.address)
        self.calls[sock.fileno()] = call
        self.poll.register(sock.fileno(), select.EPOLLIN)

    def turn(self, timeout: float) -> None:
        """Serve what is ready."""
        for number, event in self.poll.poll(timeout):
            call = self.calls[number]
            if event & select.EPOLLOUT:
                self._send(call, b"")
            if number in self.calls and event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                try:
                    data = call.sock.recv(65536)
                except OSError:
                    data = b""
                if data:
                    self._read(call, data)
                else:
                    self._end(call, completed=call.decided > 0)

    def _end(self, call: Call, *, completed: bool) -> None:
        if self.calls.pop(call.sock.fileno(), None) is None:
            return
        self.done += completed
        self.failed += not completed
        call.sock.close()

    def _send(self, call: Call, data: bytes) -> None:
        call.out += data
        try:
            sent = call.sock.send(call.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(call, completed=False)
            return
        call.out = call.out[sent:]
        if bool(call.out) != call.writing:
            call.writing = bool(call.out)
            self.poll.modify(call.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if call.writing else 0))

    def _read(self, call: Call, data: bytes) -> None:
        buffer = call.buffer + data.replace(b"\r", b"")
        out = []
        while True:
            buffer = buffer.lstrip(b"\n")
            head, end, rest = buffer.partition(b"\n\n")
            if not end:
                break
            at = head.lower().find(b"content-length: ")
            length = int(head[at + 16 :].split(b"\n", 1)[0]) if at >= 0 else 0
            if len(rest) < length:
                break
            buffer = rest[length:]
            if head.startswith(b"exit"):
                self._send(call, b"".join(out) + BYE)
                self._end(call, completed=call.decided > 0)
                return
            out.append(self._obey(call, head))
        call.buffer = buffer
        if out and call.sock.fileno() in self.calls:
            self._send(call, b"".join(out))

    def _obey(self, call: Call, head: bytes) -> bytes:
        if head.startswith(b"connect"):
            return self.channel.replace(self.template, call.uuid)
        if not call.first:
            call.first = time.perf_counter()
            self.first.append(call.first - call.began)
        if head.startswith(b"sendmsg"):
            return OK + self._execute(call, head)
        if head.startswith(b"api "):
            return API_OK
        if head.startswith(b"myevents"):
            call.types |= MY_EVENTS
        elif head.startswith(b"event "):
            call.types |= frozenset(head.split()[2:])
        return OK

    def _execute(self, call: Call, head: bytes) -> bytes:
        pairs = (line.partition(b": ") for line in head.split(b"\n")[1:])
        fields = {name.lower(): value for name, _, value in pairs}
        app = fields.get(b"execute-app-name", b"")
        types = MY_EVENTS if self.same else call.types
        if app == b"hangup":  # refused, which no call of this load should be
            self._end(call, completed=False)
            return b""
        if app != b"bridge":
            call.answered |= app == b"answer"
            events, template = _app(app, types)
            return events.replace(template, call.uuid)
        call.decided = time.perf_counter()
        self.decided.append(call.decided - call.began)
        call.application = fields.get(b"event-uuid", b"bridge-1")
        self.bridged += 1
        return self._talk(call, "begin") + (b"" if self.hold else self._talk(call, "end"))

    def _talk(self, call: Call, stage: str) -> bytes:
        types = MY_EVENTS if self.same else call.types
        events, template = _talk(call.answered, stage, types, call.application)
        return events.replace(template, call.uuid)

    # kinds of load

    def closed(self, seconds: float, concurrency: int) -> dict[str, float]:
        """So many calls at any time, for so long."""
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            while len(self.calls) < concurrency:
                self.dial()
            self.turn(0.1)
        return self._figures(self.done, now - began)

    def open(self, seconds: float, rate: float) -> dict[str, float]:
        """A new call each 1/rate seconds, whatever becomes of the others."""
        due: deque[float] = deque(at / rate for at in range(int(seconds * rate)))
        began = time.perf_counter()
        while due or self.calls:
            now = time.perf_counter() - began
            while due and due[0] <= now:
                due.popleft()
                self.dial()
            if not due and now > seconds + PATIENCE:
                break
            self.turn(max(0.0, due[0] - now) if due else 0.1)
        self.failed += len(self.calls)
        return self._figures(self.done, seconds)

    def keep(self, count: int, rate: float) -> dict[str, float]:
        """Bring `count` calls up; say so; end them on a line from stdin."""
        began = time.perf_counter()
        deadline = began + count / rate + PATIENCE
        while self.bridged < count and time.perf_counter() < deadline:
            while self.number < min(count, (time.perf_counter() - began) * rate):
                self.dial()
            self.turn(0.005)
        print(json.dumps({"holding": self.bridged}), flush=True)
        sys.stdin.readline()
        self.hold = False
        for call in list(self.calls.values()):
            self._send(call, self._talk(call, "end"))
        deadline = time.perf_counter() + PATIENCE
        while self.calls and time.perf_counter() < deadline:
            self.turn(0.1)
        self.failed += len(self.calls)
        return self._figures(self.done, time.perf_counter() - began)

    def _figures(self, done: int, seconds: float) -> dict[str, float]:
        return {
            "done": done, "failed": self.failed, "seconds": seconds, "per_second": done / seconds,
            "first_p50": _percentile(self.first, 0.5), "first_p99": _percentile(self.first, 0.99),
            "decided_p50": _percentile(self.decided, 0.5), "decided_p99": _percentile(self.decided, 0.99),
            "cpu": time.process_time() / seconds,
        }  # fmt: skip


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main(address: str, called: str, kind: str, first: str, second: str, *more: str) -> None:
    """Run one kind of load and print its figures."""
    driver = Driver(address, called, hold=kind == "hold", same="--same" in more)
    if kind == "closed":
        figures = driver.closed(float(first), int(second))
    elif kind == "open":
        figures = driver.open(float(first), float(second))
    else:
        figures = driver.keep(int(first), float(second))
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
