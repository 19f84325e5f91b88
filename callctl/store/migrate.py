"""The schema: numbered SQL files, applied in order and never changed once released.

MySQL commits every CREATE and ALTER by itself, so a migration may stop half-way: each of its statements can be run
again, and its number is written down after its last.
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import NamedTuple

from callctl.errors import ConfigError, StoreError
from callctl.settings import Mysql
from callctl.store.failure import code
from callctl.store.pool import Connection, Pool

_NO_SUCH_TABLE = 1146
_STATEMENT_DEADLINE = 600.0  # seconds; an ALTER of a large table copies it
_LOCK_WAIT = 300  # seconds to wait for another host's migrate

_SCHEMA_TABLE = """
CREATE TABLE IF NOT EXISTS callctl_schema (
    version    INT UNSIGNED NOT NULL PRIMARY KEY,
    checksum   CHAR(64)     NOT NULL,
    applied_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
"""


class Migration(NamedTuple):
    """One numbered file."""

    version: int
    checksum: str
    statements: tuple[str, ...]


def _read_all() -> tuple[Migration, ...]:
    found = []
    for file in files("callctl.store").joinpath("migrations").iterdir():
        if match := re.fullmatch(r"(\d{4})_\w+\.sql", file.name):
            text = file.read_text(encoding="utf-8")
            # A statement ends at a semicolon that ends a line.
            statements = tuple(part for part in re.split(r";[ \t]*\n", text) if part.strip())
            found.append(Migration(int(match[1]), hashlib.sha256(text.encode()).hexdigest(), statements))
    return tuple(sorted(found))


MIGRATIONS = _read_all()
EXPECTED = MIGRATIONS[-1].version


def migrate(mysql: Mysql) -> list[int]:
    """Bring the database to EXPECTED and return the versions applied; twice, or from two hosts at once, is safe.

    Raises ConfigError where the database was made by a newer callctl, StoreError where MySQL cannot be asked.
    """
    pool = Pool(mysql, 1, _STATEMENT_DEADLINE)
    try:
        with pool.connection() as connection:
            _lock(connection, mysql)
            connection.query(_SCHEMA_TABLE)
            done = _applied(connection)
            _refuse_newer(max(done, default=0))
            return [_apply(connection, migration) for migration in MIGRATIONS if migration.version not in done]
    finally:
        pool.close()  # and with its connection the lock


def current_version(pool: Pool) -> int:
    """The version of the schema, 0 of an empty database."""
    try:
        return int(pool.rows("SELECT COALESCE(MAX(version), 0) FROM callctl_schema")[0][0])
    except StoreError as error:
        if code(error.__cause__) != _NO_SUCH_TABLE:
            raise
        return 0


def require_current(pool: Pool) -> None:
    """Raise ConfigError unless the schema is the one this callctl was written for."""
    version = current_version(pool)
    _refuse_newer(version)
    if version < EXPECTED:
        raise ConfigError(f"The database schema is version {version} and {EXPECTED} is needed: run `callctl migrate`.")


def _refuse_newer(version: int) -> None:
    if version > EXPECTED:
        raise ConfigError(
            f"The database schema is version {version} and this callctl knows {EXPECTED}: install the newer callctl."
        )


def _lock(connection: Connection, mysql: Mysql) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT GET_LOCK(%s, %s)", (f"callctl_migrate.{mysql.database}"[:64], _LOCK_WAIT))
    if cursor.fetchone() != (1,):
        raise StoreError(f"Another `callctl migrate` has been at work for {_LOCK_WAIT} s: wait for it to end.")


def _applied(connection: Connection) -> set[int]:
    cursor = connection.cursor()
    cursor.execute("SELECT version, checksum FROM callctl_schema")
    done = dict(cursor.fetchall())
    for migration in MIGRATIONS:
        if done.get(migration.version, migration.checksum) != migration.checksum:
            raise ConfigError(
                f"Migration {migration.version} is not the one that was applied to this database: "
                "install the callctl release that made it, then upgrade from there."
            )
    return set(done)


def _apply(connection: Connection, migration: Migration) -> int:
    cursor = connection.cursor()
    for statement in migration.statements:
        cursor.execute(statement)
    cursor.execute(
        "INSERT INTO callctl_schema (version, checksum) VALUES (%s, %s)", (migration.version, migration.checksum)
    )
    return migration.version
