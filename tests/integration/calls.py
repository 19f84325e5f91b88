"""Facts of calls that cost money, as they come to the spool."""

from decimal import Decimal

from callctl.cdr.spool import Record, Spool
from callctl.cdr.writer import Writer

T0 = 1_790_000_000_123_456  # 2026-09-21 14:13:20.123456 UTC


def charge(account: str, amount: str, seconds: int = 60, **fields) -> dict:
    return {
        "account": account, "side": "sell", "tariff": "gold", "prefix": "44", "destination": "UK",
        "billed_seconds": seconds, "amount": amount, "tax": "0.1", "currency": "USD", **fields,
    }  # fmt: skip


def cdr(uuid: str, state: str, started: int = T0, **fields) -> Record:
    return Record("cdr", {"call_uuid": uuid, "node": "fs1", "started_at": started, "state": state, **fields})


def answered(uuid: str, **fields) -> Record:
    return cdr(uuid, "answered", answered_at=T0 + 5, **fields)


def ended(uuid: str, *charges: dict, **fields) -> Record:
    """The last record of an answered call, with the columns of its first charge."""
    fields = {"answered_at": T0 + 5, "ended_at": T0 + 60_000_000, **fields}
    if charges:
        first = charges[0]
        price = Decimal(first["amount"]) - Decimal(first["tax"])
        same = ("tariff", "prefix", "destination", "billed_seconds", "tax", "currency")
        fields |= {"price": str(price), **{name: first[name] for name in same}, "charges": list(charges)}
    return cdr(uuid, "final", **fields)


def unheard(uuid: str, *charges: dict, **fields) -> Record:
    record = ended(uuid, *charges, **{"reason": "end_unheard", "ended_at": T0 + 99_000_000, **fields})
    del record.fields["answered_at"]
    return record


def write(spool: Spool, writer: Writer, *records: Record) -> None:
    spool.put(records).wait(5)
    while writer.drain():
        pass
