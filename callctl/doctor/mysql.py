"""MySQL, where the configuration and the records are."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from callctl.doctor.finding import DEADLINE, Answer, Room, Words, clock, fail, failed, ok, warn
from callctl.doctor.host import workers
from callctl.errors import ConfigError
from callctl.serve.connections import needed
from callctl.settings import Mysql, Settings
from callctl.store.migrate import EXPECTED, require_current
from callctl.store.pool import Pool

OLDEST_MARIADB = (10, 5)
OLDEST_MYSQL = (8, 0)
NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "CREATE VIEW")
DANGEROUS = {"ALL PRIVILEGES", "SUPER", "FILE", "CREATE USER", "GRANT OPTION", "SHUTDOWN"}  # on the whole server
PACKET = 4 * 2**20  # bytes; a record's JSON may be 256 KiB, and statements carry several
OTHER_CONNECTIONS = 5  # those of a person at work, and of this
_GRANT = re.compile(r"GRANT (.+?) ON (?:TABLE )?(\S+) TO ", re.IGNORECASE)


class Asked(NamedTuple):
    """A MySQL that answers."""

    pool: Pool
    settings: Settings

    def one(self, sql: str) -> Any:
        """The value of a query that gives one."""
        return self.pool.rows(sql)[0][0]


def room(settings: Settings) -> Room[Asked]:
    """MySQL's checks."""
    where = f"{settings.mysql.host}:{settings.mysql.port}"
    return Room(
        "mysql",
        _open(settings),
        (version, schema, privileges, writable, durable, time_of_day, connections, packet),
        where=Words(f"MySQL answers at {where}", f"MySQL 在 {where} 应答"),
        lost=f"MySQL {where} 不可用",
        mend="请启动 MySQL，或改正 [mysql] 的 host、port、user、password 与 database。",
    )


@contextmanager
def opened(mysql: Mysql) -> Iterator[Pool]:
    """A pool whose server answers. Raises StoreError."""
    pool = Pool(mysql, 1, DEADLINE)
    try:
        pool.rows("SELECT 1")
        yield pool
    finally:
        pool.close()


@contextmanager
def _open(settings: Settings) -> Iterator[Asked]:
    with opened(settings.mysql) as pool:
        yield Asked(pool, settings)


def version(mysql: Asked) -> Answer:
    """Old servers lack what the statements use."""
    text = str(mysql.one("SELECT VERSION()"))
    numbers = tuple(int(part) for part in re.findall(r"[0-9]+", text)[:2])
    if numbers >= (OLDEST_MARIADB if "mariadb" in text.lower() else OLDEST_MYSQL):
        return ok(f"version {text}", f"版本 {text}")
    mend = Words("Upgrade to MariaDB 10.5, MySQL 8.0 or newer.", "请升级到 MariaDB 10.5、MySQL 8.0 或更新版本。")
    return fail(f"version {text}", f"版本 {text}", mend)


def schema(mysql: Asked) -> Answer:
    """The tables are those this callctl was written for."""
    try:
        require_current(mysql.pool)
    except ConfigError as error:
        return failed(error, "请执行 callctl migrate；若数据库更新，请安装更新的 callctl。", "数据库结构版本不符")
    return ok(f"the schema is version {EXPECTED}", f"数据库结构为版本 {EXPECTED}")


def privileges(mysql: Asked) -> Answer:
    """Enough for calls, `apply`, `migrate` and the days' partitions, and no power over the server."""
    lines = [str(row[0]) for row in mysql.pool.rows("SHOW GRANTS")]
    here, everywhere = _granted(lines, mysql.settings.mysql.database)
    user, database = mysql.settings.mysql.user, mysql.settings.mysql.database
    missing = [name for name in NEEDED if not {name, "ALL PRIVILEGES"} & (here | everywhere)]
    if missing:
        names = ", ".join(missing)
        grant = f"GRANT {names} ON {database}.* TO {user}"
        return fail(f"user {user} lacks {names}", f"用户 {user} 缺少权限 {names}", Words(f"{grant};", f"{grant};"))
    if too_much := sorted(DANGEROUS & everywhere):
        names = ", ".join(too_much)
        grant = f"GRANT {', '.join(NEEDED)} ON {database}.* TO {user}"
        return warn(
            f"user {user} has {names} on the whole server",
            f"用户 {user} 在整个服务器上拥有 {names}",
            Words(f"REVOKE it, then {grant};", f"请撤销，然后执行 {grant};"),
        )
    return ok(f"user {user} has what it needs", f"用户 {user} 的权限足够")


