"""Is an edge there? Each is sent an OPTIONS now and then; one that used to answer and no longer does is left out.

An edge that never answered may be one that answers no OPTIONS from here, so nothing is concluded from its silence.
"""

from __future__ import annotations

from collections.abc import Iterable

import gevent
import structlog

from callctl.live.board import Board
from callctl.live.options import ask
from callctl.settings import Edge

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
    answer = ask(edge.address, ANSWER)
    return answer is not None and answer.startswith("SIP/2.0 ")
