"""Tariffs in MySQL: replaced whole or not at all, and read back as what was declared."""

from pathlib import Path

import gevent
import pytest

from callctl.declaration import read, tariffs
from callctl.errors import CallctlError, ConfigError
from callctl.rating.tariff import NoRate
from callctl.store import configuration, rates, tariff
from callctl.store.directory import config_version
from callctl.store.tariff import NoTariff, load, load_several, replace_rates, summary

EXAMPLE = Path(__file__).parents[2] / "examples" / "tariff.yaml"
NOON = 1_777_723_200_000_000
FREE = "0,0,1,60,1,1,0,0,NULL,NULL,NULL"  # a price of 1


def lines(*prefixes: str, price: int = 1):
    terms = FREE.replace("0,0,1,", f"0,0,{price},", 1)
    return [rates.Line(number, prefix, "", terms) for number, prefix in enumerate(prefixes)]


def applied(pool, *files, prune=False, dry_run=False):
    return configuration.apply(pool, read(files).among, prune=prune, dry_run=dry_run)


def written(folder, text, name="company.yaml"):
    file = folder / name
    file.write_text(text)
    return file


def prices(pool, name, number):
    return [rate.steps[0].price for rate in load(pool, name, number).find(number, NOON).rates]


def stored(pool):
    return pool.rows("SELECT tariff, generation, COUNT(*) FROM tariff_rate GROUP BY tariff, generation")


def test_a_declared_tariff_is_read_back_as_it_was(database):
    applied(database, EXAMPLE)
    declared = tariffs(EXAMPLE)["gold"].tariff()
    for number in ("442079", "447911123456", "4480012345", "44"):
        loaded = load(database, "gold", number)
        assert (loaded.currency, loaded.rounding, loaded.tax) == (declared.currency, declared.rounding, declared.tax)
        found, expected = loaded.find(number, NOON), declared.find(number, NOON)
        assert sorted(found.rates, key=repr) == sorted(expected.rates, key=repr)
        assert found.scale == expected.scale


def test_apply_twice_changes_nothing_and_a_dry_run_nothing_at_all(database):
    before = config_version(database)
    assert [change.key for change in applied(database, EXAMPLE, dry_run=True).changes] == ["gold"]
    assert (tariff.summaries(database), config_version(database)) == ([], before)
    assert [change.now["rates"].split()[0] for change in applied(database, EXAMPLE).changes] == ["7"]
    assert (summary(database, "gold")["rates"], config_version(database)) == (7, before + 1)
    assert applied(database, EXAMPLE).changes == []
    assert config_version(database) == before + 1


def test_a_changed_rate_replaces_all_and_leaves_no_old_ones(database, tmp_path):
    applied(database, EXAMPLE)
    other = written(tmp_path, EXAMPLE.read_text().replace('"0.01"', '"0.02"'))
    (change,) = applied(database, other).changes
    assert change.was["rates"] != change.now["rates"]
    assert stored(database) == [("gold", summary(database, "gold")["generation"], 7)]


def test_imported_rates_stay_where_the_entry_has_none(database, tmp_path):
    done = replace_rates(database, "gold", "USD", lines("44", "45"))
    entry = "tariffs: [{name: gold, currency: USD, rounding: {method: up, decimals: 2}}]"
    (change,) = applied(database, written(tmp_path, entry)).changes
    assert change.was["rates"] == change.now["rates"]
    assert applied(database, written(tmp_path, entry), prune=True).changes == []
    assert (load(database, "gold", "44").rounding.decimals, summary(database, "gold")["rates"]) == (2, 2)
    assert summary(database, "gold")["generation"] == done.generation
    replace_rates(database, "gold", None, lines("46"))
    assert load(database, "gold", "46").rounding.decimals == 2
    assert applied(database, written(tmp_path, entry)).changes == []


def test_prune_removes_a_tariff_and_its_rates(database, tmp_path):
    applied(database, EXAMPLE)
    empty = written(tmp_path, "accounts: []")
    assert applied(database, empty).kept == [("tariff", "gold")]
    assert [change.key for change in applied(database, empty, prune=True).changes] == ["gold"]
    assert (tariff.summaries(database), stored(database)) == ([], [])


