"""What a rate's fields mean, each by an example that can be checked by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from callctl.declaration_tariff import EPOCH
from callctl.rating.longest import longest
from callctl.rating.price import price, split
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import SECOND, AmbiguousRates, NoRate, Rate, Step, Tariff, When

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3600
NO_TAX = Tax()


def at(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def by_second(per_minute: str, **fields) -> Rate:
    return Rate(fields.pop("prefix", "44"), (Step(0, Decimal(per_minute), 60, 1),), **fields)


def stepped(*steps, **fields) -> Rate:
    return Rate("44", tuple(Step(after, Decimal(amount), per, step) for after, amount, per, step in steps), **fields)


def tariff(*rates, rounding=("half-up", 6), tax=NO_TAX) -> Tariff:
    return Tariff("t", "USD", rates, Rounding(*rounding), tax)


def priced(rates, seconds, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    found = tariff(*rates, **rules).find("442079460000", at(start))
    return price(found, at(start), int(Decimal(str(seconds)) * SECOND), zone)


def total(rates, seconds, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    return priced(rates, seconds, start, zone, **rules).money.total


def lasts(rates, money, at_most=86_400, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    found = tariff(*rates, **rules).find("442079460000", at(start))
    return longest(found, at(start), zone, Decimal(money), at_most)


class TestPrefix:
    def test_the_longest_wins(self):
        found = tariff(by_second("1", prefix="44"), by_second("2", prefix="447"), by_second("3", prefix="")).find
        assert found("447911", 0).rates[0].prefix == "447"
        assert found("442079", 0).rates[0].prefix == "44"
        assert found("33", 0).rates[0].prefix == ""

    def test_a_number_shorter_than_the_prefix_does_not_match(self):
        with pytest.raises(NoRate):
            tariff(by_second("1", prefix="447")).find("44", 0)

    def test_no_rate_names_tariff_and_number(self):
        with pytest.raises(NoRate, match=r"Tariff t has no rate in force for 33"):
            tariff(by_second("1")).find("33", 0)


class TestForce:
    OLD = by_second("1", expires_us=at("2026-01-01T00:00:00Z"))
    NEW = by_second("2", effective_us=at("2026-01-01T00:00:00Z"))

    def test_the_rate_of_the_moment_the_call_starts_prices_all_of_it(self):
        assert total([self.OLD, self.NEW], 120, "2025-12-31T23:59:00Z") == 2
        assert total([self.OLD, self.NEW], 120, "2026-01-01T00:00:00Z") == 4

    def test_the_later_effective_of_two_that_start_alike(self):
        assert total([self.NEW, by_second("1")], 60, "2025-12-31T23:59:59Z") == 1
        assert total([self.NEW, by_second("1")], 60, "2026-01-01T00:00:00Z") == 2

    def test_an_expired_prefix_leaves_the_call_to_a_shorter_one(self):
        rates = tariff(by_second("1"), by_second("5", prefix="447", expires_us=at("2026-01-01T00:00:00Z")))
        assert rates.find("447", at("2025-12-31T23:59:59Z")).rates[0].prefix == "447"
        assert rates.find("447", at("2026-01-01T00:00:00Z")).rates[0].prefix == "44"

    def test_nothing_in_force(self):
        with pytest.raises(NoRate):
            total([self.NEW], 60, "2025-12-31T23:59:59Z")


class TestDuration:
    def test_zero_costs_nothing_not_even_the_connect_fee(self):
        result = priced([by_second("1", connect_fee=Decimal(1))], 0)
        assert (result.money.total, result.billed_seconds, result.connect_fee) == (0, 0, 0)

    def test_a_second_begun_is_a_second(self):
        rates = [by_second("60", connect_fee=Decimal(1))]
        assert total(rates, "0.000001") == 2
        assert total(rates, "1.000000") == 2
        assert total(rates, "1.000001") == 3

    @pytest.mark.parametrize(
        ("steps", "seconds", "billed"),
        [
            ([(0, "1", 60, 6)], 1, 6),
            ([(0, "1", 60, 6)], 65, 66),
            ([(0, "1", 60, 60), (60, "1", 60, 1)], 1, 60),
            ([(0, "1", 60, 60), (60, "1", 60, 1)], 61, 61),
            ([(0, "1", 60, 30), (30, "1", 60, 6)], 31, 36),
            ([(0, "1", 60, 30), (30, "1", 60, 6)], 30, 30),
            ([(0, "1", 60, 40), (60, "1", 60, 1)], 61, 80),
        ],
    )
    def test_minimum_and_increment(self, steps, seconds, billed):
        result = priced([stepped(*steps)], seconds)
        assert result.billed_seconds == billed
        assert result.money.total == round(Decimal(billed) / 60, 6)

    def test_each_step_has_its_price(self):
        rates = [stepped((0, "0.2", 60, 60), (60, "0.1", 60, 1), (120, "0.6", 60, 30))]
        assert total(rates, 121) == Decimal("0.2") + Decimal("0.1") + Decimal("0.3")


class TestFree:
    def test_shorter_than_the_grace_is_free(self):
        rates = [by_second("60", connect_fee=Decimal(5), grace_seconds=3)]
        assert total(rates, "2.999999") == 0
        assert priced(rates, "2.999999").billed_seconds == 0
        assert total(rates, 3) == 8

    def test_free_seconds_come_first_and_steps_count_from_their_end(self):
        rates = [stepped((0, "60", 60, 30), (30, "60", 60, 1), connect_fee=Decimal(5), free_seconds=10)]
        assert total(rates, 10) == 5
        assert total(rates, 11) == 35
        assert total(rates, 41) == 36
        assert priced(rates, 41).billed_seconds == 31

    def test_the_window_is_that_of_the_charged_time(self):
        day, night = (
            by_second("60", when=When(start=8 * HOUR), free_seconds=10),
            by_second("6", when=When(start=20 * HOUR)),
        )
        assert total([day, night], 20, "2026-11-02T19:59:55Z") == 1

    def test_max_cost_free_beyond(self):
        rates = [by_second("60", connect_fee=Decimal(5), max_cost=Decimal(10), free_beyond=True)]
        assert [total(rates, seconds) for seconds in (4, 5, 6, 86_400)] == [9, 10, 10, 10]
        assert lasts(rates, "9.99") == 4
        assert lasts(rates, "10") == 86_400

    def test_max_cost_between_two_increments(self):
        rates = [by_second("60", max_cost=Decimal("2.333"), free_beyond=True)]
        assert total(rates, 60) == Decimal("2.333")

    def test_max_cost_below_the_connect_fee(self):
        rates = [by_second("60", connect_fee=Decimal(5), max_cost=Decimal(2), free_beyond=True)]
        assert total(rates, 60) == 2

    def test_max_cost_disconnect_bounds_the_duration_and_not_the_price(self):
        rates = [by_second("60", connect_fee=Decimal(5), max_cost=Decimal(10))]
        assert total(rates, 60) == 65
        assert lasts(rates, "100") == 5
        assert lasts(rates, "8") == 3

    def test_a_window_with_a_maximum_already_passed_cuts_the_call_off_at_its_border(self):
        day = by_second("60", when=When(start=8 * HOUR))
        night = by_second("60", when=When(start=20 * HOUR), max_cost=Decimal(10))
        assert lasts([day, night], "1000", start="2026-11-02T19:59:40Z") == 20
        night = by_second("60", when=When(start=20 * HOUR), max_cost=Decimal(10), free_beyond=True)
        assert total([day, night], 60, "2026-11-02T19:59:40Z") == 20


class TestMoney:
    def test_rounded_once_at_the_end(self):
        """A price per increment that has no end in decimals is not rounded before it is multiplied."""
        rates = [
            stepped((0, "0.1", 60, 1)),
        ]
        assert total(rates, 180, rounding=("up", 4)) == Decimal("0.3")
        assert total(rates, 180, rounding=("down", 4)) == Decimal("0.3")
        thirds = [stepped((0, "1", 3, 1), (1, "1", 3, 1), (2, "1", 3, 1))]
        assert total(thirds, 3, rounding=("down", 6)) == 1

    @pytest.mark.parametrize(("method", "expected"), [("up", "0.02"), ("down", "0.01"), ("half-up", "0.02")])
    def test_methods(self, method, expected):
        assert total([stepped((0, "0.015", 1, 1))], 1, rounding=(method, 2)) == Decimal(expected)

    def test_money_has_its_decimals(self):
        assert str(total([by_second("0.5")], 60, rounding=("up", 4))) == "0.5000"
        assert str(total([by_second("0.000001")], 60)) == "0.000001"

    def test_tax_on_top(self):
        money = priced([stepped((0, "0.02", 60, 6))], 65, rounding=("up", 4), tax=Tax(parts=(Decimal(10),))).money
        assert (money.price, money.tax, money.total) == (Decimal("0.0220"), Decimal("0.0022"), Decimal("0.0242"))

    def test_tax_contained(self):
        tax = Tax(inclusive=True, parts=(Decimal(10), Decimal(5), Decimal(10)))
        money = priced([by_second("1.25")], 60, tax=tax).money
        assert (money.price, money.tax, money.total) == (1, Decimal("0.25"), Decimal("1.25"))
        assert money.taxes == (Decimal("0.1"), Decimal("0.05"), Decimal("0.1"))

    def test_parts_of_a_tax_that_cannot_be_shared_evenly(self):
        tax = Tax(parts=(Decimal("0.5"), Decimal("0.5"), Decimal("0.5")))
        money = priced([by_second("1.00")], 60, rounding=("up", 2), tax=tax).money
        assert money.tax == Decimal("0.02")
        assert money.taxes == (Decimal("0.01"), Decimal("0.01"), 0)

    def test_charges_of_parts(self):
        found = tariff(stepped((0, "60", 60, 60), (60, "6", 60, 1), connect_fee=Decimal(5))).find("44", 0)
        charges = split(found, 0, [10 * SECOND, 60 * SECOND, 70 * SECOND], UTC)
        assert [charge.total for charge in charges] == [65, 0, 1]
        assert [charge.billed_seconds for charge in charges] == [60, 0, 10]


class TestLongest:
    def test_increments_are_paid_whole(self):
        rates = [stepped((0, "0.2", 60, 60), (60, "0.1", 60, 6), connect_fee=Decimal("0.4"))]
        assert lasts(rates, "0.39") == 0
        assert lasts(rates, "0.59") == 0
        assert lasts(rates, "0.60") == 60
        assert lasts(rates, "0.6099") == 60
        assert lasts(rates, "0.61") == 66

    def test_tax_and_rounding_are_paid_too(self):
        rates = [stepped((0, "1", 1, 1))]
        assert lasts(rates, "10", tax=Tax(parts=(Decimal(10),))) == 9
        assert lasts(rates, "10", tax=Tax(inclusive=True, parts=(Decimal(10),))) == 10
        cents = [stepped((0, "0.004", 1, 1))]
        assert lasts(cents, "0.01", rounding=("up", 2)) == 2
        assert lasts(cents, "0.01", rounding=("half-up", 2)) == 3
        assert lasts(cents, "0.01", rounding=("down", 2)) == 4

    def test_what_is_free_needs_no_money(self):
        assert lasts([by_second("0")], "0", at_most=7200) == 7200
        assert lasts([by_second("0")], "-5", at_most=7200) == 7200
        assert lasts([by_second("1")], "-5") == 0
        assert lasts([by_second("1", free_seconds=30)], "0") == 30
        assert lasts([by_second("1", grace_seconds=3)], "0") == 2
        assert lasts([by_second("1", grace_seconds=30)], "0", at_most=10) == 10
        assert lasts([by_second("1", grace_seconds=30, connect_fee=Decimal(1))], "0", at_most=10) == 10

    def test_into_a_cheaper_window(self):
        day, night = by_second("60", when=When(start=8 * HOUR)), by_second("6", when=When(start=20 * HOUR))
        assert lasts([day, night], "12", start="2026-11-02T19:59:50Z") == 10 + 20


class TestWindows:
    DAY = by_second("1", when=When(start=8 * HOUR))
    NIGHT = by_second("2", when=When(start=20 * HOUR))

    @pytest.mark.parametrize(
        ("hour", "expected"), [("07:59", 2), ("08:00", 1), ("19:59", 1), ("20:00", 2), ("03:00", 2)]
    )
    def test_a_rate_holds_until_the_next_of_its_weight(self, hour, expected):
        assert total([self.DAY, self.NIGHT], 60, f"2026-11-02T{hour}:00Z") == expected

    def test_a_night_does_not_outlast_a_day_on_which_none_of_its_weight_starts(self):
        weekday = frozenset({1, 2, 3, 4, 5})
        night = by_second("2", when=When(weekdays=weekday, start=20 * HOUR), weight=1)
        day = by_second("1", when=When(weekdays=weekday, start=8 * HOUR), weight=1)
        rest = by_second("3")
        assert total([day, night, rest], 60, "2026-11-06T03:00:00Z") == 2, "Friday before 08:00"
        assert total([day, night, rest], 60, "2026-11-07T03:00:00Z") == 3, "Saturday"
        with pytest.raises(NoRate, match="Saturday 2026-11-07 03:00:00"):
            total([day, night], 60, "2026-11-07T03:00:00Z")

    def test_a_peak_alone_ends_at_midnight(self):
        peak = by_second("5", when=When(start=18 * HOUR), weight=1)
        rest = by_second("1")
        assert total([peak, rest], 60, "2026-11-02T23:59:00Z") == 5
        assert total([peak, rest], 60, "2026-11-03T00:00:00Z") == 1

    def test_a_peak_alone_ends_at_midnight_though_its_price_was_changed(self):
        old = by_second("5", when=When(start=18 * HOUR), weight=1)
        new = by_second("6", when=When(start=18 * HOUR), weight=1, effective_us=0)
        assert total([old, new, by_second("1")], 60, "2026-11-02T23:59:00Z") == 6
        assert total([old, new, by_second("1")], 60, "2026-11-03T00:00:00Z") == 1

    def test_a_call_across_a_border_pays_both_and_one_connect_fee(self):
        day = by_second("1", when=When(start=8 * HOUR), connect_fee=Decimal(7))
        night = by_second("2", when=When(start=20 * HOUR), connect_fee=Decimal(9))
        assert total([day, night], 120, "2026-11-02T19:59:00Z") == 7 + 1 + 2

    def test_a_border_within_a_second(self):
        """19:59:59.5 to 20:00:01.5: the second begun before the border is priced by the rate before it."""
        assert (
            total(
                [by_second("60", when=self.DAY.when), by_second("120", when=self.NIGHT.when)],
                2,
                "2026-11-02T19:59:59.500000Z",
            )
            == 1 + 2
        )

    def test_an_increment_begun_is_paid_across_the_border(self):
        day = stepped((0, "1", 60, 60), when=When(start=8 * HOUR))
        night = stepped((0, "2", 60, 60), when=When(start=20 * HOUR))
        assert total([day, night], 61, "2026-11-02T19:59:30Z") == 1 + 2

    def test_in_the_zone_of_the_account(self):
        assert total([self.DAY, self.NIGHT], 60, "2026-11-02T12:00:00Z", ZoneInfo("Asia/Shanghai")) == 2
        assert total([self.DAY, self.NIGHT], 60, "2026-11-02T11:59:00Z", ZoneInfo("Asia/Shanghai")) == 1

    def test_holidays(self):
        christmas = by_second("9", weight=20, when=When(months=frozenset({12}), monthdays=frozenset({25})))
        easter = by_second("8", weight=20, when=When(dates=frozenset({date(2026, 4, 5)})))
        rates = [self.DAY, self.NIGHT, christmas, easter]
        assert total(rates, 60, "2026-12-25T12:00:00Z") == 9
        assert total(rates, 60, "2026-11-25T12:00:00Z") == 1
        assert total(rates, 60, "2026-12-24T12:00:00Z") == 1
        assert total(rates, 60, "2026-04-05T12:00:00Z") == 8
        assert total(rates, 60, "2027-04-05T12:00:00Z") == 1
        assert total(rates, 120, "2026-12-25T23:59:00Z") == 9 + 2
        assert total(rates, 120, "2026-12-24T23:59:00Z") == 2 + 9

    def test_a_call_that_has_begun_keeps_its_rate_where_none_holds(self):
        friday = by_second("1", when=When(weekdays=frozenset({5})))
        assert (
            total([friday, by_second("5", when=When(weekdays=frozenset({7})))], 3 * 86_400, "2026-11-06T12:00:00Z")
            == 36 * 60 + 24 * 300 + 12 * 300
        )

    def test_spring_forward(self):
        """London, 29 March 2026: 00:59:59 is followed by 02:00:00, so a rate from 01:30 begins then."""
        rates = [by_second("1"), by_second("2", when=When(start=HOUR + 1800))]
        assert total(rates, 120, "2026-03-29T00:59:00Z", LONDON) == 1 + 2

    def test_fall_back(self):
        """London, 25 October 2026: 01:30 comes twice, and the hour between is priced as the wall reads."""
        rates = [by_second("1"), by_second("2", when=When(start=HOUR + 1800))]
        start = "2026-10-25T00:00:00Z"  # 01:00 by the wall; 30 minutes, then 30, then 30 at the first price again
        assert total(rates, 2 * HOUR, start, LONDON) == 30 * 1 + 30 * 2 + 30 * 1 + 30 * 2
        assert total(rates, 60, "2026-11-01T05:45:00Z", NEW_YORK) == 2
        assert total(rates, 60, "2026-11-01T06:15:00Z", NEW_YORK) == 1


class TestAmbiguous:
    def test_two_rates_that_start_together(self):
        monday = by_second("1", when=When(weekdays=frozenset({1}), start=HOUR))
        with pytest.raises(AmbiguousRates, match="prefix 44") as caught:
            tariff(by_second("3"), monday, by_second("2", when=When(monthdays=frozenset({1}), start=HOUR)))
        assert caught.value.positions == (1, 2)

    @pytest.mark.parametrize(
        "other",
        [
            by_second("2", when=When(weekdays=frozenset({2}), start=HOUR)),
            by_second("2", when=When(weekdays=frozenset({1}))),
            by_second("2", when=When(weekdays=frozenset({1}), start=HOUR), weight=1),
            by_second("2", when=When(weekdays=frozenset({1}), start=HOUR), effective_us=0),
            by_second("2", when=When(dates=frozenset({date(2026, 11, 3)}), start=HOUR)),
            by_second("2", when=When(weekdays=frozenset({1}), start=HOUR), prefix="447"),
        ],
    )
    def test_what_tells_two_rates_apart(self, other):
        tariff(by_second("1", when=When(weekdays=frozenset({1}), start=HOUR)), other)

    def test_other_months_or_other_days_of_the_month(self):
        tariff(by_second("1", when=When(months=frozenset({1}))), by_second("2", when=When(months=frozenset({2}))))
        tariff(by_second("1", when=When(monthdays=frozenset({1}))), by_second("2", when=When(monthdays=frozenset({2}))))

    def test_a_date_on_a_day_of_the_other(self):
        with pytest.raises(AmbiguousRates):
            tariff(
                by_second("1", when=When(weekdays=frozenset({1}))),
                by_second("2", when=When(dates=frozenset({date(2026, 11, 2)}))),
            )
