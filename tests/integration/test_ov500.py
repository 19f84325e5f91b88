"""`callctl import ov500`: a small company as OV500 keeps it, imported, applied, and asked the same as OV500."""

import getpass
import hashlib
import json
import math
import os
import shlex
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import MySQLdb
import pytest
from click.testing import CliRunner
from MySQLdb.cursors import DictCursor

from callctl.cli import main
from callctl.cli.import_ import PASSWORD
from callctl.directory import Snapshot
from callctl.ov500.notes import SENTENCES
from callctl.policy.caller_id import shown
from callctl.rating.price import price
from callctl.rating.tariff import NoRate
from callctl.routing.choice import entry_for
from callctl.routing.numbers import Rule, rewrite
from callctl.store.directory import load_directory
from callctl.store.tariff import load

SCHEMA = Path(__file__).with_name("switch.sql")
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOURS = [(day, hour) for day in (0, 4, 5, 6) for hour in (2, 8, 12, 18, 20)]
ZONE = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def switch(services):
    """OV500's database, and an administrator's cursor there."""
    administrator = MySQLdb.connect(
        unix_socket=str(services.mysql_socket), user=getpass.getuser(), charset="utf8mb4", autocommit=True,
        cursorclass=DictCursor,
    )  # fmt: skip
    with closing(administrator), closing(administrator.cursor()) as cursor:

        def run(sql):
            cursor.execute(sql)
            while cursor.nextset():
                pass

        run("CREATE DATABASE `switch`; USE `switch`;")
        run(SCHEMA.read_text(encoding="utf-8"))
        run("GRANT SELECT ON `switch`.* TO callctl@127.0.0.1")
        yield cursor
        run("DROP DATABASE `switch`")


@pytest.fixture
def run(switch, settings, monkeypatch):
    """A command as it is typed, and its answer."""
    monkeypatch.setenv(PASSWORD, settings.mysql.password.get_secret_value())
    monkeypatch.setenv("CALLCTL_MYSQL__PORT", str(settings.mysql.port))
    monkeypatch.setenv("CALLCTL_MYSQL__PASSWORD", settings.mysql.password.get_secret_value())
    monkeypatch.setenv("CALLCTL_REDIS__PORT", str(settings.redis.port))
    monkeypatch.setenv("CALLCTL_REDIS__PASSWORD", settings.redis.password.get_secret_value())
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(*words, code=0):
        done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout or done.stderr

    run.url = f"mysql://callctl@127.0.0.1:{settings.mysql.port}/switch"
    return run


@pytest.fixture
def imported(run, tmp_path):
    """The folder that the import wrote."""
    run("import", "ov500", run.url, "--to", tmp_path / "ov500", "--domain", "Example.net")
    return tmp_path / "ov500"


@pytest.fixture
def loaded(imported, database, run, monkeypatch):
    """The pool and what is configured, when the commands of load.sh have run."""
    monkeypatch.chdir(imported)
    for line in Path("load.sh").read_text(encoding="utf-8").splitlines():
        command, *words = shlex.split(line.replace(' "$@"', ""), comments=True) or [""]
        if command == "callctl":
            run(*words)
    return database, Snapshot(*load_directory(database))


# what is written


def test_the_scripts_load_the_files_as_they_are_and_twice_they_change_nothing(imported, database):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for _ in "ab":
        said = [
            subprocess.run(["sh", imported / script], env=os.environ | {"PATH": path}, check=True, capture_output=True)
            for script in ("load.sh", "balances.sh")
        ]
    assert b"0 changes made." in said[0].stdout
    assert database.rows("SELECT COUNT(*) FROM tariff_rate WHERE tariff = 'BIG'") == [(300,)]
    balances = dict(database.rows("SELECT account, balance_after FROM ledger"))
    assert balances == {"STC1": Decimal("25.5"), "STR2": Decimal("-12.345678"), "STC2": Decimal(-20)}


