"""Number rules and the number shown, as decisions use them."""

from dataclasses import replace

import pytest

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.directory import Snapshot
from callctl.language import say
from callctl.outside import CallerIds, Rewriting
from callctl.plan import Bridge, Reject
from callctl.reason import Reason
from callctl.routing.numbers import Rule
from tests.unit.company import ACCOUNTS, ENDPOINTS, World, request, settings

SHORT = Rewriting(called=(Rule("7", 1, "10", 2, 2),))  # 72 is 102


def decided(asked, *, account=None, endpoint=None):
    """A call of 1001 of acme, where these fields of account and endpoint are changed."""
    accounts = [replace(each, **account or {}) if each.name == "acme" else each for each in ACCOUNTS]
    changed = [replace(each, **endpoint or {}) if each.user == "1001" else each for each in ENDPOINTS]
    return decide(asked, Snapshot(8, accounts, changed), World(), settings())


def step(decision, check):
    return next((each for each in decision.steps if each.check == check), None)


def test_the_called_number_is_rewritten_before_anybody_has_it():
    decision = decided(request(called="72"), account={"numbers": SHORT})
    assert isinstance(decision.plan, Bridge)
    assert (decision.plan.user, decision.called) == ("1002", "102")
    said = step(decision, "numbers")
    assert say(said.message, "en") == "rewritten: 72 → 102 (account acme #1)"


def test_the_endpoints_rules_come_before_its_accounts():
    first = Rewriting(called=(Rule("9", 1, "7"),))
    decision = decided(request(called="92"), endpoint={"numbers": first}, account={"numbers": SHORT})
    assert decision.called == "102"
    assert say(step(decision, "numbers").message, "en").count("→") == 2


def test_a_number_that_no_rule_fits_stays_and_is_not_refused():
    decision = decided(request(called="102"), account={"numbers": SHORT})
    assert isinstance(decision.plan, Bridge)
    assert step(decision, "numbers").message.key == "numbers.as_they_are"
    assert decided(request(called="72")).plan == Reject(Reason.NUMBER_UNKNOWN), "without rules nothing is rewritten"


@pytest.mark.parametrize(("called", "kind"), [("conf_12", "conference"), ("*43", "service")])
def test_rooms_and_services_are_not_rewritten(called, kind):
    everything = Rewriting(called=(Rule("", 0, "44"),))
    assert decided(request(called=called), account={"numbers": everything}).kind == kind


def test_what_the_caller_says_of_himself_is_rewritten_too():
    national = Rewriting(caller=(Rule("0", 1, "44"),))
    asked = request(called="2001", caller="02079460001")
    decision = decided(asked, endpoint={"numbers": national}, account={"caller_ids": CallerIds(allowed=("4420*",))})
    assert decision.caller_id == "442079460001"


@pytest.mark.parametrize(
    ("policy", "said", "shown", "why"),
    [
        (CallerIds(allowed=("4420*",)), "+442079460009", "+442079460009", "allowed"),
        (CallerIds(allowed=("442079460009",)), "442079460009", "442079460009", "allowed"),
        (CallerIds(allowed=("4421*",)), "442079460009", "442079460000", "not_allowed"),
        (CallerIds(allowed=("44207946000",)), "442079460009", "442079460000", "not_allowed"),
        (CallerIds(forced="441"), "442079460009", "441", "forced"),
        (CallerIds(forced="441", for_prefix=(("2001", "443"), ("2", "442"))), "x", "443", "for_prefix"),
        (CallerIds(forced="441", for_prefix=(("3", "443"), ("2", "442"))), "x", "442", "for_prefix"),
        (CallerIds(forced="441", for_prefix=(("3", "443"),)), "x", "441", "forced"),
        (CallerIds(forced="441", anonymous=True), "x", "anonymous", "anonymous"),
        (CallerIds(allowed=("*",)), "", "442079460000", "not_allowed"),
    ],
)
def test_the_policy_says_which_number_is_shown(policy, said, shown, why):
    decision = decided(request(called="2001", caller=said), account={"caller_ids": policy})
    assert (decision.caller_id, step(decision, "caller_id").message.key) == (shown, f"caller_id.{why}")


def test_the_endpoints_policy_is_used_in_place_of_its_accounts():
    own = CallerIds(forced="441")
    of_account = {"caller_ids": CallerIds(forced="449")}
    assert decided(request(called="2001"), endpoint={"caller_ids": own}, account=of_account).caller_id == "441"
    none = decided(request(called="2001"), endpoint={"caller_ids": CallerIds()}, account=of_account)
    assert none.caller_id == "442079460000"


@pytest.mark.parametrize(("allowed", "shown"), [(("4420*",), "anonymous"), (("44*", "4421"), "4421")])
def test_who_has_no_number_of_his_own_shows_none_he_may_not_say(allowed, shown):
    trunk = request(called="1003", domain="other.example", source_ip="203.0.113.8", asserted="", caller="5")
    accounts = [
        replace(each, caller_ids=CallerIds(allowed=allowed)) if each.name == "globex" else each for each in ACCOUNTS
    ]
    assert decide(trunk, Snapshot(8, accounts, ENDPOINTS), World(), settings(codec_check=())).caller_id == shown


def test_within_an_account_the_extension_is_shown_whatever_the_policy():
    assert decided(request(called="102"), account={"caller_ids": CallerIds(anonymous=True)}).caller_id == "101"


def test_an_anonymous_caller_is_not_named():
    asked = request(called="2001", caller_name="Bob")
    told = commands(decided(asked, account={"caller_ids": CallerIds(anonymous=True)}), asked, settings(), {})
    text = b"".join(told)
    assert b"effective_caller_id_number=anonymous" in text
    assert b"effective_caller_id_name=Anonymous" in text
    assert b"Bob" not in text
    assert b"1001" not in text
