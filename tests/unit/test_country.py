"""The countries of numbers and prefixes, for people to read."""

import sys

import pytest

from callctl.cli.country import countries, country, country_of_prefix


@pytest.mark.parametrize(("prefix", "where"), [
    ("44", "United Kingdom"), ("4420", "United Kingdom"), ("1", "United States"), ("1212", "United States"),
    ("1876", "Jamaica"), ("1204", "Canada"), ("7", "Russia"), ("77", "Kazakhstan"), ("852", "Hong Kong"),
    ("86139", "China"), ("390669812345678901", "Italy"),
    ("", ""), ("0", ""), ("0044", ""), ("2", ""), ("210", ""), ("883", ""), ("999", ""), ("*43", ""), ("١", ""),
])  # fmt: skip
def test_the_country_of_a_prefix(prefix, where):
    assert country_of_prefix(prefix, "en") == where


def test_rates_are_counted_by_country_the_most_first():
    found = countries({"44": 3, "1876": 1, "4420": 2, "00": 7, "49": 1, "999": 1, "0": 1, "883": 1}, "zh")
    assert list(found.rates.items()) == [("英国", 5), ("德国", 1), ("牙买加", 1)]
    assert (found.unknown, found.examples, found.more) == (10, ("00", "999", "0"), True)


@pytest.mark.parametrize(("number", "where"), [
    ("+442079460000", "United Kingdom"), ("447700900123", "United Kingdom"), ("102", ""), ("alice", ""), ("", ""),
])  # fmt: skip
def test_the_country_of_a_number(number, where):
    assert country(number, "en") == where


@pytest.mark.parametrize(("prefix", "where"), [("852", "香港"), ("685", "Samoa")])
def test_a_country_that_is_called_as_in_another_language_or_has_no_name_in_this_one(prefix, where):
    assert country_of_prefix(prefix, "zh") == where


def test_only_the_names_of_countries_are_loaded_not_those_of_towns():
    assert country("+442079460000", "zh") == "英国"
    assert "phonenumbers.geodata" not in sys.modules
