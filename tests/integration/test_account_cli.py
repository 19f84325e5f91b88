"""`callctl account`, `endpoint` and `tariff` as they are typed."""

import json
import shlex
from decimal import Decimal
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner

from callctl.admission.limits import Limits
from callctl.admission.money import Money
from callctl.admission.rebuild import Rebuild
from callctl.cli import main
from callctl.cli.entry import change
from callctl.cli.keys import ACCOUNT_KEYS
from callctl.cli.output import Context
from callctl.live.client import connect
from callctl.store import ledger
from callctl.store.balance import Balances
from callctl.store.directory import config_version, load_directory
from callctl.store.ledger import Entry
from callctl.world import Demand, Level

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(database, settings, monkeypatch):
    for name, value in {
        "MYSQL__PORT": settings.mysql.port, "MYSQL__PASSWORD": settings.mysql.password.get_secret_value(),
        "REDIS__PORT": settings.redis.port, "REDIS__PASSWORD": settings.redis.password.get_secret_value(),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CALLCTL_{name}", str(value))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(line, *more, code=0):
        done = CliRunner().invoke(main, [*line.split(), *more], catch_exceptions=False)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout if code == 0 else done.stderr

    return run


def said(run, line, *more, code=0):
    return json.loads(run(f"{line} --json", *more, code=code))


# what is configured


def test_an_account_is_made_changed_and_removed(run, database):
    before = config_version(database)
    run("tariff create gold --currency USD --tax_parts 10,2.5 --rounding-method up")
    assert run("account create telco") == "+ account telco\n"
    run(
        "account create acme --parent telco --mode postpaid --credit_limit 50 --tariff gold --limits-calls 3 "
        "--limits-spend-per-day 5.5 --blocked 1900,44 --codecs PCMA --codec-check false --timezone Asia/Shanghai"
    )
    (acme, _) = load_directory(database)[1]
    assert (acme.parent, acme.credit_limit, acme.tariff, acme.currency) == ("telco", 50, "gold", "USD")
    assert (acme.limits.calls, str(acme.spend_per_day), acme.blocked) == (3, "5.5", ("1900", "44"))
    assert (acme.codecs, acme.codec_check, acme.timezone) == (("PCMA",), False, "Asia/Shanghai")
    nothing = ("--limits-calls", "", "--blocked", "")
    changed = run("account change acme --limits-cps 7 --codec-check true", *nothing)
    assert changed.startswith("~ account acme  blocked: ['1900', '44'] → -; codec_check: False → -; limits: ")
    acme = load_directory(database)[1][0]
    assert (acme.limits, acme.blocked, acme.codec_check, acme.credit_limit) == ((None, 7), (), True, 50)
    assert config_version(database) == before + 4
    assert run("account change acme --limits-cps 7") == "It is so already; nothing changed.\n"
    assert config_version(database) == before + 4
    assert run("account delete acme") == "- account acme\n"
    assert run("account delete telco --lang zh") == "- account telco\n"
    assert run("tariff delete gold") == "- tariff gold\n"
    assert (load_directory(database)[1], database.rows("SELECT name FROM tariff")) == ([], [])


def test_a_tariff_changes_and_keeps_its_rates(run, database, tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text("prefix,rate\n44,1\n45,2\n")
    run("tariff create gold --currency USD")
    run(f"tariff import gold {file}")
    assert "tax: - → {'parts': ['20']}" in run("tariff change gold --tax-parts 20")
    priced = said(run, "rate --tariff gold --to 45 --start 2026-11-02 --seconds 60")
    assert (priced["price"], priced["tax"]) == ("2.000000", "0.400000")


def test_phones_and_trunks(run, database):
    run("account create acme")
    run("account create other")
    run("endpoint create 1001@Example.net --account acme --extension 101 --caller-id 4420 --limits-calls 2")
    run("endpoint create 203.0.113.9/29 --account acme")
    run("endpoint create 77@198.51.100.0/24 --account acme")
    run("endpoint create 78@198.51.100.7/32 --account other")
    listed = [json.loads(line) for line in run("endpoint list --account acme --json").splitlines()]
    assert [each["name"] for each in listed] == ["1001@example.net", "203.0.113.8/29", "77@198.51.100.0/24"]
    assert (listed[0]["extension"], listed[0]["limits"]) == ("101", {"calls": 2, "cps": None})
    assert [trunk.prefix for trunk in load_directory(database)[2]] == ["", "", "77", "78"]
    assert "分机" in run("endpoint list --lang zh")
    assert "extension: 101 → 102" in run("endpoint change 1001@EXAMPLE.net --extension 102")
    assert run("account delete acme", code=1) == (
        "callctl: The account acme is still needed by endpoint 1001@example.net, endpoint 203.0.113.8/29, "
        "endpoint 77@198.51.100.0/24: remove or change what needs it first.\n"
    )
    for name in ("1001@EXAMPLE.NET", "203.0.113.9/29", "77@198.51.100.0/24"):
        run(f"endpoint delete {name}")
    run("account delete acme")
    assert run("endpoint list --json").count("\n") == 1


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("account create acme", 1, "There is an account acme already: see `callctl account change`."),
        ("account create a/b", 2, "NAME: "),
        ("account create new --parent nobody", 2, "--parent: there is no account nobody to be a parent"),
        ("account create new --tariff nil", 2, "--tariff: there is no tariff nil"),
        ("account create new --limits-calls many", 2, "--limits-calls: "),
        ("account create new --limits_spend_per_day 1.1234567", 2, "--limits-spend-per-day: "),
        ("account create new --codecs PCMA,pcmu", 2, "--codecs: "),
        ("account create new --credit-limit 5", 2, "a prepaid account has no credit_limit"),
        ("account create new --mode postpaid --credit-limit 5", 2, "account new: credit_limit of account new is of no"),
        ("account create new --premium maybe", 2, "--premium: "),
        ("account create new --media-path bypass --media-transcoding true", 2, "media: path bypass leaves"),
        ("account create new --routes nil", 2, "--routes: there is no route nil"),
        ("endpoint create 2@h --account acme --numbers-called nil", 2, "--numbers-called: there is no numbers nil"),
        ("account change new --premium true", 1, "There is no account new: `callctl account list` names those there"),
        ("account change acme --parent acme", 2, "--parent: the parents of acme go in a circle"),
        ("account change acme", 2, "name what shall change"),
        ("account delete new", 1, "There is no account new"),
        ("endpoint create 1@h", 2, "--account: Field required"),
        ("endpoint create 1@h --account new", 2, "--account: there is no account new"),
        ("endpoint create 1@h --account acme --extension 101", 2, "--extension: extension 101 of account acme is take"),
        ("endpoint create 1.2.3 --account acme", 2, "NAME: "),
        ("endpoint create 203.0.113.0/24 --account globex", 2, "NAME: 203.0.113.0/24 of account globex and"),
        ("endpoint delete 1.2.3", 1, "There is no endpoint 1.2.3"),
        ("tariff create gold", 2, "--currency: Field required"),
        ("tariff delete nil", 1, "There is no tariff nil"),
        ("account show nobody", 1, "There is no account nobody"),
        ("account topup nobody 5 --reference r", 1, "There is no account nobody"),
        ("account topup acme 5 --reference r", 1, "Account acme has no currency: give it one by `callctl account"),
        ("account topup acme 5", 2, "--reference"),
        ("account topup acme 0 --reference r", 2, "adds nothing"),
        ("account topup acme -5 --reference r", 2, "-5"),
        ("account topup acme 1.1234567 --reference r", 2, "is no amount"),
        ("account topup acme 5000000000 --reference r", 2, "is no amount"),
        ("account topup acme 1e3 --reference r", 2, "is no amount"),
        ("account topup acme 5 --reference call:1:acme", 2, "begin with call:"),
        ("account adjust acme 0 --reference r", 2, "nothing would change"),
        ("account hold nobody --reference r", 1, "There is no account nobody"),
        ("account release acme --reference r", 1, "Account acme is not held by r, but by nothing: correct the refer"),
    ],
)
def test_what_is_refused_names_the_option_and_changes_nothing(run, database, line, code, message):
    run("account create acme")
    run("account create globex")
    run("endpoint create 1001@example.net --account acme --extension 101")
    run("endpoint create 203.0.113.8/29 --account acme")
    before = config_version(database)
    assert message in run(line, code=code)
    assert config_version(database) == before
    assert database.rows("SELECT * FROM ledger UNION SELECT * FROM ledger") == []
    assert database.rows("SELECT * FROM account_balance") == []


