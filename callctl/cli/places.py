"""Places of calls that are in use, as commands show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import click

from callctl.admission.limits import Limits as Counters
from callctl.cli.output import Context
from callctl.errors import RedisAway
from callctl.live.client import connect
from callctl.model import NO_LIMITS, Limits
from callctl.world import CARRIER, Level


class Places(NamedTuple):
    """Calls, and starts of the last second, by the name of what has limits. `away`: why Redis could not be asked."""

    used: Mapping[str, tuple[int, int]]
    away: str = ""


def of_carriers(context: Context, limits: Mapping[str, Limits]) -> Places:
    """Those of carriers, by their names; who has no limits has no places."""
    used = {}
    counters = Counters(connect(context.settings.redis), context.settings.redis)
    try:
        for name in _limited(limits):
            used[name] = counters.in_use(Level(f"{CARRIER}{name}", None, None))
    except RedisAway as error:
        return Places({}, str(error))
    return Places(used)


def _limited(limits: Mapping[str, Limits]) -> Iterable[str]:
    return (name for name, each in limits.items() if each != NO_LIMITS)


def said(places: Places, name: str, limits: Limits) -> str:
    """As 3/30, 1/5: calls and starts a second, of what limits allow."""
    if limits == NO_LIMITS:
        return ""
    used = places.used.get(name, ("?", "?"))
    return ", ".join(f"{use}/{'-' if most is None else most}" for use, most in zip(used, limits, strict=True))


def say_away(context: Context, places: Places) -> None:
    """Why it is not known what is in use."""
    if places.away:
        click.echo(
            context.words(
                f"! {places.away} What limits count could not be asked.", f"! {places.away} 无法得知限制的使用情况。"
            )
        )
