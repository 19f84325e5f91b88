"""Calls that carriers bring, and where DIDs lead."""

from dataclasses import replace
from decimal import Decimal

import pytest

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.language import say
from callctl.model import Endpoint
from callctl.outside import Did, Forward, Media, Target
from callctl.plan import Bridge, Conference, Direct, Reject
from callctl.rating.basis import charge
from callctl.reason import Reason
from callctl.world import Located
from tests.unit.company import ACCOUNTS, ENDPOINTS, HERE, TARIFFS, World, request, settings
from tests.unit.inbound import CARRIERS, DIDS, DIRECTORY, FROM_C1, LAST, PHONE, ROOM, directory
from tests.unit.rating_calls import by_second, tariff

NUMBER = "442079460001"
BY_DID = tariff(by_second("0.06", prefix="4420"), name="in"), tariff(by_second("0.03", prefix=""), name="in-base")


class Registered(World):
    """Only some phones are registered."""

    def __init__(self, *users, **answers):
        super().__init__(**answers)
        self.users = users

    def locate(self, user, domain):
        super().locate(user, domain)
        return HERE if user in self.users else Located((), 0)


def decided(called=NUMBER, world=None, known=DIRECTORY, failed=None, rated=(), uri_hosts=(), **fields):
    configured = settings(rated, uri_hosts=uri_hosts)
    return decide(request(called=called, **{**FROM_C1, **fields}), known, world or World(), configured, failed or {})


def keys(decision):
    return [(step.message.key, step.verdict) for step in decision.steps]


@pytest.mark.parametrize("called", [NUMBER, f"+{NUMBER}", f"00{NUMBER}", "02079460001"])
def test_a_carriers_call_reaches_the_did_in_whatever_form_the_carrier_dials_it(called):
    decision = decided(called)
    assert isinstance(decision.plan, Bridge)
    assert (decision.plan.user, decision.kind, decision.account, decision.endpoint) == ("1001", "did", "acme", "")
    assert (decision.called, decision.caller_id) == (NUMBER, "442079460999")
    assert [key for key, _ in keys(decision)] == [
        "identify.carrier", "did.found", "account.active", "destination.user", "codecs.off", "locate.found",
    ]  # fmt: skip


@pytest.mark.parametrize("called", ["44207946000", "4420794600011", "2079460001", "7946000", "442079460001x"])
def test_only_the_exact_number_is_the_did(called):
    assert decided(called).plan == Reject(Reason.DID_UNKNOWN)


def test_a_number_with_other_characters_is_refused_as_such():
    assert decided("", called_raw="1?2").plan == Reject(Reason.REQUEST_UNUSABLE)


def test_a_carrier_is_known_by_what_an_edge_says_of_the_source_and_by_nothing_a_caller_says():
    by_edge = {"source_ip": "10.0.0.1", "origin": "198.51.100.7"}
    assert decided(**by_edge).kind == "did"
    assert decided(source_ip="192.0.2.1", origin="198.51.100.7").plan == Reject(Reason.CALLER_UNKNOWN)
    subscriber = decided("102", **by_edge, asserted="1001@example.net")
    assert (subscriber.kind, subscriber.account) == ("onnet", "acme"), "whom the edge vouches for is no carrier"


def test_a_trunk_behind_an_edge_is_known_by_its_source():
    behind = {"source_ip": "10.0.0.1", "origin": "203.0.113.7"}
    assert decided("1001", **behind, caller="1").endpoint == "203.0.113.7/32"


def test_who_is_a_trunk_and_a_carrier_brings_calls_to_dids_as_a_carrier_only():
    assert decided(source_ip="203.0.113.8").kind == "did"
    assert (decided("1001", source_ip="203.0.113.8").kind, decided("777", source_ip="203.0.113.8").account) == (
        "onnet", "globex",
    )  # fmt: skip


def test_a_did_may_be_one_carriers_only():
    assert isinstance(decided("442079460002").plan, Conference)
    foreign = decided("442079460002", source_ip="198.51.100.200")
    assert foreign.plan == Reject(Reason.DID_CARRIER)
    assert "DID 442079460002 is carrier c1's, and c2 brings the call" in say(foreign.steps[-1].message, "en")


def test_the_next_destination_is_tried_where_the_first_is_not_registered():
    decision = decided(world=Registered("1002"))
    assert decision.plan.user == "1002"
    assert ("locate.none", "skip") in keys(decision)
    assert decision.destination == "1002@example.net"
    assert isinstance(decided(world=Registered()).plan, Conference), "the last destination is a room"


@pytest.mark.parametrize("reason", [Reason.BUSY, Reason.NO_ANSWER, Reason.CALLEE_UNREACHABLE, Reason.CALLEE_FAILED])
def test_what_was_tried_is_not_tried_again(reason):
    first = decided()
    assert (first.destination, first.goes_on) == ("1001@example.net", True)
    second = decided(failed={"1001@example.net": reason})
    assert (second.plan.user, second.goes_on) == ("1002", True)
    assert ("locate.tried", "skip") in keys(second)
    third = decided(failed={"1001@example.net": reason, "1002@example.net": reason})
    assert third.plan == Conference("sales", "fs1", "wide", pin="1234", max_members=50)
    assert not third.goes_on
    none = decided(failed={"1001@example.net": reason, "1002@example.net": reason, "room sales": reason})
    assert none.plan == Reject(reason)