def writable(mysql: Asked) -> Answer:
    """Not a replica."""
    if not mysql.one("SELECT @@GLOBAL.read_only"):
        return ok("it takes writes", "可写")
    mend = Words(
        "Point [mysql] at the primary, or SET GLOBAL read_only = 0.",
        "请将 [mysql] 指向主库，或 SET GLOBAL read_only = 0。",
    )
    return fail("it is read-only: records wait in the spool", "数据库只读：话单将滞留在缓存中", mend)


def durable(mysql: Asked) -> Answer:
    """A record leaves the spool when MySQL said it is committed."""
    if mysql.one("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit") == 1:
        return ok("what is committed is on its disk", "提交即落盘")
    return warn(
        "innodb_flush_log_at_trx_commit is not 1: a power cut loses the last second's records",
        "innodb_flush_log_at_trx_commit 不为 1：断电会丢失最后一秒的话单",
        Words("SET GLOBAL innodb_flush_log_at_trx_commit = 1.", "请 SET GLOBAL innodb_flush_log_at_trx_commit = 1。"),
    )


def time_of_day(mysql: Asked) -> Answer:
    """Registrations end, and days begin, by MySQL's clock."""
    return clock_of(mysql.pool)


def clock_of(pool: Pool) -> Answer:
    """A server's clock beside ours."""
    before = time.time()
    now = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000"
    theirs = float(pool.rows(now)[0][0])
    after = time.time()
    mend = Words("Let both hosts keep time by NTP.", "请让两台主机都使用 NTP 校时。")
    return clock(theirs - (before + after) / 2, (after - before) / 2, mend)


def connections(mysql: Asked) -> Answer:
    """Room for all that callctl opens on this host, beside what others use."""
    count = workers(mysql.settings)
    need = needed(mysql.settings, count)
    apart = mysql.settings.location.mysql is not None
    return room_for(mysql.pool, count, need.own + (0 if apart else need.location) + OTHER_CONNECTIONS)


def room_for(pool: Pool, count: int, need: int) -> Answer:
    """Whether a server takes `need` connections of this user, `count` workers among them."""
    user = "user = SUBSTRING_INDEX(USER(), '@', 1)"
    own = int(pool.rows(f"SELECT COUNT(*) FROM information_schema.processlist WHERE {user}")[0][0])  # noqa: S608
    most, ours = (
        int(value) for value in pool.rows("SELECT @@GLOBAL.max_connections, @@SESSION.max_user_connections")[0]
    )
    others = max(0, int(pool.rows("SHOW GLOBAL STATUS LIKE 'Threads_connected'")[0][1]) - own)
    if most - others >= need and (not ours or ours >= need):
        return ok(f"max_connections is {most}, and {need} are needed", f"max_connections 为 {most}，需要 {need}")
    limit = ("max_user_connections", ours) if ours and ours < need else ("max_connections", most)
    least = need if limit[0] == "max_user_connections" else others + need
    return warn(
        f"{limit[0]} is {limit[1]}, others use {others}, and callctl with {count} workers on this host needs {need}",
        f"{limit[0]} 为 {limit[1]}，其他已用 {others}，本机 callctl（{count} 个工作进程）需要 {need}",
        Words(
            f"Set {limit[0]} to {least} or more: so many for each host that runs callctl, and those of Kamailio.",
            f"请将 {limit[0]} 设为至少 {least}（按运行 callctl 的主机数累加，另加 Kamailio 的连接）。",
        ),
    )


def packet(mysql: Asked) -> Answer:
    """A statement full of records passes."""
    size = int(mysql.one("SELECT @@GLOBAL.max_allowed_packet"))
    if size >= PACKET:
        return ok(f"max_allowed_packet is {size >> 10} KiB", f"max_allowed_packet 为 {size >> 10} KiB")
    mend = Words("Set max_allowed_packet to 4M or more.", "请将 max_allowed_packet 设为 4M 或更大。")
    what = f"max_allowed_packet is {size >> 10} KiB: a record with a long trace may be refused"
    return warn(what, f"max_allowed_packet 仅 {size >> 10} KiB：较长的话单可能被拒绝", mend)


def _granted(lines: list[str], database: str) -> tuple[set[str], set[str]]:
    """Privileges on our database, and on the whole server."""
    here: set[str] = set()
    everywhere: set[str] = set()
    for line in lines:
        if match := _GRANT.match(line):
            scope = match[2].replace("`", "").replace("\\_", "_")
            names = {name.strip().upper() for name in match[1].split(",")}
            if scope == "*.*":
                everywhere |= names | ({"GRANT OPTION"} if "WITH GRANT OPTION" in line else set())
            elif re.fullmatch(re.escape(scope.removesuffix(".*")).replace("%", ".*"), database):
                here |= names
    return here, everywhere
