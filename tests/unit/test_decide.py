from decimal import Decimal

import pytest

from callctl.call.carry_out import commands
from callctl.call.decide import CHECKS, decide, refusal
from callctl.directory import Snapshot
from callctl.errors import AmountError, RedisAway, StoreError
from callctl.language import say
from callctl.model import Account, Endpoint, failed
from callctl.plan import Bridge, Conference, Echo, EdgeTarget, LegMedia, Reject
from callctl.rating.tariff import When
from callctl.reason import Reason
from callctl.settings import Edge, Node, Settings
from callctl.world import Located
from tests.unit.company import (
    DIRECTORY,
    ENDPOINTS,
    HERE,
    PAID_CALL,
    SDP,
    TARIFFS,
    World,
    decided_paid,
    request,
    settings,
)
from tests.unit.inbound import FROM_C1, directory
from tests.unit.rating_calls import by_second, tariff

NOWHERE = Located((), 0)
AT_AN_UNKNOWN_EDGE = Located((), 2, ("no edge has server_id 9", "edge edge-c is disabled"))
ONLY_G729 = SDP.replace("0 8 96", "18")

REFUSED = {
    "from an edge without the asserted header": (
        {"asserted": ""}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.no_aor"
    ),
    "from an edge with an AOR nobody has": (
        {"asserted": "9999@example.net"}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.unknown_aor"
    ),
    "from an edge with half an AOR": (
        {"asserted": "1001"}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.unknown_aor"
    ),
    "from an address nobody has": (
        {"source_ip": "198.51.100.1"}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.unknown_source"
    ),
    "from no address at all": (
        {"source_ip": "not an address"}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.unknown_source"
    ),
    "with a header only an edge may send, from elsewhere": (
        {"source_ip": "198.51.100.1", "asserted": "1001@example.net"}, {},
        Reason.CALLER_UNKNOWN, "identify", "identify.unknown_source",
    ),
    "with a mark only a node may send, from elsewhere": (
        {"source_ip": "198.51.100.1", "hop": "c-0"}, {}, Reason.CALLER_UNKNOWN, "identify", "identify.unknown_source"
    ),
    "of a closed account": (
        {"asserted": "3001@example.net"}, {}, Reason.ACCOUNT_CLOSED, "account", "account.closed"
    ),
    "of an account below a closed one": (
        {"asserted": "6001@example.net"}, {}, Reason.ACCOUNT_CLOSED, "account", "account.closed"
    ),
    "of an endpoint with as many calls as it may have": (
        {"asserted": "5001@example.net", "called": "1001"}, {"full": {"endpoint 5001@example.net": "calls"}},
        Reason.TOO_MANY_CALLS, "limits", "limits.calls",
    ),
    "of an account whose parent begins too many": (
        {"asserted": "5001@example.net", "called": "1001"}, {"full": {"account chain": "cps"}},
        Reason.TOO_MANY_STARTS, "limits", "limits.cps",
    ),
    "to characters no number has": (
        {"called": "", "called_raw": "1?2"}, {}, Reason.REQUEST_UNUSABLE, "destination", "destination.unusable"
    ),
    "to a room with letters": (
        {"called": "conf_12a"}, {}, Reason.ROOM_INVALID, "destination", "destination.bad_room"
    ),
    "to a room without a number": ({"called": "conf_"}, {}, Reason.ROOM_INVALID, "destination", "destination.bad_room"),
    "to a number nobody has": (
        {"called": "777"}, {}, Reason.NUMBER_UNKNOWN, "destination", "destination.unknown"
    ),
    "to an extension of another account": (
        {"called": "101", "asserted": "4001@example.net"}, {},
        Reason.NUMBER_UNKNOWN, "destination", "destination.unknown",
    ),
    "with no codec in common": ({"sdp": ONLY_G729}, {}, Reason.NO_COMMON_CODEC, "codecs", "codecs.none"),
    "to a phone that is not registered": (
        {}, {"located": NOWHERE}, Reason.NOT_REGISTERED, "locate", "locate.none"
    ),
    "to a phone at edges that cannot be used": (
        {}, {"located": AT_AN_UNKNOWN_EDGE}, Reason.EDGE_AWAY, "locate", "locate.unusable"
    ),
    "while the location database is away": (
        {}, {"located": StoreError("MySQL did not answer within 1 s.")},
        Reason.LOCATION_AWAY, "locate", "locate.away",
    ),
    "to another account's room": (
        {"called": "conf_all-hands"}, {}, Reason.ROOM_NOT_ALLOWED, "destination", "destination.foreign_room"
    ),
    "sent on to a room that has moved": (
        {"called": "conf_1", "source_ip": "10.9.0.2", "hop": "c-0"}, {"owner": "fs2"}, Reason.ROOM_MOVED, "room",
        "room.moved",
    ),
    "that asks for something while MySQL is away": (
        {"called": "*78"}, {"away": StoreError("MySQL did not answer within 1 s.")},
        Reason.WISH_AWAY, "wishes", "wishes.away",
    ),
    "to a room of a node nobody knows": (
        {"called": "conf_12"}, {"owner": "fs9"}, Reason.ROOM_OWNER_UNKNOWN, "room", "room.unknown_owner"
    ),
}  # fmt: skip

