"""Where phones send their calls on, by configuration or by service codes, and who pays for that."""

from dataclasses import replace

import pytest

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.language import say
from callctl.model import Endpoint
from callctl.outside import Forward, Rewriting
from callctl.plan import Confirm, Reject, Wish
from callctl.reason import Reason
from callctl.routing.codes import wish
from callctl.routing.numbers import Rule
from callctl.store.forwarding import as_wished
from callctl.world import Located
from tests.unit.company import ACCOUNTS, ENDPOINTS, HERE, World, request, settings
from tests.unit.inbound import directory


class Registered(World):
    """Only some phones are registered."""

    def __init__(self, *users, **answers):
        super().__init__(**answers)
        self.users = users

    def locate(self, user, domain):
        super().locate(user, domain)
        return HERE if user in self.users else Located((), 0)


def company(accounts=ACCOUNTS, **changes):
    """The company, where phones of these users have other fields: u1002={...}."""
    endpoints = [replace(each, **changes.get(f"u{each.user}", {})) for each in ENDPOINTS]
    return directory(endpoints=endpoints, accounts=accounts)


def decided(known, world=None, failed=None, rated=(), **fields):
    return decide(request(**fields), known, world or World(), settings(rated), failed or {})


def keys(decision):
    return [(step.message.key, step.verdict) for step in decision.steps]


BUSY = {"1002@example.net": Reason.BUSY}
UNANSWERED = {"1002@example.net": Reason.NO_ANSWER}
AWAY = {"1002@example.net": Reason.CALLEE_UNREACHABLE}


def test_all_calls_go_elsewhere_as_the_phones_account_dials_it():
    decision = decided(company(u1002={"forward": Forward(always="1003"), "dnd": True}))
    assert decision.plan == Reject(Reason.NUMBER_UNKNOWN), "1003 is of another domain than 1002's"
    decision = decided(company(u1002={"forward": Forward(always="101")}), asserted="2001@example.net", called="1002")
    assert (decision.plan.user, decision.account) == ("1001", "globex"), "101 is 1001 in 1002's account, not in 2001's"
    assert ("destination.always", "pass") in keys(decision)
    assert decision.steps[-1].message.values["callee"] == "1001@example.net"


@pytest.mark.parametrize(
    ("forward", "failed", "goes"),
    [
        (Forward(busy="1001"), BUSY, True),
        (Forward(no_answer="1001"), UNANSWERED, True),
        (Forward(not_registered="1001"), AWAY, True),
        (Forward(busy="1001"), UNANSWERED, False),
        (Forward(no_answer="1001"), BUSY, False),
        (Forward(busy="1001", no_answer="1001"), AWAY, False),
        (Forward(busy="1001", no_answer="1001"), {"1002@example.net": Reason.CALLEE_REFUSED}, False),
    ],
)
def test_calls_go_elsewhere_for_what_the_phone_says(forward, failed, goes):
    known = company(u1002={"forward": forward})
    first = decided(known)
    assert (first.plan.user, first.goes_on) == ("1002", True)
    then = decided(known, failed=failed)
    if goes:
        assert (then.plan.user, then.goes_on) == ("1001", False)
    else:
        assert then.plan == Reject(next(iter(failed.values())))


def test_a_phone_that_is_not_registered_sends_its_calls_on():
    known = company(u1002={"forward": Forward(not_registered="1001")})
    decision = decided(known, Registered("1001"))
    assert decision.plan.user == "1001"
    assert ("locate.none", "skip") in keys(decision)
    assert decided(company(), Registered("1001")).plan == Reject(Reason.NOT_REGISTERED)


def test_who_is_not_to_be_disturbed_is_busy():
    assert decided(company(u1002={"dnd": True})).plan == Reject(Reason.DO_NOT_DISTURB)
    known = company(u1002={"dnd": True, "forward": Forward(busy="1001")})
    assert decided(known).plan.user == "1001"


