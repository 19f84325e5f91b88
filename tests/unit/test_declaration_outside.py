"""Numbers, currencies, carriers, routes and DIDs in declarative files."""

import pytest

from callctl import declaration
from callctl.declaration.check import Known
from callctl.errors import ConfigError

GOOD = """
tariffs:
  - {name: c1-cost, currency: USD, rates: [{prefix: "44", steps: [{price: "0.01"}]}]}
numbers:
  - {name: national, rules: [{match: "00", strip: 2}, {match: "0", strip: 1, add: "44"}, "44|%=>0044%"]}
currencies:
  - {code: USD, rate: "1"}
carriers:
  - {name: c1, currency: USD, tariff: c1-cost, limits: {calls: 100, cps: 20}, codecs: [PCMA], caller_id: pai,
     gateways: [{address: "198.51.100.7:5060", weight: 1}], ring_timeout: 60, progress_timeout: 10,
     outgoing: {called: national}}
  - {name: c2, gateways: [{address: "[2001:db8::7]:5060"}], username: u, password_file: /etc/callctl/c2.password}
routes:
  - name: world
    entries:
      - {prefix: "", carriers: [c1, {name: c2, weight: 3}], choose: least-cost}
      - {prefix: "+44", carriers: [c2], choose: quality, floor: {asr: 0.2}, fork: 2}
accounts:
  - {name: acme, routes: world, numbers: {called: national}, media: {path: switch, transcoding: true},
     caller_ids: {allowed: ["+4420*"], forced: "442079460000"}}
endpoints:
  - {account: acme, user: "1001", domain: example.net, forward: {busy: "102"}, dnd: true}
dids:
  - {number: "+442079460000", account: acme, carrier: c1, calls: 5, to: [{endpoint: "1001"}, {room: sales}]}
rooms:
  - {name: sales, account: acme}
"""


def read(tmp_path, text):
    file = tmp_path / "outside.yaml"
    file.write_text(text)
    return declaration.read([file]).among(Known(items={"carrier": {"old": {}}, "route": {"old-way": {}}}))


def test_what_lies_outside_is_read(tmp_path):
    found = read(tmp_path, GOOD).items
    assert sorted(found) == ["carrier", "currency", "did", "numbers", "room", "route"]
    assert list(found["did"]) == ["442079460000"]
    (world,) = found["route"].values()
    assert [[(each.name, each.weight) for each in entry.carriers] for entry in world.entries] == [
        [("c1", 1), ("c2", 3)], [("c2", 1)],
    ]  # fmt: skip
    assert [entry.prefix for entry in world.entries] == ["", "44"]


TARIFF = "tariffs:\n  - {name: in, currency: USD, rates: [{prefix: '', steps: [{price: '1'}]}]}\n"
BASE = "accounts:\n  - {name: a}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("carriers:\n  - {name: c, tariff: none}\n", r":2: there is no tariff none; declare it"),
        ("carriers:\n  - {name: c, outgoing: {called: none}}\n", r":2: there is no numbers none"),
        ("carriers:\n  - {name: c, username: u}\n", r":2: username and password_file go together"),
        ("carriers:\n  - {name: c, via: direct, edges: [kam-a]}\n", r":2: .*goes out by no edges"),
        ("carriers:\n  - {name: c, gateways: [{address: nowhere}]}\n", r":2: gateways\.0\.address: 'nowhere' is not"),
        ("carriers:\n  - {name: c, ring_timeout: 5}\n", r":2: progress_timeout is longer"),
        ("carriers:\n  - {name: c, media: {path: bypass, transcoding: true}}\n", r":2: media: path bypass leaves"),
        ("carriers:\n  - {name: c, media: {path: proxy, srtp: offered}}\n", r":2: media: .*no part in encryption"),
        ("carriers:\n  - {name: c, media: {path: bypass, fax: true}}\n", r":2: media: .*T.38 as it comes"),
        ("carriers:\n  - {name: c, media: {srtp: demanded, fax: true}}\n", r":2: media: T.38 is not encrypted"),
        ("carriers:\n  - {name: c, media: {srtp: offered, relay: false}}\n", r":2: media: .*encrypts where it relays"),
        ("carriers:\n  - {name: c, via: direct, media: {relay: true}}\n", r":2: .*no edge to relay its media"),
        (
            "accounts:\n  - {name: a, media: {srtp: demanded}}\n"
            "endpoints:\n  - {account: a, user: u, domain: d, media: {relay: false}}\n",
            r":4: for endpoint u@d, an edge encrypts",
        ),
        (
            "accounts:\n  - {name: a, media: {path: bypass}}\n"
            "endpoints:\n  - {account: a, user: u, domain: d, media: {transcoding: true}}\n",
            r":4: for endpoint u@d, path bypass leaves",
        ),
        ("carriers:\n  - {name: c, media: {path: bypass, early_media: held}}\n", r":2: media: .*no media to hold back"),
        ("routes:\n  - {name: r, entries: [{prefix: x}]}\n", r":2: entries\.0\.prefix"),
        ("routes:\n  - {name: r, entries: [{prefix: '', carriers: [c9]}]}\n", r":2: there is no carrier c9"),
        ("routes:\n  - {name: r, entries: [{prefix: '', carriers: [c, {name: c}]}]}\n", r":2: .*c stands twice"),
        ("routes:\n  - {name: r, next_on: [busy], entries: [{prefix: ''}]}\n", r":2: next_on\.0"),
        ("accounts:\n  - {name: a, routes: nowhere}\n", r":2: there is no route nowhere"),
        ("accounts:\n  - {name: a, tariff_in: none}\n", r":2: there is no tariff none"),
        (BASE + "dids:\n  - {number: '4420', account: b, to: [{room: s}]}\n", r":4: there is no account b"),
        (BASE + "dids:\n  - {number: '4420', account: a, to: []}\n", r":4: to"),
        (BASE + "dids:\n  - {number: '4420', account: a, to: [{room: s, number: '44'}]}\n", r":4: .*one of endpoint"),
        (BASE + "dids:\n  - {number: '4420', account: a, carrier: c9, to: [{room: s}]}\n", r":4: there is no carrier"),
        (TARIFF + "accounts:\n  - {name: a, tariff_in: in}\n", r":4: account a is in no currency and tariff in for"),
        (TARIFF + "accounts:\n  - {name: a, currency: EUR, tariff_in: in}\n", r":4: account a is in EUR and tariff in"),
        (
            TARIFF + BASE + "dids:\n  - {number: '4420', account: a, tariff: in, to: [{room: '1'}]}\n",
            r":6: account a is in no currency and tariff in",
        ),
        (BASE + "endpoints:\n  - {account: a, address: 192.0.2.1, dnd: true}\n", r":4: only an endpoint with a user"),
        ("numbers:\n  - {name: n, rules: ['44=>']}\n", r":2: rules\.0: '44=>' is no rule as"),
        ("numbers:\n  - {name: n, rules: [{strip: all}]}\n", r":2: rules\.0.*strip: all leaves nothing"),
        ("numbers:\n  - {name: n, rules: [{length: [9, 3]}]}\n", r":2: rules\.0.*a length is one number"),
        ("currencies:\n  - {code: EUR, rate: '0'}\n", r":2: rate"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_what_is_configured_already_may_be_named(tmp_path):
    route = "routes:\n  - {name: r, entries: [{prefix: '', carriers: [old]}]}\n"
    read(tmp_path, "accounts:\n  - {name: a, routes: old-way}\n" + route)
