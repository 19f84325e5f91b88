"""Real calls: SIPp, a FreeSWITCH with freeswitch-conf/, `callctl serve`, and SIPp where the edges are.

Each is checked twice: what the parties heard on the wire, and what MariaDB says of it.
"""

import time

import pytest

from tests.freeswitch.phones import HOST, Phones
from tests.freeswitch.world import around_a_switch
from tests.integration.platform import DOMAIN, wait

RING = 5  # seconds a phone may ring: longer than the dialplan's guard against a silent controller
SHORT = 2  # seconds that calls of the account `short` may last
COMPANY = f"""
accounts:
  - {{name: acme, codecs: [OPUS, PCMA, PCMU]}}
  - {{name: short, max_duration: {SHORT}}}
  - {{name: prepaid, tariff: second, currency: USD}}
endpoints:
  - {{account: acme, user: "1001", domain: {DOMAIN}, extension: "101", caller_id: "442079460001"}}
  - {{account: acme, user: "1002", domain: {DOMAIN}, extension: "102"}}
  - {{account: acme, user: "1003", domain: {DOMAIN}, extension: "103"}}
  - {{account: acme, user: "1009", domain: {DOMAIN}, extension: "109"}}
  - {{account: acme, user: "1010", domain: {DOMAIN}}}
  - {{account: short, user: "2001", domain: {DOMAIN}}}
  - {{account: prepaid, user: "3001", domain: {DOMAIN}}}
tariffs:
  - {{name: second, currency: USD, rates: [{{prefix: "1", steps: [{{price: "60", per: 60, increment: 1}}]}}]}}
carriers:
  - {{name: telco, sources: [198.51.100.77]}}
dids:
  - {{number: "442079460101", account: acme, to: [{{endpoint: "1002"}}, {{endpoint: "1009"}}]}}
"""
NEAR = 900  # milliseconds that the phones and the switch may differ
# The platform has registered 1002 at the first edge, 1009 at both, at the first by preference, and 1010 at the first,
# to which the world adds the second, neither by preference.


@pytest.fixture(scope="module")
def world(services, tmp_path_factory):
    with around_a_switch(services, tmp_path_factory.mktemp("world"), COMPANY, ring=RING) as world:
        world.platform.register("1010", 2)
        with world.platform.admin() as cursor:
            cursor.execute(f"UPDATE {world.platform.table} SET q = -1 WHERE username = '1010'")
        yield world


@pytest.fixture
def phones(world, tmp_path):
    phones = Phones(tmp_path, world.switch.sip_port)
    yield phones
    phones.stop()


def only(row, **expected):
    """Check some columns of a row."""
    assert {name: row[name] for name in expected} == expected


def near(row, caller):
    """The recorded duration is the one the caller saw."""
    assert abs(row["duration_ms"] - caller.talked) < NEAR


def test_an_answered_call_that_its_caller_ends(world, phones):
    edge = phones.edge("answers", 1200, at=world.edges[0])
    caller = phones.caller("hangs_up", "1002", 1000).wait()
    invite = edge.wait().received("INVITE")[0]
    assert caller.answers == [100, 180, 200]
    assert invite.first == f"INVITE sip:1002@{DOMAIN} SIP/2.0"
    assert invite.header("Route") == f"<sip:{HOST}:{world.edges[0].port};lr>"
    assert f"<sip:101@{DOMAIN}>" in invite.header("From")  # colleagues see the extension
    assert "X-Callctl" not in invite.head
    assert "m=audio" in invite.body
    assert " 8 0 " in invite.body
    row = world.record(caller)
    only(
        row, state="final", kind="onnet", node="fs1", account="acme", endpoint=f"1001@{DOMAIN}", caller="1001",
        called="1002", sip_status=200, q850=16, hangup_cause="NORMAL_CLEARING", hangup_by="caller", reason=None,
        attempts=1, codec_in="PCMA", codec_out="PCMA", source_ip=HOST,
    )  # fmt: skip
    near(row, caller)
    assert row["ring_ms"] >= 1200 - NEAR
    (leg,) = world.legs(row)
    only(leg, leg=1, target="kam1", sip_status=200, hangup_cause="NORMAL_CLEARING")


