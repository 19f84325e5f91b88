"""How many connections to MySQL the processes of one host open, each pool at its most."""

from __future__ import annotations

from typing import NamedTuple

from callctl.call.world import PRICING_AT_ONCE
from callctl.settings import Settings

CONFIGURATION = 1  # of a worker, and of the recorder
QUALITY = 1  # of a worker
WRITING = 2
BALANCES = 2
CHECKING = 1  # by the supervisor, at the start


class Connections(NamedTuple):
    """To callctl's own MySQL, and to that of `location`."""

    own: int
    location: int


def needed(settings: Settings, workers: int) -> Connections:
    """Those of `workers`, the recorder and the supervisor together."""
    own = workers * (CONFIGURATION + PRICING_AT_ONCE + QUALITY) + CONFIGURATION + WRITING + BALANCES + CHECKING
    return Connections(own, workers * settings.location.connections)