def test_nobody_else_reads_them_and_secrets_are_where_they_belong(imported, run):
    assert {stat.S_IMODE(each.stat().st_mode) for each in imported.rglob("*") if each.is_file()} == {0o600}
    everything = {each.name: each.read_text(encoding="utf-8") for each in imported.rglob("*") if each.is_file()}
    assert everything["CAR2"] == "p4ss phrase\n"
    assert not any("p4ss" in text for name, text in everything.items() if name != "CAR2")
    assert not any(secret in text for text in everything.values() for secret in ("s3'cret", "hunter2"))
    ha1 = hashlib.md5(b"alice:example.net:s3'cret").hexdigest()
    assert f"ha1: {ha1}" in everything["endpoints.yaml"]
    assert "# 北京电话\n" in everything["accounts.yaml"]
    assert "SELECT 1, '203.0.113.5', 32, 'STC2' FROM" in everything["address.sql"]
    assert "SELECT 1, '198.51.100.8', 32, 'CAR1' FROM" in everything["address.sql"]


def test_what_changed_and_what_has_no_counterpart_is_said_in_both_languages(run, tmp_path):
    words = ("import", "ov500", run.url, "--domain", "example.net")
    english = run(*words, "--to", tmp_path / "a")
    chinese = run(*words, "--to", tmp_path / "b", "--lang", "zh")
    assert "- bundles and monthly charges: for the billing job:\n    tariff CUST; account STC1: FREE500\n" in english
    assert "- 套餐与月费：由计费程序处理：\n    tariff CUST；account STC1: FREE500\n" in chinese
    told = json.loads(run(*words, "--to", tmp_path / "c", "--json"))
    notes = {each["note"]: each["about"] for each in told["notes"]}
    assert notes["renamed"] == ["account STC 3 → STC-3"]
    assert notes["currency.code"] == ["EURO → EUR"]
    assert notes["endpoint.conflict"] == ["77@203.0.113.5: account STC1"]
    assert notes["carrier.credentials"] == ["carrier CAR1: 198.51.100.8:5070"]
    assert notes["did.uri"] == ["203.0.113.9:5080"]
    assert notes["endpoint.extension"] == ["frank: 1002"]
    assert notes["account.closed"] == ["account STC 3", "account STC4"]
    assert notes["account.parent"] == ["account STC4: GONE"]
    assert notes["endpoint.secret"] == ["erin"]
    assert notes["account.incoming"] == ["account STC2"]
    assert notes["endpoint.off"] == ["carol", "203.0.113.7"]
    assert "endpoints dave smith: user: " in "; ".join(notes["invalid"])
    assert notes["tariff.never"] == ["tariff CUST: NIGHT"]
    assert notes["tariff.map_off"] == ["tariff CUST: BASE"]
    assert notes["rate.prefix"] == ["BASE: abc"]
    assert notes["rate.blocked"] == ["account STC1: 1900"]
    assert notes["route.unknown"] == ["dialplan DP2: 1 GONE"]
    assert notes["number.reseller"] == ["account STR2: called"]
    assert notes["number.by_destination"] == ["account STC2: 65%=>65%"]
    assert notes["did.unused"] == ["442000000001 (NEW)"]
    assert notes["did.none"] == ["442000000002"]
    assert told["counts"] == {
        "currencies": 3, "carriers": 2, "tariffs": 10, "numbers": 8, "routes": 3, "accounts": 6, "endpoints": 6,
        "dids": 2, "rates": 323,
    }  # fmt: skip
    assert {each["note"] for each in told["notes"]} <= set(SENTENCES)


# what is configured


