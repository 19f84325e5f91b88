"""`callctl carrier`, `route` and `did` as they are typed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from callctl.admission.limits import Limits
from callctl.cli import main
from callctl.directory import Snapshot
from callctl.live.client import connect
from callctl.outside import Gateway, Target
from callctl.store.directory import load_directory
from callctl.world import Level

NUMBER = "442079460000"
PLAN = """
tariffs:
  - {name: low, currency: USD, rates: [{prefix: "44", steps: [{price: "0.1"}]}]}
  - {name: high, currency: USD, rates: [{prefix: "4420", steps: [{price: "0.3"}]}]}
carriers:
  - {name: north, tariff: high, limits: {calls: 30, cps: 5}, gateways: ["198.51.100.1:5060"]}
  - {name: south, tariff: low, gateways: [{address: "198.51.100.2:5060", weight: 3}]}
  - {name: east, gateways: ["198.51.100.3:5060"]}
routes:
  - name: out
    entries:
      - {prefix: "", carriers: [north, {name: south, weight: 3}], choose: share}
      - {prefix: "44", carriers: [north, south, east], choose: least-cost}
      - {prefix: "44", carriers: [east], weight: 1, when: {weekdays: [6, 7], start: "08:00"}, fork: 2}
      - {prefix: "4420", carriers: [south, north], choose: quality, floor: {asr: 0.5, calls: 1, probe: 0}}
      - {prefix: "4499"}
