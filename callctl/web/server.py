"""`/healthz` (alive), `/readyz` (would take a call) and `/metrics` (Prometheus)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from gevent.pywsgi import WSGIServer
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from callctl.cdr.spool import Spool
from callctl.cdr.writer import Writer
from callctl.errors import ConfigError
from callctl.live import board, metrics
from callctl.live.board import Board
from callctl.live.publisher import Publisher
from callctl.settings import Settings, split_address

WORKER_FRESH = 5.0  # seconds

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class WebServer:
    """Serves in the recorder; a scraper or a load balancer asks, nothing here waits for anything."""

    def __init__(
        self, settings: Settings, marks: Board, workers: int, spool: Spool, writer: Writer, publisher: Publisher
    ) -> None:
        self._settings = settings
        self._marks = marks
        self._workers = workers
        self._spool = spool
        self._writer = writer
        self._publisher = publisher
        self._server = WSGIServer(split_address(settings.http.listen), self._answer, log=None)

    def start(self) -> None:
        """Begin to answer. Raises ConfigError when the address cannot be had."""
        try:
            self._server.start()
        except OSError as error:
            raise ConfigError(
                f"{self._settings.http.listen} cannot be listened on ({error.strerror}): "
                "stop what holds it, or set [http] listen to another address."
            ) from error

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/healthz":
            return _send(start_response, "200 OK", {"alive": True})
        if path == "/readyz":
            state = self.readiness()
            return _send(start_response, "200 OK" if state["ready"] else "503 Service Unavailable", state)
        if path == "/metrics":
            self._measure()
            start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest(_registry())]
        return _send(start_response, "404 Not Found", {"error": "there are /healthz, /readyz and /metrics"})

    def _measure(self) -> None:
        metrics.spool_records.set(self._spool.depth())
        metrics.spool_rejected.set(self._spool.rejected())
        metrics.mysql_up.set(not self._writer.away)

    def readiness(self) -> dict[str, Any]:
        """Whether a call would be taken, and what is away though calls go on."""
        workers = [self._marks.fresh(board.worker(index), WORKER_FRESH) for index in range(self._workers)]
        state: dict[str, Any] = {
            "workers": sum(workers),
            "spool": self._spool.healthy,
            "mysql": not self._writer.away,
            "redis": not self._publisher.away,
        }
        state["feeds"] = {
            node.name: self._marks.fresh(board.feed(node.name), board.FEED_FRESH) for node in self._settings.nodes
        }
        return {"ready": any(workers) and self._spool.healthy, **state}


def _send(start_response: StartResponse, status: str, body: dict[str, Any]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [orjson.dumps(body) + b"\n"]


def _registry() -> CollectorRegistry:
    """The counts of all processes of this host, where they are collected in a folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