# Of a call from outside: what is other in the request, what is asked of it.
FROM_OUTSIDE = {
    "to a number that is no DID": (
        {"called": "442079469999"}, Reason.DID_UNKNOWN, "did", "did.unknown"
    ),
    "to a blocked DID": ({"called": "442079460003"}, Reason.DID_BLOCKED, "did", "did.blocked"),
    "to a DID that has expired": ({"called": "442079460004"}, Reason.DID_EXPIRED, "did", "did.expired"),
    "to another carrier's DID": (
        {"called": "442079460002", "source_ip": "198.51.100.200"}, Reason.DID_CARRIER, "did", "did.carrier"
    ),
    "from a closed carrier": (
        {"called": "442079460001", "source_ip": "192.0.2.9"}, Reason.CALLER_UNKNOWN, "identify",
        "identify.closed_carrier",
    ),
    "to a URI at a host that is not allowed": (
        {"called": "442079460005"}, Reason.URI_NOT_ALLOWED, "destination", "destination.bad_uri"
    ),
    "to DIDs that lead to each other": (
        {"called": "442079460007"}, Reason.FORWARD_LOOP, "destination", "destination.loop"
    ),
    "to a phone that is not to be disturbed": (
        {"called": "104", "source_ip": "10.0.0.1", "asserted": "1001@example.net"},
        Reason.DO_NOT_DISTURB, "destination", "destination.dnd",
    ),
}  # fmt: skip
QUIET = Endpoint("acme", "1004@example.net", "1004", "example.net", extension="104", dnd=True)

