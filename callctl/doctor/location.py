"""Kamailio's (or OpenSIPS's) `location` table: there, of a known version, and read as calls read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from MySQLdb.constants import ER

from callctl.doctor import mysql
from callctl.doctor.dispatcher import nodes
from callctl.doctor.finding import Answer, Room, Words, fail, failed, ok, skip, warn
from callctl.doctor.freshness import removed, time_zone, written_through
from callctl.doctor.host import workers
from callctl.doctor.location_rows import Table
from callctl.doctor.registrations import domains, edges, rows, server_ids, unlisted
from callctl.errors import StoreError
from callctl.serve.connections import needed
from callctl.settings import Settings
from callctl.store.failure import code
from callctl.store.location import LocationStore

VERSIONS = {"kamailio": {8, 9}, "opensips": {1013}}


def room(settings: Settings) -> Room[Table]:
    """The table's checks."""
    where = f"{settings.location_mysql.host}:{settings.location_mysql.port}"
    return Room(
        "location",
        _open(settings),
        (
            time_of_day,
            connections,
            version,
            rows,
            domains,
            edges,
            unlisted,
            server_ids,
            time_zone,
            written_through,
            removed,
            nodes,
        ),
        gates=(columns,),
        where=Words(f"its MySQL answers at {where}", f"其 MySQL 在 {where} 应答"),
        lost=f"location 表所在的 MySQL {where} 不可用",
        mend="请启动该 MySQL，或改正 [location.mysql]（没有时为 [mysql]）。",
    )


@contextmanager
def _open(settings: Settings) -> Iterator[Table]:
    with mysql.opened(settings.location_mysql) as pool:
        yield Table(pool, settings)


def time_of_day(table: Table) -> Answer:
    """Registrations end by its server's clock."""
    return _own(table) or mysql.clock_of(table.pool)


def connections(table: Table) -> Answer:
    """Its server has room for every worker, where it is not callctl's own."""
    count = workers(table.settings)
    return _own(table) or mysql.room_for(table.pool, count, needed(table.settings, count).location + 1)


def _own(table: Table) -> Answer | None:
    if table.settings.location.mysql is None:
        return ok("its MySQL is callctl's own", "与 callctl 使用同一 MySQL")
    return None


def columns(table: Table) -> Answer:
    """The very query that calls make works."""
    location, mysql = table.settings.location, table.settings.location_mysql
    name = location.table if "." in location.table else f"{mysql.database}.{location.table}"
    try:
        LocationStore(table.pool, location).contacts("nobody", "callctl.invalid")
    except StoreError as error:
        mend = _mend(code(error.__cause__), name, mysql.user)
        if mend is None:
            return failed(error, "请查看该 MySQL 的状态与日志。", f"无法读取 {name}")
        cause = error.__cause__.args[-1] if error.__cause__ else error
        return fail(f"{name} cannot be read: {cause}", f"无法读取 {name}：{cause}", mend)
    return ok(f"{name} can be read, with every column that is needed", f"{name} 可读，所需的列齐全")


def _mend(number: int, name: str, user: str) -> Words | None:
    if number in {ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR}:
        return Words(
            "Set [location] table to DATABASE.TABLE as Kamailio has it (kamailio.location). Where there is none, "
            "deploy/databases.sh makes it of Kamailio's own usrloc-create.sql; `callctl migrate` never does.",
            "请将 [location] table 设为 Kamailio 使用的 数据库.表（kamailio.location）。若不存在，由 "
            "deploy/databases.sh 用 Kamailio 自带的 usrloc-create.sql 创建；callctl migrate 不会创建它。",
        )
    if number == ER.BAD_FIELD_ERROR:
        return Words(
            "Set [location] kind to kamailio or opensips, as the table is; bring an old one up to version 8 or 9.",
            "请按表的实际类型将 [location] kind 设为 kamailio 或 opensips；旧表请升级到版本 8 或 9。",
        )
    if number in {ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR}:
        return Words(f"GRANT SELECT ON {name} TO {user};", f"请执行 GRANT SELECT ON {name} TO {user};")
    return None


def version(table: Table) -> Answer:
    """Kamailio's table `version` says what its `location` is."""
    database, _, name = table.settings.location.table.rpartition(".")
    place = f"`{database}`.`version`" if database else "`version`"
    try:
        found = table.pool.rows(f"SELECT table_version FROM {place} WHERE table_name = %s", (name,))  # noqa: S608
    except StoreError:
        return skip("its table `version` is not there or may not be read", "version 表不存在或无权读取")
    wanted = VERSIONS[table.kind]
    if found and int(found[0][0]) in wanted:
        return ok(f"version {found[0][0]}", f"版本 {found[0][0]}")
    said = found[0][0] if found else "?"
    known = ", ".join(map(str, sorted(wanted)))
    return warn(
        f"the table is version {said}; known of {table.kind} are {known}",
        f"表版本为 {said}；已知的 {table.kind} 版本为 {known}",
        Words("Upgrade the proxies' database, or callctl.", "请升级代理的数据库，或升级 callctl。"),
    )
