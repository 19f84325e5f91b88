"""Migrations: safe to run twice, at once, and again after they stopped half-way."""

import gevent
import pytest

from callctl.errors import ConfigError
from callctl.settings import Mysql
from callctl.store import migrate as module
from callctl.store.migrate import EXPECTED, MIGRATIONS, current_version, migrate, require_current
from callctl.store.partitions import TABLES, ensure_partitions
from callctl.store.pool import Pool


@pytest.fixture
def empty(settings) -> Mysql:
    """The database without a table."""
    pool = Pool(settings.mysql, 1)
    drop_everything(pool)
    pool.close()
    return settings.mysql


def drop_everything(pool: Pool) -> None:
    tables = pool.rows("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE()")
    with pool.transaction() as cursor:
        for name, kind in tables:
            cursor.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")


@pytest.fixture
def pool(empty: Mysql):
    pool = Pool(empty, 2)
    yield pool
    pool.close()


def columns(pool: Pool):
    return pool.rows(
        "SELECT table_name, column_name, column_type FROM information_schema.columns "
        "WHERE table_schema = DATABASE() ORDER BY 1, ordinal_position"
    )


def test_an_empty_database_becomes_the_expected_one_once(empty: Mysql, pool: Pool):
    assert current_version(pool) == 0
    with pytest.raises(ConfigError, match=rf"version 0 and {EXPECTED} is needed: run `callctl migrate`\."):
        require_current(pool)
    assert migrate(empty) == [migration.version for migration in MIGRATIONS]
    assert migrate(empty) == []
    assert current_version(pool) == EXPECTED
    require_current(pool)


def test_two_hosts_at_once(empty: Mysql):
    runs = [gevent.spawn(migrate, empty) for _ in range(4)]
    gevent.joinall(runs, raise_error=True)
    assert sorted(run.value for run in runs) == [[], [], [], [migration.version for migration in MIGRATIONS]]


ALL = [statement for migration in MIGRATIONS for statement in migration.statements]


@pytest.mark.parametrize("done", range(len(ALL) + 1))
def test_a_migration_that_stopped_half_way_is_resumed(empty: Mysql, pool: Pool, done: int):
    migrate(empty)
    whole = columns(pool)
    drop_everything(pool)
    with pool.transaction() as cursor:
        for statement in ALL[:done]:
            cursor.execute(statement)
    assert migrate(empty) == [migration.version for migration in MIGRATIONS]
    assert columns(pool) == whole
    assert pool.rows("SELECT id, version FROM config_version") == [(1, 0)]


def test_a_newer_database_is_refused(empty: Mysql, pool: Pool):
    migrate(empty)
    with pool.transaction() as cursor:
        cursor.execute("INSERT INTO callctl_schema (version, checksum) VALUES (99, 'x')")
    for act in (lambda: migrate(empty), lambda: require_current(pool)):
        with pytest.raises(ConfigError, match=f"version 99 and this callctl knows {EXPECTED}: install the newer"):
            act()


def test_a_changed_migration_is_refused(empty: Mysql, monkeypatch):
    migrate(empty)
    monkeypatch.setattr(module, "MIGRATIONS", (MIGRATIONS[0]._replace(checksum="other"),))
    with pytest.raises(ConfigError, match="Migration 1 is not the one that was applied"):
        migrate(empty)


def partitions(pool: Pool, table: str):
    return [
        name
        for (name,) in pool.rows(
            "SELECT partition_name FROM information_schema.partitions "
            "WHERE table_schema = DATABASE() AND table_name = %s ORDER BY partition_ordinal_position",
            (table,),
        )
    ]


def test_partitions_are_made_ahead_and_keep_the_rows(empty: Mysql, pool: Pool):
    migrate(empty)
    with pool.transaction() as cursor:
        cursor.execute(
            "INSERT INTO cdr (call_uuid, started_at, state) VALUES ('past', '2020-01-01', 'final'), "
            "('now', UTC_TIMESTAMP(6), 'final'), ('ahead', UTC_TIMESTAMP(6) + INTERVAL 2 DAY, 'final'), "
            "('far', '2100-01-01', 'final')"
        )
    assert ensure_partitions(pool, 1) == 2 * len(TABLES)
    assert ensure_partitions(pool, 1) == 0
    assert ensure_partitions(pool, 3) == 2 * len(TABLES)
    days = [f"p{day:%Y%m%d}" for (day,) in pool.rows(
        "SELECT UTC_DATE() UNION SELECT UTC_DATE() + INTERVAL 1 DAY UNION SELECT UTC_DATE() + INTERVAL 2 DAY "
        "UNION SELECT UTC_DATE() + INTERVAL 3 DAY")]  # fmt: skip
    for table in TABLES:
        assert partitions(pool, table) == [*days, "later"]
    held = {
        name: {uuid for (uuid,) in pool.rows(f"SELECT call_uuid FROM cdr PARTITION ({name})")}
        for name in [*days, "later"]
    }
    assert held == {days[0]: {"past", "now"}, days[1]: set(), days[2]: {"ahead"}, days[3]: set(), "later": {"far"}}


def test_partitions_from_several_hosts_at_once(empty: Mysql, pool: Pool):
    migrate(empty)
    other = Pool(empty, 2)
    runs = [gevent.spawn(ensure_partitions, each, 2) for each in (pool, other, pool, other)]
    gevent.joinall(runs, raise_error=True)
    assert sum(run.value for run in runs) == 3 * len(TABLES)
    other.close()