AWAY = StoreError("MySQL did not answer within 1 s.")
# Of a call that costs: what is other at an account or in the world.
UNPAID = {
    "by an account below a blocked one": (
        {"reseller": {"held": "op-7"}}, {}, Reason.ACCOUNT_HELD, "account", "account.held"
    ),
    "with a prefix the account blocks": (
        {"shop": {"blocked": ("9", "100")}}, {}, Reason.NUMBER_BLOCKED, "barring", "barring.blocked"
    ),
    "with a prefix a parent without tariff blocks": (
        {"carrier": {"blocked": ("1",)}}, {}, Reason.NUMBER_BLOCKED, "barring", "barring.blocked"
    ),
    "with a prefix a parent does not allow": (
        {"reseller": {"allowed": ("2", "11")}}, {}, Reason.NUMBER_NOT_ALLOWED, "barring", "barring.not_allowed"
    ),
    "to a premium number": (
        {"shop": {"premium": True}, "reseller": {"premium": False}, "premium": ("100",)}, {},
        Reason.PREMIUM_BARRED, "barring", "barring.premium",
    ),
    "with no rate for the number": (
        {}, {"tariffs": {"gold": tariff(by_second("1", prefix="2"), name="gold"), "base": TARIFFS["base"]}},
        Reason.NO_RATE, "charge", "charge.no_rate",
    ),
    "with a rate that holds at another time only": (
        {}, {"tariffs": {"gold": tariff(by_second("1", prefix="1", when=When(months=frozenset({1}))), name="gold")}},
        Reason.NO_RATE, "charge", "charge.no_rate",
    ),
    "by a parent whose tariff is gone": (
        {}, {"tariffs": {"gold": TARIFFS["gold"]}}, Reason.NO_RATE, "charge", "charge.no_tariff"
    ),
    "that its tariff lets last no second": (
        {}, {"tariffs": TARIFFS | {"base": tariff(by_second("60", prefix="", max_cost=Decimal("0.5")), name="base")}},
        Reason.NO_RATE, "charge", "charge.cut_off",
    ),
    "that costs a parent more a minute than it allows": (
        {"reseller": {"price_per_minute": Decimal("0.29")}}, {}, Reason.TOO_DEAR, "charge", "charge.dear"
    ),
    "while MySQL cannot say what it costs": ({}, {"tariffs": AWAY}, Reason.RATES_AWAY, "charge", "charge.away"),
    "without money": ({}, {"money": {"shop": "money"}}, Reason.NO_MONEY, "money", "money.none"),
    "whose parent has no money": ({}, {"money": {"reseller": "money"}}, Reason.NO_MONEY, "money", "money.none"),
    "that spent its day": ({}, {"money": {"shop": "day"}}, Reason.DAY_SPENT, "money", "money.day"),
    "while Redis cannot say whether there is money": (
        {}, {"money": RedisAway("Redis did not answer.")}, Reason.MONEY_AWAY, "money", "money.away"
    ),
    "that costs more than can be counted": (
        {}, {"money": AmountError("That is too much.")}, Reason.MONEY_AWAY, "money", "money.away"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*REFUSED, *FROM_OUTSIDE, *UNPAID])
def test_a_call_is_refused(case):
    if case in FROM_OUTSIDE:
        other, reason, check, key = FROM_OUTSIDE[case]
        asked, known = FROM_C1 | other, directory(endpoints=(*ENDPOINTS, QUIET))
        decision = decide(request(**asked), known, World(), settings())
    elif case in UNPAID:
        changes, answers, reason, check, key = UNPAID[case]
        decision, asked = decided_paid(World(**answers), **changes), PAID_CALL
    else:
        asked, answers, reason, check, key = REFUSED[case]
        decision = decide(request(**asked), DIRECTORY, World(**answers), settings())
    assert decision.plan == Reject(reason)
    assert (decision.steps[-1].check, decision.steps[-1].message.key) == (check, key)
    assert decision.steps[-1].verdict == "fail"
    assert [step.verdict for step in decision.steps[:-1] if step.verdict == "fail"] == []
    assert (decision.max_seconds, decision.paid_seconds, decision.bases) == (0, 0, ())
    for lang in ("en", "zh"):
        for step in decision.steps:
            assert say(step.message, lang)
    told = b"".join(commands(decision, request(**asked), settings(), {}))
    assert f"callctl_reason={reason.machine_name}".encode() in told
    assert told.endswith(b"\n\n" + (reason.response or reason.cause).encode())
    assert (b"execute-app-name: respond\n" in told) == (reason.sip == 402)
    assert (b"execute-app-name: hangup\n" in told) == (reason.sip != 402)


def test_every_reason_a_decision_can_give_is_given_above():
    own = {row[2] for row in (REFUSED | UNPAID).values()} | {row[1] for row in FROM_OUTSIDE.values()}
    elsewhere = {
        Reason.EMERGENCY_UNROUTED,  # in test_decide_emergency.py
        Reason.NO_ROUTE, Reason.NO_CARRIER, Reason.CARRIERS_FULL,  # in test_decide_outside.py
        Reason.SRTP_MISSING,  # in test_media.py
    }  # fmt: skip
    places = {
        "the controller": {
            Reason.DIRECTORY_AWAY, Reason.SPOOL_FULL, Reason.OVERLOADED, Reason.CONTROLLER_FAULT, Reason.CONTROLLER_LOST
        },
        "a bridge's outcome": {
            Reason.BUSY, Reason.NO_ANSWER, Reason.CALLEE_REFUSED, Reason.CALLEE_CODEC, Reason.CALLEE_UNREACHABLE,
            Reason.CALLEE_FAILED, Reason.CARRIERS_FAILED, Reason.NUMBER_UNALLOCATED,
        },
        "a call's end": {
            Reason.CALLER_GAVE_UP, Reason.TIME_UP, Reason.ENDED_BY_OPERATOR, Reason.END_UNHEARD, Reason.MONEY_UP,
            Reason.NOT_EXTENDED,
        },
    }  # fmt: skip
    assert own | elsewhere | set.union(*places.values()) == set(Reason)


