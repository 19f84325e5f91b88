"""What the carrier of a call costs: said with the A-leg, priced at its end."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from callctl.call import charging, facts
from callctl.call.buying import bought, cost, variable
from callctl.cdr.spool import OpenCall
from callctl.esl import command
from callctl.plan import Buy
from callctl.rating.basis import pack
from callctl.rating.rounding import Tax
from tests.unit.rating_calls import by_second
from tests.unit.test_charging import ANSWERED, PACKED, SECOND, STARTED, ended, payer
from tests.wire.recordings import changed

CHEAP = Buy(payer("cheap", by_second("0.6"), name="t-cheap", tax=Tax(False, (Decimal(10),))))
EURO = Buy(payer("euro", by_second("0.6"), name="t-euro", currency="EUR"), Decimal("1.1"), Decimal(3))
UNKNOWN = Buy(EURO.basis, Decimal(0), Decimal(0))
ONE, OTHER = "11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"


def over(buys, answered=ONE, **changes):
    """The end of a call of 10 s whose leg of that UUID answered."""
    causes = f"ARRAY::99999999-9999-5999-8999-999999999999;USER_BUSY|:{answered};NONE"
    return changed(
        ended(10, **changes), variable_callctl_buy=variable(buys), variable_originate_causes=causes
    )  # fmt: skip


def test_it_is_text_that_a_channel_variable_may_be():
    text = variable({ONE: CHEAP, OTHER: EURO})
    assert command.variables({"callctl_buy": text}, ";")
    assert variable({}) == ""


def test_the_leg_that_answered_is_the_one_that_costs():
    both = {ONE: CHEAP, OTHER: EURO}
    assert bought(over(both)).startswith(ONE)
    assert bought(over(both, answered=OTHER)).startswith(OTHER)
    assert bought(ended(10)) == "", "of none that is said"
    unknown = changed(ended(10), variable_callctl_buy=variable(both), variable_originate_causes="")
    assert bought(unknown) == variable(both)
    assert bought(over(both, answered="33333333-3333-5333-8333-333333333333")) == ""


def test_a_leg_that_answered_and_is_no_carriers_costs_nothing():
    record, *_ = facts.ended(over({ONE: CHEAP}, answered=OTHER))
    assert "cost" not in record.fields
    assert {each["side"] for each in record.fields["charges"]} == {"sell"}


def test_a_calls_record_has_what_its_carrier_costs_without_tax():
    record, *_ = facts.ended(over({ONE: CHEAP}))
    assert (record.fields["carrier"], record.fields["cost"], record.fields["currency"]) == ("cheap", "0.100000", "USD")
    assert [(each["account"], each["side"], each["amount"]) for each in record.fields["charges"]] == [
        ("shop", "sell", "1.100000"), ("reseller", "sell", "0.500000"), ("cheap", "buy", "0.110000"),
    ]  # fmt: skip


def test_another_currency_counts_by_what_it_was_worth_when_the_call_was_decided():
    record, *_ = facts.ended(over({ONE: EURO}))
    assert (record.fields["cost"], record.fields["currency"]) == ("0.036667", "USD")
    assert (record.fields["charges"][-1]["amount"], record.fields["charges"][-1]["currency"]) == ("0.100000", "EUR")


def test_what_nobody_can_say_in_the_calls_currency_is_not_said():
    record, *_ = facts.ended(over({ONE: UNKNOWN}))
    assert "cost" not in record.fields
    assert (record.fields["carrier"], record.fields["charges"][-1]["amount"]) == ("euro", "0.100000")


def test_where_nobody_pays_the_cost_is_in_the_carriers_currency():
    record, *_ = facts.ended(over({ONE: EURO}, basis=""))
    assert (record.fields["cost"], record.fields["currency"]) == ("0.100000", "EUR")
    assert "price" not in record.fields


def test_a_call_without_an_answer_costs_nothing():
    record, *_ = facts.ended(over({ONE: CHEAP}, Caller_Channel_Answered_Time=0))
    assert not {"cost", "charges"} & record.fields.keys()


@pytest.mark.parametrize("text", ["x", f"{ONE}:1/1:x", f"{ONE}:a/b:{pack([CHEAP.basis])}", f"{ONE}:1:x"])
def test_what_cannot_be_read_is_logged_and_the_call_is_charged_all_the_same(text):
    with capture_logs() as logs:
        record, *_ = facts.ended(changed(ended(10), variable_callctl_buy=text, variable_originate_causes=""))
    assert [line["log_level"] for line in logs] == ["error"]
    assert [each["account"] for each in record.fields["charges"]] == ["shop", "reseller"]


def test_an_account_that_pays_for_two_legs_pays_both():
    two = pack([payer("shop", by_second("6"), name="a"), payer("shop", by_second("3"), name="b")])
    call, *_ = facts.ended(ended(10, basis=two))
    assert (call.fields["price"], call.fields["tariff"]) == ("1.500000", "a")
    owed = charging.owed(call.fields | {"ended_at": 0}, lambda _: "UTC")
    assert [(each.account, each.amount) for each in owed] == [("shop", Decimal("1.5"))]


def test_what_is_owed_is_none_of_a_carriers():
    record, *_ = facts.ended(over({ONE: CHEAP}))
    assert {each.account for each in charging.owed(record.fields, lambda _: "UTC")} == {"shop", "reseller"}


def test_a_call_whose_end_nobody_heard_has_a_cost_too():
    open_call = OpenCall(
        "c", "fs1", STARTED, "answered", ANSWERED + 10 * SECOND, ANSWERED, PACKED, variable({ONE: CHEAP})
    )  # fmt: skip
    record = facts.unheard(open_call, ANSWERED + 60 * SECOND)
    assert (record.fields["cost"], record.fields["carrier"]) == ("0.100000", "cheap")


def test_no_text_costs_nothing():
    assert cost("c", "", ANSWERED, SECOND, STARTED) is None
