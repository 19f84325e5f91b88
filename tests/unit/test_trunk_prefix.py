"""Trunks that share an address: told apart by the prefix they dial, which is no part of the number."""

import pytest

from callctl.call import facts
from callctl.call.decide import decide
from callctl.directory import Snapshot
from callctl.language import say
from callctl.model import Account, Endpoint
from callctl.plan import Reject
from callctl.reason import Reason
from tests.unit.company import World, request, settings

TRUNKS = (
    Endpoint("a", "77@203.0.113.0/24", address="203.0.113.0/24", prefix="77"),
    Endpoint("b", "8#@203.0.113.5/32", address="203.0.113.5/32", prefix="8#"),
    Endpoint("a", "7@203.0.113.5/32", address="203.0.113.5/32", prefix="7"),
    Endpoint("c", "198.51.100.1/32", address="198.51.100.1/32"),
    Endpoint("c", "5@198.51.100.0/24", address="198.51.100.0/24", prefix="5"),
    Endpoint("a", "102@example.net", "102", "example.net"),
)
DIRECTORY = Snapshot(1, map(Account, "abc"), TRUNKS)


def decided(source, called):
    asked = request(source_ip=source, called=called, asserted="")
    return asked, decide(asked, DIRECTORY, World(), settings())


@pytest.mark.parametrize(
    ("source", "called", "endpoint", "number"),
    [
        ("203.0.113.5", "77102", "77@203.0.113.0/24", "102"),
        ("203.0.113.5", "7102", "7@203.0.113.5/32", "102"),
        ("203.0.113.5", "8#102", "8#@203.0.113.5/32", "102"),
        ("203.0.113.5", "7777102", "77@203.0.113.0/24", "77102"),
        ("198.51.100.1", "102", "198.51.100.1/32", "102"),
        ("198.51.100.1", "5102", "5@198.51.100.0/24", "102"),
        ("198.51.100.1", "5", "198.51.100.1/32", "5"),
    ],
)
def test_the_longest_prefix_says_who_calls_and_is_no_part_of_the_number(source, called, endpoint, number):
    asked, decision = decided(source, called)
    assert (decision.endpoint, decision.called) == (endpoint, number)
    fields = facts.routed(asked, decision, "c")[0].fields
    assert (fields["called"], fields["called_original"]) == (number, called)
    assert facts.variables(asked, decision, "c")["callctl_called"] == number
    assert facts.summary(asked, decision)["to"] == number


@pytest.mark.parametrize(
    ("source", "called"), [("203.0.113.5", "102"), ("203.0.113.9", "8#102"), ("203.0.113.9", "77")]
)
def test_without_its_prefix_nobody_calls(source, called):
    asked, decision = decided(source, called)
    assert decision.plan == Reject(Reason.CALLER_UNKNOWN)
    assert decision.steps[-1].message.key == "identify.no_prefix"
    prefixes = "8#, 77, 7" if source.endswith(".5") else "77"
    assert say(decision.steps[-1].message, "en").endswith(f"none of the prefixes of its endpoints in front: {prefixes}")
    assert facts.routed(asked, decision, "c")[0].fields["called"] == called
