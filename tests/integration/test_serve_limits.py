"""Limits through `callctl serve`: places are taken by workers, and given back by whoever hears the end."""

import pytest

from tests.integration.platform import ECHOES, RINGS, TALKS, Platform, wait

COMPANY = """
accounts:
  - {name: chain, limits: {calls: 2}}
  - {name: acme, parent: chain, codecs: [OPUS, PCMA, PCMU]}
endpoints:
  - {account: acme, user: "1001", domain: example.net, extension: "101", limits: {calls: 1}}
"""


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("limits"), services, scale=0.05) as platform:
        host = platform.start()
        platform.apply(host, COMPANY)
        yield platform


def holders(platform, level):
    return platform.redis().zrange(f"{platform.prefix}{{{level}}}:calls", 0, -1)


@pytest.mark.parametrize("scenario", [TALKS, ECHOES, RINGS], ids=lambda scenario: scenario.name)
def test_a_place_is_held_until_the_call_ends(platform, scenario):
    def up():
        return holders(platform, "endpoint 1001@example.net")

    wait(lambda: not up(), "no call is up")
    first = platform.dial(scenario)
    (platform.ringing if scenario is RINGS else platform.talking)(first)
    assert up() == holders(platform, "account chain") == [first.uuid]
    second = platform.place(TALKS)
    assert (second.status, second.cause) == (480, "NORMAL_UNSPECIFIED")
    cdr = platform.final(second.uuid)
    assert (cdr["reason"], cdr["hangup_by"], cdr["q850"]) == ("too_many_calls", "controller", 31)
    assert cdr["trace"]["steps"][-1]["values"]["level"] == "endpoint 1001@example.net"
    platform.hang_up(first)
    wait(lambda: not up() and not holders(platform, "account chain"), "the places are given back")


def test_a_parents_limit_holds_for_all_below(platform):
    wait(lambda: not holders(platform, "account chain"), "no call is up")
    calls = [platform.talking(platform.dial(TALKS, caller=caller)) for caller in ("1003", "1004")]
    third = platform.place(TALKS)
    assert third.status == 480
    assert platform.final(third.uuid)["trace"]["steps"][-1]["values"]["level"] == "account chain"
    assert holders(platform, "endpoint 1001@example.net") == []
    platform.hang_up(*calls)
    wait(lambda: not holders(platform, "account chain"), "the places are given back")
