"""How the facts of a call become rows of `cdr`, `cdr_leg` and `call_event`.

Facts come in parts, in any order and any number of times, and make the same row: a column keeps what is known, and the
facts of a later state outweigh those of an earlier one. That holds as long as only final facts contradict others, and
no two final ones do, except that "final because the call was gone" (`end_unheard`) yields to an end that was heard. Of
two ends that were heard, or of two that were not, the first is kept, as its charges are (callctl.store.booking).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson

from callctl.reason import Reason

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 MySQL's DATETIME has no zone; all of ours are UTC
_MOST_JSON = 256 * 1024  # bytes; far below any server's max_allowed_packet

Convert = Callable[[Any], Any]


def _text(width: int) -> Convert:
    """As much of a text as its column holds."""
    return lambda value: str(value)[:width]


def _ascii(value: Any) -> str:
    return str(value)[:64].encode("ascii", "replace").decode()


def _number(bits: int) -> Convert:
    """A whole number, held within its column's range."""
    return lambda value: max(0, min(int(value), 2**bits - 1))


def _time(value: Any) -> str:
    return (_EPOCH + timedelta(microseconds=value)).isoformat(" ", "microseconds")


def _money(value: Any) -> str:
    try:
        return str(Decimal(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error


def _json(value: Any) -> str:
    text = orjson.dumps(value)
    return text.decode() if len(text) <= _MOST_JSON else f'{{"omitted_bytes": {len(text)}}}'


def _state(value: Any) -> str:
    if value not in {"routed", "answered", "final"}:
        raise ValueError(f"{value!r} is no state")
    return str(value)


class Table(NamedTuple):
    """A table of records: its columns, of which the first `required` must be given, and how a row is put into it."""

    columns: Mapping[str, Convert]
    required: int
    upsert: str

    def row(self, fields: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of a row. Raises ValueError or TypeError for facts this table cannot hold."""
        if unknown := fields.keys() - self.columns.keys():
            raise ValueError(f"no such column: {', '.join(sorted(unknown))}")
        values = [
            None if (value := fields.get(name)) is None else convert(value) for name, convert in self.columns.items()
        ]
        if None in values[: self.required]:
            raise ValueError(f"one of {', '.join(list(self.columns)[: self.required])} is missing")
        return tuple(values)


def _insert(table: str, columns: Mapping[str, Convert], updates: str) -> str:
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) ON DUPLICATE KEY UPDATE {updates}"  # noqa: S608


_CDR: dict[str, Convert] = {
    "call_uuid": _ascii,
    "started_at": _time,
    "state": _state,
    "kind": _text(16),
    "node": _text(64),
    "controller": _text(64),
    "account": _text(64),
    "endpoint": _text(320),
    "caller": _text(128),
    "called": _text(128),
    "called_original": _text(255),
    "answered_at": _time,
    "ended_at": _time,
    "ring_ms": _number(32),
    "duration_ms": _number(64),
    "billed_seconds": _number(32),
    "currency": _text(3),
    "price": _money,
    "tax": _money,
    "cost": _money,
    "tariff": _text(64),
    "prefix": _text(32),
    "destination": _text(128),
    "carrier": _text(64),
    "attempts": _number(16),
    "codec_in": _text(32),
    "codec_out": _text(32),
    "sip_status": _number(16),
    "q850": _number(16),
    "hangup_cause": _text(64),
    "hangup_by": _text(12),
    "emergency": _number(8),
    "reason": _text(64),
    "trace": _json,
    "source_ip": _text(45),
    "sip_call_id": _text(255),
}
_LEG: dict[str, Convert] = {
    "call_uuid": _ascii,
    "leg_uuid": _ascii,
    "started_at": _time,
    "leg": _number(16),
    "target": _text(320),
    "carrier": _text(64),
    "gateway": _text(128),
    "number": _ascii,
    "dialed_at": _time,
    "ringing_at": _time,
    "answered_at": _time,
    "ended_at": _time,
    "sip_status": _number(16),
    "hangup_cause": _text(64),
    "cost": _money,
}
_EVENT: dict[str, Convert] = {
    "call_uuid": _ascii,
    "seq": _number(64),
    "started_at": _time,
    "at": _time,
    "event": _text(64),
    "data": _json,
}

_CHARGE = ("billed_seconds", "currency", "price", "tax", "cost", "tariff", "prefix", "destination")  # of its charges


def _merge_cdr() -> str:
    """The updates of `cdr`. MySQL makes them from left to right: `reason` and `state`, which decide, come last."""
    unheard = Reason.END_UNHEARD.machine_name
    # An ENUM counts from 1; a heard final is one more.
    old = f"(state + (state = 'final' AND NOT reason <=> '{unheard}'))"
    new = f"(VALUES(state) + (VALUES(state) = 'final' AND NOT VALUES(reason) <=> '{unheard}'))"

    def known(name: str) -> str:
        return f"IF({new} > {old}, COALESCE(VALUES({name}), {name}), COALESCE({name}, VALUES({name})))"

    def of_its_end(name: str) -> str:
        """Most calls end without a reason, some without a price: "none" takes the place of a guess, and keeps it."""
        return (
            f"{name} = CASE WHEN {new} = 4 AND {old} = 3 THEN VALUES({name}) WHEN {new} = 3 AND {old} = 4 THEN {name} "
            f"ELSE {known(name)} END"
        )

    plain = [name for name in _CDR if name not in {"call_uuid", "started_at", "state", "reason", *_CHARGE}]
    return ", ".join(
        [
            *(f"{name} = {known(name)}" for name in plain),
            *map(of_its_end, (*_CHARGE, "reason")),
            "state = IF(VALUES(state) + 0 > state + 0, VALUES(state), state)",
        ]
    )


def _merge_leg() -> str:
    return ", ".join(f"{name} = COALESCE(VALUES({name}), {name})" for name in list(_LEG)[3:])


TABLES = {
    "cdr": Table(_CDR, 3, _insert("cdr", _CDR, _merge_cdr())),
    "leg": Table(_LEG, 3, _insert("cdr_leg", _LEG, _merge_leg())),
    "event": Table(_EVENT, 5, _insert("call_event", _EVENT, "seq = seq")),
}
