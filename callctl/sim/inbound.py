"""The node's inbound event socket: who knows the password may hear and command everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from gevent import socket
from gevent.server import StreamServer

from callctl.sim.listener import Listener

if TYPE_CHECKING:
    from callctl.sim.node import SimNode

AUTH_SECONDS = 25.0


class EventSocket:
    """The listening side of mod_event_socket."""

    def __init__(self, node: SimNode, address: tuple[str, int], password: str) -> None:
        self._node = node
        self._password = password
        self._server = StreamServer(address, self._accept)
        self._server.init_socket()

    @property
    def address(self) -> str:
        """HOST:PORT it listens on."""
        host, port = self._server.socket.getsockname()[:2]
        return f"{host}:{port}"

    def start(self) -> None:
        """Begin to accept."""
        self._server.start()

    def stop(self) -> None:
        """Accept no more."""
        self._server.stop(timeout=0)

    def _accept(self, sock: socket.socket, _address: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener = Listener(self._node, sock)
        try:
            if self._authorized(listener):
                self._node.attach(listener)
                listener.serve()
        finally:
            listener.close()
            self._node.detach(listener)

    def _authorized(self, listener: Listener) -> bool:
        listener.write(b"Content-Type: auth/request\n\n")
        try:
            command = listener.read(AUTH_SECONDS)
        except gevent.Timeout:
            return False
        if command is not None and command.line == f"auth {self._password}":
            listener.reply("+OK accepted")
            return True
        if command is not None:
            listener.reply("-ERR invalid")
            listener.bye()
        return False
