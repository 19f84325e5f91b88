"""What operators book by hand: top-ups and adjustments, each reference once."""

from __future__ import annotations

from typing import NamedTuple

from MySQLdb.constants import ER
from MySQLdb.cursors import Cursor

from callctl.declaration.account import MOST
from callctl.errors import CallctlError, StoreError
from callctl.store import ledger
from callctl.store.directory import account
from callctl.store.failure import code
from callctl.store.ledger import BookedTwice, Entry
from callctl.store.pool import Pool
from callctl.world import Booked

_TRIES = 4  # where others book at the same moment


class Posted(NamedTuple):
    """The entry as it stands in the ledger."""

    entry: Entry
    booked: Booked  # as the account stands now
    already: bool  # it was there before


def post(pool: Pool, entry: Entry) -> Posted:
    """Book an entry, in its account's currency, unless it is booked already: then nothing changes.

    Raises CallctlError where the reference is another entry's, the account is not there or has no currency, or the
    balance would be more than can be counted; StoreError.
    """
    for _ in range(_TRIES):
        try:
            return _post(pool, entry)
        except BookedTwice:  # somebody was faster by a moment, and is found now
            continue
        except StoreError as error:
            if code(error.__cause__) != ER.LOCK_DEADLOCK:
                raise
    return _post(pool, entry)


def _post(pool: Pool, entry: Entry) -> Posted:
    with pool.transaction() as cursor:
        standing = ledger.lock(cursor, [entry.account])[entry.account]
        if standing.ledger_id == 0:
            # From the first entry on the account's currency stays: no apply may change it meanwhile.
            cursor.execute("SELECT version FROM config_version WHERE id = 1 LOCK IN SHARE MODE")
            cursor.fetchall()
        entry = entry._replace(currency=_currency(cursor, entry.account))
        if found := ledger.entry_of(cursor, entry.reference):
            before = found[0]
            if before[:4] != entry[:4]:
                raise CallctlError(
                    f"Reference {entry.reference} is that of another entry, {_told(before)}: name another reference."
                )
            return Posted(before, Booked(entry.account, *standing), True)
        if abs(standing.balance + entry.amount) > MOST:
            raise CallctlError(f"The balance of {entry.account} would be beyond {MOST}: book a smaller amount.")
        return Posted(entry, ledger.book(cursor, [entry])[0], False)


def _currency(cursor: Cursor, name: str) -> str:
    found = account(cursor, name)
    if found is None:
        raise CallctlError(f"There is no account {name}: `callctl account list` names those there are.")
    if not found.currency:
        raise CallctlError(
            f"Account {name} has no currency: give it one by `callctl account change {name} --currency USD`, "
            "or a tariff."
        )
    return found.currency


def _told(entry: Entry) -> str:
    return f"{entry.kind} of {entry.amount:f} {entry.currency} to {entry.account}"
