"""Calls into the books, by the transaction that writes their records: each exactly once, whoever writes it how often.

`cdr.booked` says which end of a call was booked. Its row is held since the record was written, so those who write one
call follow each other. An end that nobody heard is corrected once, by the one that was heard; nothing else changes what
is booked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from MySQLdb.cursors import Cursor

from callctl.reason import Reason
from callctl.store import ledger
from callctl.store.balance import reference
from callctl.store.ledger import Entry, Standing
from callctl.store.pool import put
from callctl.world import Booked

_UNHEARD = Reason.END_UNHEARD.machine_name
_RANKS = {None: 0, "unheard": 1, "heard": 2}
_MICRO = -6  # the exponent of the smallest amount
_MOST = Decimal(10) ** 12
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 MySQL's DATETIME has no zone; all of ours are UTC

_OF = "WHERE call_uuid IN %s AND started_at BETWEEN %s AND %s"
_ENDED = (
    f"SELECT call_uuid, started_at, booked, IF(reason <=> '{_UNHEARD}', 'unheard', 'heard'),"  # noqa: S608
    " answered_at IS NOT NULL, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
    f" FROM cdr {_OF} AND state = 'final' ORDER BY call_uuid"
)
_CHARGED = (
    "SELECT call_uuid, account, side, part, tariff, prefix, destination, billed_seconds, amount, tax, currency"  # noqa: S608
    f" FROM cdr_charge {_OF}"
)
_CHARGE = (
    "INSERT INTO cdr_charge (call_uuid, started_at, account, side, part, tariff, prefix, destination, billed_seconds,"
    " amount, tax, currency) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON DUPLICATE KEY UPDATE tariff = VALUES(tariff), prefix = VALUES(prefix), destination = VALUES(destination),"
    " billed_seconds = VALUES(billed_seconds), amount = VALUES(amount), tax = VALUES(tax), currency = VALUES(currency)"
)
_BOOKED = f"UPDATE cdr SET booked = %s {_OF}"  # noqa: S608
_WAIT = "INSERT INTO unsettled (call_uuid, started_at) VALUES (%s, %s)"


class Charge(NamedTuple):
    """What a leg of a call costs an account, or us with a carrier; `amount` contains `tax`."""

    account: str
    side: str
    part: int  # which of those of the account
    tariff: str
    prefix: str
    destination: str
    billed_seconds: int
    amount: Decimal
    tax: Decimal
    currency: str


class _Owed(NamedTuple):
    amount: Decimal
    currency: str


class Bill(NamedTuple):
    """What a record tells of a call's end: `end` is heard, unheard, or None where it tells of an answer only."""

    call_uuid: str
    started_at: datetime
    end: str | None
    charges: tuple[Charge, ...] = ()


class _Ended(NamedTuple):
    """A call that is over, as its row says now."""

    call_uuid: str
    started_at: datetime
    booked: str | None
    end: str
    answered: int
    now_us: int  # by MySQL's clock


def bill(call_uuid: str, fields: Mapping[str, Any], charges: Sequence[Mapping[str, Any]]) -> Bill | None:
    """What a "cdr" record asks to be booked, None for one that neither ends nor answers a call.

    Raises ValueError, TypeError, LookupError or ArithmeticError for charges that cannot be booked.
    """
    if fields["state"] == "routed":
        return None
    end = None
    if fields["state"] == "final":
        end = "unheard" if fields.get("reason") == _UNHEARD else "heard"
    read: list[Charge] = []
    for each in charges:
        read.append(_charge(each, sum(other["account"] == each["account"] for other in charges[: len(read)])))
    return Bill(call_uuid, _EPOCH + timedelta(microseconds=fields["started_at"]), end, tuple(read))


def _charge(fields: Mapping[str, Any], part: int) -> Charge:
    """Checked, not cut: what is charged is charged as it is, or not at all."""
    charge = Charge(
        account=_text(fields, "account", 64),
        side=str(fields["side"]),
        part=part,
        tariff=_text(fields, "tariff", 64),
        prefix=_text(fields, "prefix", 32),
        destination=str(fields["destination"])[:128],
        billed_seconds=int(fields["billed_seconds"]),
        amount=_amount(fields["amount"]),
        tax=_amount(fields["tax"]),
        currency=_text(fields, "currency", 3),
    )
    if charge.side not in {"sell", "buy"} or not charge.account or not 0 <= charge.billed_seconds < 2**32:
        raise ValueError(f"no account can be charged so: {dict(fields)}")
    return charge


def _text(fields: Mapping[str, Any], name: str, width: int) -> str:
    text = str(fields[name])
    if len(text) > width:
        raise ValueError(f"{name} {text!r} is longer than {width}")
    return text


def _amount(value: Any) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < _MICRO or not abs(amount) < _MOST:
        raise ValueError(f"{value!r} is no amount of at most 6 decimals")
    return amount


def accounts(bills: Iterable[Bill]) -> set[str]:
    """Whose balances are to be held before anything is written."""
    return {account for each in bills for account in _sums(each.charges)}


