"""Which of a prefix's rates holds when, each by an example that can be checked by hand."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from callctl.rating.tariff import AmbiguousRates, NoRate, When
from tests.unit.rating_calls import by_second, stepped, tariff, total

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3600


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
