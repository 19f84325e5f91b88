"""Is an edge there? Each is sent an OPTIONS now and then; one that used to answer and no longer does is left out.

An edge that never answered may be one that answers no OPTIONS from here, so nothing is concluded from its silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import gevent
import structlog
from gevent import socket

from callctl.live.board import Board
from callctl.settings import Edge, split_address

log = structlog.get_logger()

EVERY = 5.0  # seconds
ANSWER = 2.0  # seconds an answer may take
DOWN_AFTER = 14.0  # seconds since the last answer; two OPTIONS in a row were not answered then


def mark_name(edge: str) -> str:
    """The mark of an edge that answered."""
    return f"edge {edge}"


def down(edge: str, board: Board) -> bool:
    """Whether an edge used to answer and no longer does."""
    return board.stale(mark_name(edge), DOWN_AFTER)


def watch(edge: Edge, board: Board) -> None:
    """Ask one edge for ever."""
    was_down = False
    while True:
        try:
            if _answers(edge):
                board.mark(mark_name(edge.name))
        except OSError as error:
            log.debug("edge not reached", edge=edge.name, error=str(error))
        is_down = down(edge.name, board)
        if is_down != was_down:
            was_down = is_down
            log.warning("edge no longer answers OPTIONS" if is_down else "edge answers again", edge=edge.name)
        gevent.sleep(EVERY)


def usable(edges: Iterable[str], board: Board) -> set[str]:
    """Those of `edges` that are not down; all of them when every one is, for then it is rather we who hear nothing."""
    named = set(edges)
    return {edge for edge in named if not down(edge, board)} or named


def _answers(edge: Edge) -> bool:
    """Whether anything that speaks SIP is there: any status is an answer (RFC 3261, 11)."""
    host, port = split_address(edge.address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER)
        sock.connect((host, port))
        sock.send(_options(edge.address, sock.getsockname()))
        try:
            return bool(sock.recv(65_535).startswith(b"SIP/2.0 "))
        except TimeoutError:
            return False


def _options(to: str, own: tuple[str, int]) -> bytes:
    host = f"[{own[0]}]" if ":" in own[0] else own[0]
    token = secrets.token_hex(8)
    lines = (
        f"OPTIONS sip:{to} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{own[1]};branch=z9hG4bK{token};rport",
        "Max-Forwards: 1",
        f"From: <sip:callctl@{host}>;tag={token}",
        f"To: <sip:{to}>",
        f"Call-ID: {token}@{host}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