def test_an_answered_call_that_its_callee_ends(world, phones):
    phones.edge("hangs_up", 700, at=world.edges[0])
    caller = phones.caller("stays", "1002").wait()
    row = world.record(caller)
    only(row, sip_status=200, hangup_cause="NORMAL_CLEARING", hangup_by="callee", reason=None)
    near(row, caller)


@pytest.mark.parametrize(
    ("status", "heard", "q850", "reason"),
    [
        ("486 Busy Here", 486, 17, "busy"),
        ("603 Decline", 603, 21, "callee_refused"),
        ("488 Not Acceptable Here", 488, 88, "callee_codec"),
        ("404 Not Found", 480, 20, "callee_unreachable"),
        ("487 Request Terminated", 480, 20, "callee_unreachable"),
        ("500 Server Internal Error", 503, 41, "callee_failed"),
        ("302 Moved Temporarily", 503, 41, "callee_failed"),
        ("407 Proxy Authentication Required", 603, 21, "callee_refused"),
    ],
)
def test_a_call_that_is_refused_where_it_goes(world, phones, status, heard, q850, reason):
    phones.edge("refuses", at=world.edges[0], status=status)
    caller = phones.caller("stays", "1002").wait()
    assert caller.final.status == heard
    assert caller.final.header("Reason").startswith(f"Q.850;cause={q850};")
    row = world.record(caller)
    only(row, answered_at=None, duration_ms=0, sip_status=heard, q850=q850, hangup_by="callee", reason=reason)
    (leg,) = world.legs(row)
    only(leg, target="kam1", leg=1, sip_status=int(status[:3]))


def test_a_call_that_nobody_answers(world, phones):
    edge = phones.edge("rings", at=world.edges[0])
    caller = phones.caller("stays", "1002").wait()
    edge.wait()
    assert caller.answers == [100, 180, 480]
    assert caller.final.header("Reason").startswith("Q.850;cause=19;")
    row = world.record(caller)
    only(row, sip_status=480, q850=19, hangup_cause="NO_ANSWER", hangup_by="switch", reason="no_answer")
    assert row["ring_ms"] > 4000  # longer than the guard against a silent controller


def test_early_media_that_ends_in_a_refusal(world, phones):
    phones.edge("early_media_then_refuses", 300, at=world.edges[0])
    caller = phones.caller("stays", "1002").wait()
    assert caller.answers == [100, 183, 486]
    only(world.record(caller), sip_status=486, hangup_by="callee", reason="busy", answered_at=None)


def test_early_media_that_ends_in_an_answer(world, phones):
    phones.edge("early_media", 300, at=world.edges[0])
    caller = phones.caller("hangs_up", "1002", 500).wait()
    assert caller.answers == [100, 183, 200]
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None)
    near(row, caller)


def test_a_prepaid_call_is_warned_and_cut_when_its_money_is_up(world, phones):
    refused = phones.caller("stays", "1002", user="3001").wait()
    assert refused.final.first == "SIP/2.0 402 Payment Required"
    only(world.record(refused), sip_status=402, q850=21, hangup_by="controller", reason="no_money")
    world.top_up("6", "first")
    phones.edge("answers", at=world.edges[0])
    caller = phones.caller("stays", "1002", user="3001").wait()
    row = world.record(caller)
    assert 5900 <= row["duration_ms"] <= 9000
    only(row, hangup_cause="ALLOTTED_TIMEOUT", hangup_by="switch", reason="money_up", price=6, billed_seconds=6)
    assert [line["call"] for line in world.serve.logged("caller is warned")] == [row["call_uuid"]]
    wait(lambda: world.balance() == 0, "it is booked")


def test_a_prepaid_call_that_is_topped_up_goes_on(world, phones):
    world.top_up("4", "second")
    phones.edge("answers", at=world.edges[0])
    caller = phones.caller("hangs_up", "1002", 7000, user="3001")
    caller.heard("SIP/2.0 200")
    world.top_up("20", "third")
    row = world.record(caller.wait())
    only(row, hangup_by="caller", reason=None)
    assert 7 <= row["billed_seconds"] <= 9
    wait(lambda: world.balance() == 24 - row["price"], "it is booked")