def test_an_extension_is_bridged_to_the_phone_that_has_it():
    world = World()
    decision = decide(request(), DIRECTORY, world, settings())
    assert decision.plan == Bridge(
        "1002", "example.net", (HERE.targets,), ("PCMA",), 30, LegMedia(by_edge=True)
    )
    assert world.asked == [("1002", "example.net")]
    assert [(step.check, step.verdict, step.message.key) for step in decision.steps] == [
        ("identify", "pass", "identify.edge"),
        ("account", "pass", "account.active"),
        ("destination", "pass", "destination.extension"),
        ("codecs", "pass", "codecs.common"),
        ("locate", "pass", "locate.found"),
    ]
    assert (decision.kind, decision.account, decision.endpoint) == ("onnet", "acme", "1001@example.net")
    assert decision.codecs == ("PCMA",)


@pytest.mark.parametrize(
    ("fields", "callee"),
    [
        ({"called": "102"}, "1002"),
        ({"called": "1002"}, "1002"),
        ({"called": "2001"}, "2001"),
        ({"called": "101", "asserted": "2001@example.net"}, "2001"),
        ({"called": "1001", "asserted": "2001@example.net", "domain": "10.9.0.1"}, "1001"),
        ({"called": "1003", "domain": "other.example"}, "1003"),
        ({"called": "1003", "domain": "other.example", "source_ip": "203.0.113.7", "asserted": ""}, "1003"),
    ],
)
def test_an_extension_is_the_accounts_own_and_a_user_anybodys_of_the_domain(fields, callee):
    decision = decide(request(**fields), DIRECTORY, World(), settings(codec_check=()))
    assert decision.plan.user == callee


def test_an_extension_goes_before_a_user_of_the_same_name():
    directory = Snapshot(
        1,
        [Account("acme")],
        [
            Endpoint("acme", "1001@h", "1001", "h", extension="1002"),
            Endpoint("acme", "1002@h", "1002", "h", extension="1001"),
        ],
    )
    decision = decide(request(called="1002", asserted="1002@h", domain="h"), directory, World(), settings())
    assert decision.plan.user == "1001"


def test_a_trunk_is_known_by_the_narrowest_network_that_holds_its_address():
    trunk = {"asserted": "", "called": "1001"}
    narrow = decide(request(source_ip="203.0.113.7", **trunk), DIRECTORY, World(), settings())
    wide = decide(request(source_ip="203.0.113.8", **trunk), DIRECTORY, World(), settings())
    assert (narrow.account, narrow.endpoint, narrow.caller_id) == ("acme", "203.0.113.7/32", "4420")
    assert (wide.account, wide.endpoint, wide.caller_id) == ("globex", "203.0.113.0/24", "1001")


def test_what_a_caller_says_of_himself_makes_him_nobody_else():
    """The asserted endpoint counts from an edge only: a trunk that sends the header is still the trunk."""
    decision = decide(
        request(source_ip="203.0.113.8", asserted="1001@example.net", called="1001"), DIRECTORY, World(), settings()
    )
    assert decision.account == "globex"