def test_accounts_have_their_parents_money_and_limits(loaded):
    _, directory = loaded
    below = directory.account("STC1")
    assert [each.name for each in directory.lineage("STC1")] == ["STC1", "STR2", "STR1"]
    assert (below.limits, below.codecs, below.codec_check) == ((10, 2), ("G729", "PCMU", "PCMA"), True)
    assert (below.currency, below.tariff, below.tariff_in, below.max_duration) == ("USD", "CUST", "CUST-in", 1800)
    assert (below.media.path, below.media.transcoding, below.media.relay) == ("switch", True, True)
    assert (below.blocked, below.caller_ids.allowed) == (("1900",), ("44*",))
    assert [directory.account(name).active for name in ("STC1", "STC2", "STC-3")] == [True, True, False]
    assert [directory.account(name).credit_limit for name in ("STR1", "STR2", "STC2", "STC1")] == [500, 100, 50, 0]
    assert directory.account("STR2").max_duration == 7200
    assert (directory.account("STC2").parent, directory.account("STC2").media.path) == ("", "bypass")
    assert directory.account("STC2").caller_ids.for_prefix == (("44", "441282777711"),)


def test_taxes_and_rounding_go_with_the_tariff(loaded):
    pool, directory = loaded
    own = load(pool, directory.account("STC1").tariff, "44")
    assert (own.tax.inclusive, own.tax.parts, own.rounding) == (False, (10,), ("up", 4))
    first, second = (load(pool, directory.account(name).tariff, "44") for name in ("STR1", "STR2"))
    assert first.name != second.name
    assert (first.tax.parts, first.rounding) == ((), ("half-up", 2))
    assert (second.tax.inclusive, second.tax.parts, second.rounding) == (True, (5, Decimal("2.5")), ("up", 4))
    cost = load(pool, directory.carrier("CAR2").tariff, "44")
    assert (cost.currency, cost.tax.parts, cost.rounding.decimals) == ("EUR", (20,), 6)
    assert [directory.worth(code) for code in ("ZAR", "USD", "EUR")] == [1, 16, 20]


def test_phones_and_trunks(loaded, run):
    _, directory = loaded
    alice = directory.endpoint("alice@example.net")
    assert (alice.account, alice.extension, alice.caller_id) == ("STC1", "01002", "442079460000")
    assert [each.name for each in directory.endpoints_by_source("203.0.113.5")] == ["77@203.0.113.5/32"]
    assert directory.endpoints_by_source("203.0.113.6")[0].account == "STC1"


def test_an_extension_is_reached_though_rules_would_rewrite_it(loaded):
    rules = loaded[1].account("STC2").numbers.called
    assert [rewrite(rules, number).number for number in ("771", "7712", "4420")] == ["771", "12", "4420"]


def test_a_call_from_a_carrier_comes_to_the_did_and_is_charged(loaded, run):
    words = ("explain", "--source-ip", "198.51.100.7", "--codecs", "PCMA", "--json")
    came = json.loads(run(*words, "--to", "02079460000", code=1))
    assert (came["kind"], came["account"], came["reason"]) == ("did", "STC1", "location_away")
    (charge,) = (step["detail"] for step in came["steps"] if step["check"] == "charge")
    assert "STC1 CUST-in 44 DID 0.0055 USD/min" in charge
    assert json.loads(run(*words, "--to", "+35314378374", code=1))["reason"] == "did_blocked"


def test_carriers_and_dids(loaded):
    _, directory = loaded
    one, two = directory.carrier("CAR1"), directory.carrier("CAR2")
    assert [tuple(each) for each in one.gateways] == [("198.51.100.7:5060", 70, 1), ("198.51.100.8:5070", 30, 1)]
    assert (one.caller_id, one.codecs, one.calls, one.cps) == ("pai", ("G729", "PCMA"), 100, 20)
    assert (one.ring_timeout, one.progress_timeout) == (30, 5)
    assert (two.caller_id, two.username, str(two.password_file)) == ("rpid", "me", "/etc/callctl/carriers/CAR2")
    assert (two.ring_timeout, two.progress_timeout, two.calls) == (40, 40, None)
    did, blocked = directory.did("442079460000"), directory.did("35314378374")
    assert (did.account, did.carrier, did.calls, did.active) == ("STC1", "CAR1", 5, True)
    assert [tuple(each) for each in did.to] == [("endpoint", "alice@example.net"), ("number", "447700900123")]
    assert not blocked.active
    assert [tuple(each) for each in blocked.to] == [("uri", "sip:35314378374@203.0.113.9:5080")]
    assert rewrite(did.numbers.called, "442079460000").number == "02079460000"


