"""Calls of `callctl serve` go to the carrier that did best lately."""

import os
import signal
from datetime import UTC, datetime, timedelta

from callctl.sim.scenario import Scenario
from callctl.sim.world import Phone
from tests.integration.platform import Platform, wait

TO = "442079460000"
OUTSIDE = """
carriers:
  - {name: poor, via: direct, gateways: ["198.51.100.1:5060"]}
  - {name: good, via: direct, gateways: ["198.51.100.2:5060"]}
routes:
  - {name: out, entries: [{prefix: "44", choose: quality, carriers: [poor, good], floor: {calls: 2, probe: 0}}]}
accounts: [{name: firm, routes: out}]
endpoints: [{account: firm, user: "8001", domain: example.net}]
"""


def test_a_worker_knows_what_carriers_did_lately(services, tmp_path):
    with Platform(tmp_path, services) as platform:
        host = platform.start()
        platform.apply(host, OUTSIDE)
        for gateway in ("198.51.100.1:5060", "198.51.100.2:5060"):
            platform.world.phones[f"{TO}@{gateway}", "*"] = Phone(ring=0.1, talk=None)
        first = platform.talking(platform.dial(Scenario("outside", TO), caller="8001"))
        platform.hang_up(first)
        assert platform.story(first).cdr["carrier"] == "poor", "of none anything is known"
        begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5)
        for number in range(4):
            answered = begin if number % 2 else None
            platform.rows(
                "INSERT INTO cdr_leg (call_uuid, leg_uuid, started_at, carrier, number, dialed_at, answered_at, "
                "ended_at, hangup_cause) VALUES (%s, 'l', %s, %s, %s, %s, %s, %s, 'NO_ANSWER')",
                f"call-{number}", begin, "good" if answered else "poor", TO, begin, answered, begin,
            )  # fmt: skip
        worker = host.part("worker --index 0")
        os.kill(worker, signal.SIGKILL)  # the next one reads at once, not in a minute
        wait(lambda: worker != host.part("worker --index 0") and host.whole(), "another worker takes calls")
        second = platform.talking(platform.dial(Scenario("outside", TO), caller="8001"))
        platform.hang_up(second)
        assert platform.story(second).cdr["carrier"] == "good"
