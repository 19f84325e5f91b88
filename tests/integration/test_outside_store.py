"""What lies outside, applied and read back as decisions know it."""

from decimal import Decimal
from pathlib import Path

from callctl import declaration
from callctl.directory import Snapshot
from callctl.outside import CallerIds, Floor, Forward, Gateway, Media, Rewriting, Target
from callctl.routing.numbers import Rule
from callctl.store import configuration
from callctl.store.directory import load_directory
from tests.unit.test_declaration_outside import GOOD

NATIONAL = (Rule("00", 2), Rule("0", 1, "44"), Rule("44", 2, "0044"))


def apply(database, tmp_path: Path, text: str, *, prune: bool = False):
    file = tmp_path / "outside.yaml"
    file.write_text(text)
    return configuration.apply(database, declaration.read([file]).among, prune=prune, dry_run=False).changes


def test_all_of_it_comes_back(database, tmp_path):
    first = apply(database, tmp_path, GOOD)
    assert {f"{change.what} {change.key}" for change in first} >= {
        "numbers national", "currency USD", "carrier c1", "carrier c2", "route world", "did 442079460000",
    }  # fmt: skip
    assert apply(database, tmp_path, GOOD) == []

    known = Snapshot(*load_directory(database))
    c1, c2 = known.carrier("c1"), known.carrier("c2")
    assert c1 is not None
    assert c2 is not None
    assert (c1.tariff, c1.calls, c1.cps, c1.codecs) == ("c1-cost", 100, 20, ("PCMA",))
    assert c1.gateways == (Gateway("198.51.100.7:5060"),)
    assert c1.outgoing == Rewriting(NATIONAL)
    assert (c2.username, c2.password_file) == ("u", Path("/etc/callctl/c2.password"))
    assert known.carriers_by_source("198.51.100.7") == [c1]
    assert known.carriers_by_source("2001:db8::7") == [c2]
    assert known.carriers_by_source("nonsense") == known.carriers_by_source("192.0.2.1") == []
    world = known.route("world")
    assert world is not None
    ((everywhere,), (uk,)) = world.entries[""], world.entries["44"]
    assert (everywhere.carriers, everywhere.choose) == ((("c1", 1), ("c2", 3)), "least-cost")
    assert (uk.floor, uk.fork) == (Floor(asr=0.2), 2)
    did = known.did("442079460000")
    assert did is not None
    assert (did.account, did.carrier, did.calls) == ("acme", "c1", 5)
    assert did.to == (Target("endpoint", "1001"), Target("room", "sales"))
    acme = known.account("acme")
    assert acme is not None
    assert (acme.routes, acme.numbers, acme.media) == ("world", Rewriting(NATIONAL), Media("switch", transcoding=True))
    assert acme.caller_ids == CallerIds(("4420*",), "442079460000")
    phone = known.endpoint_by_aor("1001", "example.net")
    assert phone is not None
    assert (phone.forward, phone.dnd) == (Forward(busy="102"), True)
    assert known.worth("USD") == Decimal(1)
    assert known.worth("EUR") is None


def test_what_is_in_no_file_is_kept_or_pruned(database, tmp_path):
    apply(database, tmp_path, GOOD)
    apply(database, tmp_path, "accounts:\n  - {name: acme}\n")
    assert Snapshot(*load_directory(database)).carrier("c1") is not None
    apply(database, tmp_path, "accounts:\n  - {name: acme}\n", prune=True)
    known = Snapshot(*load_directory(database))
    assert known.outside == type(known.outside)({}, {}, {}, {}, {})


def test_a_route_keeps_the_time_of_day_it_starts(database, tmp_path):
    route = """
        carriers: [{name: c1}]
        routes: [{name: r, entries: [{prefix: "44", carriers: [c1], when: {weekdays: [1, 7], start: "08:30:05"}}]}]
    """
    apply(database, tmp_path, route)
    assert apply(database, tmp_path, route) == []
    known = Snapshot(*load_directory(database)).route("r")
    assert known is not None
    ((entry,),) = known.entries.values()
    assert (entry.when.weekdays, entry.when.start) == (frozenset({1, 7}), 8 * 3600 + 30 * 60 + 5)


def test_a_did_expires_when_it_says(database, tmp_path):
    did = "{number: '4420', account: a, expires: '2026-01-01T08:00:00+08:00', to: [{room: '7'}]}"
    text = f"accounts:\n  - {{name: a}}\ndids:\n  - {did}\n"
    apply(database, tmp_path, text)
    did = Snapshot(*load_directory(database)).did("4420")
    assert did is not None
    assert did.expires_us == 1_767_225_600_000_000
