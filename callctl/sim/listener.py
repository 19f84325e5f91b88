"""One event socket connection as mod_event_socket serves it: commands in, replies and subscribed events out."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import gevent
from gevent import socket
from gevent.lock import RLock

from callctl.sim import api
from callctl.sim.event import SwitchEvent

if TYPE_CHECKING:
    from callctl.sim.node import SimNode

GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


class Command:
    """A command as received: its line, its headers (names in lower case) and its body."""

    def __init__(self, text: str, body: str = "") -> None:
        first, *rest = text.split("\n")
        self.line = first.strip()
        self.body = body
        self.headers = {
            name.lower(): value.strip() for name, colon, value in (line.partition(":") for line in rest) if colon
        }

    @property
    def word(self) -> str:
        """Its first word in lower case."""
        return self.line.split(" ", 1)[0].lower()

    @property
    def rest(self) -> str:
        """What follows the first word."""
        return self.line.partition(" ")[2].strip()


class Listener:
    """A connection. Events wait for a 20 ms poll, commands wake it at once (mod_event_socket.c, read_packet)."""

    full = True

    def __init__(self, node: SimNode, sock: socket.socket, uuid: str = "") -> None:
        self.node = node
        self.sock = sock
        self.uuid = uuid  # of the call it controls
        self.types: set[str] = set()
        self.subclasses: set[str] = set()
        self.filters: list[tuple[str, str]] = []
        self.my_events = False
        self.open = True
        self._queue: deque[SwitchEvent] = deque()
        self._flushing = False
        self._lock = RLock()
        self._input = bytearray()

    # what it hears

    def listens(self, name: str, subclass: str) -> bool:
        """Whether it subscribed to this kind of event."""
        return "ALL" in self.types or (name in self.types and (name != "CUSTOM" or subclass in self.subclasses))

    def hear(self, event: SwitchEvent) -> None:
        """Take an event, if subscription and filters let it through."""
        if not self.open or not self.listens(event.name, event.subclass) or not self._passes(event):
            return
        self._queue.append(event)
        self.poll_soon()

    def _passes(self, event: SwitchEvent) -> bool:
        passed = not self.filters or self._filtered(event)
        if not self.my_events:
            return passed
        return (passed and event.unique_id == self.uuid) or event.header("Job-Owner-UUID") == self.uuid

    def _filtered(self, event: SwitchEvent) -> bool:
        passed = False
        for name, wanted in self.filters:
            value = event.header(name)
            bare = wanted.lstrip("+- ")
            include = not wanted.startswith("-")
            if value is None or (passed and include):
                continue
            value = unquote(value)
            hit = re.search(bare.strip("/"), value) if wanted.startswith("/") else value.lower() == bare.lower()
            if hit and not include:
                return False
            passed = passed or bool(hit)
        return passed

    def subscribe(self, words: list[str]) -> bool:
        """The words after `event`; False without a known one."""
        if words and words[0].lower() in ("plain", "json", "xml"):
            words = words[1:]
        for at, word in enumerate(words):
            self.types.add(word.upper())
            if word.upper() == "CUSTOM":
                self.subclasses.update(words[at + 1 :])
                break
        return bool(words)

    # what it says

    def write(self, data: bytes) -> None:
        """Send at once, behind what is being sent. A connection that is gone closes."""
        self.node.flowing.wait()
        try:
            with self._lock:
                self.sock.sendall(data)
        except OSError:
            self.close()

    def reply(self, text: str) -> None:
        """Answer a command."""
        self.write(f"Content-Type: command/reply\nReply-Text: {text[:511]}\n\n".encode())

    def flush(self) -> None:
        """Send the events that wait."""
        if self._queue:
            data = b"".join(event.frame() for event in self._queue)
            self._queue.clear()
            self.write(data)

    def poll_soon(self) -> None:
        """There is something for the next poll to notice."""
        if not self._flushing:
            self._flushing = True
            self.node.later(self.node.tick(), self._poll)

    def _poll(self) -> None:
        self._flushing = False
        if self.open:
            self.flush()
            self.polled()

    def polled(self) -> None:
        """Called after each poll."""

    def bye(self) -> None:
        """The last notice, and the end of the connection."""
        owner = f"Controlled-Session-UUID: {self.uuid}\n" if self.uuid else ""
        self.write(
            f"Content-Type: text/disconnect-notice\n{owner}Content-Disposition: disconnect\n"
            f"Content-Length: {len(GOODBYE)}\n\n{GOODBYE}".encode()
        )
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        if self.open:
            self.open = False
            self._queue.clear()
            self.sock.close()

    # what it is told

    def read(self, timeout: float | None = None) -> Command | None:
        """The next command; None when the peer closed. Raises gevent.Timeout."""
        with gevent.Timeout(timeout):
            while (end := self._input.find(b"\n\n")) < 0:
                if not self._receive():
                    return None
            text = bytes(self._input[:end]).decode("utf-8", "replace").replace("\r", "").lstrip("\n")
            del self._input[: end + 2]
            command = Command(text)
            length = int(command.headers.get("content-length", "0") or 0)
            while len(self._input) < length:
                if not self._receive():
                    return None
            command.body = bytes(self._input[:length]).decode("utf-8", "replace")
            del self._input[:length]
        return command if text.strip() else self.read(timeout)

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(65536)
        except OSError:
            return False
        self._input += data
        return bool(data)

    def serve(self) -> None:
        """Answer commands until `exit` or the end of the connection."""
        while self.open and (command := self.read()) is not None:
            if command.word in ("exit", "..."):
                self.reply("+OK bye")
                self.bye()
                return
            self.obey(command)
            self.flush()
            self.polled()
        self.close()

    def obey(self, command: Command) -> None:
        """Do what a command asks and answer it."""
        action = getattr(self, f"do_{command.word}", None)
        if action is None:
            self.reply("-ERR command not found")
        else:
            action(command)

    def do_event(self, command: Command) -> None:
        """`event plain A B CUSTOM c`: adds to what is heard."""
        known = self.subscribe(command.rest.split())
        self.reply("+OK event listener enabled plain" if known else "-ERR no keywords supplied")

    def do_nixevent(self, command: Command) -> None:
        """`nixevent A`: hears it no more."""
        names = {word.upper() for word in command.rest.split()}
        if "ALL" in self.types and "ALL" not in names:
            self.types = set(self.node.event_names)
        self.types -= names
        self.reply("+OK events nixed" if names else "-ERR no keywords supplied")

    def do_noevents(self, _command: Command) -> None:
        """Hears nothing more and forgets what waits."""
        self._queue.clear()
        self.reply("+OK no longer listening for events" if self.types else "-ERR not listening for events")
        self.types.clear()
        self.subclasses.clear()

    def do_filter(self, command: Command) -> None:
        """`filter Name value`: of the subscribed, only events with this header."""
        words = command.rest.split(" ", 1)
        if words[0].lower() == "delete" and len(words) > 1:
            name, _, value = words[1].partition(" ")
            self.filters = [
                (had, want)
                for had, want in self.filters
                if name.lower() != "all" and (had.lower() != name.lower() or (value and value != want))
            ]
            self.reply(f"+OK filter deleted. [{name}][{value}]")
        elif len(words) > 1:
            self.filters.append((words[0], words[1]))
            self.reply(f"+OK filter added. [{words[0]}]=[{words[1]}]")
        else:
            self.reply("-ERR invalid syntax")

    def do_api(self, command: Command) -> None:
        """`api command arguments`: runs it and answers its output."""
        output = api.run(self.node, command.rest).encode()
        self.write(b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(output), output))

    def do_bgapi(self, command: Command) -> None:
        """`bgapi command`: answers a job; the output follows as BACKGROUND_JOB."""
        job = command.headers.get("job-uuid") or self.node.new_uuid()
        self.write(
            f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n".encode()
        )
        name, _, arguments = command.rest.partition(" ")
        self.node.spawn(self._job, job, name, arguments)

    def _job(self, job: str, name: str, arguments: str) -> None:
        output = api.run(self.node, f"{name} {arguments}".strip())
        headers: list[tuple[str, Any]] = [("Job-UUID", job)]
        if self.uuid:
            headers.append(("Job-Owner-UUID", self.uuid))
        headers.append(("Job-Command", name))
        if arguments:
            headers.append(("Job-Command-Arg", arguments))
        self.node.announce("BACKGROUND_JOB", headers, body=output, owner=self.uuid)

    def do_log(self, _command: Command) -> None:
        """Logs are not simulated; the answer is."""
        self.reply("+OK log level info [6]")
