"""When the rows of `location` were written: in UTC, as phones register, and removed when they end."""

from __future__ import annotations

from callctl.doctor.finding import CLOCK_WRONG, Answer, Words, fail, ok, skip, warn
from callctl.doctor.location_rows import STALE, Table

ZONE = 1800  # seconds in the future that only another time zone explains
QUIET = 20.0  # times the mean pause between two writes: a chance of e^-20 for an edge that writes through
QUIET_LEAST = 10.0  # seconds


def time_zone(table: Table) -> Answer:
    """Kamailio writes its local time; calls read it as UTC."""
    if table.kind == "opensips":
        return skip("OpenSIPS writes when registrations end as UTC", "OpenSIPS 以 UTC 写入到期时间")
    off = _ahead(table, ZONE)
    if not off:
        return (
            _clocks(table)
            or _behind(table)
            or ok("no edge writes another zone's time", "没有边缘代理写入其他时区的时间")
        )
    en = ", ".join(f"{name} by {round(seconds / ZONE) / 2:g} h" for name, seconds in off.items())
    zh = "，".join(f"{name} 快 {round(seconds / ZONE) / 2:g} 小时" for name, seconds in off.items())
    return fail(
        f"edges write a local time ahead of UTC: {en}; gone phones count as registered for so long",
        f"边缘代理写入的本地时间快于 UTC：{zh}；已离线的话机仍被视为在线",
        Words("Start Kamailio with TZ=UTC.", "请以 TZ=UTC 启动 Kamailio。"),
    )


def _ahead(table: Table, least: float) -> dict[str, float]:
    """The edges whose newest row is more than `least` seconds in the future, and by how many."""
    return {name: -own["age"] for name, own in table.by_edge().items() if own.get("age", 0) < -least}


def _clocks(table: Table) -> Answer | None:
    """An edge whose clock is ahead, by less than a time zone."""
    off = _ahead(table, CLOCK_WRONG)
    if not off:
        return None
    en = ", ".join(f"{name} by {seconds} s" for name, seconds in off.items())
    zh = "，".join(f"{name} 快 {seconds} 秒" for name, seconds in off.items())
    return warn(
        f"edges whose clocks are ahead of MySQL's: {en}",
        f"边缘代理的时钟快于 MySQL：{zh}",
        Words("Let edges and MySQL keep time by NTP.", "请让边缘代理与 MySQL 都使用 NTP 校时。"),
    )


def _behind(table: Table) -> Answer | None:
    """An edge west of UTC: it writes, but all that it writes has ended for us, by whole half hours."""
    for name, own in table.by_edge().items():
        age = own.get("age", 0)
        if own["stale"] and not own["live"] and age >= 2 * ZONE and age % ZONE < STALE / 2:
            hours = age // ZONE / 2
            return warn(
                f"nobody lives at {name}, and its newest row is {hours:g} h old almost to the minute",
                f"{name} 上没有有效注册，且其最新的行恰好约 {hours:g} 小时前写入",
                Words(
                    "Start Kamailio with TZ=UTC: it seems to write a local time behind UTC. Or the edge is down.",
                    "请以 TZ=UTC 启动 Kamailio：它似乎写入了慢于 UTC 的本地时间；否则该边缘代理已停止。",
                ),
            )
    return None


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
