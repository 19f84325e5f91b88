"""The whole of an installation: its rooms at the same time, their findings in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent

from callctl.doctor import configured, edge, host, location, mysql, node, outside, redis, secret
from callctl.doctor import settings as fitting
from callctl.doctor.finding import Finding, examine, skipped
from callctl.settings import Node, Settings


def examine_all(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """Every finding; `file` is where the settings were read."""
    rooms = [
        gevent.spawn(list, examine(fitting.room(settings))),
        gevent.spawn(list, examine(secret.room(settings, file))),
        gevent.spawn(list, examine(host.room(settings))),
        gevent.spawn(list, _databases(settings)),
        gevent.spawn(list, examine(redis.room(settings))),
        *(gevent.spawn(list, _node(each, settings)) for each in settings.nodes),
        *(gevent.spawn(list, examine(edge.room(each, settings.nodes))) for each in settings.edges if each.enabled),
    ]
    for findings in rooms:
        yield from findings.get() or ()


def _databases(settings: Settings) -> Iterator[Finding]:
    """MySQL, what is configured in it, then `location`, which usually is in the same."""
    found = list(examine(mysql.room(settings)))
    yield from found
    away = found[0].verdict == "fail"
    yield from (skipped if away else examine)(outside.room(settings))
    yield from (skipped if away else examine)(configured.room(settings))
    yield from (skipped if away and settings.location.mysql is None else examine)(location.room(settings))


def _node(each: Node, settings: Settings) -> Iterator[Finding]:
    yield from examine(node.room(each, settings))
    yield from examine(node.sip_room(each))
