"""A FreeSWITCH's own event socket, as its recordings show it: logs in who knows the password, answers, sends events."""

from contextlib import suppress

import gevent
from gevent import socket
from gevent.server import StreamServer

from callctl.settings import Node

from .grammar import packets

PASSWORD = "ClueCon"


def command_reply(text):
    """The answer to a command."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def api_response(text):
    """The answer to an api command."""
    body = text.encode() if isinstance(text, str) else text
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body)


class InboundSwitch:
    """Listens on loopback. `answers` are what api commands print; `events` goes to each that subscribes, framed.

    `asked` are the commands of all connections, in order; none is answered while `mute`.
    """

    def __init__(self, answers=None, events=b"", greeting=b"Content-Type: auth/request\n\n", close_after_events=False):
        self.answers = {"show channels as json": '{"row_count":0}', "conference list summary": "+OK No active"}
        self.answers["status"] = "UP 0 years, 0 days"
        self.answers |= answers or {}
        self.events = events
        self.greeting = greeting
        self.close_after_events = close_after_events
        self.asked = []
        self.mute = False
        self.sockets = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()

    @property
    def node(self):
        """The settings of a node that is this switch."""
        address = f"127.0.0.1:{self._server.server_port}"
        return Node(name="lab-fs", esl=address, sip="127.0.0.1:5060", password=PASSWORD)

    def send(self, data):
        """To every connection that is still there."""
        for sock in self.sockets:
            sock.sendall(data)

    def hang_up(self):
        """Close every connection; new ones are taken."""
        for sock in self.sockets:
            with suppress(OSError):  # the other side was quicker
                sock.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()

    def stop(self):
        """Close all and listen no more."""
        self._server.stop(timeout=1)
        self.hang_up()

    def until_asked(self, command, times=1):
        """Wait until a command came that many times."""
        while sum(asked.startswith(command) for asked in self.asked) < times:
            gevent.sleep(0.002)

    def _serve(self, sock, _address):
        self.sockets.append(sock)
        pending = b""
        try:
            sock.sendall(self.greeting)
            while data := sock.recv(65536):
                pending += data
                while b"\n\n" in pending:
                    head, _, pending = pending.partition(b"\n\n")
                    self._answer(sock, packets(head + b"\n\n")[0].command)
        except OSError:
            pass
        finally:
            if sock in self.sockets:
                self.sockets.remove(sock)
            sock.close()

    def _answer(self, sock, command):
        self.asked.append(command)
        if self.mute:
            return
        verb, _, rest = command.partition(" ")
        if verb == "auth":
            sock.sendall(command_reply("+OK accepted" if rest == PASSWORD else "-ERR invalid"))
        elif verb == "api":
            unknown = "false" if rest.startswith("uuid_exists ") else "-ERR no such command"
            answer = self.answers.get(rest, unknown)
            if answer is not None:
                sock.sendall(api_response(answer))
        elif verb == "event":
            sock.sendall(command_reply("+OK event listener enabled plain") + self.events)
            if self.close_after_events:
                sock.shutdown(socket.SHUT_RDWR)
        else:
            sock.sendall(command_reply("+OK"))