def test_an_account_with_a_ledger_is_closed_and_stays(run, database, tmp_path):
    run("tariff create gold --currency USD")
    run("account create telco")
    run("account create acme --tariff gold --parent telco --max-duration 60")
    run("account topup acme 5 --reference r")
    assert run("account delete acme").splitlines() == [
        "~ account acme  currency: - → USD; parent: telco → -; status: - → closed; tariff: gold → -",
        "Account acme has a ledger, so it is closed and not deleted.",
    ]
    run("tariff delete gold")
    run("account delete telco")
    assert said(run, "account show acme")["status"] == "closed"
    file = tmp_path / "f.yaml"
    file.write_text("accounts: []")
    assert "= account acme: in no file, kept\n0 changes made.\n" in run(f"apply -f {file} --prune")
    assert "the ledger of account acme is in USD, not EUR" in run("account change acme --currency EUR", code=2)
    run("account change acme --status active")
    assert "~ account acme  status: - → closed" in run(f"apply -f {file} --prune")
    assert database.rows("SELECT balance FROM account_balance") == [(5,)]


# money


def test_a_top_up_is_booked_once(run, database):
    run("account create acme --currency USD")
    run("account create other --currency USD")
    first = run("account topup acme 10.50 --reference r1 --note cash")
    assert first == "+10.500000 USD to acme; its balance is 10.500000 USD.\n"
    again = run("account topup acme 10.5 --reference r1")
    assert again == "Reference r1 is booked already: +10.500000 USD to acme; nothing changed.\n"
    assert said(run, "account topup acme 10.5 --reference r1") == {
        "account": "acme", "kind": "topup", "amount": "10.500000", "currency": "USD", "reference": "r1",
        "balance": "10.500000", "already": True, "redis": None,
    }  # fmt: skip
    for line in ("topup acme 10", "topup other 10.5", "adjust acme 10.5"):
        assert run(f"account {line} --reference r1", code=1) == (
            "callctl: Reference r1 is that of another entry, topup of 10.500000 USD to acme: name another reference.\n"
        )
    assert "余额 8.000000 USD" in run("account adjust acme -2.5 --reference r2 --lang zh")
    assert "is booked already: -2.500000 USD" in run("account adjust acme -2.50 --reference r2")
    assert "beyond" in run("account topup acme 4499999999 --reference r3", code=1)
    assert "beyond" in run("account topup acme 4500000000 --reference r3", code=1)
    assert database.rows("SELECT kind, amount, balance_after, note FROM ledger ORDER BY id") == [
        ("topup", 10.5, 10.5, "cash"), ("adjust", -2.5, 8, "")
    ]  # fmt: skip
    assert database.rows("SELECT account, balance FROM account_balance") == [("acme", 8)]


