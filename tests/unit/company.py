"""A small company to decide calls for: what is configured, and a world that answers as it is told."""

from dataclasses import replace
from decimal import Decimal

from callctl.call.decide import decide
from callctl.directory import Snapshot
from callctl.model import Account, CallRequest, Endpoint, Limits, Room
from callctl.plan import EdgeTarget
from callctl.settings import Calls, Edge, Money, Node, Settings
from callctl.world import Admitted, Held, Located
from tests.unit.rating_calls import by_second, tariff

EDGE = Edge(name="edge-a", server_id=1, address="10.0.0.1:5060", sources=("10.0.1.0/24",))
OTHER_EDGE = Edge(name="edge-b", server_id=2, address="10.0.0.2:5060")
NODE = Node(name="fs1", sip="10.9.0.1:5080", profile="core")
OTHER_NODE = Node(name="fs2", sip="10.9.0.2:5080")

ACCOUNTS = (
    Account("branch", parent="chain", limits=Limits(cps=5)),
    Account("chain", limits=Limits(calls=30, cps=10)),
    Account("orphan", parent="closed"),
    Account("acme"),
    Account("globex", codecs=("PCMU",), max_duration=600),
    Account("closed", active=False),
    Account("loose", codec_check=False),
    Account("shop", parent="reseller", tariff="gold", timezone="Asia/Shanghai", spend_per_day=Decimal(5)),
    Account("reseller", parent="carrier", tariff="base", credit_limit=Decimal(100)),
    Account("carrier"),
)
ENDPOINTS = (
    Endpoint("acme", "1001@example.net", "1001", "example.net", extension="101", caller_id="442079460000"),
    Endpoint("acme", "1002@example.net", "1002", "example.net", extension="102", codecs=("PCMA",)),
    Endpoint("acme", "1003@Other.example", "1003", "Other.example"),
    Endpoint("globex", "2001@example.net", "2001", "example.net", extension="101"),
    Endpoint("closed", "3001@example.net", "3001", "example.net"),
    Endpoint("loose", "4001@example.net", "4001", "example.net"),
    Endpoint("branch", "5001@example.net", "5001", "example.net", limits=Limits(calls=2)),
    Endpoint("orphan", "6001@example.net", "6001", "example.net"),
    Endpoint("shop", "7001@example.net", "7001", "example.net"),
    Endpoint("globex", "203.0.113.0/24", address="203.0.113.0/24"),
    Endpoint("acme", "203.0.113.7/32", address="203.0.113.7/32", caller_id="4420"),
)
ROOMS = (
    Room("sales", "acme", pin="1234", profile="wide", max_members=50),
    Room("3001", "acme"),
    Room("all-hands", "chain"),
)
DIRECTORY = Snapshot(7, ACCOUNTS, ENDPOINTS, rooms=ROOMS)

GOLD = by_second("0.6", prefix="10", destination="Home", connect_fee=Decimal("0.1"))
TARIFFS = {"gold": tariff(GOLD, name="gold"), "base": tariff(by_second("0.3", prefix=""), name="base")}

HERE = Located((EdgeTarget("edge-a", "10.0.0.1:5060", 1.0),), 1)
SDP = "v=0\r\nm=audio 4000 RTP/AVP 0 8 96\r\na=rtpmap:96 opus/48000/2\r\n"


class World:
    """Answers what it was given; an exception is raised. `asked` keeps the questions."""

    def __init__(self, located=HERE, owner="", full=None, tariffs=None, money=None, away=None):
        self.located = located
        self.tariffs = TARIFFS if tariffs is None else tariffs
        self.money = money or {}  # what an account has, 10 where it is not said; or what it refuses
        self.held = []
        self.wished = []
        self.away = away  # what is raised for a wish
        self.down = ()  # edges
        self.passwords = {}  # why one cannot be had, by its file
        self.owner = owner
        self.full = full or {}  # what a level refuses, by its name
        self.asked = []
        self.directory = DIRECTORY
        self.qualities = {}

    def locate(self, user, domain):
        self.asked.append((user, domain))
        if isinstance(self.located, Exception):
            raise self.located
        return self.located

    def room_owner(self, room, node):
        self.asked.append(room)
        return self.owner or node

    def quality(self, prefix):
        self.asked.append(prefix)
        return self.qualities

    def answering(self, edges):
        return [edge for edge in edges if edge not in self.down]

    def no_password(self, file):
        return self.passwords.get(str(file), "")

    def admit(self, call, levels):
        self.asked.append((call, [level.name for level in levels]))
        if isinstance(self.full, Exception):
            raise self.full
        found = []
        for level in levels:
            found.append(Admitted(level, self.full.get(level.name, ""), 2, 1))
            if found[-1].refused:
                break
        return found

    def keep(self, endpoint, wish):
        self.wished.append((endpoint, wish))
        if self.away:
            raise self.away

    def rates(self, tariffs, number):
        self.asked.append((list(tariffs), number))
        if isinstance(self.tariffs, Exception):
            raise self.tariffs
        return {name: self.tariffs[name] for name in tariffs if name in self.tariffs}

    def hold(self, call, demands):
        self.held = list(demands)
        if isinstance(self.money, Exception):
            raise self.money
        found = []
        for demand in demands:
            money = self.money.get(demand.account, "10")
            there = Decimal(0) if money in ("money", "day") else Decimal(money)
            refused = "day" if money == "day" else "money" if there < demand.need else ""
            granted = Decimal(0) if refused else min(demand.want, there)
            found.append(Held(demand.account, refused, granted, there, Decimal("0.5"), Decimal("1.25")))
            if refused:
                break
        return found


def settings(rated=(), premium=(), **calls):
    """Settings with two edges and two nodes; on-net calls are free unless `rated` says otherwise."""
    return Settings(
        edges=(EDGE, OTHER_EDGE),
        nodes=(NODE, OTHER_NODE),
        calls=Calls(**calls),
        money=Money(rated=rated, premium=premium),
    )


BASE = CallRequest(
    call_uuid="c-1", node="fs1", caller="1001", caller_name="Bob", called="102", called_raw="102",
    domain="example.net", asserted="1001@example.net", source_ip="10.0.0.1", sip_call_id="x@y", sdp=SDP, hop="",
    started_us=1_795_405_444_653_906, at_us=1_795_405_444_700_000, sequence=500,
)  # fmt: skip


def request(**fields):
    """A call of 1001 of acme to extension 102, with these differences."""
    if "called" in fields:
        fields.setdefault("called_raw", fields["called"])
    return replace(BASE, **fields)


PAID_CALL = {"asserted": "7001@example.net", "called": "1001"}  # shop pays by gold, reseller by base


def decided_paid(world=None, *, premium=(), asked=None, **changes):
    """A call that costs, decided where these fields of accounts are changed."""
    accounts = [replace(account, **changes.get(account.name, {})) for account in ACCOUNTS]
    configured = settings(("onnet",), premium)
    called = request(**PAID_CALL | (asked or {}))
    return decide(called, Snapshot(8, accounts, ENDPOINTS), world or World(), configured)