# the same numbers decided, as OV500 decides them


NUMBERS = (
    "442079460000", "00442079460000", "02079460000", "0207946000", "999", "9991", "447700900123", "441", "15551234",
    "1900555", "2251234567", "8610123456", "0", "44", "7744555", "77790", "900123", "4479111", "33123",
    "999442079460000",
)  # fmt: skip


def ov500_rule(rows, number):
    """The number as OV500 makes it; None where it refuses it."""
    fits = [row for row in rows if like(number, row["maching_string"])]
    if not fits:
        return None
    row = max(fits, key=lambda row: (len(row["maching_string"]), not row["maching_string"].endswith("%")))
    if row.get("match_length") and row["match_length"] != len(number):
        return None
    remove, add = row["remove_string"] or "", row["add_string"] or ""
    number = number.removeprefix(remove) if remove != "%" else number
    if add in ("", "%"):
        return number
    return add.replace("%", "") + number if add.endswith("%") else add


def like(number, matching):
    return number.startswith(matching[:-1]) if matching.endswith("%") else number == matching


@pytest.mark.parametrize(
    ("table", "owner", "way", "rules"),
    [
        ("customer_dialpattern", "STC1", "OUTBOUND", lambda d: d.account("STC1").numbers.called),
        ("customer_dialpattern", "STC1", "INBOUND", lambda d: d.did("442079460000").numbers.called),
        ("customer_callerid", "STC1", "OUTBOUND", lambda d: d.account("STC1").numbers.caller),
        ("carrier_prefix", "CAR1", "OUTBOUND", lambda d: d.carrier("CAR1").outgoing.called),
        ("carrier_prefix", "CAR1", "INBOUND", lambda d: d.carrier("CAR1").incoming.called),
        ("carrier_prefix", "CAR2", "OUTBOUND", lambda d: d.carrier("CAR2").outgoing.called),
        ("carrier_callerid", "CAR2", "OUTBOUND", lambda d: d.carrier("CAR2").outgoing.caller),
    ],
)
def test_numbers_are_rewritten_as_ov500_does(loaded, switch, table, owner, way, rules):
    key = "carrier_id" if table.startswith("carrier") else "account_id"
    switch.execute(f"SELECT * FROM {table} WHERE {key} = %s AND route = %s", (owner, way))
    rows = switch.fetchall()
    ours = rules(loaded[1])
    theirs = {number: made for number in NUMBERS if (made := ov500_rule(rows, number))}
    assert {number: rewrite(ours, number).number for number in theirs} == theirs
    assert len(theirs) > 1


def test_a_trunks_prefix_is_there_for_the_rules_that_expect_it(loaded):
    _, directory = loaded
    trunk = directory.endpoints_by_source("203.0.113.5")[0]
    dialled = rewrite(trunk.numbers.called, "77442079460000".removeprefix(trunk.prefix)).number
    assert dialled == "77442079460000"
    assert rewrite(directory.account("STC2").numbers.called, dialled).number == "442079460000"
    assert isinstance(directory.account("STC2").numbers.called[0], Rule)


def test_callees_see_the_number_that_they_see_in_ov500(loaded, switch):
    account = loaded[1].account("STC2")
    switch.execute("SELECT * FROM customer_callerid WHERE account_id = 'STC2'")
    rows = switch.fetchall()
    for called in ("442079460000", "15551234", "33123"):
        for said in ("02070001111", "447700900123", "1001"):
            theirs = ov500_rule([row for row in rows if row["route"] == "OUTBOUND"], said)
            if called.startswith("44"):
                theirs = "441282777711"
            assert shown(account.caller_ids, called, rewrite(account.numbers.caller, said).number, "")[0] == theirs


