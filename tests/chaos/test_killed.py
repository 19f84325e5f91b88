"""Processes, feeds and nodes die in the middle of calls: every call has exactly one final record all the same."""

import os
import signal

from tests.integration.platform import MEETS, RINGS, TALKS, alive, wait

HEARD = [(200, None, "caller"), (487, "caller_gave_up", "caller"), (200, None, "caller")]


def kill(host, part):
    """Kill one of the host's processes where it stands; returns its number."""
    pid = host.part(part)
    os.kill(pid, signal.SIGKILL)
    wait(lambda: not alive(pid), f"{part} is dead")
    return pid


def begun_anew(host, part, former):
    wait(lambda: host.part(part) != former, f"{part} is started anew")
    host.await_ready()


def place(platform):
    """One that talks, one that rings, one in a room: begun long enough ago for a comparison to count them."""
    calls = (
        platform.talking(platform.dial(TALKS, minutes_ago=1)),
        platform.ringing(platform.dial(RINGS, minutes_ago=1)),
        platform.talking(platform.dial(MEETS, minutes_ago=1)),
    )
    for result in calls:  # what was decided is on disk, as it is a moment after it was
        wait(lambda result=result: platform.rows("SELECT 1 FROM cdr WHERE call_uuid = %s", result.uuid), "written")
    return calls


def ends(platform, *results):
    """Status, reason and who hung up, of calls whose end was heard."""
    found = []
    for result in results:
        cdr = platform.story(result).cdr
        assert (cdr["node"], cdr["account"], cdr["endpoint"]) == ("sim1", "acme", "1001@example.net")
        assert cdr["duration_ms"] == result.billed_us // 1000
        found.append((cdr["sip_status"], cdr["reason"], cdr["hangup_by"]))
    return found


def unheard(platform, result):
    """The record of a call that was closed because its switch no longer had it."""
    cdr = platform.final(result.uuid)
    assert (cdr["reason"], cdr["hangup_by"]) == ("end_unheard", "switch")
    assert cdr["ended_at"] is not None
    assert cdr["duration_ms"] == (None if cdr["answered_at"] else 0)
    return cdr


def test_calls_outlive_their_worker(platform):
    some, others = place(platform), place(platform)
    former = kill(platform.host, "worker")
    platform.hang_up(*some)
    late = [platform.dial("echo") for _ in range(5)]  # the listening socket is there, nobody accepts
    begun_anew(platform.host, "worker", former)
    platform.finish(*late)
    platform.hang_up(*others)
    assert ends(platform, *some, *others) == HEARD * 2
    for result in late:
        cdr = platform.story(result).cdr
        assert (result.status, cdr["reason"]) in ((200, None), (503, "controller_lost"))
        assert cdr["sip_status"] == result.status


def test_a_call_whose_worker_dies_while_it_decides(platform):
    with platform.admin() as cursor:
        cursor.execute(f"LOCK TABLES {platform.table} WRITE")  # a decision takes its whole deadline
        result = platform.dial(TALKS)
        wait(lambda: result.first_command is not None, "a worker has the call")
        former = kill(platform.host, "worker")
        platform.finish(result)
    cdr = platform.story(result).cdr
    assert (result.status, cdr["sip_status"], cdr["reason"]) == (503, 503, "controller_lost")
    begun_anew(platform.host, "worker", former)


def test_a_worker_that_begins_while_mysql_is_away_refuses_rather_than_be_silent(platform):
    platform.stop_mysql()
    former = kill(platform.host, "worker")
    wait(lambda: platform.host.part("worker") != former, "the worker is started anew")
    wait(lambda: platform.host.readyz().get("workers") == 1, "it takes calls")
    refused = platform.place("echo")
    assert refused.status == 503
    platform.start_services()
    wait(lambda: platform.place("echo").status == 200, "the accounts are known")
    cdr = platform.story(refused).cdr
    assert (cdr["reason"], cdr["sip_status"]) == ("directory_away", 503)


def test_calls_outlive_their_recorder(platform):
    talks, rings, meets = place(platform)
    lasts = platform.talking(platform.dial(TALKS))
    mirror = f"{platform.prefix}live:sim1"
    former = kill(platform.host, "recorder")
    platform.hang_up(talks)  # its socket was let go when it was connected: only the feed would have told
    during = platform.talking(platform.dial(TALKS))
    begun_anew(platform.host, "recorder", former)
    up = {result.uuid for result in (rings, meets, lasts, during)}
    wait(lambda: set(platform.redis().hkeys(mirror)) == up, "all that are up are shown, and no other")
    assert unheard(platform, talks)["kind"] == "onnet"
    platform.hang_up(rings, meets, lasts, during)
    assert ends(platform, rings, meets, lasts, during) == [*HEARD[1:], HEARD[0], HEARD[0]]
    wait(lambda: not platform.redis().hkeys(mirror), "none is shown")


def test_everything_ends_with_its_supervisor_and_is_taken_up_again(platform):
    talks, rings, meets = place(platform)
    host = platform.host
    recorder, worker = host.part("recorder"), host.part("worker")
    host.stop(signal.SIGKILL)
    platform.hang_up(meets)
    wait(lambda: not alive(recorder), "the recorder ends")
    assert alive(worker), "the worker sees the call in set-up through"
    platform.hang_up(talks, rings)
    wait(lambda: not alive(worker), "the worker ends")
    assert platform.place("echo").status == 503, "nobody takes a call"

    host.spawn()
    host.await_ready()
    unheard(platform, talks)
    cdr = platform.final(rings.uuid)  # heard by the worker on the call's own socket
    assert (cdr["sip_status"], cdr["reason"], cdr["hangup_by"]) == HEARD[1]
    assert platform.final(meets.uuid)["state"] == "final"
    assert platform.place("answered").status == 200


def test_feeds_that_drop_are_connected_again(platform):
    calls = place(platform)
    for _ in range(3):
        count = len(platform.host.logged("feed up"))
        platform.nodes["sim1"].drop_feeds()
        wait(lambda count=count: len(platform.host.logged("feed up")) > count, "the node is heard again")
    wait(platform.host.whole, "the node is heard")
    platform.hang_up(*calls)
    assert ends(platform, *calls) == HEARD


def test_a_call_that_ended_between_two_feeds(platform):
    talks, rings, meets = place(platform)
    node = platform.nodes["sim1"]
    node.stall()
    node.drop_feeds()
    platform.hang_up(talks)
    node.resume()
    unheard(platform, talks)
    platform.hang_up(rings, meets)
    assert ends(platform, rings, meets) == HEARD[1:]


def test_a_node_that_dies_takes_its_calls_with_it(platform):
    calls = place(platform)
    platform.nodes["sim1"].kill()
    wait(lambda: platform.host.readyz()["feeds"] == {"sim1": False}, "the node is missed")
    platform.node("sim1", [platform.host.listen])
    for result in calls:
        unheard(platform, result)
    platform.host.await_ready()
    assert platform.place("answered").status == 200
    wait(lambda: not platform.redis().hkeys(f"{platform.prefix}live:sim1"), "none is shown")