def write(cursor: Cursor, held: Mapping[str, Standing], bills: Iterable[Bill]) -> list[Booked]:
    """Book calls whose records this transaction has written, as far as they are not; the balances are `held`.

    What every account that these bills charge has come to, with the calls. Raises BookedTwice for a call that is in the
    ledger though its record does not say so, as the record of a day that was dropped.
    """
    best = _best(bills)
    ended = [row for row in _ended(cursor, best) if (row.call_uuid, row.started_at) in best]
    fresh = [row for row in ended if _RANKS[row.booked] < _RANKS[row.end]]
    charges = {row: _of_this_end(row, best[row.call_uuid, row.started_at]) for row in fresh}
    to_book = [row for row in fresh if charges[row] or row.answered or row.booked]
    standings = dict(held)
    for account, balance, ledger_id, _ in _book(cursor, held, {row: charges[row] for row in to_book}):
        standings[account] = Standing(balance, ledger_id)
    _mark(cursor, to_book)
    calls: dict[str, list[str]] = {}
    for row in ended:
        for account in _sums(best[row.call_uuid, row.started_at].charges):
            calls.setdefault(account, []).append(row.call_uuid)
    return [Booked(account, *standings[account], tuple(calls[account])) for account in sorted(calls)]


def _best(bills: Iterable[Bill]) -> dict[tuple[str, datetime], Bill]:
    """Of each call the bill that tells most, the first of several."""
    best: dict[tuple[str, datetime], Bill] = {}
    for each in bills:
        key = (each.call_uuid, each.started_at)
        if key not in best or _RANKS[best[key].end] < _RANKS[each.end]:
            best[key] = each
    return best


def _range(keys: Iterable[tuple[Any, ...]]) -> tuple[list[str], datetime, datetime]:
    """The values of `_OF`: the days' partitions, and in them the calls."""
    listed = list(keys)
    times = [key[1] for key in listed]
    return [key[0] for key in listed], min(times), max(times)


def _ended(cursor: Cursor, keys: Mapping[tuple[str, datetime], Bill]) -> list[_Ended]:
    if not keys:
        return []
    cursor.execute(_ENDED, _range(keys))
    return [_Ended(*row) for row in cursor.fetchall()]


def _of_this_end(row: _Ended, said: Bill) -> tuple[Charge, ...]:
    """What the end that counts is charged; a bill of another end says nothing of it."""
    return said.charges if said.end == row.end else ()


def _book(cursor: Cursor, held: Mapping[str, Standing], calls: Mapping[_Ended, tuple[Charge, ...]]) -> list[Booked]:
    """Charges and entries of calls that are booked for the first time, or corrected."""
    was = _charged(cursor, [row for row in calls if row.booked])
    rows, entries = [], []
    for row, charges in calls.items():
        before = was.get(row.call_uuid, [])
        gone = [each._replace(billed_seconds=0, amount=Decimal(0), tax=Decimal(0)) for each in before]
        now = {(each.account, each.side, each.part): each for each in (*gone, *charges)}
        rows += [(row.call_uuid, row.started_at, *each) for each in now.values()]
        old, new = _sums(before), _sums(now.values())
        entries += [
            _entry(row, account, owed, old.get(account))
            for account, owed in new.items()
            if account not in old or owed.amount != old[account].amount
        ]
    put(cursor, _CHARGE, rows)
    return ledger.book(cursor, entries, held)


def _charged(cursor: Cursor, rows: Sequence[_Ended]) -> dict[str, list[Charge]]:
    """What is booked of calls."""
    if not rows:
        return {}
    found: dict[str, list[Charge]] = {}
    cursor.execute(_CHARGED, _range(rows))
    for call, *columns in cursor.fetchall():
        found.setdefault(call, []).append(Charge(*columns))
    return found


def _sums(charges: Iterable[Charge]) -> dict[str, _Owed]:
    """What each account owes for all its legs; carriers have no entries in the ledger."""
    found: dict[str, _Owed] = {}
    for each in charges:
        if each.side == "sell":
            amount = found[each.account].amount if each.account in found else Decimal(0)
            found[each.account] = _Owed(amount + each.amount, each.currency)
    return found


def _entry(row: _Ended, account: str, owed: _Owed, old: _Owed | None) -> Entry:
    """An account's entry for a call, or what corrects the one before."""
    return Entry(
        account=account,
        kind="call",
        amount=(old.amount if old else 0) - owed.amount,
        currency=owed.currency,
        reference=reference(row.call_uuid, account) + (":2" if old else ""),
        at_us=row.now_us,
        call=row.call_uuid,
        call_at=row.started_at,
    )


def _mark(cursor: Cursor, rows: Sequence[_Ended]) -> None:
    """Booked, and waiting for their number."""
    for end in ("unheard", "heard"):
        if of_it := [row for row in rows if row.end == end]:
            cursor.execute(_BOOKED, (end, *_range(of_it)))
    put(cursor, _WAIT, [row[:2] for row in rows])
