"""Calls to the outside on a real FreeSWITCH: gateways that take them or do not, one after the other and at once."""

from dataclasses import dataclass

import pytest

from tests.freeswitch.gateway import Gateway
from tests.freeswitch.phones import HOST, Phones
from tests.freeswitch.world import World as Around
from tests.freeswitch.world import around_a_switch
from tests.integration.platform import DOMAIN, wait

TO = "442079460000"
RING, PROGRESS = 4, 2  # seconds
SECRET = 'Zq7!"#$%&()*+,./;<=>?@^_`-z'  # every sign that a password may have
USERS = {
    "8001": "in-turn", "8002": "at-once", "8003": "by-edge", "8004": "guarded", "8005": "unnamed",
    "8006": "guarded-at-once",
}  # fmt: skip
NOBODY = f'  - {{account: in-turn, user: "8007", domain: {DOMAIN}, caller_ids: {{anonymous: true}}}}\n'


def company(gateways, password):
    carriers = "".join(
        f"  - {{name: {name}, ring_timeout: {RING}, progress_timeout: {PROGRESS}, {more}, "
        f'gateways: [{{address: "{gateways[name].address}"}}]}}\n'
        for name, more in {
            "one": "via: direct", "two": "via: direct, caller_id: rpid", "three": "edges: [kam1]",
            "four": f"via: direct, username: me, password_file: {password}", "five": "via: direct, caller_id: none",
        }.items()
    )  # fmt: skip
    plans = {
        "in-turn": "carriers: [one, two]", "at-once": "carriers: [one, two], fork: 2", "by-edge": "carriers: [three]",
        "guarded": "carriers: [four, five]", "unnamed": "carriers: [five]",
        "guarded-at-once": "carriers: [four, one], fork: 2",
    }  # fmt: skip
    routes = "".join(f'  - {{name: {name}, entries: [{{prefix: "", {plan}}}]}}\n' for name, plan in plans.items())
    accounts = "".join(f"  - {{name: {route}, routes: {route}}}\n" for route in USERS.values())
    phones = "".join(
        f'  - {{account: {route}, user: "{user}", domain: {DOMAIN}, caller_id: "44207946{user}"}}\n'
        for user, route in USERS.items()
    )
    return f"carriers:\n{carriers}routes:\n{routes}accounts:\n{accounts}endpoints:\n{phones}{NOBODY}"


@dataclass
class World(Around):
    """The platform around one real switch, and the gateways around that."""

    gateways: dict[str, Gateway]

    def does(self, **what):
        """What gateways do from now on; nothing was heard yet."""
        for name, gateway in self.gateways.items():
            gateway.does, gateway.heard[:] = what.get(name, (503,)), []

    def story(self, caller):
        """What MySQL says of a caller's call: its row, and its legs."""
        row = self.record(caller)
        return row, [(leg["carrier"], leg["sip_status"], leg["hangup_cause"]) for leg in self.legs(row)]