@pytest.mark.parametrize(
    ("fields", "caller_id"),
    [
        ({"called": "102"}, "101"),  # an extension within the account
        ({"called": "2001"}, "442079460000"),  # the endpoint's number to another
        ({"called": "1001", "asserted": "1002@example.net"}, "102"),
        ({"called": "2001", "asserted": "1002@example.net"}, "1002"),  # its user where it has no number
        ({"called": "2001", "source_ip": "203.0.113.7"}, "4420"),
        ({"called": "1001", "source_ip": "203.0.113.8", "caller": "+15551234"}, "+15551234"),  # what a trunk says
        ({"called": "conf_12", "source_ip": "10.9.0.2", "hop": "c-0", "caller": "c-0"}, "c-0"),
    ],
)
def test_the_callee_sees_an_extension_a_number_or_a_user(fields, caller_id):
    assert decide(request(**fields), DIRECTORY, World(), settings(codec_check=())).caller_id == caller_id


def test_the_longest_duration_is_the_shorter_of_account_and_platform():
    assert decide(request(), DIRECTORY, World(), settings()).max_seconds == 14_400
    of_globex = request(asserted="2001@example.net", called="2001")
    assert decide(of_globex, DIRECTORY, World(), settings()).max_seconds == 600
    assert decide(of_globex, DIRECTORY, World(), settings(max_duration=60)).max_seconds == 60


def test_edges_ring_at_once_when_equal_and_after_each_other_when_not():
    a, b, c = (EdgeTarget(name, f"10.0.0.{n}:5060", q) for n, (name, q) in enumerate((("a", 1), ("b", 1), ("c", 0.5))))
    decision = decide(request(), DIRECTORY, World(Located((c, a, b), 3)), settings(ring_timeout=12))
    assert decision.plan.groups == ((a, b), (c,))
    assert decision.plan.ring_timeout == 12


def test_what_was_left_out_is_told_though_the_call_goes_on():
    located = Located(HERE.targets, 2, ("edge edge-c is disabled",))
    decision = decide(request(), DIRECTORY, World(located), settings())
    assert isinstance(decision.plan, Bridge)
    assert "edge-c is disabled" in say(decision.steps[-1].message, "en")


class TestCodecs:
    def test_the_callees_leg_gets_what_all_concerned_allow_in_the_callers_order(self):
        to_globex = decide(request(called="2001"), DIRECTORY, World(), settings())
        assert to_globex.codecs == to_globex.plan.codecs == ("PCMU",)
        inside = decide(request(called="1001"), DIRECTORY, World(), settings(codecs=("OPUS", "PCMA", "G722")))
        assert inside.codecs == ("PCMA", "OPUS")

    def test_a_refusal_names_both_lists(self):
        decision = decide(request(sdp=ONLY_G729), DIRECTORY, World(), settings())
        assert say(decision.steps[-1].message, "en") == "caller offers G729; allowed PCMA; none in common"
        assert (Reason.NO_COMMON_CODEC.sip, Reason.NO_COMMON_CODEC.q850) == (488, 88)

    def test_an_offer_without_audio_has_nothing_in_common(self):
        decision = decide(request(sdp="v=0\r\nm=video 4000 RTP/AVP 99\r\n"), DIRECTORY, World(), settings())
        assert decision.plan == Reject(Reason.NO_COMMON_CODEC)
        assert "offers nothing" in say(decision.steps[-1].message, "en")

    @pytest.mark.parametrize(
        ("fields", "calls"),
        [
            ({"sdp": ONLY_G729}, {"codec_check": ("conference",)}),
            ({"sdp": ONLY_G729, "asserted": "4001@example.net", "called": "1002"}, {}),
            ({"sdp": ""}, {}),
        ],
    )
    def test_where_the_check_is_off_freeswitch_negotiates(self, fields, calls):
        decision = decide(request(**fields), DIRECTORY, World(), settings(**calls))
        assert decision.plan.codecs == decision.codecs == ()
        assert decision.steps[3].verdict == "skip"
        assert b"absolute_codec_string" not in b"".join(commands(decision, request(**fields), settings(), {}))

    def test_a_conference_is_checked_against_the_callers_side_alone(self):
        decision = decide(request(called="conf_1"), DIRECTORY, World(), settings(codecs=("PCMU",)))
        assert decision.codecs == ("PCMU",)
        refused = decide(request(called="conf_1", sdp=ONLY_G729), DIRECTORY, World(), settings())
        assert refused.plan == Reject(Reason.NO_COMMON_CODEC)