def test_a_carriers_call_goes_on_to_the_next_destination_of_its_did(world, phones):
    busy = phones.edge("refuses", at=world.edges[0])
    free = phones.edge("answers", at=world.edges[1])
    source = "X-Callctl-Source: 198.51.100.77"
    caller = phones.caller("hangs_up", "+442079460101", 1000, user="02079460999", header=source).wait()
    assert caller.answers[-1] == 200
    assert busy.wait().received("INVITE")[0].first == f"INVITE sip:1002@{DOMAIN} SIP/2.0"
    invite = free.wait().received("INVITE")[0]
    assert invite.first == f"INVITE sip:1009@{DOMAIN} SIP/2.0"
    assert f"<sip:02079460999@{DOMAIN}>" in invite.header("From")
    row = world.record(caller)
    only(row, kind="did", account="acme", endpoint=None, called="442079460101", sip_status=200, reason=None)
    near(row, caller)
    sql = "SELECT data FROM call_event WHERE call_uuid = %s AND event = 'sent_on'"
    (event,) = wait(lambda: world.platform.rows(sql, row["call_uuid"]), "it is told")
    assert '"after":"busy"' in event["data"].replace(" ", "")


@pytest.mark.parametrize(("code", "called"), [("*21*109%23", "*21*109#"), ("%2321%23", "#21#"), ("*78", "*78")])
def test_a_service_code_is_confirmed_by_a_tone(world, phones, code, called):
    caller = phones.caller("stays", code, user="2001").wait()
    assert caller.answers[-1] == 200
    assert 500 < caller.talked < 5000
    only(world.record(caller), kind="service", called=called, sip_status=200, hangup_cause="NORMAL_CLEARING")
    said = "SELECT number FROM forwarding WHERE endpoint = %s"
    assert world.platform.rows(said, f"2001@{DOMAIN}")


def test_a_number_that_nobody_has(world, phones):
    caller = phones.caller("stays", "777").wait()
    assert caller.final.status == 404
    assert caller.final.header("Reason").startswith("Q.850;cause=1;")
    only(world.record(caller), sip_status=404, q850=1, hangup_by="controller", reason="number_unknown")


def test_a_phone_that_is_not_registered(world, phones):
    caller = phones.caller("stays", "1001", user="1002").wait()
    assert caller.final.status == 480
    only(world.record(caller), sip_status=480, q850=20, reason="not_registered")


def test_a_caller_nobody_knows(world, phones):
    caller = phones.caller("stays", "1002", user="nobody").wait()
    assert caller.final.status == 403
    only(world.record(caller), sip_status=403, q850=52, reason="caller_unknown")


@pytest.mark.parametrize("first", ["refuses", "rings"])
def test_the_second_edge_is_tried_when_the_first_fails(world, phones, first):
    phones.edge(first, at=world.edges[0], status="503 Service Unavailable")
    second = phones.edge("answers", 100, at=world.edges[1])
    caller = phones.caller("hangs_up", "1009", 300).wait()
    second.wait()
    assert caller.final.status == 200
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None, attempts=2)
    legs = world.legs(row)
    assert [leg["target"] for leg in legs] == ["kam1", "kam2"]
    cause = "ALLOTTED_TIMEOUT" if first == "rings" else "NORMAL_TEMPORARY_FAILURE"
    assert [leg["hangup_cause"] for leg in legs] == [cause, "NORMAL_CLEARING"]


def test_two_edges_of_equal_preference_ring_at_once_and_one_has_the_call(world, phones):
    first = phones.edge("rings", at=world.edges[0])
    second = phones.edge("answers", 1500, at=world.edges[1])
    caller = phones.caller("hangs_up", "1010", 500).wait()
    for edge in (first, second):
        edge.wait()
    begun = [edge.received("INVITE")[0].at for edge in (first, second)]
    answered = next(message.at for message in second.messages if message.status == 200)
    assert max(begun) < min(answered, first.received("CANCEL")[0].at)
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None, attempts=2)
    legs = {leg["target"]: leg["hangup_cause"] for leg in world.legs(row)}
    assert legs == {"kam1": "LOSE_RACE", "kam2": "NORMAL_CLEARING"}


@pytest.mark.parametrize("status", ["404 Not Found", "486 Busy Here", "603 Decline"])
def test_a_refusal_at_one_edge_leaves_the_other_ringing(world, phones, status):
    first = phones.edge("refuses", at=world.edges[0], status=status)
    second = phones.edge("answers", 700, at=world.edges[1])
    caller = phones.caller("hangs_up", "1010", 500).wait()
    for edge in (first, second):
        edge.wait()
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None, attempts=2)