@pytest.fixture(scope="module")
def world(services, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    gateways = {name: Gateway() for name in ("one", "three", "five")}
    gateways |= {"two": Gateway(host="127.0.0.3"), "four": Gateway(password=SECRET)}
    password = folder / "four.password"
    password.write_text(f"{SECRET}\n")
    with around_a_switch(services, folder, company(gateways, password), RING) as around:
        around.edges[0].party = gateways["three"].port
        yield World(around.platform, around.switch, around.edges, gateways)
    for gateway in gateways.values():
        gateway.stop()


@pytest.fixture
def phones(world, tmp_path):
    phones = Phones(tmp_path, world.switch.sip_port)
    yield phones
    phones.stop()


@pytest.fixture
def call(phones):
    """A call of a user to the outside; who answers it talks for so long."""
    return lambda user, ms=300, does="hangs_up": phones.caller(does, TO, ms, user=user)


TAKES = (180, 0.2, 200)
DID_NOT_TAKE = {
    "an error": ((503,), 503, "NORMAL_TEMPORARY_FAILURE"),
    "a refusal": ((403,), 403, "CALL_REJECTED"),
    "a question who calls": ((401,), 401, "CALL_REJECTED"),
    "another address": ((302,), 302, "REQUESTED_CHAN_UNAVAIL"),
    "silence": ((), 487, "PROGRESS_TIMEOUT"),
    "trying, and silence": ((100,), 487, "PROGRESS_TIMEOUT"),
    "an announcement, and an error": ((183, 0.5, 503), 503, "NORMAL_TEMPORARY_FAILURE"),
}


@pytest.mark.parametrize("what", DID_NOT_TAKE)
def test_the_next_carrier_takes_a_call_that_the_first_does_not(world, call, what):
    does, status, cause = DID_NOT_TAKE[what]
    world.does(one=does, two=TAKES)
    caller = call("8001").wait()
    assert caller.final.status == 200
    row, legs = world.story(caller)
    assert legs == [("one", status, cause), ("two", 200, "NORMAL_CLEARING")]
    assert (row["carrier"], row["sip_status"], row["reason"], row["kind"]) == ("two", 200, None, "pstn")
    why = world.serve.run("why", row["call_uuid"], "--lang", "en").out
    assert "next carrier" in why


@pytest.mark.parametrize(("does", "reason", "sip"), [((180, 0.3, 486), "busy", 486), ((180,), "no_answer", 480)])
def test_what_the_callee_does_is_the_end(world, call, does, reason, sip):
    world.does(one=does, two=TAKES)
    caller = call("8001").wait()
    assert caller.final.status == sip
    row, legs = world.story(caller)
    assert [leg[0] for leg in legs] == ["one"]
    assert (row["reason"], row["carrier"]) == (reason, None)
    assert world.gateways["two"].heard == []


def test_early_media_without_an_answer_ends_when_it_has_rung_long_enough(world, call):
    world.does(one=(183,), two=TAKES)
    caller = call("8001").wait()
    assert caller.answers == [100, 183, 480]
    row, legs = world.story(caller)
    assert legs == [("one", 487, "NO_ANSWER")]
    assert (row["reason"], row["q850"], row["answered_at"]) == ("no_answer", 19, None)
    assert len(world.gateways["one"].got("CANCEL")) == 1
    assert RING * 1000 - 400 <= row["ring_ms"] <= RING * 1000 + 1500


def test_a_caller_who_gives_up_is_taken_to_no_other_carrier(world, call):
    world.does(one=(180,), two=TAKES)
    caller = call("8001", 700, does="gives_up").wait()
    assert world.story(caller)[0]["reason"] == "caller_gave_up"
    assert world.gateways["two"].heard == []


def test_when_no_carrier_takes_it_that_is_the_reason(world, call):
    world.does()
    caller = call("8001").wait()
    row, legs = world.story(caller)
    assert (caller.final.status, row["reason"]) == (503, "carriers_failed")
    assert [leg[:2] for leg in legs] == [("one", 503), ("two", 503)]


def test_of_carriers_called_at_once_the_first_that_answers_has_the_call(world, call):
    world.does(one=(180,), two=(180, 0.5, 200))
    caller = call("8002").wait()
    row, legs = world.story(caller)
    assert legs == [("one", 487, "LOSE_RACE"), ("two", 200, "NORMAL_CLEARING")]
    assert (caller.final.status, row["carrier"]) == (200, "two")
    assert wait(lambda: world.gateways["one"].got("CANCEL"), "the other is told")
    world.does(one=(503,), two=(180, 1, 200))
    caller = call("8002").wait()
    row, legs = world.story(caller)
    assert [leg[:2] for leg in legs] == [("one", 503), ("two", 200)]
    assert (caller.final.status, row["carrier"]) == (200, "two")


def test_of_carriers_called_at_once_one_that_says_busy_is_believed(world, call):
    world.does(one=(180, 0.3, 486), two=(503,))
    caller = call("8002").wait()
    row, _ = world.story(caller)
    assert (caller.final.status, row["reason"], row["attempts"]) == (486, "busy", 2)


# what a gateway is told


def test_each_carrier_is_told_who_calls_in_its_own_way(world, call):
    world.does(one=(503,), two=TAKES, five=TAKES)
    call("8001").wait()
    call("8005").wait()
    (one,), (two,), (five,) = (world.gateways[name].calls() for name in ("one", "two", "five"))
    assert one.uri == f"sip:{TO}@{world.gateways['one'].address}"
    who = "<sip:442079468001@{}>"
    assert (who.format(HOST) in one.one("P-Asserted-Identity"), one.one("Remote-Party-ID")) == (True, "")
    assert (who.format("127.0.0.3") in two.one("Remote-Party-ID"), two.one("P-Asserted-Identity")) == (True, "")
    assert five.one("Remote-Party-ID") == five.one("P-Asserted-Identity") == ""
    assert who.format("127.0.0.3") in two.one("From")  # and so nothing of where this node is
    assert "sip:442079468005@" in five.one("From")
    assert one.one("Privacy") == "none"
    for invite in (one, two, five):
        assert "X-" not in "".join(name for name, _ in invite.headers)


def test_a_caller_who_wants_to_be_nobody_is_nobody(world, call):
    world.does(one=(503,), two=TAKES)
    call("8007").wait()
    (one,), (two,) = (world.gateways[name].calls() for name in ("one", "two"))
    assert one.one("Privacy") == "id"
    assert "privacy=full" in two.one("Remote-Party-ID")
    for invite in (one, two):
        assert "sip:anonymous@" in invite.one("From")
        assert "8007" not in str(invite)
        assert "Alice" not in str(invite)


def test_a_gateway_by_an_edge_is_the_uri_and_the_edge_the_route(world, call):
    world.does(three=TAKES)  # which plays the edge, too
    caller = call("8003").wait()
    (invite,) = world.gateways["three"].calls()
    assert invite.uri == f"sip:{TO}@{world.gateways['three'].address}"
    assert invite.one("Route") == f"<sip:{HOST}:{world.edges[0].port};lr>"
    assert world.story(caller)[1] == [("three", 200, "NORMAL_CLEARING")]


# who calls is asked


@pytest.mark.parametrize("asks", [401, 407])
def test_a_carrier_that_asks_is_told_the_password_and_nobody_else_is(world, call, asks):
    world.does(four=TAKES)
    guarded = world.gateways["four"]
    guarded.asks = asks
    caller = call("8004").wait()
    assert len(guarded.got("INVITE")) == 2
    assert len(guarded.calls()) == 1
    row, legs = world.story(caller)
    assert legs == [("four", 200, "NORMAL_CLEARING")]
    serve, secret = world.serve, SECRET.encode()
    told = [serve.run("why", row["call_uuid"], "--json"), serve.run("explain", "--account", "guarded", "--to", TO)]
    assert not [done for done in told if done.code or SECRET in done.out + done.err]
    for file in (serve.log, *serve.spool.rglob("*"), *world.switch.folder.rglob("*")):
        assert not file.is_file() or secret not in file.read_bytes(), file
    for table in ("cdr", "cdr_leg", "call_event"):
        rows = world.platform.rows(f"SELECT * FROM {table}")
        assert rows
        assert SECRET not in repr(rows)
    with world.platform.redis() as redis:
        for key in redis.scan_iter(f"{world.platform.prefix}*"):
            assert secret not in (redis.dump(key) or b"")


def test_a_carrier_that_the_password_does_not_convince_is_passed_over(world, call):
    world.does(four=TAKES, five=TAKES)
    world.gateways["four"].password = "another"
    caller = call("8004").wait()
    world.gateways["four"].password = SECRET
    assert world.story(caller)[1] == [("four", 403, "CALL_REJECTED"), ("five", 200, "NORMAL_CLEARING")]


def test_a_carrier_whose_password_cannot_be_read_is_passed_over(world, call):
    world.does(four=TAKES, five=TAKES)
    file = world.switch.folder.parent / "four.password"
    file.rename(file.with_suffix(".gone"))
    caller = call("8004").wait()
    file.with_suffix(".gone").rename(file)
    row, legs = world.story(caller)
    assert legs == [("five", 200, "NORMAL_CLEARING")]
    assert f"carrier four is left out: {file} cannot be read" in world.serve.run("why", row["call_uuid"]).out
    assert wait(lambda: world.serve.logged("carrier left out"), "it is logged")[0]["mend"]


def test_a_carrier_that_is_called_at_once_with_another_is_not_told_the_others_password(world, call):
    world.does(four=(180, 1, 200), one=TAKES)
    asking = world.gateways["one"]
    asking.password = "another"
    caller = call("8006").wait()
    asking.password = ""
    assert world.story(caller)[1] == [("four", 200, "NORMAL_CLEARING"), ("one", 403, "CALL_REJECTED")]
    _, said = asking.got("INVITE")
    assert 'username="none"' in said.one("Proxy-Authorization")
