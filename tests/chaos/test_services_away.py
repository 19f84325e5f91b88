"""MySQL, the location table and Redis go away and come back while calls are made."""

import json

from tests.integration.platform import ECHOES, MEETS, TALKS, wait

UNKNOWN_WHERE = (503, 503, 41, "location_away")  # nobody could say where the callee is


def refusal(result, story):
    """What the caller was answered, and what the record says."""
    return result.status, story.cdr["sip_status"], story.cdr["q850"], story.cdr["reason"]


def test_every_call_is_written_once_though_mysql_was_stopped(platform):
    before = platform.talking(platform.dial(TALKS))
    platform.stop_mysql()
    refused = [platform.place("answered") for _ in range(3)]
    others = [platform.dial(name) for name in ("echo", "conference", "unknown_number")]
    platform.finish(*others)
    platform.hang_up(before)
    wait(lambda: platform.host.readyz()["mysql"] is False, "the operator is told")
    assert platform.host.readyz()["ready"]
    assert platform.host.metric("callctl_mysql_up") == 0
    assert platform.host.metric("callctl_spool_records") > 0

    platform.start_services()
    after = platform.place("answered")
    assert [result.status for result in (before, *others, after)] == [200, 200, 200, 404, 200]
    assert {refusal(result, platform.story(result)) for result in refused} == {UNKNOWN_WHERE}
    for result in (before, *others, after):
        story = platform.story(result)
        assert (story.cdr["sip_status"], story.cdr["duration_ms"]) == (result.status, result.billed_us // 1000)
        assert len(story.names) == len(set(story.names))
    wait(lambda: platform.host.metric("callctl_mysql_up") == 1, "the operator is told")
    assert platform.host.metric("callctl_spool_rejected") == 0


def test_a_location_table_that_is_gone_is_not_an_unregistered_phone(platform):
    with platform.admin() as cursor:
        cursor.execute(f"RENAME TABLE {platform.table} TO {platform.table}_gone")
    refused = platform.place("answered")
    with platform.admin() as cursor:
        cursor.execute(f"RENAME TABLE {platform.table}_gone TO {platform.table}")
    assert platform.place("answered").status == 200
    story = platform.story(refused)
    assert refusal(refused, story) == UNKNOWN_WHERE
    step = story.cdr["trace"]["steps"][-1]
    assert (step["check"], step["verdict"]) == ("locate", "fail")
    assert platform.table in step["values"]["error"]


def test_a_silent_mysql_holds_up_nobody_else(platform):
    with platform.stalled("mysql"):
        asking = [platform.dial(TALKS) for _ in range(20)]  # more than there are connections
        wait(lambda: all(result.first_command is not None for result in asking), "all are asked for")
        others = [platform.dial(name) for name in ("echo", "conference", "unknown_number") * 2]
        platform.finish(*others)
        assert not any(result.finished.is_set() for result in asking), "the others did not wait for these"
        platform.finish(*asking)
    assert sorted(result.status for result in others) == [200, 200, 200, 200, 404, 404]
    assert {refusal(result, platform.story(result)) for result in asking} == {UNKNOWN_WHERE}
    assert {platform.final(result.uuid)["sip_status"] for result in others} == {200, 404}
    assert platform.place("answered").status == 200


def test_calls_go_on_without_redis(platform):
    mirror = f"{platform.prefix}live:sim1"
    before = platform.talking(platform.dial(TALKS))
    wait(lambda: before.uuid in platform.redis().hkeys(mirror), "the call is shown")
    platform.stop_redis()
    during = [platform.talking(platform.dial(scenario)) for scenario in (TALKS, MEETS, ECHOES)]
    platform.hang_up(before)
    wait(lambda: platform.host.readyz()["redis"] is False, "the operator is told")
    assert platform.host.readyz()["ready"]
    wait(lambda: platform.host.metric("callctl_redis_up") == 0, "the operator is told")
    assert platform.host.logged("Redis is away; calls go on, live events wait")

    platform.start_services()
    wait(lambda: set(platform.redis().hkeys(mirror)) == {result.uuid for result in during}, "all that are up are shown")
    states = {json.loads(call)["state"] for call in platform.redis().hvals(mirror)}
    assert states == {"answered"}
    wait(lambda: platform.host.metric("callctl_redis_up") == 1, "the operator is told")
    stream = [entry for _, entry in platform.redis().xrange(f"{platform.prefix}events")]
    assert (before.uuid, "ended") in {(entry["call"], entry["event"]) for entry in stream}
    platform.hang_up(*during)
    for result in (before, *during):
        assert platform.story(result).cdr["sip_status"] == 200


def test_a_mirror_that_redis_lost_is_written_anew(platform):
    mirror = f"{platform.prefix}live:sim1"
    up = platform.talking(platform.dial(TALKS))
    wait(lambda: up.uuid in platform.redis().hkeys(mirror), "the call is shown")
    platform.stop_redis()
    other = platform.talking(platform.dial(TALKS))
    wait(lambda: platform.host.readyz()["redis"] is False, "Redis is missed")
    for file in (platform.services.folder / "redis" / "appendonlydir").iterdir():
        file.unlink()
    platform.start_services()
    wait(lambda: set(platform.redis().hkeys(mirror)) == {up.uuid, other.uuid}, "both are shown again")
    platform.hang_up(up, other)


def test_a_silent_redis_holds_up_nobody(platform):
    with platform.stalled("redis"):
        results = [platform.dial(name) for name in ("conference", "answered", "echo") * 5]
        platform.finish(*results)
        wait(lambda: platform.host.readyz()["redis"] is False, "the operator is told")
    assert {result.status for result in results} == {200}
    assert {platform.story(result).cdr["reason"] for result in results} == {None}
    wait(lambda: platform.host.readyz()["redis"], "the operator is told")