def ov500_rate(switch, tariff, number, day, hour):
    """The rate by which OV500 charges a call that begins then."""
    switch.execute(
        "SELECT rate.* FROM tariff_ratecard_map map JOIN ratecard USING (ratecard_id) JOIN customer_rates rate"
        " USING (ratecard_id) WHERE map.tariff_id = %s AND ratecard_for = 'OUTGOING'"
        " AND %s BETWEEN start_day AND end_day AND CAST(%s AS TIME) BETWEEN start_time AND end_time"
        " AND %s LIKE CONCAT(prefix, '%%') ORDER BY map.priority, LENGTH(prefix) DESC, rate.rate LIMIT 1",
        (tariff, day, f"{hour:02}:00:00", number),
    )
    return switch.fetchone()


def ov500_cost(rate, seconds):
    """What OV500 charges by it, without tax, with four decimals, rounded up."""
    if seconds < rate["grace_period"]:
        return Decimal(0)
    billed = rate["minimal_time"]
    if seconds >= billed:
        billed = math.ceil(seconds / rate["resolution_time"]) * rate["resolution_time"]
    cost = Decimal(str(rate["rate"])) / 60 * billed * rate["rate_multiplier"]
    cost += Decimal(str(rate["connection_charge"])) + rate["rate_addition"]
    return cost.quantize(Decimal("0.0000000001")).quantize(Decimal("0.0001"), ROUND_CEILING)


@pytest.mark.parametrize("tariff", ["CUST", "BIG"])
def test_calls_cost_what_they_cost_in_ov500(loaded, switch, tariff):
    priced = refused = 0
    for number in (*NUMBERS, "44001555", "44100555", "44299", "4430012"):
        ours = load(loaded[0], tariff, number)
        for day, hour in HOURS:
            start = MONDAY + timedelta(days=day, hours=hour)
            start_us = int(start.timestamp()) * 1_000_000
            theirs = ov500_rate(switch, tariff, number, day, hour)
            if theirs is None:
                with pytest.raises(NoRate):
                    price(ours.find(number, start_us), start_us, 1, ZONE)
                refused += 1
            elif theirs["rates_status"] == "1":
                for seconds in (1, 2, 3, 5, 6, 7, 9, 11, 12, 13, 29, 31, 59, 60, 61, 65, 200):
                    found = price(ours.find(number, start_us), start_us, seconds * 1_000_000, ZONE)
                    assert found.money.price == ov500_cost(theirs, seconds), (number, start, seconds)
                    assert found.rate.destination == theirs["destination"]
                    priced += 1
    assert priced > 500
    assert refused > 50


def ov500_carriers(switch, plan, number, day, hour):
    """The carriers that OV500 routes to, those of one priority as a set, in the order of priorities."""
    switch.execute(
        "SELECT TRIM(TRAILING '%%' FROM dial_prefix) prefix, priority, route_status, carrier_id"
        " FROM dialplan_prefix_list WHERE dialplan_id = %s AND %s BETWEEN start_day AND end_day"
        " AND CAST(%s AS TIME) BETWEEN start_time AND end_time"
        " AND %s LIKE CONCAT(TRIM(TRAILING '%%' FROM dial_prefix), '%%') AND carrier_id <> 'GONE'",
        (plan, day, f"{hour:02}:00:00", number),
    )
    rows = switch.fetchall()
    longest = max((len(row["prefix"]) for row in rows), default=0)
    used = [row for row in rows if len(row["prefix"]) == longest and row["route_status"] == "1"]
    return [
        {row["carrier_id"] for row in used if row["priority"] == priority}
        for priority in sorted({row["priority"] for row in used})
    ]


