"""One inbound event socket to a FreeSWITCH node: hears both legs of all its calls, and acts on any of them.

greenswitch's InboundESL with one reader that, when the socket goes, fails every waiter with a typed error; a deadline
on every command; and no queue of its own: `on_event` runs in the reader, so a slow one slows the reading and no memory
fills.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from gevent import socket
from gevent.event import AsyncResult
from greenswitch.esl import InboundESL

from callctl.errors import CommandFailed, ConfigError, DeadlineExceeded, Gone, ServiceAway, UnsafeText, WireError
from callctl.esl import command
from callctl.esl.wire import Event, Message, Wire
from callctl.settings import Node, split_address

CHUNK = 262_144
SILENCE = 65.0  # seconds; FreeSWITCH sends a HEARTBEAT every 20
SUBSCRIBE_TO = ("HEARTBEAT",)


class Feed(InboundESL):  # type: ignore[misc]
    """A connection that is used once: `connect`, `listen` until it ends, then make another."""

    def __init__(self, node: Node, timeout: float) -> None:
        super().__init__(*split_address(node.esl), node.password.get_secret_value(), timeout)
        self.node = node
        self.sock = socket.socket()  # replaced by the connected one; closed it is as good as none
        self._wire = Wire()
        self._waiting: deque[AsyncResult[Message]] = deque()

    def connect(self) -> None:
        """Connect and log in. Raises ServiceAway (nobody there, refused), ConfigError (password)."""
        try:
            self.sock.close()
            self.sock = socket.create_connection((self.host, self.port), timeout=self.timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._log_in()
        except (OSError, WireError) as error:
            raise ServiceAway(
                f"FreeSWITCH {self.node.name} cannot be reached at {self.node.esl} ({error}): "
                "see that it runs, that mod_event_socket listens there and that its ACL admits this host."
            ) from error
        self.connected = True

    def _log_in(self) -> None:
        greeting = self._next_message()
        if greeting.content_type == "text/rude-rejection":
            raise ServiceAway(
                f"FreeSWITCH {self.node.name} refuses this host: add its address to the ACL of event_socket.conf.xml."
            )
        try:
            self.sock.sendall(command.line(f"auth {self.password}"))
        except UnsafeText:
            raise ConfigError(
                f"The password of node {self.node.name} has a line break: write it on one line."
            ) from None
        if not self._next_message().reply.startswith("+OK"):
            raise ConfigError(
                f"FreeSWITCH {self.node.name} does not accept the password: "
                "make [[nodes]] password the one in its event_socket.conf.xml."
            )

    def _next_message(self) -> Message:
        """The next message while logging in, when nothing is sent unasked."""
        while True:
            data = self.sock.recv(CHUNK)
            if not data:
                raise ConnectionResetError("it closed the connection")
            if messages := self._wire.feed(data):
                return messages[0]

    def listen(self, on_event: Callable[[Event], None]) -> None:
        """Read until the socket ends, giving each event to `on_event`. Raises Gone then, with every waiter."""
        try:
            while True:
                self.sock.settimeout(SILENCE)
                data = self.sock.recv(CHUNK)
                if not data:
                    raise Gone(f"FreeSWITCH {self.node.name} closed its feed.")
                for message in self._wire.feed(data):
                    self._dispatch(message, on_event)
        except OSError as error:
            raise Gone(f"The feed of FreeSWITCH {self.node.name} broke: {error}.") from error
        finally:
            self.stop()

    def drain(self) -> None:
        """Read until the socket ends, for who only asks: whoever waits for an answer is told of the end."""
        with suppress(Gone):
            self.listen(lambda event: None)

    def _dispatch(self, message: Message, on_event: Callable[[Event], None]) -> None:
        if message.is_event:
            on_event(message.event())
        elif message.is_reply:
            if not self._waiting:
                raise WireError("a reply to no command")
            self._waiting.popleft().set(message)

    def send(self, data: str) -> Message:
        """Write a command of one line and wait for its reply. Raises Gone, DeadlineExceeded, CommandFailed."""
        if not self.connected:
            raise Gone(f"There is no feed of FreeSWITCH {self.node.name}.")
        text = command.line(data)
        answer: AsyncResult[Message] = AsyncResult()
        # The place in the queue is kept when the wait is given up: a late reply must not go to the next command.
        self._waiting.append(answer)
        try:
            self.sock.sendall(text)
        except OSError as error:
            self.stop()
            raise Gone(f"The feed of FreeSWITCH {self.node.name} broke: {error}.") from error
        answer.wait(timeout=self.timeout)
        if not answer.ready():
            raise DeadlineExceeded(f"FreeSWITCH {self.node.name} did not answer {data.split(maxsplit=1)[0]!r} in time.")
        message = answer.get(block=False)
        assert message is not None, "a waiter is set to a message or to an exception"
        if message.reply.startswith("-ERR"):
            raise CommandFailed(data, message.reply)
        return message

    def api(self, text: str) -> str:
        """What an api command prints."""
        return self.send(f"api {text}").reply

    def subscribe(self, names: Iterable[str]) -> None:
        """Ask for events; CUSTOM and its subclasses come last."""
        self.send("event plain " + " ".join((*SUBSCRIBE_TO, *names)))

    def stop(self) -> None:
        """Close, and fail everything that waits."""
        self.connected = False
        self.sock.close()
        waiting, self._waiting = self._waiting, deque()
        for answer in waiting:
            answer.set_exception(Gone(f"The feed of FreeSWITCH {self.node.name} ended."))


