"""Redis: live state, room owners and limits must survive its restart and never be evicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis import ResponseError

from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.errors import RedisAway
from callctl.live.client import Client, asking, connect
from callctl.settings import Redis

OLDEST = (6, 0)
_WRITE = "return redis.call('SET', KEYS[1], '1', 'EX', 1)"


class Asked(NamedTuple):
    """A Redis that answers, and all it says of itself."""

    client: Client
    settings: Redis
    info: dict[str, Any]


def room(settings: Redis) -> Room[Asked]:
    """Redis's checks."""
    return Room(
        "redis",
        _open(settings),
        (version, persistence, eviction, writable),
        where=Words(
            f"Redis answers at {settings.host}:{settings.port}", f"Redis 在 {settings.host}:{settings.port} 应答"
        ),
        mend="请启动 Redis，或改正 [redis] 的 host、port、username 与 password。",
    )


@contextmanager
def _open(settings: Redis) -> Iterator[Asked]:
    client = connect(settings)
    try:
        with asking(settings):
            info: dict[str, Any] = client.info()
        yield Asked(client, settings, info)
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
