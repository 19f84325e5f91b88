"""Redis: live state, room owners and limits must survive its restart and never be evicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis import ResponseError

from callctl.admission.money import ready_key
from callctl.admission.scripts import READY
from callctl.call.keeper import lease_name
from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.doctor.host import server
from callctl.errors import RedisAway
from callctl.live.client import Client, asking, connect
from callctl.serve.parts import holder
from callctl.settings import Redis, Settings

OLDEST = (6, 0)
_WRITE = "return redis.call('SET', KEYS[1], '1', 'EX', 1)"


class Asked(NamedTuple):
    """A Redis that answers, and all it says of itself."""

    client: Client
    whole: Settings
    info: dict[str, Any]

    @property
    def settings(self) -> Redis:
        """How it is reached."""
        return self.whole.redis


def room(whole: Settings) -> Room[Asked]:
    """Redis's checks."""
    settings = whole.redis
    return Room(
        "redis",
        _open(whole),
        (version, persistence, eviction, writable, clients, run, money, controllers),
        where=Words(
            f"Redis answers at {settings.host}:{settings.port}", f"Redis 在 {settings.host}:{settings.port} 应答"
        ),
        lost=f"Redis {settings.host}:{settings.port} 不可用",
        mend="请启动 Redis，或改正 [redis] 的 host、port、username 与 password。",
    )


@contextmanager
def _open(whole: Settings) -> Iterator[Asked]:
    client = connect(whole.redis)
    try:
        with asking(whole.redis):
            info: dict[str, Any] = client.info()
        yield Asked(client, whole, info)
    finally:
        client.close()


def version(redis: Asked) -> Answer:
    """New enough for what the scripts and streams use."""
    text = str(redis.info["redis_version"])
    if tuple(int(part) for part in text.split(".")[:2]) >= OLDEST:
        return ok(f"version {text}", f"版本 {text}")
    return fail(
        f"version {text}", f"版本 {text}", Words("Upgrade to Redis 6.0 or newer.", "请升级到 Redis 6.0 或更新版本。")
    )


def persistence(redis: Asked) -> Answer:
    """What it holds is on its disk."""
    if redis.info.get("aof_enabled"):
        if redis.info.get("aof_last_write_status", "ok") == "ok":
            return ok("appendonly is on", "appendonly 已开启")
        return fail(
            "its append-only file cannot be written",
            "AOF 文件无法写入",
            Words("Make room on Redis's disk and see its log.", "请为 Redis 的磁盘腾出空间并查看其日志。"),
        )
    return fail(
        "appendonly is off: a restart of Redis forgets the calls in progress and the owners of rooms",
        "appendonly 未开启：Redis 重启会丢失进行中的呼叫与会议室归属",
        Words("Set `appendonly yes` in redis.conf.", "请在 redis.conf 中设置 appendonly yes。"),
    )


def eviction(redis: Asked) -> Answer:
    """Memory that runs out is an error, not a quiet loss."""
    policy, most = redis.info.get("maxmemory_policy"), int(redis.info.get("maxmemory", 0))
    mend = Words(
        "Set `maxmemory-policy noeviction` in redis.conf.", "请在 redis.conf 中设置 maxmemory-policy noeviction。"
    )
    if policy == "noeviction":
        used = int(redis.info.get("used_memory", 0))
        if most and used > 0.8 * most:
            return warn(
                f"{used / most:.0%} of maxmemory is used",
                f"maxmemory 已使用 {used / most:.0%}",
                Words("Raise maxmemory, or lower [redis] events_max.", "请增大 maxmemory，或减小 [redis] events_max。"),
            )
        return ok("maxmemory-policy is noeviction", "maxmemory-policy 为 noeviction")
    if most:
        return fail(f"maxmemory-policy {policy} drops keys in use", f"maxmemory-policy {policy} 会丢弃使用中的键", mend)
    return warn(f"maxmemory-policy is {policy}", f"maxmemory-policy 为 {policy}", mend)


