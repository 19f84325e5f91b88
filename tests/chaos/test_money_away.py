"""Services go away while calls are paid for: nobody talks for free, nothing is charged twice."""

import pytest

from deploy.private_services import running
from tests.chaos.conftest import Chaos
from tests.integration.platform import wait
from tests.integration.purse import SETTINGS, STAYS, Purse, paid, start


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with (
        running(tmp_path_factory.mktemp("services")) as services,
        Chaos(tmp_path_factory.mktemp("money"), services, settings=SETTINGS, scale=1.0) as platform,
    ):
        start(platform)
        yield platform


def test_without_redis_a_call_ends_at_what_is_paid(platform):
    purse = Purse(platform, "alone").top_up("100")
    result = platform.talking(platform.dial(STAYS))
    assert paid(platform, result) == 10
    platform.stop_redis()
    refused = platform.place(STAYS)
    assert (refused.status, platform.final(refused.uuid)["reason"]) == (503, "money_away")
    platform.finish(result)
    assert 10 <= result.billed_us / 1e6 < 11.5
    cdr = platform.final(result.uuid)
    assert (cdr["reason"], cdr["billed_seconds"], cdr["price"]) == ("not_extended", 10, 10)
    platform.start_services()
    assert purse.settled() == 90
    again = platform.talking(wait(lambda: answered(platform), "calls are paid for again"))
    platform.hang_up(again)
    assert purse.settled() == 90 - platform.final(again.uuid)["price"]
    purse.spend_all()


def answered(platform):
    """A call, if it is not refused."""
    result = platform.dial(STAYS)
    wait(lambda: result.finished.is_set() or result.set_up, "it rings or is refused")
    return None if result.finished.wait(0.3) else result


def test_without_mysql_calls_are_paid_for_and_booked_when_it_is_back(platform):
    purse = Purse(platform, "alone").top_up("100")
    result = platform.talking(platform.dial(STAYS))
    platform.stop_mysql()
    wait(lambda: paid(platform, result) >= 20, "it is paid for further")
    platform.hang_up(result)
    platform.start_services()
    assert purse.settled() == 100 - platform.final(result.uuid)["price"]
    purse.spend_all()


def test_a_redis_that_is_silent_for_a_while_costs_no_call_its_time(platform):
    purse = Purse(platform, "alone").top_up("100")
    result = platform.talking(platform.dial(STAYS))
    with platform.stalled("redis"):
        wait(lambda: platform.host.logged("calls cannot be paid for, and end at what is paid"), "that is said")
    wait(lambda: paid(platform, result) >= 20, "it is paid for further")
    platform.hang_up(result)
    assert purse.settled() == 100 - platform.final(result.uuid)["price"]
