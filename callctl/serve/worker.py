"""A worker: takes calls from the shared listening socket, decides and carries them out."""

from __future__ import annotations

import gc
import socket as plain
import sys

import gevent
import structlog
from gevent import socket

from callctl.admission.limits import Limits
from callctl.admission.money import Money
from callctl.call.controller import Controller
from callctl.call.quality import Qualities
from callctl.call.world import PRICING, PRICING_AT_ONCE, Facts
from callctl.cdr.spool import Spool
from callctl.esl.server import Server
from callctl.live import board, client
from callctl.live.board import Board
from callctl.live.metrics import calls_held
from callctl.live.publisher import Publisher
from callctl.serve.connections import CONFIGURATION, QUALITY
from callctl.serve.parts import for_ever, open_board, open_rooms, until_told
from callctl.settings import Settings, state_directory
from callctl.store.balance import Balances
from callctl.store.location import LocationStore
from callctl.store.pool import Pool

log = structlog.get_logger()

SWITCH_INTERVAL = 0.1  # seconds; the spool's thread is short of nothing, and handing over the interpreter costs calls


def run(settings: Settings, index: int, workers: int, listener: int) -> None:
    """Control calls until told to end; then stop accepting, see calls in set-up through, and leave."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    told = until_told()
    marks = open_board(settings, workers)
    spool = Spool(state_directory(settings), settings.spool.min_free_mb)
    redis = client.connect(settings.redis)
    publisher = Publisher(redis, settings.redis)
    known = _facts(settings, redis, marks)
    controller = Controller(
        settings,
        f"{plain.gethostname()}/{index}",
        known,
        spool,
        publisher,
        lambda node: marks.fresh(board.feed(node), board.FEED_FRESH),
    )
    sock = socket.socket(fileno=listener)
    server = Server(sock, settings.esl, controller.handle)
    for_ever(publisher.run)
    known.refresh_if_possible()
    for_ever(known.keep_fresh)
    for_ever(known.keep_qualities)
    _settle_memory()
    server.start()
    log.info("worker ready", listen=settings.esl.listen)
    while not told.wait(timeout=1.0):
        marks.mark(board.worker(index))
        calls_held.set(len(server))
    marks.clear(board.worker(index))
    patience = settings.calls.ring_timeout * 2.0
    log.info("worker ending", calls=len(server))
    left = server.drain(patience)
    publisher.flush(2.0)
    spool.close()
    log.info("worker ended", calls_left=left)
    gevent.get_hub().threadpool.kill()


def _settle_memory() -> None:
    """What is loaded now stays: the collector need not look at it again, and looks at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _facts(settings: Settings, redis: client.Client, marks: Board) -> Facts:
    location = settings.location
    registrations = Pool(settings.location_mysql, location.connections, location.deadline)
    prices = Pool(settings.mysql, PRICING_AT_ONCE, PRICING)
    return Facts(
        settings,
        Pool(settings.mysql, CONFIGURATION),
        LocationStore(registrations, location),
        open_rooms(settings, redis, marks),
        Limits(redis, settings.redis),
        Money(redis, settings.redis, Balances(prices).opening),
        prices,
        Qualities(Pool(settings.mysql, QUALITY)),
        marks,
    )