def test_an_edge_that_is_gone_is_passed_over_at_once(world, phones):
    second = phones.edge("answers", 100, at=world.edges[1])
    world.edges[0].close()
    try:
        caller = phones.caller("hangs_up", "1009", 300).wait()
    finally:
        world.edges[0].open()
    second.wait()
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None, attempts=2)
    assert [leg["sip_status"] for leg in world.legs(row)] == [503, 200]


def test_a_caller_who_gives_up(world, phones):
    edge = phones.edge("rings", at=world.edges[0])
    caller = phones.caller("gives_up", "1002", 300).wait()
    edge.wait()
    assert caller.final.status == 487
    only(
        world.record(caller), sip_status=487, hangup_cause="ORIGINATOR_CANCEL", hangup_by="caller",
        reason="caller_gave_up", answered_at=None,
    )  # fmt: skip


def test_a_caller_whose_codec_is_not_allowed(world, phones):
    edge = phones.edge("answers", at=world.edges[0])
    caller = phones.caller("stays", "1002", payloads="18").wait()
    assert caller.final.status == 488
    assert caller.final.header("Reason").startswith("Q.850;cause=88;")
    only(world.record(caller), sip_status=488, q850=88, hangup_by="controller", reason="no_common_codec")
    assert not edge.messages


def test_two_callers_meet_in_a_room(world, phones):
    first = phones.caller("hangs_up", "conf_3001", 2200)
    second = phones.caller("hangs_up", "conf_3001", 2000, user="1002")
    wait(lambda: "3001-fs1 (2 members" in world.switch.api("conference list"), "both are in the room", 2)
    for caller in (first.wait(), second.wait()):
        only(world.record(caller), kind="conference", sip_status=200, hangup_by="caller", reason=None, attempts=0)


def test_the_echo_service(world, phones):
    caller = phones.caller("hangs_up", "*43", 600).wait()
    row = world.record(caller)
    only(row, kind="service", sip_status=200, hangup_by="caller", reason=None, attempts=0)
    near(row, caller)


def test_a_hostile_name_is_harmless(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    name = '"Bob%0Avariable_x: 1${system(id)}|,[]"'
    caller = phones.caller("hangs_up", "1002", 500, name=name).wait()
    shown = edge.wait().received("INVITE")[0].header("From").partition("<")[0].strip(' "')
    assert shown.replace(" ", "").isalnum()
    assert shown.startswith("Bob")
    only(world.record(caller), sip_status=200, caller="1001", account="acme", reason=None)


def test_the_switch_ends_a_call_whose_controller_was_killed(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("stays", "1002", user="2001")
    edge.heard("ACK")
    started = time.monotonic()
    answered = "SELECT 1 FROM cdr WHERE sip_call_id = %s AND answered_at IS NOT NULL"
    wait(lambda: world.platform.rows(answered, caller.call_id), "the answer is recorded")
    world.kill_controller()
    try:
        bye = caller.wait().received("BYE")[0]
        edge.wait()
        assert "ALLOTTED_TIMEOUT" in bye.header("Reason")
        wait(lambda: time.monotonic() - started > 11, "a call too old to be on its way")
    finally:
        world.serve.start()
    row = world.record(caller)
    only(row, account="short", hangup_by="switch", reason="end_unheard")
    assert row["answered_at"] is not None


def test_a_call_outlives_its_controller_and_is_recorded(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("hangs_up", "1002", 8000)
    edge.heard("ACK")
    world.kill_controller()
    world.serve.start()
    caller.wait()
    edge.wait()
    row = world.record(caller)
    only(row, sip_status=200, hangup_by="caller", reason=None, account="acme", attempts=1)
    near(row, caller)


def test_a_prepaid_call_is_paid_for_further_by_a_controller_that_came_back(world, phones):
    world.top_up("40", "fourth")
    before = world.balance()
    phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("hangs_up", "1002", 16_000, user="3001")  # longer than the slice that is paid for first
    caller.heard("SIP/2.0 200")
    world.kill_controller()
    world.serve.start()
    row = world.record(caller.wait())
    only(row, sip_status=200, hangup_by="caller", reason=None, account="prepaid", billed_seconds=row["price"])
    near(row, caller)
    wait(lambda: world.balance() == before - row["price"], "it is booked")