@pytest.mark.parametrize("length", [2, 3])
def test_a_circle_of_phones_ends_with_its_reason(length):
    users = ["1001", "1002", "2001"][:length]
    known = company(**{
        f"u{user}": {"forward": Forward(always=users[(place + 1) % length])} for place, user in enumerate(users)
    })  # fmt: skip
    decision = decided(known, called="1002")
    assert decision.plan == Reject(Reason.FORWARD_LOOP)
    assert len(decision.steps) < 10


def test_the_number_is_rewritten_as_the_forwarding_phone_dials_it():
    rules = Rewriting(called=(Rule("9", 1, "10", 2, 2),))
    known = company(u1002={"forward": Forward(always="91"), "numbers": rules})
    assert decided(known).plan.user == "1001"


def test_who_sends_a_call_on_pays_for_that_is_barred_and_needs_a_place():
    """1001 of acme pays nothing; 7001 of shop does, as does the reseller above it."""
    forwards = {"u7001": {"forward": Forward(always="1002")}}
    world = World()
    decision = decided(company(**forwards), world, rated=("onnet",), called="7001")
    assert (decision.plan.user, decision.account) == ("1002", "acme")
    assert [basis.account for basis in decision.bases] == ["shop", "reseller"]
    assert [demand.account for demand in world.held] == ["shop", "reseller"]
    poor = World(money={"shop": "money"})
    assert decided(company(**forwards), poor, rated=("onnet",), called="7001").plan == Reject(Reason.NO_MONEY)

    accounts = [replace(each, blocked=("100",)) if each.name == "reseller" else each for each in ACCOUNTS]
    barred = decided(company(accounts, **forwards), rated=("onnet",), called="7001")
    assert barred.plan == Reject(Reason.NUMBER_BLOCKED)

    limited = company(u5001={"forward": Forward(always="1002")})
    levels = decided(limited, called="5001").levels
    assert levels == ("endpoint 5001@example.net", "account branch", "account chain")


@pytest.mark.parametrize(
    ("dialled", "said"),
    [
        ("*21*102#", Wish("always", "102")), ("*21*102", Wish("always", "102")), ("#21#", Wish("always", "")),
        ("##21#", Wish("always", "")), ("*67*+442079460000#", Wish("busy", "+442079460000")),
        ("*61*0012#", Wish("no_answer", "0012")), ("*62*7#", Wish("not_registered", "7")),
        ("*78", Wish("dnd", "1")), ("*79", Wish("dnd", "")), ("*22*1#", None), ("*21*#", None), ("*43", None),
        ("102", None), ("#99#", None), ("*21*" + "1" * 40 + "#", None),
    ],
)  # fmt: skip
def test_a_service_code_is_a_wish(dialled, said):
    assert wish(dialled) == said


@pytest.mark.parametrize("called", ["*21*102#", "#61#", "*78", "*79"])
def test_a_wish_is_kept_for_who_dials_it_and_confirmed_by_a_tone(called):
    world = World()
    decision = decided(company(), world, called=called)
    assert decision.plan == Confirm(wish(called))
    assert (decision.kind, world.wished) == ("service", [("1001@example.net", wish(called))])
    assert say(decision.steps[-1].message, "en").startswith("that counts for 1001@example.net")
    told = b"".join(commands(decision, request(called=called), settings(), {}))
    assert told.index(b"answer") < told.index(b"tone_stream://") < told.index(b"NORMAL_CLEARING")


def test_a_trunk_has_no_wishes():
    world = World()
    decision = decided(company(), world, called="*78", source_ip="203.0.113.8", asserted="")
    assert (decision.plan, world.wished) == (Reject(Reason.NUMBER_UNKNOWN), [])


def test_what_a_phone_said_wins_over_what_is_configured():
    phone = Endpoint("acme", "1@h", "1", "h", forward=Forward(always="2", busy="3"), dnd=True)
    said = {"1@h": {"always": "", "no_answer": "4", "dnd": ""}}
    assert as_wished(phone, said) == replace(phone, forward=Forward(busy="3", no_answer="4"), dnd=False)
    assert as_wished(phone, {"2@h": {"dnd": "1"}}) is phone
