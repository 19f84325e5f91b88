"""`callctl tariff import`, `list`, `show` and `rate --tariff` as they are typed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callctl.store.tariff import summary
from tests.command import callctl
from tests.integration.platform import wait

EXAMPLE = Path(__file__).parents[2] / "examples" / "rates.csv"
COUNTRIES = {"China": 3, "United Kingdom": 2, "United States": 1}
HEADER = "prefix,destination,rate,connect_fee,increment,minimum\n"


@pytest.fixture
def environment(database, settings):
    return {
        **os.environ,
        "CALLCTL_MYSQL__PORT": str(settings.mysql.port),
        "CALLCTL_MYSQL__PASSWORD": settings.mysql.password.get_secret_value(),
    }


@pytest.fixture
def run(environment):
    def run(*arguments, code=0):
        done = callctl(*map(str, arguments), environment=environment)
        assert done.code == code, done
        assert "Traceback" not in done.err
        return done

    return run


def many(folder, count, last=""):
    file = folder / "many.csv"
    rows = (f"{1_000_000 + number},Place {number // 100},0.{number % 1000:03},0,1,30\n" for number in range(count))
    file.write_text(HEADER + "".join(rows) + last)
    return file


def test_the_example_prices_as_it_reads(run):
    said = json.loads(run("tariff", "import", "retail", EXAMPLE, "--currency", "USD", "--json").out)
    assert (said["tariff"], said["rates"], said["replaced"]) == ("retail", 6, 0)

    def price(to, start, seconds):
        call = ("--to", to, "--start", start, "--seconds", seconds, "--json")
        return json.loads(run("rate", "--tariff", "retail", *call).out)

    answer = price("+447911123456", "2026-11-02T18:00:00Z", 35)
    assert (answer["destination"], answer["billed_seconds"]) == ("United Kingdom mobile", 35)
    assert answer["total"] == "0.026250"
    assert price("447911123456", "2026-11-02T18:00:00Z", 2)["total"] == "0.000000"
    assert price("8621", "2026-12-31T23:00:00Z", 1)["total"] == "0.020000"
    assert price("8621", "2027-01-01T00:00:00Z", 1)["total"] == "0.018000"
    missing = run("rate", "--tariff", "retail", "--to", "33", "--start", "2026-11-02", "--seconds", "1", code=1)
    assert missing.err == "callctl: Tariff retail has no rate in force for 33: add one for its prefix.\n"
    assert "There is no tariff gold" in run(
        "rate", "--tariff", "gold", "--to", "33", "--start", "2026-11-02", "--seconds", "1", code=1
    ).err  # fmt: skip


def test_list_and_show_in_both_languages(run):
    run("tariff", "import", "retail", EXAMPLE, "--currency", "USD")
    (found,) = [json.loads(line) for line in run("tariff", "list", "--json").out.splitlines()]
    assert (found["name"], found["currency"], found["rates"]) == ("retail", "USD", 6)
    where = {"countries": COUNTRIES, "no_country": 0}
    assert json.loads(run("tariff", "show", "retail", "--json").out) == {**found, **where}
    shown = run("tariff", "show", "retail", "--lang", "en").out
    assert "currency" in shown
    assert "China           3" in shown
    assert "英国" in run("tariff", "show", "retail", "--lang", "zh").out
    assert "货币" in run("tariff", "list", "--lang", "zh").out
    assert run("tariff", "show", "gold", code=1).err.startswith("callctl: There is no tariff gold")


def test_an_import_says_of_which_countries_the_rates_are_and_which_are_of_none(run, tmp_path):
    file = tmp_path / "odd.csv"
    prefixes = ["44", "4420", "49", "33", "34", "351", "86", "00441", "999", "0", "0049", "1876", "7495"]
    file.write_text("prefix,rate\n" + "".join(f"{prefix},0.1\n" for prefix in prefixes))
    said = run("tariff", "import", "odd", file, "--currency", "USD", "--lang", "en").out.splitlines()
    assert said[1:] == [
        "Countries: United Kingdom 2, China 1, France 1, Germany 1, Jamaica 1 and 3 more: "
        "see `callctl tariff show odd`.",
        "Of no country: 4 (prefixes that begin with 0, 0044, 0049 …)",
    ]


def test_a_hundred_thousand_rates_and_then_one_bad_row(run, tmp_path, database):
    run("tariff", "import", "retail", many(tmp_path, 100_000), "--currency", "USD")
    before = summary(database, "retail")
    assert before["rates"] == 100_000
    bad = many(tmp_path, 100_000, last="44,x,much,0,1,1\n")
    said = run("tariff", "import", "retail", bad, code=2).err
    assert said.startswith(f"callctl: {bad}:100002: rate 'much' is no amount")
    assert said.count("\n") == 1
    assert summary(database, "retail") == before
    assert database.rows("SELECT COUNT(*) FROM tariff_rate") == [(100_000,)]


def test_a_prefix_twice_is_named_by_line(run, tmp_path, database):
    twice = many(tmp_path, 10, last="1000003,again,1,0,1,1\n")
    said = run("tariff", "import", "retail", twice, "--currency", "USD", code=2).err
    assert said == f"callctl: {twice}:12: prefix 1000003 has a rate of that moment at line 5 already; keep one.\n"
    assert database.rows("SELECT COUNT(*) FROM tariff") == [(0,)]


def test_an_import_that_is_killed_leaves_the_old_rates(run, environment, tmp_path, database):
    run("tariff", "import", "retail", EXAMPLE, "--currency", "USD")
    before = summary(database, "retail")
    fifo = tmp_path / "rates.csv"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "callctl", "tariff", "import", "retail", str(fifo)]
    with subprocess.Popen(command, env=environment) as importing, fifo.open("w") as out:
        out.write(many(tmp_path, 50_000).read_text())
        out.flush()
        wait(lambda: database.rows("SELECT COUNT(*) > 6 FROM tariff_rate") == [(1,)], "some rates are written")
        importing.send_signal(signal.SIGKILL)
        importing.wait()
    assert summary(database, "retail") == before
    run("tariff", "import", "retail", EXAMPLE)
    assert database.rows("SELECT COUNT(*) FROM tariff_rate") == [(6,)]


@pytest.mark.parametrize(
    "wrong",
    [
        ("tariff", "import", "retail", EXAMPLE),
        ("tariff", "import", "retail", EXAMPLE, "--currency", "dollars"),
        ("tariff", "import", "a b", EXAMPLE, "--currency", "USD"),
        ("tariff", "import", "retail", "/nowhere.csv", "--currency", "USD"),
        ("tariff", "import", "retail", "/", "--currency", "USD"),
        ("rate", "--to", "44", "--start", "2026-11-02", "--seconds", "1"),
    ],
)
def test_wrong_usage(run, wrong):
    assert run(*wrong, code=2).out == ""


def test_mysql_away(environment, run):
    environment["CALLCTL_MYSQL__PORT"] = "1"
    assert "cannot be reached" in run("tariff", "list", code=3).err
