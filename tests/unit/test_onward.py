"""After a bridge to carriers has failed: the next carrier, its places, and what a call's story says of it."""

from dataclasses import replace

import pytest

from callctl.call import onward
from callctl.call.decide import decide
from callctl.call.onward import Onward
from callctl.call.outbound import leg_uuid
from callctl.errors import RedisAway
from callctl.outside import Gateway
from callctl.plan import Outbound
from callctl.reason import Reason
from tests.unit.company import World, request, settings
from tests.unit.test_decide_outside import CALLER, CHEAP, NUMBER, TARIFFS, carriers, directory, entry
from tests.wire.recordings import changed, event

ONE, TWO, THREE = (
    replace(CHEAP, name=name, calls=5, cps=None, gateways=(Gateway(f"198.51.100.{number}:5060"),))
    for number, name in enumerate(("one", "two", "three"), 1)
)
FREE = replace(THREE, name="free", calls=None)
ASKED = request(asserted=CALLER.name, called=NUMBER)


class Way:
    """A call that carriers are to take, and what becomes of it."""

    def __init__(self, *offered, world=None, emergency=False, **plan):
        self.world = world or World(tariffs=TARIFFS)
        self.known = directory([entry(*(each.name for each in offered), **plan)], carriers=offered, budget=90)
        self.settings = settings()
        self.first = replace(decide(ASKED, self.known, self.world, self.settings), emergency=emergency)
        self.way = Onward(ASKED, self.first)
        self.causes = []

    def fails(self, *causes, status=503):
        """The next way, taken as the controller does, once the legs of the present one have ended so."""
        legs = self.way.decision.plan.attempts[0]
        self.causes += [f"{leg_uuid('c-1', leg)};{cause}" for leg, cause in zip(legs, causes, strict=True)]
        said = changed(
            event("b_busy", "CHANNEL_EXECUTE_COMPLETE", turn=2), variable_originate_disposition=causes[0],
            variable_originate_causes="ARRAY::" + "|:".join(self.causes),
            variable_last_bridge_proto_specific_hangup_cause=f"sip:{status}" if status else "",
        )  # fmt: skip
        other = self.way.next(said, self.known, self.world, self.settings, lambda node: True)
        self.why = self.way.why(said)
        assert other is None or self.way.take(other)
        return other


def test_the_next_carrier_has_the_places_of_the_call_and_the_story_says_why():
    call = Way(ONE, TWO, FREE)
    assert call.first.levels == ("carrier one",)
    other = call.fails("NORMAL_TEMPORARY_FAILURE")
    assert (carriers(other), other.levels) == (["two", "free"], ("carrier two",))
    name, told = call.way.story
    assert (name, told["sip"], told["causes"]) == ("next_carrier", 503, ["NORMAL_TEMPORARY_FAILURE"])
    assert told["failed"] == [f"{NUMBER}@198.51.100.1:5060 of one"]
    assert told["next"] == [f"{NUMBER}@198.51.100.2:5060 of two"]
    last = call.fails("CALL_REJECTED", status=403)
    assert (carriers(last), last.levels) == (["free"], ())
    assert call.way.story[1]["causes"] == ["CALL_REJECTED"], "of the attempt before alone"
    assert call.fails("NORMAL_TEMPORARY_FAILURE") is None
    assert call.why is Reason.CARRIERS_FAILED


def test_another_number_at_the_same_gateway_is_another_leg():
    """Its cause counts though the leg before failed there, and both are recorded."""
    (leg,) = Way(ONE).first.plan.attempts[0]
    assert leg_uuid("c-1", leg) == leg_uuid("c-1", leg._replace(ring_timeout=9))
    assert leg_uuid("c-1", leg) != leg_uuid("c-1", leg._replace(number="442079460001"))


def test_a_carrier_that_is_full_by_now_is_passed_over_and_named():
    call = Way(ONE, TWO, THREE)
    call.world.full = {"carrier two": "calls"}
    other = call.fails("NORMAL_TEMPORARY_FAILURE")
    assert (carriers(other), other.levels) == (["three"], ("carrier three",))
    assert call.way.story[1]["full"] == ["two"]
    call = Way(ONE, TWO)
    call.world.full = {"carrier two": "cps"}
    assert call.fails("NORMAL_TEMPORARY_FAILURE") is None
    assert call.why is Reason.CARRIERS_FAILED


def test_while_redis_is_away_the_next_carrier_is_called_without_a_place():
    call = Way(ONE, TWO)
    call.world.full = RedisAway("gone")
    other = call.fails("NORMAL_TEMPORARY_FAILURE")
    assert (carriers(other), other.levels) == (["two"], ())


def test_what_the_callee_does_is_the_end_but_of_an_emergency_call():
    assert Way(ONE, TWO).fails("USER_BUSY", status=486) is None
    assert carriers(Way(ONE, TWO, emergency=True).fails("USER_BUSY", status=486)) == ["two"]


def test_all_attempts_share_the_plans_time(monkeypatch):
    call, now = Way(ONE, TWO, THREE), onward.time.monotonic()
    monkeypatch.setattr(onward.time, "monotonic", lambda: now + 40.5)
    assert call.fails("PROGRESS_TIMEOUT", status=0).plan.budget in (48, 49)
    monkeypatch.setattr(onward.time, "monotonic", lambda: now + 89.9)
    assert call.fails("PROGRESS_TIMEOUT", status=0) is None


@pytest.mark.parametrize(("answers", "kept"), [(0, "carrier one"), (1, "carrier two")])
def test_of_carriers_called_at_once_the_one_that_answers_keeps_its_place(answers, kept):
    call = Way(ONE, TWO, fork=2)
    legs = call.first.plan.attempts[0]
    assert call.first.levels == ("carrier one", "carrier two")
    now = call.way.connected(leg_uuid("c-1", legs[answers]))
    assert now.levels == call.way.decision.levels == (kept,)
    assert call.way.connected("another") is None


def test_where_one_carrier_was_called_nothing_changes_when_it_answers():
    call = Way(ONE, TWO)
    assert isinstance(call.first.plan, Outbound)
    assert call.way.connected(leg_uuid("c-1", call.first.plan.attempts[0][0])) is None
