"""Kamailio's (or OpenSIPS's) `location` table: there, read as calls read it, written through, and by edges we know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from MySQLdb.constants import ER

from callctl.doctor.finding import Answer, Room, Words, fail, failed, ok, skip, warn
from callctl.doctor.mysql import opened
from callctl.errors import StoreError
from callctl.routing.location import Contact, group, parse_socket
from callctl.settings import Edge, Settings
from callctl.store.failure import code
from callctl.store.location import LocationStore
from callctl.store.pool import Pool

VERSIONS = {"kamailio": {8, 9}, "opensips": {1013}}
STALE = 300  # seconds after its end in which an edge that lives has removed a row
ZONE = 1800  # seconds in the future that only another time zone explains
QUIET = 20.0  # times the mean pause between two writes: a chance of e^-20 for an edge that writes through
QUIET_LEAST = 10.0  # seconds
_MOST = 5000  # kinds of rows that are looked at

# Seconds since a registration ended, negative while it lives, NULL of a permanent one; as store/location.py tells them.
_ENDED = {
    "kamailio": "IF(expires < '1970-01-03', NULL, TIMESTAMPDIFF(SECOND, expires, UTC_TIMESTAMP()))",
    "opensips": "IF(expires = 0, NULL, CAST(UNIX_TIMESTAMP() AS SIGNED) - CAST(expires AS SIGNED))",
}
_ROWS = """
SELECT server_id, socket, path, COUNT(*) AS total, CAST(SUM(ended IS NULL OR ended < 0) AS SIGNED) AS live,
    CAST(SUM(ended < 0) AS SIGNED) AS refreshed, CAST(SUM(ended > {stale}) AS SIGNED) AS stale,
    CAST(SUM(IF(ended < 0, age - ended, 0)) AS SIGNED) AS lifetimes, MIN(IF(ended IS NULL, NULL, age)) AS age
FROM (
    SELECT {server} AS server_id, socket, {path} AS path, {ended} AS ended,
        TIMESTAMPDIFF(SECOND, last_modified, UTC_TIMESTAMP()) AS age
    FROM {table}
) AS facts GROUP BY server_id, socket, path LIMIT {most}
"""


class Table:
    """The table behind `pool`, and what its rows say in sum."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.kind = settings.location.kind
        self.edges: tuple[Edge, ...] = settings.edges

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Sums by edge and listener; `edge` names the edge, `unknown` says why there is none."""
        ids = ", ".join(str(edge.server_id) for edge in self.edges) or "NULL"
        kamailio = self.kind == "kamailio"
        sql = _ROWS.format(
            stale=STALE,
            server="server_id" if kamailio else "0",
            # A Path may be each phone's own; it is needed only where server_id does not tell the edge.
            path=f"IF(server_id IN ({ids}), NULL, path)" if kamailio else "path",
            ended=_ENDED[self.kind],
            table=".".join(f"`{part}`" for part in self.settings.location.table.split(".")),
            most=_MOST,
        )
        return [row | self._owner(row) for row in self.pool.records(sql)]

    def _owner(self, row: dict[str, Any]) -> dict[str, str]:
        epoch = datetime.fromtimestamp(0, UTC)
        contact = Contact("", "", None, row["path"], row["socket"], row["server_id"], 0.0, epoch, 0, None, 0)
        enabled = [edge.model_copy(update={"enabled": True}) for edge in self.edges]
        located = group([contact], enabled)
        if located.unusable:
            return {"edge": f"server_id {row['server_id']}", "unknown": located.unusable[0]}
        return {"edge": located.targets[0].edge if len(located.targets) == 1 else "any edge", "unknown": ""}

    def by_edge(self) -> dict[str, dict[str, int]]:
        """The sums of each edge; `age` is that of its newest row, in seconds."""
        sums: dict[str, dict[str, int]] = defaultdict(dict)
        for row in self.rows:
            own = sums[row["edge"]]
            for key in ("live", "refreshed", "stale", "lifetimes"):
                own[key] = own.get(key, 0) + int(row[key] or 0)
            if row["age"] is not None:
                own["age"] = min(own.get("age", row["age"]), int(row["age"]))
        return dict(sums)


def room(settings: Settings) -> Room[Table]:
    """The table's checks."""
    where = f"{settings.location_mysql.host}:{settings.location_mysql.port}"
    return Room(
        "location",
        _open(settings),
        (version, rows, edges, server_ids, time_zone, written_through, removed),
        gates=(columns,),
        where=Words(f"its MySQL answers at {where}", f"其 MySQL 在 {where} 应答"),
        mend="请启动该 MySQL，或改正 [location.mysql]（没有时为 [mysql]）。",
    )


@contextmanager
def _open(settings: Settings) -> Iterator[Table]:
    with opened(settings.location_mysql) as pool:
        yield Table(pool, settings)


def columns(table: Table) -> Answer:
    """The very query that calls make works."""
    location, mysql = table.settings.location, table.settings.location_mysql
    name = location.table if "." in location.table else f"{mysql.database}.{location.table}"
    try:
        LocationStore(table.pool, location).contacts("nobody", "callctl.invalid")
    except StoreError as error:
        mend = _mend(code(error.__cause__), name, mysql.user)
        if mend is None:
            return failed(error, "请查看该 MySQL 的状态与日志。")
        cause = error.__cause__.args[-1] if error.__cause__ else error
        return fail(f"{name} cannot be read: {cause}", f"无法读取 {name}：{cause}", mend)
    return ok(f"{name} can be read, with every column that is needed", f"{name} 可读，所需的列齐全")


