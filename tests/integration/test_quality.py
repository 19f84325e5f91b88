"""How good carriers are, of legs put into MySQL: as computed by hand, as `callctl explain` has it, and for how long."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from callctl import declaration
from callctl.call import quality as module
from callctl.call.quality import FORGOTTEN, Qualities, asked
from callctl.cli import main
from callctl.outside import Quality, Route, RouteEntry
from callctl.settings import Mysql
from callctl.store import configuration
from callctl.store.pool import Pool
from callctl.store.quality import HOURS, MOST, measure

NUMBER = "442079460000"
CARRIERS = {"a", "b", "c"}
ROUTE = Route("out", entries={
    "44": (RouteEntry("44", (("a", 1), ("b", 1)), choose="quality"), RouteEntry("44", (("c", 1),), choose="share")),
    "4420": (RouteEntry("4420", (("c", 1),), choose="quality"),),
    "1": (RouteEntry("1", (("a", 1),)),),
})  # fmt: skip
OUTSIDE = """
carriers:
  - {name: a, gateways: [{address: "198.51.100.1:5060"}], via: direct}
  - {name: b, gateways: [{address: "198.51.100.2:5060"}], via: direct}
  - {name: c, gateways: [{address: "198.51.100.3:5060"}], via: direct}
routes:
  - {name: out, entries: [{prefix: "44", choose: quality, floor: {asr: 0.3, calls: 2, probe: 0}, carriers: [a, b, c]}]}
accounts: [{name: firm, routes: out}]
endpoints: [{account: firm, user: "8001", domain: example.net}]
"""


@pytest.fixture
def put(database):
    """Put a leg into MySQL: what it is of, seconds until it rang and was answered (None: never), and until it ended."""
    count = iter(range(10**6))

    def put(carrier, rang=2.0, answered=None, ended=30.0, cause="NO_ANSWER", number=NUMBER, hours=1.0):
        begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=hours)
        times = [None if seconds is None else begin + timedelta(seconds=seconds) for seconds in (rang, answered, ended)]
        name = f"call-{next(count)}"
        with database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO cdr_leg (call_uuid, leg_uuid, started_at, carrier, number, dialed_at, ringing_at, "
                "answered_at, ended_at, hangup_cause) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (name, f"{name}-leg", begin, carrier, number, begin, *times, cause),
            )

    return put


def test_it_is_as_computed_by_hand(database, put):
    put("a", rang=1.5, answered=5.0, ended=65.0, cause="NORMAL_CLEARING")
    put("a", rang=None, answered=2.5, ended=22.5, cause="NORMAL_CLEARING")  # it was answered at once
    put("a", rang=2.0, cause="NO_ANSWER")
    put("a", rang=None, ended=0.1, cause="NORMAL_TEMPORARY_FAILURE")
    put("a", number="443301234567", rang=None, ended=0.1, cause="USER_BUSY")
    put("b", rang=None, ended=10.0, cause="PROGRESS_TIMEOUT")
    put("c", answered=4.0, ended=5.0, cause="NORMAL_CLEARING")
    assert measure(database, {"44": {"a", "b"}, "4420": {"a"}, "1": {"a"}, "": {"c"}}) == {
        "44": {"a": Quality(5, 0.4, 40.0, 2.0), "b": Quality(1, 0.0, 0.0, 0.0)},
        "4420": {"a": Quality(4, 0.5, 40.0, 2.0)},
        "1": {},
        "": {"c": Quality(1, 1.0, 1.0, 2.0)},
    }


@pytest.mark.parametrize("leg", [
    {"cause": "ORIGINATOR_CANCEL"}, {"cause": "LOSE_RACE"}, {"cause": "MANAGER_REQUEST"}, {"ended": None},
    {"number": None}, {"number": "4"}, {"number": "33144556677"}, {"hours": HOURS + 0.1},
])  # fmt: skip
def test_what_says_nothing_of_a_carrier_does_not_count(database, put, leg):
    put("a", **leg)
    assert measure(database, {"44": {"a"}}) == {"44": {}}


def test_an_answered_call_counts_whoever_ended_it(database, put):
    put("a", answered=4.0, ended=10.0, cause="MANAGER_REQUEST")
    assert measure(database, {"44": {"a"}})["44"]["a"].asr == 1.0


def test_only_carriers_of_entries_that_choose_by_quality_are_asked_about():
    assert asked([ROUTE]) == {"44": {"a", "b"}, "4420": {"c"}}


def test_it_is_kept_while_mysql_is_away_and_then_forgotten(database, put, settings, monkeypatch):
    known = Qualities(database)
    assert known.of("44") == {}
    put("a")
    known.read([ROUTE])
    assert known.of("44") == {"a": Quality(1, 0.0, 0.0, 2.0)}
    assert known.of("1") == {}
    away = Pool(Mysql(port=1, password=settings.mysql.password), 1)
    known._pool = away
    known.read([ROUTE])
    assert known.of("44"), "the last that was known"
    later = module.time.monotonic() + FORGOTTEN + 1
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    assert known.of("44") == {}


def test_no_row_is_read_for_it(database, put):
    """MySQL takes all it needs from the key, and from its newest entries."""
    for _ in range(50):
        put("a")
        put("other")
    ((_, _, _, _, _, key, *_, extra),) = database.rows(
        "EXPLAIN SELECT number, dialed_at, ringing_at, answered_at, ended_at, hangup_cause FROM cdr_leg "
        "WHERE carrier = 'a' AND started_at > UTC_TIMESTAMP(6) - INTERVAL 6 HOUR "
        f"ORDER BY started_at DESC LIMIT {MOST}"
    )
    assert key == "quality"
    assert "Using index" in extra
    assert "filesort" not in extra


def test_explain_orders_carriers_by_it_and_says_why(database, put, settings, tmp_path, monkeypatch):
    file = tmp_path / "outside.yaml"
    file.write_text(OUTSIDE)
    configuration.apply(database, declaration.read([file]).among, prune=False, dry_run=False)
    for answered in (None, 4.0):
        put("a", answered=answered, ended=64.0)
        put("b", answered=4.0, ended=34.0)
        put("c", answered=None)
    for service in ("MYSQL", "REDIS"):
        configured = getattr(settings, service.lower())
        monkeypatch.setenv(f"CALLCTL_{service}__PORT", str(configured.port))
        monkeypatch.setenv(f"CALLCTL_{service}__PASSWORD", configured.password.get_secret_value())
    words = ["--lang", "en", "explain", "--endpoint", "8001@example.net", "--to", NUMBER, "--json"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    told = json.loads(done.stdout)
    assert told["targets"] == [f"{NUMBER}@198.51.100.2:5060 of b", f"{NUMBER}@198.51.100.1:5060 of a"]
    said = [step["detail"] for step in told["steps"] if step["check"] == "route"]
    assert said[:3] == [
        "carrier a lately: of 2 calls to 44 50% were answered and lasted 60 s; it rings after 2.0 s",
        "carrier b lately: of 2 calls to 44 100% were answered and lasted 30 s; it rings after 2.0 s",
        "carrier c lately: of 2 calls to 44 0% were answered and lasted 0 s; it rings after 2.0 s",
    ]
    assert "carrier c is left out: of 2 calls 0% were answered and lasted 0 s, less than 30% or 0 s" in said