def test_redis_is_told_of_a_top_up_and_shows_what_calls_hold(run, database, settings):
    run("account create acme --currency USD --mode postpaid --credit-limit 4 --limits-spend-per-day 9 --limits-calls 3")
    run("account topup acme 10 --reference r1")
    client = connect(settings.redis)
    balances = Balances(database)
    Rebuild(client, settings.redis, balances).rebuild([], [])
    money = Money(client, settings.redis, balances.opening)
    day = balances.opening("acme").day
    Limits(client, settings.redis).admit("c-1", [Level("account acme", 3, None)])
    (held,) = money.hold("c-1", [Demand("acme", Decimal(3), Decimal(3), Decimal(4), day)], 60)
    assert (held.refused, held.available) == ("", 14)
    run("account topup acme 5 --reference r2")
    assert money.look("acme").balance == 15
    shown = said(run, "account show acme")
    assert (shown["balance"], shown["held"], shown["holds"]) == ("15.000000", "3.000000", {"c-1": "3.000000"})
    assert (shown["pending"], shown["available"], shown["redis"]) == ("0.000000", "16.000000", None)
    assert (shown["calls"], shown["limits"]) == (1, {"calls": 3, "cps": None})
    assert [each["reference"] for each in shown["ledger"]] == ["r1", "r2"]
    text = run("account show acme")
    for line in (
        "balance: 15.000000 USD", "held by calls: 3.000000 (c-1 3.000000)", "available: 16.000000 (with credit 4)",
        f"spent today: 0.000000 / 9 ({day} UTC)", "calls, starts a second: 1/3, ",
    ):  # fmt: skip
        assert line in text
    assert "余额：15.000000 USD" in run("account show acme --lang zh")


