"""Two hosts at the same nodes: what both hear is written and shown once, and either may stop."""

import signal
from collections import Counter

import pytest

from callctl.sim.node import controlled_by
from callctl.sim.scenario import MIX
from tests.integration.platform import ECHOES, MEETS, RINGS, TALKS, alive, wait


@pytest.fixture(scope="module")
def second(whole):
    """Another host's controller, with a spool of its own and two workers."""
    host = whole.serve(workers=2).start()
    yield host
    host.stop()


@pytest.fixture
def both(platform, second):
    """Both serve, and the node knows them in this order."""
    node = platform.nodes["sim1"]
    before, node.dialplan = node.dialplan, controlled_by([platform.host.listen, second.listen])
    yield platform.host, second
    node.dialplan = before


def test_what_two_hosts_hear_is_written_and_shown_once(platform, both):
    first, second = both
    names = MIX.keys() - {"no_answer"}  # which lasts
    results = [platform.dial(name) for name in names]
    wait(lambda: all(result.accepted is not None for result in results), "the first host has its calls")
    platform.nodes["sim1"].dialplan = controlled_by([second.listen, first.listen])
    results += [platform.dial(name) for name in names]
    platform.finish(*results)
    assert {result.controller for result in results} == {first.listen, second.listen}
    for result in results:
        platform.story(result)
    for host in both:
        wait(lambda host=host: host.metric("callctl_spool_records") == 0, "all is written")
        assert host.metric("callctl_spool_rejected") == 0
    stories = [platform.story(result) for result in results]
    stream = [entry for _, entry in platform.redis().xrange(f"{platform.prefix}events")]
    for result, story in zip(results, stories, strict=True):
        assert story.cdr["sip_status"] == result.status
        assert len(story.legs) == len(result.legs)
        once = Counter(story.names)
        assert once.pop("leg_ended", 0) == len(result.legs)
        assert set(once.values()) == {1}
        assert Counter(entry["event"] for entry in stream if entry["call"] == result.uuid) == Counter(story.names)


def test_a_host_told_to_stop_lets_calls_in_set_up_finish_and_takes_no_more(platform, both):
    first, second = both
    rings, talks = platform.ringing(platform.dial(RINGS)), platform.talking(platform.dial(TALKS))
    meets, echoes = platform.talking(platform.dial(MEETS)), platform.talking(platform.dial(ECHOES))
    assert {result.controller for result in (rings, talks, meets, echoes)} == {first.listen}
    worker = first.part("worker")
    told = len(first.logged("worker ending"))
    first.tell(signal.SIGTERM)
    wait(lambda: len(first.logged("worker ending")) > told, "it is told")

    after = platform.place("answered")
    assert (after.controller, after.status) == (second.listen, 200)
    assert alive(worker), "it waits for the call that rings"
    platform.hang_up(rings)
    assert first.process.wait(timeout=60) == 0, "it does not wait for those that talk"

    platform.hang_up(talks, meets, echoes)
    stories = [platform.story(result) for result in (rings, talks, meets, echoes, after)]
    ends = [(story.cdr["sip_status"], story.cdr["reason"], story.cdr["hangup_by"]) for story in stories]
    assert ends == [(487, "caller_gave_up", "caller")] + [(200, None, "caller")] * 4
    assert all(max(Counter(story.names).values()) == 1 for story in stories)


def test_every_worker_of_a_host_stops_at_once(platform, both):
    first, second = both
    platform.nodes["sim1"].dialplan = controlled_by([second.listen, first.listen])
    rings = [platform.ringing(platform.dial(RINGS)) for _ in range(6)]
    second.tell(signal.SIGTERM)
    wait(lambda: len(second.logged("worker ending")) == 2, "both are told, though both have calls to wait for")
    after = [platform.place("echo") for _ in range(4)]
    assert {result.controller for result in after} == {first.listen}
    platform.hang_up(*rings)
    assert second.process.wait(timeout=60) == 0
    assert {platform.story(result).cdr["reason"] for result in rings} == {"caller_gave_up"}
