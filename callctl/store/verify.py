"""Proves the books: every ended call against its charges, every charge against the ledger, every balance against its
entries.

MySQL compares and names only what does not add up. Each comparison is one statement, hence of one moment: calls that
end meanwhile disturb none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from callctl.store.pool import Pool

_ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001 MySQL's DATETIME has no zone; all of ours are UTC
_LONGEST = timedelta(days=2)  # a call that lasts longer has lost its end

# What an account pays for a call, for all its legs.
_SUMS = (
    "SELECT call_uuid, started_at, account, currency, SUM(amount) AS amount, SUM(tax) AS tax,"
    " GROUP_CONCAT(billed_seconds, ' ', tariff) AS parts FROM cdr_charge"
    " WHERE side = 'sell' AND started_at >= %(since)s GROUP BY call_uuid, started_at, account, currency"
)
# What each names, and the statement that finds it among what is not older than `since`.
_COMPARED = {
    "no_end": "SELECT call_uuid, account, started_at FROM cdr"
    " WHERE state <> 'final' AND started_at >= %(since)s AND started_at < %(old)s",
    # The columns of money are those of the charges of one account, for all its legs.
    "other_price": "SELECT c.call_uuid, c.account, c.price, c.tax, c.currency FROM cdr c LEFT JOIN"  # noqa: S608
    f" ({_SUMS}) g ON g.call_uuid = c.call_uuid AND g.started_at = c.started_at"
    " AND g.amount - g.tax = c.price AND g.tax = c.tax AND g.currency = c.currency"
    " AND FIND_IN_SET(CONCAT(c.billed_seconds, ' ', c.tariff), g.parts)"
    " WHERE c.state = 'final' AND c.price IS NOT NULL AND c.started_at >= %(since)s AND g.call_uuid IS NULL",
    # What a carrier costs is a charge of its own, in its own currency; in that of the call, it is the call's cost.
    "other_cost": "SELECT c.call_uuid, c.carrier, c.cost FROM cdr c LEFT JOIN cdr_charge g"
    " ON g.call_uuid = c.call_uuid AND g.started_at = c.started_at AND g.side = 'buy' AND g.account = c.carrier"
    " AND (g.currency <> c.currency OR g.amount - g.tax = c.cost)"
    " WHERE c.state = 'final' AND c.cost IS NOT NULL AND c.started_at >= %(since)s AND g.call_uuid IS NULL"
    " UNION ALL SELECT g.call_uuid, g.account, c.cost FROM cdr_charge g JOIN cdr c"
    " ON c.call_uuid = g.call_uuid AND c.started_at = g.started_at AND c.cost IS NULL AND c.currency = g.currency"
    " WHERE g.side = 'buy' AND g.amount <> 0 AND g.started_at >= %(since)s",
    # The decision found rates, so somebody was to pay.
    "not_charged": "SELECT c.call_uuid, c.account, c.duration_ms FROM cdr c"
    " WHERE c.state = 'final' AND c.price IS NULL AND c.answered_at IS NOT NULL AND c.started_at >= %(since)s"
    " AND JSON_SEARCH(c.trace, 'one', 'charge.rates', NULL, '$.steps[*].key') IS NOT NULL",
    "not_numbered": "SELECT c.call_uuid, c.account FROM cdr c LEFT JOIN settled s ON s.call_uuid = c.call_uuid"
    " WHERE (c.booked IS NOT NULL OR c.price IS NOT NULL) AND c.started_at >= %(since)s AND s.call_uuid IS NULL"
    " AND (c.booked IS NULL OR c.call_uuid NOT IN (SELECT call_uuid FROM unsettled))",
    "charge_without_call": "SELECT g.call_uuid, g.account, g.amount, g.currency FROM cdr_charge g LEFT JOIN cdr c"
    " ON c.call_uuid = g.call_uuid AND c.started_at = g.started_at AND c.booked IS NOT NULL"
    " WHERE g.started_at >= %(since)s AND c.call_uuid IS NULL",
    "other_entry": "SELECT g.call_uuid, g.account, g.amount, g.currency,"  # noqa: S608
    " -(l.amount + COALESCE(n.amount, 0)) AS booked"
    f" FROM ({_SUMS}) g LEFT JOIN ledger l ON l.reference = CONCAT('call:', g.call_uuid, ':', g.account)"
    " LEFT JOIN ledger n ON n.reference = CONCAT('call:', g.call_uuid, ':', g.account, ':2')"
    " WHERE (l.id IS NULL OR l.amount + COALESCE(n.amount, 0) <> -g.amount"
    " OR l.account <> g.account OR l.currency <> g.currency OR n.account <> g.account OR n.currency <> g.currency)",
    "entry_without_charge": "SELECT l.reference, l.account, l.amount, l.currency FROM ledger l LEFT JOIN cdr_charge g"
    " ON g.call_uuid = l.call_uuid AND g.account = l.account AND g.side = 'sell' AND g.started_at = l.started_at"
    " WHERE l.kind = 'call' AND (l.started_at IS NULL OR l.started_at >= %(since)s) AND (g.call_uuid IS NULL OR"
    " l.reference NOT IN (CONCAT('call:', g.call_uuid, ':', g.account),"
    " CONCAT('call:', g.call_uuid, ':', g.account, ':2')))",
    "balance_without_entry": "SELECT b.account, b.balance FROM account_balance b"
    " WHERE (b.balance <> 0 OR b.ledger_id <> 0) AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.account = b.account)",
}
_FIRST = "SELECT MIN(id) FROM ledger WHERE at >= %s"
_BEFORE = "SELECT balance_after, currency FROM ledger WHERE account = %s AND id < %s ORDER BY id DESC LIMIT 1"
_ENTRIES = (
    "SELECT l.account, l.id, l.kind, l.amount, l.balance_after, l.currency, l.reference, b.balance, b.ledger_id"
    " FROM ledger l FORCE INDEX (account) LEFT JOIN account_balance b ON b.account = l.account"
    " WHERE l.id >= %s ORDER BY l.account, l.id"
)


class Wrong(NamedTuple):
    """What does not add up: `kind` says in what way, `found` names it, with its amounts."""

    kind: str
    found: dict[str, Any]


class Verifier:
    """Compares what is not older than `since`, of days that were not dropped; `counted` says how much that was.

    `pool` needs two connections. Everything raises StoreError.
    """

    def __init__(self, pool: Pool, since: datetime | None = None) -> None:
        self._pool = pool
        self._since = since or _ALWAYS
        self.counted = {"calls": 0, "charges": 0, "entries": 0, "accounts": 0, "wrong": 0}

    def run(self) -> Iterator[Wrong]:
        """All that does not add up, as it is found."""
        for wrong in self._all():
            self.counted["wrong"] += 1
            yield wrong

    def _all(self) -> Iterator[Wrong]:
        kept = self._pool.rows("SELECT TIMESTAMP(MAX(day)) FROM kept_since")[0][0] or _ALWAYS
        since = max(self._since, kept)
        old = datetime.now(UTC).replace(tzinfo=None) - _LONGEST
        for kind, sql in _COMPARED.items():
            for found in self._pool.stream(sql, {"since": since, "old": old}):
                yield Wrong(kind, found)
        for name, table in (("calls", "cdr"), ("charges", "cdr_charge")):
            sql = f"SELECT COUNT(*) FROM {table} WHERE started_at >= %s"  # noqa: S608
            self.counted[name] = self._pool.rows(sql, (since,))[0][0]
        yield from self._chains()

    def _chains(self) -> Iterator[Wrong]:
        """Every balance is the one before and the amount, in one currency, and the last is the account's."""
        (first,) = self._pool.rows(_FIRST, (self._since,))[0]
        last: dict[str, Any] = {}
        balance, currency = Decimal(0), ""
        for entry in self._pool.stream(_ENTRIES, (first,)) if first else ():
            if entry["account"] != last.get("account"):
                yield from _closing(last)
                self.counted["accounts"] += 1
                before = self._pool.rows(_BEFORE, (entry["account"], entry["id"]))
                balance, currency = before[0] if before else (Decimal(0), entry["currency"])
            self.counted["entries"] += 1
            if entry["balance_after"] != balance + entry["amount"]:
                yield Wrong("broken_chain", {**_named(entry), "expected": balance + entry["amount"]})
            if entry["currency"] != currency:
                yield Wrong("other_currency", {**_named(entry), "expected": currency})
            balance, last = entry["balance_after"], entry
        yield from _closing(last)


def _named(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("account", "id", "reference", "amount", "balance_after", "currency")}


def _closing(last: dict[str, Any]) -> Iterator[Wrong]:
    """Whether an account's last entry is where its balance stands."""
    if last and (last["balance"], last["ledger_id"]) != (last["balance_after"], last["id"]):
        yield Wrong("other_balance", {**_named(last), "balance": last["balance"], "ledger_id": last["ledger_id"]})