def _mend(number: int, name: str, user: str) -> Words | None:
    if number in {ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR}:
        return Words(
            "Set [location] table to DATABASE.TABLE as Kamailio has it, or create it (`kamdbctl create`).",
            "请将 [location] table 设为 Kamailio 使用的 数据库.表，或创建它（kamdbctl create）。",
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


def rows(table: Table) -> Answer:
    """Somebody is registered."""
    live = sum(row["live"] or 0 for row in table.rows)
    if live:
        return ok(f"{live} live registrations", f"{live} 个有效注册")
    return warn(
        "no phone is registered",
        "没有任何有效注册",
        Words(
            "Set usrloc db_mode to 1 (0 writes nothing) and see that db_url leads to this table.",
            "请将 usrloc 的 db_mode 设为 1（0 不写库），并确认 db_url 指向此表。",
        ),
    )


def edges(table: Table) -> Answer:
    """Each live row leads to an edge of the settings."""
    unknown = {row["unknown"]: 0 for row in table.rows if row["unknown"] and row["live"]}
    for row in table.rows:
        if row["unknown"] in unknown:
            unknown[row["unknown"]] += row["live"]
    if not unknown:
        return ok("every live registration is at an edge of the settings", "所有有效注册都属于已配置的边缘代理")
    shown = "; ".join(f"{why} ({count})" for why, count in sorted(unknown.items(), key=lambda item: -item[1])[:5])
    return fail(
        f"phones that cannot be called: {shown}",
        f"无法呼叫的注册：{shown}",
        Words(
            "Add the server_id, or the listener to `sockets`, to its [[edges]].",
            "请在对应的 [[edges]] 中填写该 server_id，或将监听地址加入 sockets。",
        ),
    )


def server_ids(table: Table) -> Answer:
    """Two edges with one server_id would both be taken for the same."""
    hosts: dict[int, set[str]] = defaultdict(set)
    for row in table.rows:
        listener = parse_socket(row["socket"] or "")
        if row["server_id"] and row["live"] and listener:
            hosts[row["server_id"]].add(listener.host)
    for server_id, seen in hosts.items():
        edge = next((edge for edge in table.edges if edge.server_id == server_id), None)
        names = {one.host for one in map(parse_socket, (edge.address, *edge.sockets)) if one} if edge else set()
        if len(seen) > 1 and seen - names:
            what = ", ".join(sorted(seen))
            return warn(
                f"server_id {server_id} is written by listeners of several hosts: {what}",
                f"server_id {server_id} 由多个主机的监听地址写入：{what}",
                Words(
                    "Give each edge a server_id of its own; if all are of one edge, list them in its `sockets`.",
                    "请为每个边缘代理设置不同的 server_id；若属于同一个，请全部列入其 sockets。",
                ),
            )
    return ok("no two edges are seen under one server_id", "未见两个边缘代理共用 server_id")


def time_zone(table: Table) -> Answer:
    """Kamailio writes its local time; calls read it as UTC."""
    if table.kind == "opensips":
        return skip("OpenSIPS writes when registrations end as UTC", "OpenSIPS 以 UTC 写入到期时间")
    off = {name: -own["age"] for name, own in table.by_edge().items() if own.get("age", 0) < -ZONE}
    if not off:
        return ok("no edge writes times of the future", "没有边缘代理写入未来时间")
    en = ", ".join(f"{name} by {round(seconds / ZONE) / 2:g} h" for name, seconds in off.items())
    zh = "，".join(f"{name} 快 {round(seconds / ZONE) / 2:g} 小时" for name, seconds in off.items())
    return fail(
        f"edges write a local time ahead of UTC: {en}; gone phones count as registered for so long",
        f"边缘代理写入的本地时间快于 UTC：{zh}；已离线的话机仍被视为在线",
        Words("Start Kamailio with TZ=UTC.", "请以 TZ=UTC 启动 Kamailio。"),
    )


def written_through(table: Table) -> Answer:
    """With so many phones, a quiet edge keeps its rows in memory for a while, or is down."""
    quiet = {}
    for name, own in table.by_edge().items():
        if own["refreshed"] and "age" in own:
            pause = own["lifetimes"] / own["refreshed"] / own["refreshed"]
            if own["age"] > max(QUIET_LEAST, QUIET * pause):
                quiet[name] = own["age"]
    if not quiet:
        return ok("rows are as fresh as so many phones make them", "注册行足够新")
    en = ", ".join(f"{name} for {age} s" for name, age in quiet.items())
    zh = "，".join(f"{name} 已 {age} 秒" for name, age in quiet.items())
    return warn(
        f"edges that have written nothing: {en}",
        f"长时间未写入的边缘代理：{zh}",
        Words(
            "Set usrloc db_mode to 1: 2 writes only every timer_interval. If it is 1 the edge is down.",
            "请将 usrloc 的 db_mode 设为 1（2 只按 timer_interval 定时写入）；若已是 1，则该边缘代理已停止。",
        ),
    )


def removed(table: Table) -> Answer:
    """An edge removes its rows when they end."""
    left = {name: own["stale"] for name, own in table.by_edge().items() if own["stale"]}
    if not left:
        return ok("ended registrations are removed", "过期注册已被清除")
    en = ", ".join(f"{count} of {name}" for name, count in left.items())
    zh = "，".join(f"{name} {count} 条" for name, count in left.items())
    return warn(
        f"rows ended more than {STALE} s ago: {en}",
        f"过期超过 {STALE} 秒的行：{zh}",
        Words(
            "See that the edge runs, with db_mode 1 and TZ=UTC (a zone west of UTC ends rows early); "
            "delete the rows of one that is gone for good.",
            "请确认该边缘代理在运行，db_mode 为 1 且 TZ=UTC（UTC 以西的时区会使注册提前到期）；永久下线的请删除其行。",
        ),
    )
