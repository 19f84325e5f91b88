"""`callctl number`, and what `apply` says of rules that nothing reaches."""

import json

import pytest
from click.testing import CliRunner

from callctl.cli import main
from callctl.cli.country import country

RULES = """
numbers:
  - name: uk
    rules: [{match: "00", strip: 2}, {match: "0", strip: 1, add: "44", length: [10, 11]}, "{4}%=>442079460000"]
  - {name: odd, rules: [{match: "0", strip: 1, add: "44"}, {match: "00", strip: 2}]}
"""


@pytest.fixture
def run(database, settings, monkeypatch):
    monkeypatch.setenv("CALLCTL_MYSQL__PORT", str(settings.mysql.port))
    monkeypatch.setenv("CALLCTL_MYSQL__PASSWORD", settings.mysql.password.get_secret_value())

    def run(*words):
        return CliRunner().invoke(main, ["--lang", "en", *words], catch_exceptions=False)

    return run


@pytest.fixture
def applied(run, tmp_path):
    file = tmp_path / "numbers.yaml"
    file.write_text(RULES)
    return run("apply", "-f", str(file))


def test_apply_names_a_rule_that_nothing_reaches_and_the_one_before_it(applied, run, tmp_path):
    assert applied.exit_code == 0
    assert "numbers.yaml:5: no number reaches rule 2 of odd: rule 1 before it takes them all." in applied.stderr
    assert applied.stderr.count("\n") == 1
    again = run("apply", "-f", str(tmp_path / "numbers.yaml"), "--json")
    (hidden,) = json.loads(again.stdout)["hidden"]
    assert (hidden["ruleset"], hidden["rule"], hidden["before"]) == ("odd", 2, 1)


def test_a_number_is_tested_with_the_rule_that_made_it_and_its_country(applied, run):
    said = run("number", "test", "uk", "00442079460000")
    assert said.stdout == "442079460000  United Kingdom\nby rule 1: begins with 00, strip 2\n"
    chinese = run("--lang", "zh", "number", "test", "uk", "02079460000")
    assert chinese.stdout == "442079460000  英国\n第 2 条规则：以 0 开头，长度 10 至 11，去掉前 1 位，加前缀 44\n"
    found = json.loads(run("number", "test", "uk", "1234", "--json").stdout)
    assert found == {
        "ruleset": "uk", "number": "1234", "made": "442079460000", "position": 3, "country": "United Kingdom",
        "rule": {"match": "", "strip": "all", "add": "442079460000", "length": [4, 4]},
    }  # fmt: skip


def test_a_number_that_no_rule_fits_is_said_to_stay(applied, run):
    said = run("number", "test", "uk", "12345")
    assert (said.exit_code, said.stdout) == (0, "12345\nno rule fits, so it stays as it is\n")


def test_rules_that_are_not_there_are_named(applied, run):
    assert run("number", "test", "none", "1").exit_code == 1
    assert run("number", "test", "uk", "1 2").exit_code == 2


def test_rules_are_listed_in_their_order(applied, run):
    rows = [json.loads(line) for line in run("number", "list", "--json").stdout.splitlines()]
    assert [(row["ruleset"], row["position"], row["hidden_by"]) for row in rows] == [
        ("odd", 1, None), ("odd", 2, 1), ("uk", 1, None), ("uk", 2, None), ("uk", 3, None),
    ]  # fmt: skip
    assert "never: rule 1 takes all" in run("number", "list").stdout


def test_a_country_is_named_where_there_is_one():
    assert country("+8613800138000", "zh") == "中国"
    assert country("102", "en") == country("", "en") == country("*43", "en") == ""
