"""Every act on an account's money, in any order, does what thirty lines of Python do."""

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from callctl.admission import micro
from callctl.admission.money import Money, account_keys, booked, release, renew, settle
from callctl.admission.rebuild import Rebuild
from callctl.store.balance import Opening
from callctl.world import Booked, Demand

DAYS = ("2999-01-01", "2999-01-02", "2999-01-03")

CALL = st.sampled_from("abc")
AMOUNT = st.integers(0, 12)
ACT = st.one_of(
    st.tuples(st.just("hold"), CALL, AMOUNT, AMOUNT, st.sampled_from([0, 7]), st.none() | AMOUNT, st.integers(0, 2)),
    st.tuples(st.just("settle"), CALL, AMOUNT, st.integers(0, 2)),
    st.tuples(st.just("release"), CALL),
    st.tuples(st.just("renew"), CALL, AMOUNT),
    st.tuples(st.just("lapse"), CALL),
    st.tuples(st.just("book"), st.sets(CALL), st.integers(-12, 12)),
    st.tuples(st.just("tell"), st.integers(0, 5)),
)


@dataclass
class Account:
    """The money of an account, in micro-units."""

    balance: int
    ledger_id: int = 1
    day: str = DAYS[0]
    spent: int = 0
    holds: dict = field(default_factory=dict)
    pending: dict = field(default_factory=dict)
    done: set = field(default_factory=set)

    def hold(self, call, want, need, credit, most, day):
        if DAYS[day] > self.day:
            self.day, self.spent = DAYS[day], 0
        mine, others = self.holds.get(call, 0), sum(self.holds.values()) - self.holds.get(call, 0)
        available = self.balance + credit - others - sum(self.pending.values())
        room = available if most is None else min(available, most - self.spent - others)
        granted = max(0, min(want, max(room, mine)))
        refused = "" if granted >= need else "money" if available < need else "day"
        refused = "money" if call in self.done else refused
        if not refused:
            self.keep(call, granted)
        return refused, 0 if refused else granted, available, others, self.spent

    def settle(self, call, amount, day):
        self.holds.pop(call, None)
        if call not in self.done:
            self.done.add(call)
            self.pending[call] = amount
            self.spent = self.spent * (DAYS[day] <= self.day) + amount * (DAYS[day] >= self.day)
            self.day = max(self.day, DAYS[day])

    def renew(self, call, amount):
        self.keep(call, 0 if call in self.done else self.holds.get(call, amount))

    def booked(self, balance, ledger_id, calls):
        for call in calls:
            self.holds.pop(call, None)
            self.pending.pop(call, None)
            self.done.add(call)
        if ledger_id > self.ledger_id:
            self.balance, self.ledger_id = balance, ledger_id

    def keep(self, call, amount):
        self.holds[call] = amount
        self.holds = {call: amount for call, amount in self.holds.items() if amount}


class Both:
    """An account in Redis, and the same in Python; what MySQL books is told to both in any order."""

    def __init__(self, redis, settings, balance):
        opening = Opening(micro.money(balance), 1, DAYS[0], Decimal(0))
        self.money = Money(redis, settings, lambda account, calls: opening)
        self.redis, self.settings = redis, settings
        self.model = Account(balance)
        self.truth = Booked("acme", micro.money(balance), 1)
        self.untold = []
        self.hold("z", 0, 0, 0, None, 0)

    def hold(self, call, want, need, credit, most, day):
        need = min(want, need)
        levels = Demand(
            "acme", *map(micro.money, (want, need, credit)), DAYS[day], None if most is None else micro.money(most)
        )
        asked = self.money.hold(call, [levels], 60, only_ask=True)
        (held,) = self.money.hold(call, [levels], 60)
        assert asked == [held]
        refused, *amounts = self.model.hold(call, want, need, credit, most, day)
        assert held[1:] == (refused, *map(micro.money, amounts))
        return held

    def settle(self, call, amount, day):
        settle(self.redis, self.settings, call, "acme", micro.money(amount), DAYS[day])
        self.model.settle(call, amount, day)

    def release(self, call):
        release(self.redis, self.settings, call, "acme")
        self.model.keep(call, 0)

    def renew(self, call, amount):
        renew(self.redis, self.settings, call, "acme", micro.money(amount), 60)
        self.model.renew(call, amount)

    def lapse(self, call):
        """Its lease runs out, and somebody looks."""
        self.redis.zadd(account_keys(self.settings, "acme")[2], {call: 1}, xx=True)
        self.model.keep(call, 0)

    def book(self, calls, amount):
        _, balance, ledger_id, _ = self.truth
        self.truth = Booked("acme", balance + micro.money(amount), ledger_id + 1, tuple(calls))
        self.untold.append(self.truth)

    def tell(self, which):
        if self.untold:
            news = self.untold[which % len(self.untold)]  # again, perhaps, and not in order
            booked(self.redis, self.settings, news)
            self.model.booked(micro.units(news.balance), news.ledger_id, news.calls)

    def same(self):
        look = self.money.look("acme")
        model = self.model
        expected = (model.balance, sum(model.holds.values()), sum(model.pending.values()), model.spent)
        assert (look.balance, look.held, look.pending, look.spent) == tuple(map(micro.money, expected))
        assert (look.ledger_id, look.day) == (model.ledger_id, model.day)
        assert look.holds == {call: micro.money(amount) for call, amount in model.holds.items()}


def test_any_acts_in_any_order(settings, connected):
    redis = connected(settings.redis)

    class Nothing:
        booked = staticmethod(lambda pending: [])

    @examples(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(balance=st.integers(-5, 30), acts=st.lists(ACT, max_size=30))
    def check(balance, acts):
        redis.flushall()
        Rebuild(redis, settings.redis, Nothing()).rebuild([], [])
        both = Both(redis, settings.redis, balance)
        for name, *values in acts:
            getattr(both, name)(*values)
            both.same()

    check()