def test_an_account_keeps_its_tariff_in_a_column(database, tmp_path):
    file = written(tmp_path, "accounts: [{name: acme, tariff: gold, currency: USD, timezone: Asia/Shanghai}]")
    with pytest.raises(ConfigError, match=r"company.yaml:1: there is no tariff gold"):
        applied(database, file)
    applied(database, file, EXAMPLE)
    assert database.rows("SELECT tariff FROM account") == [("gold",)]
    assert applied(database, file).changes == []


def test_only_rates_whose_prefix_the_number_has_are_read_by_the_key(database):
    replace_rates(database, "gold", "USD", lines(*map(str, range(10_000, 12_000)), "1", "10", "99"))
    found = load(database, "gold", "1000055555")
    assert found.find("1000055555", NOON).rates[0].prefix == "10000"
    assert found.find("1999", NOON).rates[0].prefix == "1"
    with pytest.raises(CallctlError):
        found.find("99", NOON)
    with pytest.raises(NoTariff, match="There is no tariff silver"):
        load(database, "silver", "1")
    # What load asks is a range of the key: fewer rows are looked at than the number has digits.
    with database.transaction() as cursor:
        generation = summary(database, "gold")["generation"]
        cursor.execute(
            "EXPLAIN SELECT * FROM tariff_rate "
            "WHERE tariff = 'gold' AND generation = %s AND prefix IN ('1', '10', '100')",
            (generation,),
        )
        columns = [column[0] for column in cursor.description]
        plan = dict(zip(columns, cursor.fetchone(), strict=True))
    assert (plan["key"], plan["type"]) == ("PRIMARY", "range")
    assert int(plan["rows"]) <= 10


def test_a_failing_source_leaves_the_old_rates_and_nothing_of_the_new(database):
    done = replace_rates(database, "gold", "USD", lines("44"))
    before = config_version(database)

    def failing():
        yield from lines(*map(str, range(20_000)), price=2)
        raise ConfigError("the last row is bad.")

    with pytest.raises(ConfigError):
        replace_rates(database, "gold", None, failing())
    assert prices(database, "gold", "44") == [1]
    assert (stored(database), config_version(database)) == ([("gold", done.generation, 1)], before)


def test_currency_is_said_once_and_does_not_change(database):
    with pytest.raises(ConfigError, match="say its currency with --currency"):
        replace_rates(database, "gold", None, lines("44"))
    replace_rates(database, "gold", "USD", lines("44"))
    with pytest.raises(ConfigError, match="Tariff gold is in USD, not EUR"):
        replace_rates(database, "gold", "EUR", lines("44"))


def test_a_reader_sees_one_set_or_the_other(database):
    replace_rates(database, "gold", "USD", lines("4", "44", "442"))
    stop = False
    seen = set()

    def look():
        while not stop:
            loaded = load(database, "gold", "442")
            seen.add(tuple(loaded.find(number, NOON).rates[0].steps[0].price for number in ("4", "44", "442")))

    reader = gevent.spawn(look)
    for price in (2, 3, 4):
        filler = lines("4", "44", "442", *map(str, range(500_000, 515_000)), price=price)
        replace_rates(database, "gold", None, filler)
    stop = True
    reader.get()
    assert seen <= {(price,) * 3 for price in (1, 2, 3, 4)}
    assert len(seen) > 1


def test_of_two_imports_at_once_the_one_begun_last_holds(database):
    def slow():
        yield from lines("44", price=1)
        replace_rates(database, "gold", "USD", lines("44", price=2))
        yield from lines("45", price=1)

    with pytest.raises(CallctlError, match="was given other rates, or removed, meanwhile"):
        replace_rates(database, "gold", "USD", slow())
    assert prices(database, "gold", "44") == [2]


def test_an_import_of_a_tariff_that_is_removed_meanwhile_is_refused(database, tmp_path):
    applied(database, EXAMPLE)

    def slow():
        yield from lines("44")
        applied(database, written(tmp_path, "accounts: []"), prune=True)

    with pytest.raises(CallctlError, match="meanwhile"):
        replace_rates(database, "gold", "USD", slow())
    assert tariff.summaries(database) == []


