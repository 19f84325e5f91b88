"""One call's outbound socket: greenswitch's OutboundSession, read by the greenlet that runs the call.

greenswitch spends three greenlets on a session and wakes one of them every second; here the call's own greenlet reads
when it waits, so there is nothing to wake and nothing to fail but itself. Commands are written without waiting
for their replies; FreeSWITCH answers in order (mod_event_socket.c), so a reply belongs to the oldest command.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from greenswitch.esl import OutboundSession

from callctl.errors import CommandFailed, DeadlineExceeded, Gone, WireError
from callctl.esl import command
from callctl.esl.wire import Block, Event, Message, Wire

MAX_WAITING = 1000  # events read while a reply was waited for
CHUNK = 65536


class Session(OutboundSession):  # type: ignore[misc]
    """A connected call. `uuid` is its A-leg's, once connected.

    `lost` is set when the socket ended; `lingering` when the call ended and only its last events are still to come.
    `may_go` tells whether the call would go on without this socket and be recorded all the same.
    """

    def __init__(self, address: Any, sock: Any, command_timeout: float) -> None:
        # OutboundSession.__init__ opens a second descriptor and starts two greenlets; neither is wanted.
        self.sock = sock
        self.address = address
        self._uuid = ""
        self.lingering = False
        self.lost = False
        self.may_go: Callable[[], bool] = lambda: False
        self._timeout = command_timeout
        self._wire = Wire()
        self._commands: deque[bytes] = deque()  # sent, not yet answered
        self._events: deque[Event] = deque()
        self._refused: CommandFailed | None = None  # the first refusal that nobody was told of

    @property
    def uuid(self) -> str:
        """The A-leg's channel UUID."""
        return self._uuid

    def connect(self, linger: int = 0) -> Block:
        """Take the call over and learn its channel data; its socket is to outlive it by `linger` seconds.

        Raises SwitchError.
        """
        self.write(b"connect\n\n", *((command.line(f"linger {linger}"),) if linger else ()))
        deadline = time.monotonic() + self._timeout
        while not (replies := self._read(deadline)):
            pass
        channel = Block(replies[0].raw)
        self._uuid = channel.get("Unique-ID")
        return channel

    def send(self, data: str) -> Message:
        """Write a command of one line and wait for its reply; `-ERR` raises CommandFailed, silence DeadlineExceeded."""
        self.write(command.line(data))
        deadline = time.monotonic() + self._timeout
        while True:
            replies = self._read(deadline)
            self._tell_refusal()
            if replies and not self._commands:
                return replies[-1]

    def write(self, *commands: bytes) -> None:
        """Write commands in one go and do not wait: a refusal is raised by what reads next. Raises Gone."""
        self._commands.extend(commands)
        data = b"".join(commands)
        try:
            self.sock.settimeout(self._timeout)
            sent = self.sock.send(data)
            if sent < len(data):
                self.sock.sendall(data[sent:])
        except OSError as error:
            self._lose()
            raise Gone("FreeSWITCH closed the call's socket while it was written to.") from error

    def call_command(
        self, app_name: str, app_args: str = "", block: bool = False, response_timeout: float | None = None
    ) -> None:
        """Run an application; what greenswitch's `park`, `hangup`, `playback` … come down to.

        Never blocks: what became of it is told by its events, see `next_event`.
        """
        if block or response_timeout:
            raise NotImplementedError("follow the call with next_event instead of blocking on one application")
        self.write(command.execute(app_name, app_args))

    def next_event(self, timeout: float) -> Event | None:
        """The next event of this call; None when `timeout` seconds passed or the socket ended after its last event.

        Raises CommandFailed when FreeSWITCH refused one of the commands sent before.
        """
        deadline = time.monotonic() + timeout
        self._tell_refusal()
        while not self._events:
            if self.lost:
                return None
            try:
                self._read(deadline)
            except DeadlineExceeded:
                return None
            except Gone:
                continue
            self._tell_refusal()
        return self._events.popleft()

    def leave(self) -> None:
        """Tell FreeSWITCH that nothing more is wanted, which ends a linger at once, and close."""
        if not self.lost:
            try:
                self.write(b"exit\n\n")
            except Gone:
                return
        self.stop()

    def stop(self) -> None:
        """Let the socket go. A call that is bridged goes on (observed, case k)."""
        self._lose()

    def _read(self, deadline: float) -> list[Message]:
        """Read once; events and a refusal are kept for who asks next, replies are given back."""
        if self.lost:
            raise Gone("FreeSWITCH has closed the call's socket.")
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(left)
            data = self.sock.recv(CHUNK)
        except TimeoutError as error:
            raise DeadlineExceeded("FreeSWITCH did not answer on the call's socket in time.") from error
        except OSError:
            data = b""
        if not data:
            self._lose()
            raise Gone("FreeSWITCH closed the call's socket.")
        try:
            return self._sort(self._wire.feed(data))
        except WireError:
            self._lose()
            raise

    def _sort(self, messages: list[Message]) -> list[Message]:
        replies: list[Message] = []
        for message in messages:
            if message.is_event:
                self._events.append(message.event())
            elif message.is_reply:
                if not self._commands:
                    raise WireError("a reply to no command")
                sent = self._commands.popleft()
                if message.reply.startswith("-ERR"):
                    self._refused = self._refused or CommandFailed(_label(sent), message.reply)
                replies.append(message)
            elif message.content_type == "text/disconnect-notice":
                self.lingering = True
        if len(self._events) > MAX_WAITING:
            raise WireError(f"more than {MAX_WAITING} events of one call are waiting")
        return replies

    def _tell_refusal(self) -> None:
        refused, self._refused = self._refused, None
        if refused is not None:
            raise refused

    def _lose(self) -> None:
        self.lost = True
        self.sock.close()


def _label(text: bytes) -> str:
    """What a command is called in an error: its first line, and the application of a sendmsg."""
    lines = text[:200].decode("utf-8", "replace").split("\n")
    return " ".join([lines[0], *(part.split(": ", 1)[1] for part in lines[1:] if part.startswith("execute-app-name"))])


def subscribe(call: str, names: Iterable[str]) -> tuple[bytes, ...]:
    """The commands that make FreeSWITCH send `names` of this call's A-leg only.

    The filter goes first, or other calls' events get in between (observed, §15).
    """
    return command.line(f"filter Unique-ID {command.uuid(call)}"), command.line("event plain " + " ".join(names))
