"""What lies outside, made of the entries as they were applied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import gevent
import orjson

from callctl.declaration.media import MediaEntry
from callctl.declaration.numbers import CallerIdEntry, NumbersEntry
from callctl.declaration.outside import CarrierEntry, RouteEntry, RouteEntryEntry
from callctl.declaration.tariff import EPOCH
from callctl.outside import (
    NO_CALLER_IDS,
    NO_FORWARD,
    NO_MEDIA,
    NO_REWRITING,
    CallerIds,
    Carrier,
    Did,
    Floor,
    Forward,
    Gateway,
    Media,
    Outside,
    Rewriting,
    Route,
    Rules,
    Target,
)
from callctl.outside import RouteEntry as Entry
from callctl.rating.tariff import When
from callctl.store.pool import Pool

Body = Mapping[str, Any]
_TURN = 200  # entries made before other greenlets have their turn


def outside(items: Mapping[str, Mapping[str, Body]]) -> Outside:
    """All of it, of the bodies by what they are and their names."""
    numbers = {name: rules(body) for name, body in items.get("numbers", {}).items()}
    dids: dict[str, Did] = {}
    for position, (name, body) in enumerate(items.get("did", {}).items()):
        if position % _TURN == 0:
            gevent.sleep(0)
        dids[name] = _did(name, body, numbers)
    return Outside(
        numbers=numbers,
        currencies={name: Decimal(body["rate"]) for name, body in items.get("currency", {}).items()},
        carriers={name: _carrier(body, numbers) for name, body in items.get("carrier", {}).items()},
        routes={name: _route(body) for name, body in items.get("route", {}).items()},
        dids=dids,
    )


def rules(body: Body) -> Rules:
    """The rules of a `numbers` entry."""
    return tuple(entry.rule() for entry in NumbersEntry.model_validate(body).rules)


def all_rules(pool: Pool) -> dict[str, Rules]:
    """Every list of number rules that is configured, by its name. Raises StoreError."""
    rows = pool.rows("SELECT name, body FROM config_item WHERE name LIKE %s ORDER BY name", ("numbers/%",))
    return {name.partition("/")[2]: rules(orjson.loads(body)) for name, body in rows}


def item(pool: Pool, what: str, name: str) -> dict[str, Any]:
    """An entry as it was applied, without what has its default; empty where there is none. Raises StoreError."""
    rows = pool.rows("SELECT body FROM config_item WHERE name = %s", (f"{what}/{name}",))
    return next((orjson.loads(body) for (body,) in rows), {})


def rewriting(body: Body | None, numbers: Mapping[str, Rules]) -> Rewriting:
    """The rules that an entry names."""
    if not body:
        return NO_REWRITING
    return Rewriting(numbers.get(body.get("called") or "", ()), numbers.get(body.get("caller") or "", ()))


def media(body: Body | None) -> Media:
    """The `media` of an entry."""
    return Media(**dict(MediaEntry.model_validate(body))) if body else NO_MEDIA


def caller_ids(body: Body | None) -> CallerIds:
    """The `caller_ids` of an entry."""
    if not body:
        return NO_CALLER_IDS
    entry = CallerIdEntry.model_validate(body)
    shown = sorted(((each.prefix, each.number) for each in entry.for_prefix), key=lambda pair: -len(pair[0]))
    allowed = tuple(number.removeprefix("+") for number in entry.allowed)
    return CallerIds(allowed, entry.forced or "", tuple(shown), entry.anonymous)


def forward(body: Body | None) -> Forward:
    """The `forward` of an entry."""
    return Forward(**body) if body else NO_FORWARD


def _carrier(body: Body, numbers: Mapping[str, Rules]) -> Carrier:
    entry = CarrierEntry.model_validate(body)
    return Carrier(
        name=entry.name,
        active=entry.status == "active",
        tariff=entry.tariff or "",
        currency=entry.currency or "",
        timezone=entry.timezone,
        calls=entry.limits.calls,
        cps=entry.limits.cps,
        codecs=entry.codecs,
        caller_id=entry.caller_id,
        gateways=tuple(Gateway(each.address, each.weight, each.priority) for each in entry.gateways),
        sources=entry.sources,
        direct=entry.via == "direct",
        edges=entry.edges,
        username=entry.username or "",
        password_file=entry.password_file,
        ring_timeout=entry.ring_timeout,
        progress_timeout=entry.progress_timeout,
        outgoing=rewriting(dict(entry.outgoing), numbers),
        incoming=rewriting(dict(entry.incoming), numbers),
        media=Media(**dict(entry.media)),
    )


def _route(body: Body) -> Route:
    entry = RouteEntry.model_validate(body)
    by_prefix: dict[str, list[Entry]] = {}
    for each in entry.entries:
        by_prefix.setdefault(each.prefix, []).append(_entry(each))
    return Route(
        name=entry.name,
        timezone=entry.timezone,
        budget=entry.budget,
        expected_seconds=entry.expected_seconds,
        next_on=None if entry.next_on is None else frozenset(entry.next_on),
        entries={prefix: tuple(found) for prefix, found in by_prefix.items()},
    )


def _entry(each: RouteEntryEntry) -> Entry:
    return Entry(
        prefix=each.prefix,
        carriers=tuple((carrier.name, carrier.weight) for carrier in each.carriers),
        choose=each.choose,
        floor=Floor(**dict(each.floor)),
        fork=each.fork,
        allow_loss=each.allow_loss,
        weight=each.weight,
        when=When(**dict(each.when)),
    )


def _did(number: str, body: Body, numbers: Mapping[str, Rules]) -> Did:
    """Made without its form: there may be ten thousands, and they were checked when they were applied."""
    expires = body.get("expires")
    return Did(
        number=number,
        account=body["account"],
        active=body.get("status", "active") == "active",
        expires_us=None if expires is None else _microseconds(datetime.fromisoformat(expires)),
        carrier=body.get("carrier") or "",
        calls=body.get("calls"),
        tariff=body.get("tariff") or "",
        numbers=rewriting(body.get("numbers"), numbers),
        to=tuple(Target(kind, value) for target in body["to"] for kind, value in target.items()),
    )


def _microseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
