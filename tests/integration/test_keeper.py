"""The keeper over a simulated node and a real Redis: calls last as long as there is money, and not longer."""

import time
from decimal import Decimal

import gevent
import pytest
from structlog.testing import capture_logs

from callctl.admission import money as admission
from callctl.admission.money import Money
from callctl.call import keeper as module
from callctl.call.keeper import Keeper
from callctl.errors import RedisAway
from callctl.esl import command
from callctl.esl.feed import Feed
from callctl.live.client import connect
from callctl.live.lease import Lease
from callctl.model import Account
from callctl.rating.basis import Basis, pack
from callctl.rating.tariff import When
from callctl.settings import Money as MoneySettings
from callctl.settings import Node
from callctl.sim.node import SimNode
from callctl.sim.scenario import Scenario, SimCall
from callctl.store.balance import Opening
from callctl.world import Booked
from tests.integration.platform import wait
from tests.unit.rating_calls import by_second, tariff

STAYS = Scenario("stays", "442079460000")
EVENTS = ("CHANNEL_ANSWER", "CHANNEL_EXECUTE", "CHANNEL_HANGUP_COMPLETE")
SLICE = 2  # seconds; shorter than settings allow
RATE = "60"  # a minute, so 1 a second


def basis(account="acme", rate=RATE):
    return Basis(account, "UTC", tariff(by_second(rate)).find("442079460000", time.time_ns() // 1000))


class Host:
    """A keeper, and the feed that tells it of the node."""

    def __init__(self, bench, name="host1", warn_before=1, slice_=SLICE):
        self.bench = bench
        settings = MoneySettings.model_construct(slice=slice_, warn_before=warn_before)
        lease = Lease(bench.client, bench.redis, "keeper:sim1", name, 2)
        self.keeper = Keeper(settings, bench.money, lease, bench.accounts.get)
        self.told = []
        node = Node(name="sim1", esl=bench.node.esl_address, sip="127.0.0.1:5080", password="sim")
        self.feed = Feed(node, 5.0)
        self.feed.connect()
        self.greenlets = [gevent.spawn(self.feed.listen, self._hear)]
        self.feed.subscribe(EVENTS)
        self.keeper.follow(self.feed)
        self.greenlets.append(gevent.spawn(self.keeper.run))
        wait(lambda: self.keeper.keeping or bench.hosts, "it keeps the node")
        bench.hosts.append(self)

    def _hear(self, event):
        self.told.append(event)
        if event.name == "CHANNEL_ANSWER":
            self.keeper.heard(event)
        elif event.name == "CHANNEL_HANGUP_COMPLETE":
            self.keeper.ended(event)

    def die(self):
        gevent.killall(self.greenlets)
        self.feed.stop()


class Bench:
    """A node, accounts with money, and hosts that keep it."""

    def __init__(self, settings):
        self.redis = settings.redis
        self.client = connect(settings.redis)
        self.client.set(admission.ready_key(self.redis), self.client.info("server")["run_id"])
        self.balances = {}
        self.accounts = {}
        self.money = Money(self.client, settings.redis, self._opening)
        self.hosts = []
        self.node = SimNode("sim1", listen_esl=("127.0.0.1", 0), password="sim", dialplan=()).start()

    def _opening(self, account, _calls):
        return Opening(self.balances[account], 1, time.strftime("%Y-%m-%d", time.gmtime()), Decimal(0))

    def account(self, name, balance):
        self.balances[name] = Decimal(balance)
        self.accounts[name] = Account(name)

    def top_up(self, name, balance):
        admission.booked(self.client, self.redis, Booked(name, Decimal(balance), 2))

    def dial(self, *bases, seconds=SLICE, most=600, rings=0.0):
        """A call whose first slice is held and armed, as the controller does it."""
        self.node.dialplan = [
            ("set", f"callctl_basis={pack(bases)}"), ("set", f"callctl_paid={seconds}"),
            ("set", f"callctl_most={most}"), ("set", "callctl_limit=slice"), ("set", "callctl_controller=test"),
            ("set", f"execute_on_answer_callctl=sched_hangup +{seconds + 1} ALLOTTED_TIMEOUT"),
            ("sleep", str(int(rings * 1000))), ("answer", ""), ("park", ""),
        ]  # fmt: skip
        result = self.node.dial(SimCall(STAYS))
        wait(lambda: self.node.call(result.uuid).leg.times.answered, "it is answered")
        return result

    def variables(self, result):
        return self.node.call(result.uuid).leg.variables

    def timers(self):
        return sorted(group for group, _ in self.node._scheduler._tasks.values())

    def held(self, name="acme"):
        return self.money.look(name).held


@pytest.fixture
def bench(settings):
    bench = Bench(settings)
    yield bench
    for host in bench.hosts:
        host.die()
    bench.node.stop()
    bench.client.connection_pool.disconnect()


def ends_after(result, seconds):
    """It is cut by the switch after so many seconds, or up to one later: its clock is whole seconds."""
    assert result.finished.wait(seconds + 5)
    assert result.cause == "ALLOTTED_TIMEOUT"
    assert seconds - 0.1 <= result.billed_us / 1e6 <= seconds + 1.8


def test_a_call_lasts_as_long_as_its_money_and_is_warned(bench):
    bench.account("acme", 7)
    host = Host(bench, warn_before=2)
    result = bench.dial(basis())
    wait(lambda: bench.variables(result).get("callctl_limit") == "money", "the money is known to end it")
    assert bench.variables(result).get("callctl_paid") == "7"
    assert bench.held() == 7
    wait(lambda: len(bench.timers()) == 1, "the timers before were deleted", 1)
    ends_after(result, 7)
    tones = [event for event in host.told if event.get("Application-Data") == command.TONES]
    assert [(event.name, event.get("Unique-ID")) for event in tones] == [("CHANNEL_EXECUTE", result.uuid)]
    warned = tones[0].number("Event-Date-Timestamp") - tones[0].number("Caller-Channel-Answered-Time")
    assert 4.5e6 < warned < result.billed_us, "two seconds before the end; on a busy machine, at least before it"


def test_a_top_up_lengthens_a_call_though_its_money_was_up(bench):
    bench.account("acme", 3)
    Host(bench)
    result = bench.dial(basis())
    wait(lambda: bench.variables(result).get("callctl_limit") == "money", "the money is known to end it")
    bench.top_up("acme", 6)
    ends_after(result, 6)


def test_what_the_call_may_last_at_all_ends_it(bench):
    bench.account("acme", 100)
    Host(bench)
    result = bench.dial(basis(), most=5)
    wait(lambda: bench.variables(result).get("callctl_limit") == "time", "the time is known to end it")
    assert bench.held() == 5
    ends_after(result, 5)


def test_the_top_of_three_levels_runs_out(bench):
    for name, balance in (("acme", 100), ("reseller", 100), ("telco", "2.5")):
        bench.account(name, balance)
    Host(bench)
    result = bench.dial(basis(), basis("reseller", "30"), basis("telco", "30"))
    wait(lambda: bench.variables(result).get("callctl_limit") == "money", "the money is known to end it")
    assert [bench.held(name) for name in ("acme", "reseller", "telco")] == [5, Decimal("2.5"), Decimal("2.5")]
    ends_after(result, 5)


def test_with_redis_away_calls_end_at_what_is_paid_and_that_is_said_once(bench, monkeypatch):
    bench.account("acme", 100)
    Host(bench)

    def away(*_args):
        raise RedisAway("Redis is away")

    monkeypatch.setattr(bench.money, "hold", away)
    with capture_logs() as logs:
        result = bench.dial(basis())
        ends_after(result, SLICE)
    assert [line["event"] for line in logs].count("calls cannot be paid for, and end at what is paid") == 1


def test_a_call_that_is_slow_to_pay_for_delays_no_other(bench, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    bench.account("acme", 100)
    Host(bench)
    real, slow = bench.money.hold, set()

    def hold(call, demands, lease):
        if slow & {call, "all"}:
            gevent.sleep(60)
        return real(call, demands, lease)

    monkeypatch.setattr(bench.money, "hold", hold)
    slow.add("all")
    stuck = [bench.dial(basis(), seconds=4) for _ in range(module.AT_ONCE + 2)]
    slow |= {result.uuid for result in stuck}
    slow.remove("all")
    quick = bench.dial(basis(), seconds=4, most=8)
    for result in stuck:
        ends_after(result, 4)
    ends_after(quick, 8)


def test_its_timer_is_deleted_when_a_call_ends(bench):
    bench.account("acme", 100)
    Host(bench)
    result = bench.dial(basis())
    wait(lambda: bench.timers() and bench.timers() != [result.uuid], "it is kept")
    bench.node.hang_up(result.uuid, "NORMAL_CLEARING")
    wait(lambda: not bench.timers(), "no timer is left", 3)


def test_one_of_two_hosts_keeps_a_node_and_the_other_goes_on_when_it_dies(bench):
    bench.account("acme", 100)
    # A slice outlasts the lease of who died and a tick of who takes over, as those of settings do.
    first, second = Host(bench, "host1", slice_=8), Host(bench, "host2", slice_=8)
    result = bench.dial(basis(), most=15)
    wait(lambda: int(bench.variables(result).get("callctl_paid")) > 2, "the first pays for more")
    assert (first.keeper.keeping, second.keeper.keeping) == (True, False)
    before = int(bench.variables(result).get("callctl_timer"))
    first.die()
    wait(lambda: second.keeper.keeping, "the second takes over", 6)
    wait(lambda: int(bench.variables(result).get("callctl_timer")) > before, "the second pays for more", 10)
    ends_after(result, 15)
    assert not bench.timers()


class Dying:
    """A feed of a host that dies with one of its commands."""

    def __init__(self, host, dies_at):
        self.host = host
        self.dies_at = dies_at

    def api(self, text):
        answer = self.host.feed.api(text)
        if text.startswith(self.dies_at):
            self.host.die()
            gevent.sleep(60)
        return answer


@pytest.mark.parametrize(
    ("dies_at", "ends"), [("uuid_setvar_multi", SLICE), ("sched_api", SLICE), ("sched_del", 2 * SLICE)]
)
def test_who_dies_while_paying_only_shortens_a_call(bench, dies_at, ends):
    """The last thing it does is one of the commands that move the end on; nobody comes after it."""
    bench.account("acme", 100)
    host = Host(bench)

    host.keeper.follow(Dying(host, dies_at))
    result = bench.dial(basis())
    ends_after(result, ends)


def test_who_keeps_a_node_again_asks_what_was_paid_meanwhile(bench):
    bench.account("acme", 100)
    host = Host(bench)
    result = bench.dial(basis(), seconds=8, most=30)
    bench.client.set("callctl:keeper:sim1", "somebody", ex=60)
    wait(lambda: not host.keeper.keeping, "somebody else keeps the node")
    host.feed.api(f"uuid_setvar_multi {result.uuid} callctl_paid=20;callctl_timer=7")
    bench.client.delete("callctl:keeper:sim1")
    wait(lambda: bench.variables(result).get("callctl_timer") == "8", "it goes on from there", 5)
    assert bench.variables(result).get("callctl_paid") == "20"
    wait(lambda: bench.timers() == [f"callctl-{result.uuid}-8"], "no other timer is left", 1)


@pytest.mark.parametrize("dies_at", ["uuid_setvar_multi", "sched_api", "sched_del"])
def test_who_comes_after_one_that_died_while_paying_makes_the_end_right(bench, dies_at):
    bench.account("acme", 100)
    first, second = Host(bench, "host1"), Host(bench, "host2")
    result = bench.dial(basis(), seconds=6, most=8)
    first.keeper.follow(Dying(first, dies_at))
    ends_after(result, 8)
    assert second.keeper.keeping
    assert not bench.timers()


def test_the_rates_of_the_answer_count(bench):
    """A window began while it rang: the time that was paid for costs twice as much, and there is not the money."""
    bench.account("acme", 5)
    now = time.time_ns() // 1000
    begins = time.gmtime(now / 1e6 + 1)
    second = begins.tm_hour * 3600 + begins.tm_min * 60 + begins.tm_sec
    rates = by_second(RATE), by_second("120", weight=1, when=When(start=second))
    Host(bench)
    result = bench.dial(Basis("acme", "UTC", tariff(*rates).find("442079460000", now)), seconds=4, rings=1.5)
    wait(lambda: bench.variables(result).get("callctl_paid") == "2", "it is priced anew")
    ends_after(result, 2)
