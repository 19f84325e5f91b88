"""The outbound socket of one call: what the `socket` application in `async full` mode opens."""

from __future__ import annotations

import gevent
from gevent import socket

from callctl.sim import blocks
from callctl.sim.call import Call, Queued
from callctl.sim.listener import Command, Listener

MY_EVENTS = frozenset((
    "CHANNEL_ANSWER", "CHANNEL_APPLICATION", "CHANNEL_BRIDGE", "CHANNEL_CREATE", "CHANNEL_DATA", "CHANNEL_DESTROY",
    "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_ORIGINATE",
    "CHANNEL_UUID", "CHANNEL_OUTGOING", "CHANNEL_PARK", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_STATE", "CHANNEL_UNBRIDGE", "CHANNEL_UNPARK", "DETECTED_SPEECH", "DTMF", "NOTALK", "TALK",
))  # fmt: skip
FIRST_COMMAND = 25.0  # seconds a controller has for it
PRIVATE_QUEUE = 256  # commands a channel holds


class Outbound(Listener):
    """The connection that controls a call. It outlives the call for as long as it lingers."""

    def __init__(self, call: Call, sock: socket.socket) -> None:
        super().__init__(call.node, sock, call.leg.uuid)
        self.call = call
        self.connected = False
        self._muted = False
        self._linger: int | None = None
        self._noticed = False

    def run(self) -> None:
        """Serve the controller, then give the call back to its dialplan."""
        self.node.attach(self)
        try:
            while not self.connected:
                command = self.read(self.node.first_command)
                if command is None:
                    self.close()
                    return
                self.call.heard_controller()
                if command.word == "connect":
                    self._connect()
                else:
                    self._mute(command)
            self.serve()
        except gevent.Timeout:
            self.bye()
        finally:
            self.close()
            self.node.detach(self)
            self.call.released(after_command=self.connected)

    def _connect(self) -> None:
        self.connected = True
        leg = self.call.leg
        head = self.node.core("CHANNEL_DATA", self.node.next_sequence())
        head += leg.profile_lines("Channel", leg) + leg.data()
        head += "Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\nControl: full\n\n"
        self.write(head.encode())

    def _mute(self, command: Command) -> None:
        """A command before `connect` is done, and its reply dropped."""
        self._muted = True
        try:
            self.obey(command)
        finally:
            self._muted = False

    def write(self, data: bytes) -> None:
        """Send, unless the controller has not said `connect` yet."""
        if not self._muted:
            super().write(data)

    def polled(self) -> None:
        """When the channel is down: the linger notice, or without linger the end."""
        if self._noticed or not self.call.leg.down or not self.open:
            return
        self._noticed = True
        if self._linger is None:
            self.bye()
            return
        self.write(
            f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {self.uuid}\n"
            f"Content-Disposition: linger\nChannel-Name: {self.call.leg.name}\nLinger-Time: {self._linger}\n"
            "Content-Length: 0\n\n".encode()
        )
        if self._linger >= 0:
            self.node.later(self._linger + self.node.random(), self._lingered)

    def _lingered(self) -> None:
        if self.open:
            self.bye()

    # commands of a controlled call

    def do_connect(self, _command: Command) -> None:
        """The channel data once more."""
        self._connect()

    def do_linger(self, command: Command) -> None:
        """`linger N` seconds; alone it is for ever."""
        number = command.rest
        self._linger = int(number) if number.isdecimal() else (0 if number else -1)
        self.reply(f"+OK will linger {self._linger} seconds" if number else "+OK will linger")

    def do_nolinger(self, _command: Command) -> None:
        """No linger."""
        self._linger = None
        self.reply("+OK will not linger")

    def do_myevents(self, _command: Command) -> None:
        """23 kinds of event of this call's A-leg."""
        if self.my_events:
            self.reply("-ERR aready enabled.")
            return
        self.my_events = True
        self.types |= MY_EVENTS
        self.node.narrowed(self)
        self.reply("+OK Events Enabled")

    def do_filter(self, command: Command) -> None:
        """As on any connection; the filters a controller sets are for its own call."""
        super().do_filter(command)
        if self.filters:
            self.node.narrowed(self)

    def do_divert_events(self, command: Command) -> None:
        """Accepted; nothing simulated is diverted."""
        self.reply("+OK events diverted" if command.rest == "on" else "+OK events not diverted")

    def do_resume(self, _command: Command) -> None:
        """Accepted: in async mode the dialplan goes on with or without it."""
        self.reply("+OK")

    def do_getvar(self, command: Command) -> None:
        """A variable, raw: what is in it can break the framing."""
        self.reply(self.call.leg.variables.get(command.rest) or "-ERR command not found")

    def do_sendmsg(self, command: Command) -> None:
        """Queues a message to a channel; `+OK` says queued, not done."""
        call = self.node.call(command.rest) if command.rest else self.call
        if call is None:
            self.reply(f"-ERR invalid session id [{command.rest}]")
            return
        if len(call.queue) >= PRIVATE_QUEUE:
            self.bye()
            return
        if not call.leg.down:
            call.enqueue(_queued(command))
        self.reply("+OK")


def _queued(command: Command) -> Queued:
    headers = command.headers
    loops = headers.get("loops", "1")
    return Queued(
        verb=headers.get("call-command", ""),
        app=headers.get("execute-app-name", ""),
        argument=command.body or headers.get("execute-app-arg", ""),
        event_uuid=headers.get("event-uuid", ""),
        locked=headers.get("event-lock", "") == "true",
        loops=int(loops) if loops.isdecimal() else 1,
        cause=blocks.known_cause(headers.get("hangup-cause", "")),
    )


def dial(node_hosts: str, timeout: float) -> socket.socket | None:
    """The first controller of `a:1|b:2` that accepts, tried in order; None when none does."""
    port = 8084
    for host in node_hosts.split("|"):
        name, colon, text = host.rpartition(":")
        if colon and text.isdecimal():
            port = int(text)
        else:
            name = host
        try:
            sock = socket.create_connection((name.strip("[]"), port), timeout=timeout)
        except OSError:
            continue
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    return None