def writable(redis: Asked) -> Answer:
    """This user may run a script that writes under our prefix."""
    prefix = redis.settings.prefix
    try:
        with asking(redis.settings):
            redis.client.eval(_WRITE, 1, f"{prefix}doctor")
    except RedisAway as error:
        if not isinstance(error.__cause__, ResponseError):
            raise
        mend = Words(
            f"Let this user write {prefix}* and run scripts (ACL), give Redis the memory or disk it lacks, "
            "and point [redis] at the primary, not at a replica.",
            f"请允许该用户写入 {prefix}* 并执行脚本（ACL），为 Redis 补足内存或磁盘，并将 [redis] 指向主节点而非副本。",
        )
        return fail(f"keys cannot be written: {error.__cause__}", f"无法写入键：{error.__cause__}", mend)
    return ok(f"keys {prefix}* can be written", f"可写入键 {prefix}*")


def clients(redis: Asked) -> Answer:
    """Room for the connections of every process of every controller."""
    most, now = int(redis.info.get("maxclients", 10_000)), int(redis.info.get("connected_clients", 0))
    if now <= 0.8 * most:
        return ok(f"{now} of {most} clients", f"客户端连接 {now}/{most}")
    return warn(
        f"nearly full: {now} of {most} clients",
        f"客户端连接接近上限：{now}/{most}",
        Words("Raise maxclients in redis.conf.", "请增大 redis.conf 的 maxclients。"),
    )


def run(redis: Asked) -> Answer:
    """A Redis that was restarted is told from one that was not: it may have lost the last it was told."""
    if redis.info.get("run_id"):
        return ok("a restart of Redis is noticed", "可察觉 Redis 重启")
    return fail(
        "it does not say its run_id: that it was restarted, and forgot what calls hold, is not noticed",
        "未提供 run_id：无法察觉其重启及对呼叫占用金额的遗忘",
        Words("Let INFO through unchanged, or connect to Redis itself.", "请让 INFO 原样通过，或直接连接 Redis。"),
    )


def money(redis: Asked) -> Answer:
    """Redis was told, since it runs, of all that calls hold and owe; until then no call that costs is made."""
    if not redis.whole.money.rated:
        return ok("no kind of call costs money", "没有计费的呼叫类型")
    with asking(redis.settings):
        told: Any = redis.client.eval(READY, 1, ready_key(redis.settings))
    if told[1]:
        return ok("it was told what calls hold and owe", "已获知呼叫占用与应付的金额")
    if server(redis.whole) is None:
        return ok("callctl serve tells it of money when it starts", "callctl serve 启动时会告知其金额信息")
    return fail(
        "it was not told what calls hold and owe since it runs: calls that cost are refused",
        "自启动以来未获知呼叫占用与应付的金额：计费呼叫会被拒绝",
        Words(
            "See in the log of callctl serve why its recorder cannot tell it; MySQL must answer.",
            "请在 callctl serve 的日志中查看 recorder 无法告知的原因；MySQL 须可用。",
        ),
    )


def controllers(redis: Asked) -> Answer:
    """No other host has this one's name: both would keep the same calls."""
    names = [node.name for node in redis.whole.nodes]
    keys = [redis.settings.prefix + lease_name(node) for node in names]
    with asking(redis.settings):
        holders: Any = redis.client.mget(keys) if keys else []
    own = holder(redis.whole)
    kept = [name for name, by in zip(names, holders, strict=True) if by == own]
    if not kept or server(redis.whole) is not None:
        return ok("no other controller is seen under this host's name", "未见其他控制器使用本机名")
    what, host = ", ".join(kept), own.partition(" ")[0]
    return fail(
        f"another controller that calls itself {host} keeps the calls of {what}",
        f"另一台同名（{host}）的控制器正在管理 {what} 的呼叫",
        Words(
            "`hostnamectl set-hostname NAME`, another on each controller.",
            "请执行 hostnamectl set-hostname 名称，每台控制器不同。",
        ),
    )
