"""The door: a listening socket that FreeSWITCH nodes bring calls to, one greenlet a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import structlog
from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer

from callctl.errors import ConfigError
from callctl.esl.session import Session
from callctl.settings import Esl, split_address

log = structlog.get_logger()

BACKLOG = 1024  # FreeSWITCH connects without a time-out (observed, §2): never let it wait for a place


def listen(address: str, setting: str = "[esl] listen") -> socket.socket:
    """A listening socket. Raises ConfigError, which names the setting, when the address cannot be had."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it accepts has it too
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{address} cannot be listened on ({error.strerror}): "
            f"stop what holds it, or set {setting} to another address."
        ) from error
    return listener


class Server:
    """Accepts calls and gives each to `handle` in a greenlet of its own; `handle` may raise nothing."""

    def __init__(self, listener: socket.socket, esl: Esl, handle: Callable[[Session], None]) -> None:
        self._esl = esl
        self._handle = handle
        self._calls = Pool()
        self._sessions: set[Session] = set()
        self._server = StreamServer(listener, self._accept, spawn=self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def start(self) -> None:
        """Begin to accept."""
        self._server.start()

    def drain(self, seconds: float) -> int:
        """Stop accepting at once and let calls go that may; how many were still being set up after `seconds`."""
        self._server.close()
        deadline = time.monotonic() + seconds
        while self._calls and time.monotonic() < deadline:
            for session in list(self._sessions):
                if session.may_go():
                    session.stop()
            self._calls.join(timeout=0.2)
        return len(self._calls)

    def _accept(self, sock: socket.socket, address: Any) -> None:
        peer = ip_address(address[0].partition("%")[0])
        peer = getattr(peer, "ipv4_mapped", None) or peer
        if not any(peer in network for network in self._esl.allowed):
            log.warning("peer refused", peer=str(peer), mend="add its address to [esl] allowed if it is a FreeSWITCH")
            sock.close()
            return
        session = Session(address, sock, self._esl.command_timeout)
        self._sessions.add(session)
        try:
            self._handle(session)
        finally:
            self._sessions.discard(session)
            session.stop()
