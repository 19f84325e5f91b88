"""Whatever phones and DIDs send on to: a call comes to an end, and who sends it outside may do that and pays for it."""

from hypothesis import given
from hypothesis import strategies as st

from callctl.call.decide import decide
from callctl.directory import Snapshot
from callctl.model import Account, Endpoint
from callctl.outside import Carrier, Did, Forward, Gateway, Outside, Route, RouteEntry, Target
from callctl.plan import Bridge, Outbound, Reject
from callctl.reason import Reason
from callctl.world import Located
from tests.unit.company import HERE, World, request, settings
from tests.unit.rating_calls import by_second, tariff
from tests.wire.budget import fuzz

OWN = ("4420", "4421", "4422")
ABROAD = ("4930", "4931")
numbers = st.sampled_from(["100", "101", "102", *OWN, f"00{OWN[0]}", *ABROAD * 2, f"+{ABROAD[0]}", "conf_1", "999"])
maybe = st.just("") | numbers
forwards = st.builds(Forward, maybe, maybe, maybe, maybe)
targets = st.builds(Target, st.just("number"), numbers) | st.builds(
    Target, st.just("endpoint"), st.sampled_from(["p0", "p1@example.net", "p9"])
)
ROUTE = Route("out", entries={"49": (RouteEntry("49", (("c", 1),)),)})
CARRIER = Carrier("c", tariff="a", gateways=(Gateway("198.51.100.1:5060"),), direct=True)
TARIFFS = {name: tariff(by_second("0.1", prefix=""), name=name) for name in ("a", "b")}


class Half(World):
    """Some phones are registered."""

    def __init__(self, registered):
        super().__init__(tariffs=TARIFFS, money={"a": "1000", "b": "1000"})
        self.registered = registered

    def locate(self, user, domain):
        return HERE if user in self.registered else Located((), 0)


@st.composite
def companies(draw):
    """Three phones and three DIDs of two accounts, of which some call outside and some may not call at all."""
    routes, active = st.sampled_from(["", "out", "out"]), st.sampled_from([True, True, False])
    accounts = [
        Account(name, tariff=name, tariff_in=name, routes=draw(routes), active=draw(active)) for name in ("a", "b")
    ]
    owner, names = st.sampled_from(["a", "b"]), ("p0", "p1", "p2")
    phones = [
        Endpoint(draw(owner), f"{name}@example.net", name, "example.net", f"10{name[1]}", forward=draw(forwards))
        for name in names
    ]
    ways = st.lists(targets, min_size=1, max_size=3).map(tuple)
    dids = {number: Did(number, draw(owner), to=draw(ways)) for number in OWN}
    known = Snapshot(1, accounts, phones, Outside({}, {}, {"c": CARRIER}, {"out": ROUTE}, dids))
    registered = draw(st.sets(st.sampled_from(names)))
    failed = {f"number {number}": Reason.CARRIERS_FAILED for number in draw(st.sets(st.sampled_from(ABROAD)))}
    return known, registered, failed


calls = st.tuples(st.just(True), st.sampled_from(OWN)) | st.tuples(st.just(False), numbers)


@given(companies(), calls)
@fuzz(400)
def test_every_call_comes_to_an_end_and_who_sends_it_outside_may_and_pays(company, call):
    from_carrier, called = call
    known, registered, failed = company
    who = {"asserted": "", "source_ip": "198.51.100.1"} if from_carrier else {"asserted": "p0@example.net"}
    asked = request(called=called, domain="example.net", **who)
    decision = decide(asked, known, Half(registered), settings(("pstn", "did")), failed)
    assert len(decision.steps) < 150
    out = [step.message.values for step in decision.steps if step.message.key == "destination.outside"]
    if isinstance(decision.plan, Bridge):
        assert decision.plan.user in registered
    if not isinstance(decision.plan, Outbound):
        assert decision.plan != Reject(Reason.NO_CARRIER)
        return
    account, number = known.account(out[-1]["account"]), out[-1]["number"]
    assert account.routes == "out"
    assert account.active
    assert number in ABROAD
    assert f"number {number}" not in failed
    assert {leg.number for legs in decision.plan.attempts for leg in legs} == {number}
    assert [basis.account for basis in decision.bases][-1] == account.name, "the way out is paid for by who sends it"
    assert len(decision.bases) == (2 if from_carrier else 1), "and the way in by who has the DID"
