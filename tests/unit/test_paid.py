"""What a rated call has been paid for: read from the switch, and what is to be demanded next."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.call import paid
from callctl.model import Account
from callctl.rating.basis import Basis, charge, pack
from callctl.rating.tariff import When
from callctl.world import Held
from tests.unit.rating_calls import at, by_second, stepped, tariff
from tests.wire.budget import fuzz
from tests.wire.recordings import changed, event

ACCOUNTS = {
    "acme": Account("acme", credit_limit=Decimal(5), spend_per_day=Decimal(100)),
    "telco": Account("telco", timezone="Asia/Shanghai"),
}
ANSWER = at("2026-11-02T12:00:00Z")


def basis(*rates, account="acme", zone="UTC"):
    return Basis(account, zone, tariff(*rates).find("442079460000", ANSWER))


def said(*bases, seconds=60, most=3600, limit="slice", talked=0, **more):
    """What the switch says of an answered call."""
    told = event("a_bridged.inbound", "CHANNEL_ANSWER")
    return changed(
        told, variable_callctl_basis=pack(bases), variable_callctl_paid=seconds, variable_callctl_most=most,
        variable_callctl_limit=limit, Caller_Channel_Created_Time=ANSWER - 5_000_000,
        Caller_Channel_Answered_Time=ANSWER, Event_Date_Timestamp=ANSWER + talked * 1_000_000, **more,
    )  # fmt: skip


def call(*bases, **more):
    return paid.read(said(*bases, **more), 1000.0)


def grants(one, *amounts, refused=""):
    zero = Decimal(0)
    return [
        Held(each.account, refused, Decimal(amount), zero, zero, zero)
        for each, amount in zip(one.bases, amounts, strict=False)
    ]


def test_what_the_switch_says_is_read():
    one = call(basis(by_second("6")), seconds=90, limit="money", talked=20, variable_callctl_timer=3)
    assert (one.seconds, one.most, one.limit, one.timer, one.held) == (90, 3600, "money", 3, (Decimal(9),))
    assert (one.answered, one.left(1000.0), one.left(1050.0)) == (980.0, 70.0, 20.0)


def test_a_call_that_rings_uses_nothing_up():
    told = changed(said(basis(by_second("6"))), Caller_Channel_Answered_Time=0)
    one = paid.read(told, 1000.0)
    assert one.answered is None
    assert one.left(2000.0) == 60


@pytest.mark.parametrize(
    ("answered", "talked", "ticks"), [(0.0, 20.0, 40), (0.6, 20.0, 41), (0.6, 20.5, 40), (0.3, 61, 1)]
)
def test_the_switchs_clock_is_told_whole_seconds_that_never_end_early(answered, talked, ticks):
    told = said(basis(by_second("6")))
    answer = ANSWER + int(answered * 1_000_000)
    told = changed(told, Caller_Channel_Answered_Time=answer, Event_Date_Timestamp=answer + int(talked * 1_000_000))
    assert paid.read(told, 1000.0).ticks(60, 1000.0) == ticks


def test_a_call_that_nobody_pays_for_is_none():
    assert paid.read(event("a_bridged.inbound", "CHANNEL_ANSWER"), 0.0) is None


@pytest.mark.parametrize("broken", [{"variable_callctl_basis": "x"}, {"variable_callctl_limit": "never"}])
def test_what_cannot_be_read_is_refused(broken):
    with pytest.raises(ValueError, match=r"callctl_limit|basis"):
        paid.read(changed(said(basis(by_second("6"))), **broken), 0.0)


def test_each_level_is_asked_for_its_own_price_in_its_own_day():
    one = call(basis(by_second("6")), basis(by_second("3"), account="telco", zone="Asia/Shanghai"), basis(
        by_second("1"), account="gone"
    ))
    acme, telco, gone = one.demands(120, 61, ACCOUNTS.get)
    assert (acme.want, acme.need, acme.credit, acme.spend_per_day) == (Decimal(12), Decimal("6.1"), 5, 100)
    assert (telco.want, telco.need, telco.credit, telco.spend_per_day) == (Decimal(6), Decimal("3.05"), 0, None)
    assert (gone.account, gone.want) == ("gone", 2)


class TestNext:
    def test_it_is_a_slice_further(self):
        assert call(basis(by_second("6"))).next(60) == 120

    def test_it_is_never_beyond_what_the_call_may_last(self):
        assert call(basis(by_second("6")), most=90).next(60) == 90

    def test_it_is_what_is_paid_where_a_tariff_cuts_the_call_off(self):
        cut = by_second("6", max_cost=Decimal(8))
        assert call(basis(by_second("1")), basis(cut, account="telco")).next(60) == 80
        assert call(basis(cut), seconds=80).next(60) == 80


class TestGranted:
    def test_all_of_it_is_another_slice(self):
        one = call(basis(by_second("6")))
        assert one.granted(grants(one, 12), 120) == (120, "slice")

    def test_a_part_of_it_ends_the_call_sooner(self):
        one = call(basis(by_second("6")))
        assert one.granted(grants(one, "7.05"), 120) == (70, "money")

    def test_the_level_with_the_least_counts(self):
        one = call(basis(by_second("6")), basis(by_second("3"), account="telco"))
        assert one.granted(grants(one, 12, "3.5"), 120) == (70, "money")

    def test_a_refusal_leaves_what_is_paid(self):
        one = call(basis(by_second("6")), basis(by_second("3"), account="telco"))
        assert one.granted([*grants(one, 12)[:1], *grants(one, 0, 0, refused="money")[1:]], 120) == (60, "money")
        assert one.granted(grants(one, 0, refused="day")[:1], 120) == (60, "money")

    def test_what_reaches_the_longest_duration_is_the_last(self):
        one = call(basis(by_second("6")), most=120)
        assert one.granted(grants(one, 12), 120) == (120, "time")

    def test_whole_increments_are_used(self):
        one = call(basis(stepped((0, "6", 60, 60))), seconds=10)
        assert one.granted(grants(one, 6), 20) == (60, "slice")

    @given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4), st.integers(0, 300))
    @fuzz(100)
    def test_what_is_granted_pays_for_it_and_not_for_a_second_more(self, increment, slice_, levels, cents):
        rates = [stepped((0, str(level + 1), 60, increment)) for level in range(levels)]
        one = call(*(basis(rate, account=f"a{level}") for level, rate in enumerate(rates)), seconds=increment)
        wanted = one.next(slice_)
        held = grants(one, *(least + Decimal(cents) / 100 for least in one.costs(increment)))
        seconds, limit = one.granted(held, wanted)
        assert all(cost <= each.granted for cost, each in zip(one.costs(seconds), held, strict=True))
        if seconds < one.most:
            assert any(cost > each.granted for cost, each in zip(one.costs(seconds + 1), held, strict=True))
        assert (limit == "money") == (seconds < wanted)


    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b"]), st.integers(0, 99), st.integers(1, 90), st.sampled_from(["0", "0.1"])
            ), min_size=2, max_size=4,
        ),
        st.integers(1, 60), st.integers(0, 300),
    )  # fmt: skip
    @fuzz(200)
    def test_whoever_pays_for_several_legs_holds_what_the_time_paid_for_is_charged(self, legs, slice_, cents):
        rates = [
            (account, stepped((0, str(Decimal(price) / 10), 60, increment), connect_fee=Decimal(fee)))
            for account, price, increment, fee in legs
        ]
        bases = [basis(rate, account=account) for account, rate in rates]
        one = call(*bases, seconds=1)
        wanted = one.next(slice_)
        asked = one.demands(wanted, 1, ACCOUNTS.get)
        assert [each.account for each in asked] == list(dict.fromkeys(account for account, *_ in legs))
        least = one.costs(1)
        granted = [min(each.want, low + Decimal(cents) / 100) for each, low in zip(asked, least, strict=True)]
        held = [Held(each.account, "", amount, *[Decimal(0)] * 3) for each, amount in zip(asked, granted, strict=True)]
        seconds, _ = one.granted(held, wanted)
        for each, amount in zip(asked, granted, strict=True):
            mine = [of for of in bases if of.account == each.account]
            assert charged(mine, seconds) <= amount
            assert charged(mine, wanted) == each.want


def charged(bases, seconds):
    """What legs come to by the charges that are booked."""
    return sum(charge(each, ANSWER, seconds * 1_000_000, ANSWER).amount for each in bases)


class TestRepriced:
    def rates(self):
        return by_second("6"), by_second("12", weight=1, when=When(start=12 * 3600))  # from noon on

    def test_a_window_that_began_while_it_rang_has_changed_the_price(self):
        one = call(basis(*self.rates()))
        assert one.repriced
        assert one.held == (Decimal(12),)

    def test_else_nothing_has(self):
        assert not call(basis(by_second("6"))).repriced
        assert not paid.read(changed(said(basis(*self.rates())), Caller_Channel_Answered_Time=0), 0.0).repriced
