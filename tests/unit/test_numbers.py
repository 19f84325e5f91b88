"""Number rules: first that can be applied wins; none refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.routing.numbers import LONGEST, Rewritten, Rule, from_ov500, hidden, rewrite

UK = (Rule("00", 2), Rule("0", 1, "44"))


@pytest.mark.parametrize(
    ("number", "made"),
    [
        ("00442079460000", Rewritten("442079460000", 1)),
        ("02079460000", Rewritten("442079460000", 2)),
        ("442079460000", Rewritten("442079460000", 0)),
        ("00", Rewritten("440", 2)),  # the first would leave nothing
        ("", Rewritten("", 0)),
    ],
)
def test_the_first_rule_that_can_be_applied_wins(number, made):
    assert rewrite(UK, number) == made


@pytest.mark.parametrize(
    ("rule", "number", "made"),
    [
        (Rule("", 0, "91", 10, 10), "9876543210", "919876543210"),
        (Rule("", 0, "91", 10, 10), "987654321", None),
        (Rule("", 0, "91", 10, 10), "98765432101", None),
        (Rule("44", 5), "44123", None),
        (Rule("44", 6), "44123", None),
        (Rule("44", None, "442079460000"), "44", "442079460000"),
        (Rule("44", None), "44123", None),
        (Rule("", 0, "0" * 60), "12345", None),
        (Rule("", 0, "+"), "44", "+44"),
    ],
)
def test_a_rule_makes_a_number_or_nothing(rule, number, made):
    assert rule.apply(number) == made


@pytest.mark.parametrize(
    ("text", "number", "made"),
    [
        ("%=>%", "442079460000", "442079460000"),
        ("%=>", "442079460000", "442079460000"),
        ("44|%=>%", "442079460000", "2079460000"),
        ("44|%=>%", "332079460000", None),
        ("44|%=>0044%", "442079460000", "00442079460000"),
        ("{10}%=>91%", "9876543210", "919876543210"),
        ("{10}%=>91%", "98765432100", None),
        ("44{4}|%=>%", "4412", "12"),
        ("44{4}|%=>%", "44123", None),
        ("%=>441149800228", "1", "441149800228"),
        ("44%=>441282777711", "4420", "441282777711"),
        ("00|44%=>+%", "00442079460000", "+442079460000"),
        (" 44|%=>% ", "4420", "20"),
    ],
)
def test_ov500s_notation(text, number, made):
    assert from_ov500(text).apply(number) == made


@pytest.mark.parametrize("text", ["", "44", "44=>", "%=>|44%", "4<4|%=>%", "%=>%%", "44|%", "%=>44`", "{x}%=>%"])
def test_what_is_no_rule_of_ov500s_is_refused(text):
    with pytest.raises(ValueError, match="is no rule as"):
        from_ov500(text)


def test_rules_that_nothing_reaches_are_found():
    assert hidden(UK) == []
    assert hidden((UK[1], UK[0])) == [(2, 1)]
    assert hidden((Rule("", 0, "1", 5, 5), Rule("", 0, "2"))) == []
    assert hidden((Rule("4", 3, "1"), Rule("44", 0))) == []  # the first cannot be applied to 44 alone


numbers = st.text("0123456789+*#", max_size=20)
rules = st.builds(
    Rule, st.text("0123", max_size=3), st.none() | st.integers(0, 6), st.text("0459", max_size=4),
    st.integers(0, 12), st.integers(0, 15) | st.just(LONGEST),
)  # fmt: skip


@given(st.lists(rules, max_size=6), numbers)
def test_every_number_comes_out_as_one_that_can_be_dialled_or_as_it_was(some, number):
    made = rewrite(some, number)
    assert (made.number == number) if not made.rule else (0 < len(made.number) <= LONGEST)


@given(st.lists(rules, max_size=6), numbers)
def test_no_number_gets_to_a_hidden_rule(some, number):
    assert rewrite(some, number).rule not in {position for position, _ in hidden(some)}
