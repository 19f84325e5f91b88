"""What a rate's fields mean, each by an example that can be checked by hand."""

from datetime import UTC
from decimal import Decimal

import pytest

from callctl.rating.price import split
from callctl.rating.rounding import Tax
from callctl.rating.tariff import SECOND, NoRate, When
from tests.unit.rating_calls import at, by_second, lasts, priced, stepped, tariff, total

HOUR = 3600


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