def test_who_refuses_the_call_ends_it():
    assert decided(failed={"1001@example.net": Reason.CALLEE_REFUSED}).plan == Reject(Reason.CALLEE_REFUSED)


def test_a_carriers_media_policy_counts_towards_a_uri():
    quiet = replace(CARRIERS[0], media=Media(early_media="held", transcoding=True, fax=True), codecs=("PCMU",))
    known = directory(carriers=(quiet, *CARRIERS[1:]))
    there = decided("442079460005", known=known, uri_hosts=("pbx.example.net:5070",))
    assert (there.codecs, there.plan.codecs) == (("PCMU",), ())
    told = b"".join(commands(there, request(**FROM_C1), settings(), {}))
    assert b"ignore_early_media=true" in told
    assert told.count(b"t38_passthru=true") == 2


def test_a_uri_is_called_where_its_host_is_allowed():
    there = decided("442079460005", uri_hosts=("PBX.example.net:5070",))
    assert there.plan == Direct("desk", "pbx.example.net:5070", (), 30)
    told = b"".join(commands(there, request(**FROM_C1), settings(), {}))
    assert b"}sofia/core/desk@pbx.example.net:5070" in told
    assert b"effective_caller_id_number=442079460999" in told
    assert b"ignore_early_media=false" in told
    for hosts in ((), ("pbx.example.net:5060",), ("example.net:5070",)):
        assert decided("442079460005", uri_hosts=hosts).plan == Reject(Reason.URI_NOT_ALLOWED)


def test_a_number_is_dialled_as_the_owner_dials_it_and_a_circle_ends():
    assert decided("442079460009").plan.user == "1002"
    round_and_round = decided("442079460007")
    assert round_and_round.plan == Reject(Reason.FORWARD_LOOP)


def test_what_a_did_leads_to_after_a_phone_of_another_account_is_dialled_as_its_owner_does():
    away = Endpoint("globex", "2009@example.net", "2009", "example.net", forward=Forward(not_registered="999"))
    lent = Did("442079460010", "acme", to=(Target("endpoint", "2009@example.net"), Target("number", "101")))
    known = directory(endpoints=(*ENDPOINTS, away), dids=(lent,))
    decision = decided("442079460010", Registered("1001", "2001"), known)
    assert decision.plan.user == "1001", "extension 101 of acme, not of globex, whose phone sent the call on to nowhere"


def test_a_did_called_from_inside_goes_where_it_leads():
    inside = {"source_ip": "10.0.0.1", "asserted": "2001@example.net", "caller": "2001"}
    decision = decided(f"+{NUMBER}", **inside)
    assert (decision.plan.user, decision.kind, decision.account) == ("1001", "onnet", "globex")
    assert decided("442079460003", **inside).plan == Reject(Reason.DID_BLOCKED)
    assert decided("442079460002", **inside).plan.room == "sales", "whoever calls the DID may enter its room"


def test_the_owner_and_its_parents_pay_by_their_tariffs_for_incoming_calls():
    accounts = [
        replace(each, tariff_in={"shop": "in", "reseller": "in-base"}.get(each.name, "")) for each in ACCOUNTS
    ]
    world = World(tariffs=TARIFFS | {each.name: each for each in BY_DID})
    known = directory(accounts=accounts)
    decision = decided("442079460006", world, known, rated=("did",))
    second = 1_000_000
    costs = {basis.account: charge(basis, request().started_us, 60 * second, 0) for basis in decision.bases}
    assert {name: (each.tariff, each.amount) for name, each in costs.items()} == {
        "shop": ("in", Decimal("0.06")), "reseller": ("in-base", Decimal("0.03")),
    }  # fmt: skip
    poor = World(tariffs=world.tariffs, money={"reseller": "money"})
    assert decided("442079460006", poor, known, rated=("did",)).plan == Reject(Reason.NO_MONEY)


def test_a_did_may_have_a_tariff_of_its_own():
    accounts = [replace(each, tariff_in="in-base") if each.name in ("shop", "reseller") else each for each in ACCOUNTS]
    own = [replace(each, tariff="in") for each in DIDS]
    world = World(tariffs={each.name: each for each in BY_DID})
    decision = decided("442079460006", world, directory(accounts=accounts, dids=own), rated=("did",))
    assert [(basis.account, basis.rates.tariff.name) for basis in decision.bases] == [
        ("shop", "in"), ("reseller", "in-base"),
    ]  # fmt: skip


def test_a_did_has_places_of_its_own_and_counts_at_its_owners():
    world = World()
    assert decided("442079460002", world).levels == ("did 442079460002",)
    full = World(full={"did 442079460002": "calls"})
    assert decided("442079460002", full).plan == Reject(Reason.TOO_MANY_CALLS)
    branch = [Did("4420", "branch", to=(ROOM,))]
    assert decided("4420", known=directory(dids=branch)).levels == ("account branch", "account chain")


def test_the_call_of_a_closed_account_does_not_come_in():
    assert decided("4420", known=directory(dids=[Did("4420", "closed", to=(PHONE,))])).plan == Reject(
        Reason.ACCOUNT_CLOSED
    )


def test_a_destination_that_is_not_there_is_passed_over():
    dids = [Did("4420", "acme", to=(Target("endpoint", "9"), Target("room", "none"), LAST))]
    assert decided("4420", known=directory(dids=dids)).plan.user == "1002"
