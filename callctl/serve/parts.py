"""What a worker and the recorder are both made of."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event as Signal

from callctl.live import board, edges
from callctl.live.board import Board
from callctl.live.client import Client
from callctl.live.rooms import Looks, Rooms
from callctl.settings import Settings, state_directory

log = structlog.get_logger()

ORPHANED = 1.0  # seconds between looks whether the supervisor still lives


def holder(settings: Settings) -> str:
    """What tells this host's recorder from those of others, the same after a restart."""
    return f"{socket.gethostname()} {settings.spool.directory}"


def open_board(settings: Settings, workers: int) -> Board:
    """The board of this host's processes."""
    names = [board.feed(node.name) for node in settings.nodes] + [board.worker(index) for index in range(workers)]
    names += [edges.mark_name(edge.name) for edge in settings.edges]
    names += [board.rooms(node.name) for node in settings.nodes]
    return Board(state_directory(settings) / "board", names)


def open_rooms(settings: Settings, redis: Client, marks: Board) -> Rooms:
    """The owners of rooms, as this host's processes know them together."""
    return Rooms(redis, settings.redis, Looks(marks, [node.name for node in settings.nodes]))


def until_told() -> Signal:
    """Set when this process is to end: by SIGTERM or SIGINT, or because its supervisor is gone."""
    told = Signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, told.set)

    supervisor = os.getppid()

    def watch() -> None:
        while os.getppid() == supervisor:
            gevent.sleep(ORPHANED)
        log.warning("the supervisor is gone; ending")
        told.set()

    gevent.spawn(watch)
    return told


def for_ever(work: Callable[[], None]) -> gevent.Greenlet[[], None]:
    """Run `work`, which never returns, in a greenlet; should it fail, the process ends and is started anew."""

    def failed(greenlet: gevent.Greenlet[[], None]) -> None:
        log.critical("a part of the process failed; it is started anew", part=str(work), error=repr(greenlet.exception))
        os._exit(70)  # EX_SOFTWARE; what is in the spool is committed

    greenlet: gevent.Greenlet[[], None] = gevent.spawn(work)
    greenlet.link_exception(failed)
    return greenlet
