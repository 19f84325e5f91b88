"""The recorder: hears every node, keeps live state, and brings records from the spool to MySQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

import gevent
import structlog

from callctl.admission.money import Money, booked
from callctl.admission.rebuild import Rebuild
from callctl.call import keeper
from callctl.call.configuration import Configuration
from callctl.call.recorder import NodeRecorder
from callctl.call.reminder import Reminder
from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.errors import CallctlError
from callctl.live import board, client, edges
from callctl.live.board import Board
from callctl.live.lease import Lease
from callctl.live.publisher import Publisher
from callctl.serve.connections import BALANCES, CONFIGURATION, WRITING
from callctl.serve.parts import for_ever, holder, open_board, open_rooms, until_told
from callctl.settings import Node, Redis, Settings, state_directory
from callctl.store.balance import Balances
from callctl.store.pool import Pool
from callctl.web.server import WebServer
from callctl.world import Booked

log = structlog.get_logger()

LAST_DRAIN = 10.0  # seconds to bring records to MySQL before ending; what is left waits in the spool


def run(settings: Settings, workers: int) -> None:
    """Record until told to end; then write what can still be written."""
    told = until_told()
    marks = open_board(settings, workers)
    spool = Spool(state_directory(settings), settings.spool.min_free_mb)
    redis = client.connect(settings.redis)
    recorders: list[NodeRecorder] = []

    def rewrite() -> None:
        for recorder in recorders:
            recorder.calls.rewrite()

    publisher = Publisher(redis, settings.redis, rewrite)
    rooms = open_rooms(settings, redis, marks)
    told_of = partial(tell_redis, publisher, settings.redis)
    writer = Writer(spool, Pool(settings.mysql, WRITING), settings.spool.batch, told_of)
    known = Configuration(Pool(settings.mysql, CONFIGURATION))
    balances = Balances(Pool(settings.mysql, BALANCES))
    money = Money(redis, settings.redis, balances.opening)

    def recorder_of(node: Node) -> NodeRecorder:
        lease = Lease(redis, settings.redis, keeper.lease_name(node.name), holder(settings), keeper.KEEP)
        kept = keeper.Keeper(settings.money, money, lease, known.account)
        return NodeRecorder(node, settings, spool, publisher, rooms, kept, known.zone, _marker(marks, node))

    recorders += [recorder_of(node) for node in settings.nodes]
    reminder = Reminder(
        Rebuild(redis, settings.redis, balances),
        spool,
        lambda: [holding for recorder in recorders for holding in recorder.keeper.holdings()],
        known.zone,
    )
    for_ever(publisher.run)
    for_ever(writer.run)
    known.refresh_if_possible()
    for_ever(known.keep_fresh)
    for recorder in recorders:
        for_ever(recorder.run)
        for_ever(recorder.keeper.run)
    for_ever(partial(reminder.run, lambda: all(recorder.compared for recorder in recorders)))
    for edge in settings.edges:
        if edge.enabled:
            for_ever(partial(edges.watch, edge, marks))
    web = WebServer(settings, marks, workers, spool, writer, publisher)
    web.start()
    log.info("recorder ready", nodes=[node.name for node in settings.nodes], http=settings.http.listen)
    told.wait()
    _drain(writer)
    publisher.flush(2.0)
    web.stop()
    spool.close()
    log.info("recorder ended")
    gevent.get_hub().threadpool.kill()


def tell_redis(publisher: Publisher, redis: Redis, entries: Iterable[Booked]) -> None:
    """What MySQL has booked, on its way to the copy of the balances."""
    for entry in entries:
        publisher.write(partial(booked, settings=redis, what=entry))


def _marker(marks: Board, node: Node) -> Callable[[bool], None]:
    name = board.feed(node.name)
    return lambda up: marks.mark(name) if up else marks.clear(name)


def _drain(writer: Writer) -> None:
    deadline = time.monotonic() + LAST_DRAIN
    try:
        while time.monotonic() < deadline and writer.drain():
            pass
    except CallctlError as error:
        log.warning("records stay in the spool", error=str(error))