SENT_ON = {"source_ip": "10.9.0.2", "hop": "c-0", "asserted": ""}  # by another node


class TestRooms:
    def test_a_room_nobody_holds_is_opened_on_the_callers_node(self):
        decision = decide(request(called="conf_0123"), DIRECTORY, World(), settings())
        assert decision.plan == Conference("0123", "fs1", "default")
        assert (decision.kind, decision.steps[-1].message.key) == ("conference", "room.here")

    def test_a_room_of_another_node_is_entered_through_that_node(self):
        decision = decide(request(called="conf_1"), DIRECTORY, World(owner="fs2"), settings(conference_profile="wide"))
        assert decision.plan == Conference("1", "fs2", "wide", owner_sip="10.9.0.2:5080")
        assert decision.steps[-1].message.key == "room.elsewhere"

    def test_a_call_that_a_node_sent_on_enters_here_as_the_callers_own(self):
        world = World()
        decision = decide(request(called="conf_1", **SENT_ON), DIRECTORY, world, settings())
        assert decision.plan == Conference("1", "fs1", "default", hop="c-0")
        assert world.asked == ["1"], "the lease must be there when the room is"
        assert [step.verdict for step in decision.steps] == ["pass", "skip", "pass", "skip", "pass"]
        assert decision.account == ""

    def test_a_call_that_a_node_sent_on_is_never_sent_on_again(self):
        decision = decide(request(called="conf_1", **SENT_ON), DIRECTORY, World(owner="fs2"), settings())
        assert decision.plan == Reject(Reason.ROOM_MOVED)

    def test_a_declared_room_is_entered_by_its_rules(self):
        decision = decide(request(called="conf_sales"), DIRECTORY, World(), settings())
        assert decision.plan == Conference("sales", "fs1", "wide", pin="1234", max_members=50)
        plain = decide(request(called="conf_3001"), DIRECTORY, World(), settings(conference_profile="narrow"))
        assert plain.plan == Conference("3001", "fs1", "narrow")

    def test_a_declared_room_is_asked_for_its_pin_where_it_is(self):
        away = decide(request(called="conf_sales"), DIRECTORY, World(owner="fs2"), settings())
        assert away.plan == Conference("sales", "fs2", "wide", owner_sip="10.9.0.2:5080")
        there = decide(request(called="conf_sales", **SENT_ON), DIRECTORY, World(), settings())
        assert (there.plan.pin, there.plan.max_members, there.plan.hop) == ("1234", 50, "c-0")

    @pytest.mark.parametrize(
        ("caller", "called", "enters"),
        [
            ("1001", "conf_sales", True), ("2001", "conf_sales", False), ("2001", "conf_3001", False),
            ("2001", "conf_3002", True), ("5001", "conf_all-hands", True), ("1001", "conf_all-hands", False),
        ],
    )  # fmt: skip
    def test_a_declared_room_is_its_accounts_and_of_those_below(self, caller, called, enters):
        asked = request(called=called, asserted=f"{caller}@example.net")
        decision = decide(asked, DIRECTORY, World(), settings())
        assert decision.plan == Reject(Reason.ROOM_NOT_ALLOWED) or enters
        assert isinstance(decision.plan, Conference) == enters

    @pytest.mark.parametrize("source", ["10.0.0.1", "203.0.113.8", "10.0.1.7"])
    def test_the_mark_of_a_sent_on_call_counts_from_nodes_only(self, source):
        """From an edge or a trunk it is passed over: the caller is identified, and asked for as anybody."""
        world = World(owner="fs2")
        decision = decide(request(called="conf_1", source_ip=source, hop="c-0"), DIRECTORY, world, settings())
        assert decision.plan.owner == "fs2"
        assert decision.account in ("acme", "globex")
        assert world.asked == ["1"]

    @pytest.mark.parametrize("called", ["conf_1", "conf_" + "9" * 32])
    def test_a_room_is_digits(self, called):
        assert decide(request(called=called), DIRECTORY, World(), settings()).kind == "conference"

    @pytest.mark.parametrize("room", ["", "a", "Sales", "1-fs2", "1.", "+1", "9" * 33, "bridge:x"])
    def test_a_room_that_is_not_declared_is_nothing_but_digits(self, room):
        decision = decide(request(called=f"conf_{room}"), DIRECTORY, World(), settings())
        assert decision.plan == Reject(Reason.ROOM_INVALID)