def test_calls_go_to_the_carriers_that_ov500_chooses(loaded, switch):
    _, directory = loaded
    for account, plans in (("STC1", {"447": "DP2", "": "DP1"}), ("STC2", {"": "DP1"})):
        route = directory.route(directory.account(account).routes)
        for number in NUMBERS:
            plan = next(plans[prefix] for prefix in plans if number.startswith(prefix))
            for day, hour in HOURS:
                start = MONDAY + timedelta(days=day, hours=hour)
                entry = entry_for(route, number, int(start.timestamp()) * 1_000_000)
                ours = [name for name, _ in entry.carriers] if entry else []
                theirs = ov500_carriers(switch, plan, number, day, hour)
                if entry and entry.choose == "share":
                    assert [set(ours)] == theirs, (account, number, start)
                else:
                    assert ours == [name for group in theirs for name in group], (account, number, start)
    shared = directory.route("DP1").entries["44"][0]
    assert (shared.choose, shared.carriers) == ("share", (("CAR1", 70), ("CAR2", 30)))
    assert {"503", "404", "USER_BUSY"} <= directory.route("DP1").next_on
    assert directory.route("DP2").next_on is None


def test_a_call_to_the_outside_is_offered_to_them_as_each_wants_it(loaded, run, switch, monkeypatch):
    monkeypatch.setenv("CALLCTL_EDGES", '[{"name": "kam", "server_id": 1, "address": "10.0.0.1:5060"}]')
    number, noon = "442071111111", MONDAY + timedelta(hours=12)
    words = ("explain", "--account", "STC2", "--to", number, "--at", f"{noon:%Y-%m-%dT%H:%M:%S}", "--json")
    answer = json.loads(run(*words))
    tried = {tuple(target.split(" via ")[0].split(" of ")) for target in answer["targets"]}
    assert tried == {(f"00{number}@198.51.100.7:5060", "CAR1"), (f"00{number}@198.51.100.8:5070", "CAR1")}
    told = [step["detail"] for step in answer["steps"] if step["check"] == "route"]
    # 3 minutes of 0.01; the password of CAR2 is still to be put where the file says
    assert any(line.startswith("1. carrier CAR1: costs 0.03 USD") for line in told)
    assert any("carrier CAR2 is left out: /etc/callctl/carriers/CAR2 cannot be read" in line for line in told)
    assert [{"CAR1", "CAR2"}] == ov500_carriers(switch, "DP1", number, 0, 12)


# what is refused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "mysql://callctl:geheim@127.0.0.1/switch"}, "The URL holds a password"),
        ({"url": "postgres://callctl@127.0.0.1/switch"}, "The URL is none of MySQL"),
        ({"url": "mysql://callctl@127.0.0.1:port/switch"}, "The URL is none"),
        ({"--domain": None}, "give --domain"),
        ({"--domain": "a b"}, "--domain"),
        ({"--timezone": "Mars"}, "there is no time zone 'Mars'"),
        ({"--password-file": "/none"}, "password_file /none cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, tmp_path, change, said):
    words = {"url": run.url, "--to": tmp_path / "out", "--domain": "example.net"} | change
    line = [word for key, value in words.items() if value is not None for word in (key, value) if word != "url"]
    answer = run("import", "ov500", *line, code=2)
    assert said in answer
    assert "geheim" not in answer
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_and_another_database_are_refused(run, tmp_path, database):
    (tmp_path / "mine").write_text("")
    assert "has files already" in run("import", "ov500", run.url, "--to", tmp_path, "--domain", "example.net", code=2)
    other = run.url.replace("/switch", "/callctl")
    assert "is no database of OV500" in run("import", "ov500", other, "--to", tmp_path / "out", code=2)


def test_a_wrong_password_is_not_repeated(run, tmp_path, monkeypatch):
    monkeypatch.setenv(PASSWORD, "falsch")
    answer = run("import", "ov500", run.url, "--to", tmp_path / "out", code=3)
    assert "falsch" not in answer
    assert "callctl" in answer