def test_what_calls_cost_today_is_shown(run, database):
    run("account create acme --currency USD")
    with database.transaction() as cursor:
        now = cursor.execute("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)") and cursor.fetchone()[0]
        entries = [("call:1:acme", now), ("call:2:acme", now - 3 * 86_400_000_000)]
        ledger.book(cursor, [Entry("acme", "call", -2, "USD", reference, at) for reference, at in entries])
    shown = said(run, "account show acme --entries 1")
    assert (shown["balance"], shown["spent_today"], len(shown["ledger"])) == ("-4.000000", "2.000000", 1)


def test_with_redis_away_it_is_booked_and_said(run, database, monkeypatch):
    run("account create acme --currency USD")
    monkeypatch.setenv("CALLCTL_REDIS__PORT", "1")
    done = CliRunner().invoke(main, ["account", "topup", "acme", "5", "--reference", "r"])
    assert (done.exit_code, done.stdout) == (0, "+5.000000 USD to acme; its balance is 5.000000 USD.\n")
    assert "did not answer" in done.stderr
    assert "calls in progress hear of it when Redis is back" in done.stderr
    shown = said(run, "account show acme")
    assert (shown["balance"], shown["spent_today"]) == ("5.000000", "0.000000")
    assert (shown["held"], shown["available"], shown["calls"]) == (None, None, None)
    assert "did not answer" in shown["redis"]
    assert "balance: 5.000000 USD" in run("account show acme")
    assert "could not be asked" in run("account show acme")


def test_mysql_away(run, monkeypatch):
    monkeypatch.setenv("CALLCTL_MYSQL__PORT", "1")
    for line in ("list", "show a", "create a", "topup a 5 --reference r", "hold a --reference r"):
        assert "cannot be reached" in run(f"account {line}", code=3)


# blocked


def test_a_hold_blocks_until_it_is_released(run, database):
    run("account create telco")
    run("account create acme --parent telco")
    run("account create other")
    before = config_version(database)
    assert run("account hold telco --reference fraud-7 --note", "odd calls") == "Account telco is blocked: fraud-7.\n"
    assert run("account hold telco --reference fraud-7") == "Account telco is blocked by fraud-7 already.\n"
    assert config_version(database) == before + 1
    assert "Hold fraud-7 is one of account telco" in run("account hold other --reference fraud-7", code=1)
    run("account hold telco --reference debt")
    assert {each.name: each.held for each in load_directory(database)[1]}["telco"] == "debt"
    assert "blocked: fraud-7 (odd calls)" in run("account show telco")
    assert "belongs to: telco blocked" in run("account show acme")
    assert "held: debt" in run("account list")
    released = run("account release telco --reference fraud-7")
    assert released == "Hold fraud-7 of account telco is released.\nIt is still blocked by debt.\n"
    assert said(run, "account release telco --reference fraud-7")["already"] is True
    assert "but by debt" in run("account release telco --reference other", code=1)
    run("account release telco --reference debt")
    assert config_version(database) == before + 4
    assert [each.held for each in load_directory(database)[1]] == ["", "", ""]
    assert "was released already" in run("account hold telco --reference debt", code=1)
    assert [row["status"] for row in map(json.loads, run("account list --json").splitlines())] == ["active"] * 3


def test_what_examples_say_can_be_typed(run, database, monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)
    lines = [line.split(" #")[0] for line in (EXAMPLES / "README.md").read_text().splitlines()]
    typed = [shlex.split(line)[1:] for line in lines if line.startswith("    callctl ")]
    assert len(typed) > 10
    for words in typed:
        if words[0] != "explain":
            run("", *words)
    assert database.rows("SELECT kind, amount FROM ledger ORDER BY id") == [("topup", 20), ("adjust", -2.5)]
    assert [each.prefix for each in load_directory(database)[2]] == ["", "77"]
    run("account change cafe --tariff", "", "--currency", "USD")
    assert "+ account hotel" in run(f"apply -f {EXAMPLES / 'company.yaml'}")
    assert run(f"apply -f {EXAMPLES / 'company.yaml'}") == "0 changes made.\n"


def test_two_who_change_one_account_at_once_both_have_their_way(run, database, settings):
    run("account create acme --currency USD")
    context = Context()
    context.__dict__["settings"] = settings
    given = [{"limits.calls": "7"}, {"limits.cps": "8"}, {"premium": "true"}, {"limits.spend_per_day": "9"}]
    gevent.joinall([gevent.spawn(change, context, ACCOUNT_KEYS, "acme", each) for each in given], raise_error=True)
    (acme,) = load_directory(database)[1]
    assert (acme.limits, acme.premium, acme.spend_per_day) == ((7, 8), True, 9)