def test_the_service_number_answers_and_echoes():
    decision = decide(request(called="*43"), DIRECTORY, World(), settings())
    assert decision.plan == Echo()
    assert (decision.kind, decision.max_seconds) == ("service", 14_400)
    other = decide(request(called="*43"), DIRECTORY, World(), settings(echo_number="*99"))
    assert other.plan == Reject(Reason.NUMBER_UNKNOWN)


def test_a_decision_that_could_not_be_made_is_a_refusal_with_its_step():
    step = failed("directory", Reason.DIRECTORY_AWAY, "directory.away")
    decision = refusal(Reason.DIRECTORY_AWAY, step)
    assert decision.plan == Reject(Reason.DIRECTORY_AWAY)
    assert decision.steps == (step,)
    assert (decision.kind, decision.account, decision.max_seconds) == (None, "", 0)


def test_a_call_takes_a_place_at_every_level_that_has_a_limit_its_own_first():
    world = World()
    called = request(asserted="5001@example.net", called="1001")
    decision = decide(called, DIRECTORY, world, settings())
    assert isinstance(decision.plan, Bridge)
    assert decision.levels == ("endpoint 5001@example.net", "account branch", "account chain")
    assert world.asked[-1] == ("c-1", list(decision.levels))
    assert "account chain 2/30, 1/10 a second" in say(decision.steps[-1].message, "en")


def test_without_limits_nothing_is_asked():
    world = World()
    assert decide(request(), DIRECTORY, world, settings()).levels == ()
    assert world.asked == [("1002", "example.net")]


def test_without_redis_limits_are_not_enforced_and_that_is_said():
    called = request(asserted="5001@example.net", called="1001")
    decision = decide(called, DIRECTORY, World(full=RedisAway("Redis did not answer.")), settings())
    assert isinstance(decision.plan, Bridge)
    assert (decision.levels, decision.steps[-1].verdict) == ((), "skip")


def test_a_world_that_cannot_say_who_owns_a_room_does_not_pass_for_an_answer():
    class Away(World):
        def room_owner(self, room, node):
            raise RedisAway("Redis did not answer.")

    with pytest.raises(RedisAway):
        decide(request(called="conf_1"), DIRECTORY, Away(), settings())


def test_the_checks_are_made_in_this_order():
    assert [check.__module__.rpartition(".")[2] for check in CHECKS] == [
        "identify", "did", "emergency", "account", "numbers", "destination", "caller_id", "barring", "charge", "media",
        "outbound", "reach", "limits", "money", "wishes",
    ]  # fmt: skip


def test_a_decision_reads_the_same_request_the_same_way():
    results = {repr(decide(request(), DIRECTORY, World(), settings())) for _ in range(3)}
    assert len(results) == 1


def test_edges_are_known_by_address_or_by_their_sources_and_by_no_name():
    named = Settings(edges=(Edge(name="n", server_id=1, address="edge.example.net:5060"),), nodes=())
    refused = decide(request(), DIRECTORY, World(), named)
    assert refused.plan == Reject(Reason.CALLER_UNKNOWN)
    six = Settings(
        edges=(Edge(name="six", server_id=1, address="[2001:db8::1]:5060"),),
        nodes=(Node(name="fs1", sip="[2001:db8::9]:5060"),),
    )
    taken = decide(request(source_ip="2001:DB8:0::1"), DIRECTORY, World(), six)
    assert taken.endpoint == "1001@example.net"
    hop = decide(request(source_ip="2001:db8::9", hop="c-0", called="conf_1"), DIRECTORY, World(), six)
    assert hop.steps[0].message.key == "identify.hop"
