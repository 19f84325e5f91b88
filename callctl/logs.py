"""Log lines on stderr: one JSON object or one line for people, each with what is bound, the call's UUID above all."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Any, BinaryIO, TextIO, cast

import orjson
import structlog

from callctl.settings import Log


def configure(settings: Log, **always: Any) -> None:
    """Set the form of log lines; `always` stands on each."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _adder(always),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if settings.format == "console":
        renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        factory: Any = structlog.WriteLoggerFactory(cast(TextIO, _Stderr()))
        shared.remove(structlog.processors.format_exc_info)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=orjson.dumps)
        factory = structlog.BytesLoggerFactory(cast(BinaryIO, _Stderr()))
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )


class _Stderr:
    """Standard error. A line that cannot be written, on a full disk, is dropped: it must not cost a call."""

    def write(self, line: str | bytes) -> None:
        """Write a line at once."""
        with suppress(OSError):
            os.write(2, line.encode() if isinstance(line, str) else line)

    def flush(self) -> None:
        """Nothing waits."""


def _adder(always: dict[str, Any]) -> Any:
    def add(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
        event.update(always)
        return event

    return add
