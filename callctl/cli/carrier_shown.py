"""A carrier as `callctl carrier show` tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from callctl.cli import places
from callctl.cli.country import country_of_prefix
from callctl.cli.database import opened
from callctl.cli.output import Context
from callctl.cli.places import Places
from callctl.directory import Snapshot
from callctl.errors import CallctlError
from callctl.model import Limits
from callctl.outside import Carrier, Quality
from callctl.store.directory import load_directory
from callctl.store.outside import item
from callctl.store.quality import HOURS, measure


def show(context: Context, name: str) -> None:
    """For people or machines. Raises CallctlError where there is no such carrier, and StoreError."""
    with opened(context) as pool:
        directory = Snapshot(*load_directory(pool))
        carrier = directory.carrier(name)
        if carrier is None:
            raise CallctlError(f"There is no carrier {name}: `callctl carrier list` names those there are.")
        body = item(pool, "carrier", name)
        routes = list(_routes(directory, name))
        found = measure(pool, {prefix: {name} for prefix in ("", *(prefix for _, prefix in routes))})
    limits = Limits(carrier.calls, carrier.cps)
    used = places.of_carriers(context, {name: limits})
    qualities = {prefix: of[name] for prefix, of in sorted(found.items()) if name in of}
    if context.as_json:
        context.json({
            "name": name, "status": "active" if carrier.active else "closed", "configured": body,
            "limits": limits._asdict(), **in_use(used, name), "redis": used.away or None,
            "routes": [{"route": route, "prefix": prefix} for route, prefix in routes], "hours": HOURS,
            "quality": [
                {"prefix": prefix, "country": country_of_prefix(prefix, context.lang) or None, **each._asdict()}
                for prefix, each in qualities.items()
            ],
        })  # fmt: skip
        return
    for label, text in _lines(context, carrier, body, routes, places.said(used, name, limits)):
        click.echo(f"{label}: {text}" if context.lang == "en" else f"{label}：{text}")
    places.say_away(context, used)
    _show_qualities(context, qualities)


def in_use(used: Places, name: str) -> dict[str, int | None]:
    """Its calls and starts as JSON has them; null where it has no limits, or Redis could not be asked."""
    calls, starts = used.used.get(name, (None, None))
    return {"calls": calls, "starts": starts}


def _routes(directory: Snapshot, name: str) -> Iterator[tuple[str, str]]:
    """The routes and prefixes whose entries name a carrier."""
    for route in directory.outside.routes.values():
        for prefix, entries in sorted(route.entries.items()):
            if any(name in dict(entry.carriers) for entry in entries):
                yield route.name, prefix


def _lines(
    context: Context, carrier: Carrier, body: Mapping[str, Any], routes: list[tuple[str, str]], used: str
) -> Iterator[tuple[str, str]]:
    words = context.words
    configured = "; ".join(f"{key} {value}" for key, value in body.items() if key not in ("name", "gateways"))
    yield words("carrier", "运营商"), f"{carrier.name}  {configured}".rstrip()
    for gateway in carrier.gateways:
        ranked = words(
            f"priority {gateway.priority}, weight {gateway.weight}", f"优先级 {gateway.priority}，权重 {gateway.weight}"
        )
        yield words("gateway", "网关"), f"{gateway.address}  {ranked}"
    if used:
        yield words("calls, starts a second", "并发呼叫，每秒新呼叫"), used
    by = {name: [prefix or "*" for route, prefix in routes if route == name] for name, _ in routes}
    for name, prefixes in by.items():
        yield words("route", "路由"), f"{name}  {', '.join(prefixes)}"


def _show_qualities(context: Context, qualities: Mapping[str, Quality]) -> None:
    if not qualities:
        said = context.words(
            f"No call of the last {HOURS} hours says how good it is.", f"最近 {HOURS} 小时没有可供评价的呼叫。"
        )
        click.echo(said)
        return
    click.echo(context.words(f"The last {HOURS} hours, by prefix:", f"最近 {HOURS} 小时，按前缀："))
    columns = context.words("PREFIX COUNTRY CALLS ASR ACD PDD", "前缀 国家和地区 呼叫 接通率 平均时长 接续时延").split()
    context.table(columns, [
        (prefix or "*", country_of_prefix(prefix, context.lang), each.calls, f"{each.asr:.0%}", f"{each.acd:.0f} s",
         f"{each.pdd:.1f} s")
        for prefix, each in qualities.items()
    ])  # fmt: skip
