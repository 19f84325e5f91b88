"""A controller for tests of the simulated switch: it says what a script says and keeps all it hears."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent import socket
from gevent.event import Event as Signal
from gevent.server import StreamServer

from callctl.esl.wire import Block, Event, Message, Wire


class Heard:
    """One connection: every message in order, and a way to wait for one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.messages: list[Message] = []
        self.closed = False
        self._more = Signal()
        self._wire = Wire()

    def listen(self) -> None:
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            self.messages += self._wire.feed(data)
            self._more.set()
        self.closed = True
        self.sock.close()
        self._more.set()

    def say(self, *lines: str, body: str = "") -> None:
        text = "\n".join(lines)
        if body:
            text += f"\ncontent-type: text/plain\ncontent-length: {len(body)}"
        self.sock.sendall(f"{text}\n\n{body}".encode())

    def execute(self, app: str, argument: str = "", *more: str) -> None:
        head = ("sendmsg", "call-command: execute", f"execute-app-name: {app}", "event-lock: true")
        self.say(*head, *more, body=argument)

    def until(self, wanted: Callable[[Heard], bool], seconds: float = 10.0) -> None:
        with gevent.Timeout(seconds, AssertionError(f"not heard; last: {[m.raw[:200] for m in self.messages[-3:]]}")):
            while not wanted(self):
                assert not self.closed, "the switch closed"
                self._more.clear()
                self._more.wait()

    def until_event(self, name: str, application: str = "", count: int = 1) -> Event:
        """The `count`-th event of that name."""

        def found(heard: Heard) -> list[Event]:
            return [event for event in heard.events if _is(event, name, application)]

        self.until(lambda heard: len(found(heard)) >= count)
        return found(self)[count - 1]

    def until_closed(self, seconds: float = 10.0) -> None:
        with gevent.Timeout(seconds):
            while not self.closed:
                self._more.clear()
                self._more.wait()

    @property
    def events(self) -> list[Event]:
        return [message.event() for message in self.messages if message.is_event]

    @property
    def replies(self) -> list[str]:
        return [message.reply for message in self.messages if message.is_reply]

    @property
    def channel(self) -> Block:
        return next(message for message in self.messages if "Socket-Mode" in message)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


def _is(event: Event, name: str, application: str) -> bool:
    return event.name == name and (not application or event.get("Application") == application)


class Controller:
    """Accepts calls and gives each to `handle`."""

    def __init__(self, handle: Callable[[Heard], None]) -> None:
        self.heard: list[Heard] = []
        self._handle = handle
        self._server = StreamServer(("127.0.0.1", 0), self._accept)
        self._server.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def _accept(self, sock: socket.socket, _address: object) -> None:
        heard = Heard(sock)
        self.heard.append(heard)
        reader = gevent.spawn(heard.listen)
        try:
            self._handle(heard)
            reader.join()
        finally:
            reader.kill()
            sock.close()

    def stop(self) -> None:
        self._server.stop(timeout=0)
        for heard in self.heard:
            heard.sock.close()


def dial(address: str, password: str) -> Heard:
    """A connection to a node's event socket that is let in."""
    host, _, port = address.rpartition(":")
    heard = Heard(socket.create_connection((host, int(port))))
    gevent.spawn(heard.listen)
    heard.until(lambda heard: bool(heard.messages))
    heard.say(f"auth {password}")
    heard.until(lambda heard: bool(heard.replies))
    return heard