accounts: [{name: firm, routes: out}]
"""
WEDNESDAY, SATURDAY = "2026-11-25T12:00:00", "2026-11-28T12:00:00"


@pytest.fixture
def run(database, settings, monkeypatch):
    for service in ("MYSQL", "REDIS"):
        configured = getattr(settings, service.lower())
        monkeypatch.setenv(f"CALLCTL_{service}__PORT", str(configured.port))
        monkeypatch.setenv(f"CALLCTL_{service}__PASSWORD", configured.password.get_secret_value())

    def run(line, *more, code=0):
        done = CliRunner().invoke(main, ["--lang", "en", *line.split(), *more], catch_exceptions=False)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture
def plan(run, tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    run("apply -f", str(file))


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def tried(database, carrier, answered, count):
    """Calls to NUMBER that a carrier was offered an hour ago, answered after 5 s for a minute or not at all."""
    begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    times = [begin + timedelta(seconds=seconds) for seconds in (0, 2, 5, 65)]
    with database.transaction() as cursor:
        for each in range(count):
            cursor.execute(
                "INSERT INTO cdr_leg (call_uuid, leg_uuid, started_at, carrier, number, dialed_at, ringing_at, "
                "answered_at, ended_at, hangup_cause) VALUES (%s, 'l', %s, %s, %s, %s, %s, %s, %s, 'NO_ANSWER')",
                (f"{carrier}-{answered}-{each}", begin, carrier, NUMBER, begin, times[1],
                 times[2] if answered else None, times[3]),
            )  # fmt: skip


# one by one


def test_a_carrier_is_made_closed_and_removed(run, database):
    run("tariff create low --currency USD")
    made = "carrier create north --tariff low --gateways 198.51.100.1:5060,[2001:db8::1]:5062 --limits-calls 30"
    assert run(f"{made} --via direct --codecs PCMA --sources 198.51.100.0/29 --caller-id rpid") == "+ carrier north\n"
    north = Snapshot(*load_directory(database)).carrier("north")
    assert north.gateways == (Gateway("198.51.100.1:5060"), Gateway("[2001:db8::1]:5062"))
    assert (north.tariff, north.calls, north.direct, north.codecs) == ("low", 30, True, ("PCMA",))
    assert (north.sources, north.caller_id) == (("198.51.100.0/29",), "rpid")
    assert run("carrier change north --status closed") == "~ carrier north  status: - → closed\n"
    closed = Snapshot(*load_directory(database)).carrier("north")
    assert (closed.active, closed.gateways) == (False, north.gateways)
    assert run("carrier change north", "--status", "") == "~ carrier north  status: closed → -\n"
    assert run("carrier change north --limits-cps 7 --limits-calls 9").startswith("~ carrier north  limits: ")
    assert "There is a carrier north already" in run("carrier create north", code=1)
    assert "There is no carrier west: `callctl carrier list`" in run("carrier change west --status closed", code=1)
    assert run("carrier change north --tariff none", code=2) == (
        "callctl: --tariff: there is no tariff none; declare it or correct the name.\n"
    )
    assert run("carrier change north --edges kam-a", code=2) == (
        "callctl: a carrier that is reached directly goes out by no edges.\n"
    )
    assert run("carrier change north --gateways 198.51.100.1", code=2).startswith("callctl: --gateways: ")
    assert run("carrier delete north") == "- carrier north\n"
    assert Snapshot(*load_directory(database)).carrier("north") is None


def test_what_is_needed_is_not_removed(run, plan):
    run("did create 442079460001 --account firm --to endpoint:1001 --carrier east")
    assert "carrier south is still needed by route out:" in run("carrier delete south", code=1)
    assert "carrier east is still needed by route out, did 442079460001:" in run("carrier delete east", code=1)
    assert "route out is still needed by account firm:" in run("route delete out", code=1)
    assert "account firm is still needed by did 442079460001:" in run("account delete firm", code=1)
    run("account change firm", "--routes", "")
    assert run("route delete out") == "- route out\n"
    assert run("carrier delete south") == "- carrier south\n"


def test_the_plan_of_emergency_calls_is_not_removed(run, plan, monkeypatch):
    run("account change firm", "--routes", "")
    monkeypatch.setenv("CALLCTL_CALLS__EMERGENCY", '["112"]')
    monkeypatch.setenv("CALLCTL_CALLS__EMERGENCY_ROUTE", "out")
    assert "Emergency calls go by out" in run("route delete out", code=1)
    assert "emergency calls, firm" not in run("route list")
    assert "emergency calls" in run("route list")


def test_a_plan_changes_and_keeps_its_entries(run, plan, database):
    said = run("route change out --budget 30 --next-on 503,USER_BUSY")
    assert said.startswith("~ route out  budget: - → 30; next_on:")
    out = Snapshot(*load_directory(database)).route("out")
    assert (out.budget, out.next_on, len(out.entries)) == (30, frozenset({"503", "USER_BUSY"}), 4)


def test_a_did_is_given_changed_and_taken_away(run, plan, database):
    to = "--to endpoint:1001,room:77,number:+442079460009,sip:a@b.example:5070"
    assert run(f"did create +{NUMBER} --account firm {to} --expires 2027-01-01 --calls 5") == f"+ did {NUMBER}\n"
    did = Snapshot(*load_directory(database)).did(NUMBER)
    assert did.to == (
        Target("endpoint", "1001"), Target("room", "77"), Target("number", "442079460009"),
        Target("uri", "sip:a@b.example:5070"),
    )  # fmt: skip
    assert objects(run("did list --json")) == [{
        "number": NUMBER, "country": "United Kingdom", "account": "firm", "status": "active", "carrier": None,
        "calls": 5, "expires": "2027-01-01T00:00:00Z",
        "to": ["endpoint:1001", "room:77", "number:442079460009", "sip:a@b.example:5070"],
    }]  # fmt: skip
    assert "endpoint:1001, room:77" in run("did list --account firm")
    assert NUMBER not in run("did list --account other")
    run(f"did change +{NUMBER} --status blocked")
    assert objects(run("did list --json"))[0]["status"] == "blocked"
    assert "'phone:1001' is none; write one as endpoint:1001" in run(f"did change {NUMBER} --to phone:1001", code=2)
    assert run(f"did change {NUMBER} --to endpoint:", code=2).startswith("callctl: --to: ")
    assert run(f"did change {NUMBER} --account none", code=2).startswith("callctl: --account: there is no account none")
    assert run(f"did delete +{NUMBER}") == f"- did {NUMBER}\n"
    assert run("did list --json") == ""


# what there is


def test_carriers_are_listed_with_the_places_in_use(run, plan, settings):
    limits = Limits(connect(settings.redis), settings.redis)
    for call in ("a", "b"):
        limits.admit(call, [Level("carrier north", 30, 5)])
    east, north, south = objects(run("carrier list --json"))
    assert north == {
        "name": "north", "status": "active", "tariff": "high", "gateways": ["198.51.100.1:5060"],
        "limits": {"calls": 30, "cps": 5}, "calls": 2, "starts": 2, "redis": None,
    }  # fmt: skip
    assert (south["calls"], south["limits"], east["tariff"]) == (None, {"calls": None, "cps": None}, None)
    assert "2/30, " in run("carrier list")
    assert "名称" in run("carrier list --lang zh")


def test_without_redis_the_rest_is_told(run, plan, monkeypatch):
    monkeypatch.setenv("CALLCTL_REDIS__PORT", "1")
    said = run("carrier list")
    assert "?/30, ?/5" in said
    assert "What limits count could not be asked." in said
    assert objects(run("carrier show north --json"))[0]["calls"] is None


def test_a_carrier_is_shown_with_its_routes_and_what_it_did_lately(run, plan, database):
    tried(database, "north", True, 3)
    tried(database, "north", False, 1)
    (told,) = objects(run("carrier show north --json"))
    assert told["routes"] == [{"route": "out", "prefix": prefix} for prefix in ("", "44", "4420")]
    figures = {"calls": 4, "asr": 0.75, "acd": 60.0, "pdd": 2.0}
    assert told["quality"] == [
        {"prefix": prefix, "country": "United Kingdom" if prefix else None, **figures} for prefix in ("", "44", "4420")
    ]
    assert told["configured"]["limits"] == {"calls": 30, "cps": 5}
    said = run("carrier show north").splitlines()
    assert said[0].startswith("carrier: north  tariff high; limits ")
    assert said[1] == "gateway: 198.51.100.1:5060  priority 0, weight 1"
    assert said[2:4] == ["calls, starts a second: 0/30, 0/5", "route: out  *, 44, 4420"]
    assert said[-1].split() == ["4420", "United", "Kingdom", "4", "75%", "60", "s", "2.0", "s"]
    assert "No call of the last 6 hours" in run("carrier show south")
    assert "网关：198.51.100.2:5060  优先级 0，权重 3" in run("carrier show south --lang zh")
    assert "There is no carrier west" in run("carrier show west", code=1)


def test_plans_are_listed_and_their_entries_shown(run, plan):
    assert objects(run("route list --json")) == [{
        "name": "out", "prefixes": 4, "carriers": ["east", "north", "south"], "budget": 90, "accounts": ["firm"],
        "emergency": False,
    }]  # fmt: skip
    shown = [line.split() for line in run("route show out").splitlines()]
    assert shown[2:] == [
        ["*", "share", "north,", "south", "×", "3"],
        ["44", "United", "Kingdom", "least-cost", "north,", "south,", "east"],
        ["44", "United", "Kingdom", "priority", "east", "weekdays", "6,7;", "start", "08:00:00", "fork", "2;",
         "weight", "1"],
        ["4420", "United", "Kingdom", "quality", "south,", "north", "floor", "asr", "0.5;", "calls", "1;", "probe",
         "0.0"],
        ["4499", "United", "Kingdom", "priority", "none"],
    ]  # fmt: skip
    assert len(objects(run("route show out --json"))[0]["entries"]) == 5
    assert "There is no route in" in run("route show in", code=1)


def test_a_number_is_shown_its_entry_and_carriers_in_order(run, plan, database):
    said = run(f"route show out 447700900123 --at {WEDNESDAY}").splitlines()
    assert said == [
        "447700900123  United Kingdom",
        "by prefix 44, least-cost; what 180 s cost:",
        "1. carrier south: costs 0.3 USD, gateways 198.51.100.2:5060",
        "2. carrier north: costs -, gateways 198.51.100.1:5060",
        "3. carrier east: costs -, gateways 198.51.100.3:5060",
    ]
    (weekend,) = objects(run(f"route show out +447700900123 --at {SATURDAY} --json"))
    assert ([each["carrier"] for each in weekend["carriers"]], weekend["prefix"]) == (["east"], "44")
    tried(database, "north", True, 3)
    tried(database, "south", False, 1)
    (good,) = objects(run(f"route show out {NUMBER} --json"))
    assert (good["choose"], good["country"]) == ("quality", "United Kingdom")
    assert [(each["carrier"], each["cost"]) for each in good["carriers"]] == [("north", "0.9")]
    assert good["carriers"][0]["quality"] == {"calls": 3, "asr": 1.0, "acd": 60.0, "pdd": 2.0}
    assert [each["carrier"] for each in good["left_out"]] == ["south"]
    people = run(f"route show out {NUMBER} --lang zh")
    assert "不用运营商 south" in people
    assert "运营商 north 近期" in people
    assert "Each call has an order of its own" in run("route show out 33123456789")
    assert "no number" not in run("route show out 449912345678")
    assert run("route show out alice", code=2)
