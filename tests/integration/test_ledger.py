"""The books: entries, the balance after each, and who books at once."""

from decimal import Decimal

import gevent
import pytest

from callctl.errors import CallctlError
from callctl.store import ledger
from callctl.store.ledger import BookedTwice, Entry, Standing
from callctl.store.posting import post
from callctl.world import Booked

AT = 1_795_405_444_653_906


def entry(account, amount, reference, **fields):
    return Entry(account, fields.pop("kind", "topup"), Decimal(amount), "USD", reference, AT, **fields)


def book(pool, *entries):
    with pool.transaction() as cursor:
        return ledger.book(cursor, entries)


def rows(pool):
    return pool.rows("SELECT account, amount, balance_after FROM ledger ORDER BY id")


def balances(pool):
    return pool.rows("SELECT account, balance, ledger_id FROM account_balance ORDER BY account")


def test_each_entry_has_the_balance_after_it(database):
    (first,) = book(database, entry("acme", 10, "a"))
    assert first == Booked("acme", Decimal(10), first.ledger_id)
    found = book(
        database,
        entry("acme", "-0.000001", "call:1:acme", kind="call", call="1"),
        entry("telco", -2, "call:1:telco", kind="call", call="1"),
        entry("acme", "-1.5", "call:2:acme", kind="call", call="2"),
    )
    acme, telco = sorted(found)
    assert (acme.balance, acme.calls, telco.balance, telco.calls) == (Decimal("8.499999"), ("1", "2"), -2, ("1",))
    assert acme.ledger_id > telco.ledger_id > first.ledger_id
    assert rows(database) == [
        ("acme", 10, 10), ("acme", Decimal("-0.000001"), Decimal("9.999999")), ("telco", -2, -2),
        ("acme", Decimal("-1.5"), Decimal("8.499999")),
    ]  # fmt: skip
    assert balances(database) == [("acme", acme.balance, acme.ledger_id), ("telco", telco.balance, telco.ledger_id)]


def test_a_reference_is_booked_once_and_the_rest_of_its_transaction_not_at_all(database):
    book(database, entry("acme", 10, "a", note="cash"))
    before = rows(database), balances(database)
    with pytest.raises(BookedTwice):
        book(database, entry("acme", 1, "b"), entry("other", 1, "a"))
    assert (rows(database), balances(database)) == before
    with database.transaction() as cursor:
        found = ledger.entry_of(cursor, "a")
        assert found == (entry("acme", 10, "a", note="cash"), ledger.standing(cursor, "acme"))
        assert ledger.entry_of(cursor, "b") is None
        assert ledger.standing(cursor, "other") == Standing()
    assert book(database) == []


def test_many_who_book_at_once_follow_each_other(database):
    def both(number):
        names = ("acme", "telco") if number % 2 else ("telco", "acme")
        book(database, *(entry(name, -1, f"call:{number}:{name}", kind="call") for name in names))

    gevent.joinall([gevent.spawn(both, number) for number in range(40)], raise_error=True)
    for name in ("acme", "telco"):
        after = database.rows("SELECT balance_after FROM ledger WHERE account = %s ORDER BY id", (name,))
        assert after == [(-number,) for number in range(1, 41)]
    assert [row[1] for row in balances(database)] == [-40, -40]


def test_a_reference_that_many_book_at_once_is_booked_once(database):
    with database.transaction() as cursor:
        for name in ("acme", "other"):
            cursor.execute("INSERT INTO account (name, body) VALUES (%s, '{\"currency\": \"USD\"}')", (name,))

    def one(number):
        try:
            return post(database, entry("acme" if number % 2 else "other", 5, "same")).already
        except CallctlError as error:
            return str(error)

    found = [each.get() for each in [gevent.spawn(one, number) for number in range(20)]]
    assert sorted(map(str, found), key=len)[:10] == ["True"] * 9 + ["False"]
    assert sum("is that of another entry" in str(each) for each in found) == 10
    assert len(rows(database)) == 1
