"""A caller whom the node of his room did not take."""

import gevent
import pytest

from callctl.call import again
from callctl.call.again import decide_again
from callctl.call.decide import decide
from callctl.plan import Conference
from tests.unit.company import DIRECTORY, World, request, settings


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(again, "ASK", 0.01)
    monkeypatch.setattr(again, "LEASE", -0.7)


def asked_again(world, up=(), called="conf_sales"):
    asked = request(called=called)
    decision = decide(asked, DIRECTORY, world, settings())
    return decision, lambda: decide_again(asked, decision, DIRECTORY, world, settings(), lambda node: node in up)


def test_who_waits_out_a_dead_node_enters_where_he_is():
    world = World(owner="fs2")
    decision, ask = asked_again(world)
    waiting = gevent.spawn(ask)
    gevent.sleep(0.05)
    assert not waiting.ready()
    world.owner = "fs1"
    other = waiting.get(timeout=1)
    assert other.plan == Conference("sales", "fs1", "wide", pin="1234", max_members=50)
    assert [step.message.key for step in other.steps[-2:]] == ["room.elsewhere", "room.here"]
    assert (other.account, other.codecs, other.levels) == (decision.account, decision.codecs, decision.levels)


def test_a_room_that_has_moved_is_found_at_once():
    world = World(owner="fs2")
    _, ask = asked_again(world, up=("fs2",))
    world.owner = "fs1"
    assert ask().plan.owner == "fs1"


def test_nobody_waits_for_a_node_that_lives_and_nobody_for_ever():
    _, ask = asked_again(World(owner="fs2"), up=("fs2",))
    with gevent.Timeout(0.1):
        assert ask() is None
    _, ask = asked_again(World(owner="fs2"))
    assert ask() is None


@pytest.mark.parametrize("called", ["102", "conf_sales", "*43", "777"])
def test_other_calls_have_nowhere_else_to_go(called):
    _, ask = asked_again(World(), called=called)
    with gevent.Timeout(0.1):
        assert ask() is None