def begun(pool, name, days):
    """A set of rates as an import leaves it that was killed so many days ago, or still writes it."""
    with pool.transaction() as cursor:
        cursor.execute(
            "INSERT INTO tariff_generation (tariff, started_at) VALUES (%s, NOW() - INTERVAL %s DAY)", (name, days)
        )
        rates.write(cursor.connection, name, cursor.lastrowid, lines("44", "45"))


def apply_another(pool, folder):
    applied(pool, written(folder, "tariffs: [{name: other, currency: USD}]"))


def import_another(pool, _folder):
    replace_rates(pool, "other", "USD", lines("1"))


def import_a_bad_one(pool, _folder):
    with pytest.raises(tariff.RatesTwice):
        replace_rates(pool, "other", "USD", lines("1", "1"))


@pytest.mark.parametrize("later", [apply_another, import_another, import_a_bad_one])
def test_what_a_killed_import_left_is_removed_when_it_is_a_day_old(database, tmp_path, later):
    replace_rates(database, "gold", "USD", lines("1"))
    with database.transaction() as cursor:
        cursor.execute("UPDATE tariff_generation SET started_at = NOW() - INTERVAL 99 DAY")
    for name, days in (("gold", 2), ("silver", 2), ("gold", 0), ("silver", 0)):
        begun(database, name, days)
    later(database, tmp_path)
    assert [(name, count) for name, _, count in stored(database) if name != "other"] == [
        ("gold", 1), ("gold", 2), ("silver", 2),
    ]  # fmt: skip
    assert prices(database, "gold", "1") == [1]


def test_rates_that_are_being_written_for_more_than_a_day_are_not_put_in_force(database):
    def slow():
        yield from lines("44")
        with database.transaction() as cursor:
            cursor.execute("UPDATE tariff_generation SET started_at = NOW() - INTERVAL 2 DAY")
        replace_rates(database, "silver", "USD", lines("1"))

    with pytest.raises(CallctlError, match="meanwhile"):
        replace_rates(database, "gold", "USD", slow())
    assert [name for name, *_ in stored(database)] == ["silver"]


def test_rates_are_removed_part_by_part_whatever_their_prefixes(database, monkeypatch):
    monkeypatch.setattr(tariff, "_REMOVED_AT_ONCE", 3)
    moments = [f"'{2000 + year}-01-01'" for year in range(10)]
    same = [rates.Line(number, "7", "", FREE.replace("NULL", moment, 1)) for number, moment in enumerate(moments)]
    replace_rates(database, "gold", "USD", [*lines(*map(str, range(20, 30)), "1", "8", "99"), *same])
    replace_rates(database, "gold", "USD", lines("1"))
    assert [count for *_, count in stored(database)] == [1]


def test_several_tariffs_are_read_in_one_statement_that_looks_at_their_own_rates_only(database):
    numbers = [str(number) for number in range(1, 5000)]
    for name, price in (("gold", 1), ("silver", 2), ("bronze", 3)):
        replace_rates(database, name, "USD", lines(*numbers, price=price))
    replace_rates(database, "silver", "USD", lines("44", "4", price=7))
    with database.connection() as connection:
        before = looked_at(connection)
    found = load_several(database, ["gold", "none", "silver", "bronze"], "442079460000")
    with database.connection() as connection:
        assert looked_at(connection) - before < 100
    assert {name: len(tariff.find("442079460000", NOON).rates) for name, tariff in found.items()} == {
        "gold": 1, "silver": 1, "bronze": 1,
    }  # fmt: skip
    prices = {name: tariff.find("442079460000", NOON).rates[0] for name, tariff in found.items()}
    assert {name: (rate.prefix, rate.steps[0].price) for name, rate in prices.items()} == {
        "gold": ("4420", 1), "silver": ("44", 7), "bronze": ("4420", 3),
    }  # fmt: skip


def test_a_tariff_without_a_rate_for_the_number_is_there_and_has_none(database):
    replace_rates(database, "gold", "USD", lines("44"))
    found = load_several(database, ["gold"], "1")
    with pytest.raises(NoRate):
        found["gold"].find("1", NOON)


def looked_at(connection):
    """How many rows this connection's statements have read."""
    cursor = connection.cursor()
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(value) for _, value in cursor.fetchall())
