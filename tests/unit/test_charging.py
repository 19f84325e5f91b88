"""What an ended call costs, from what its last event or the spool says."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from callctl.call import charging, facts
from callctl.cdr.spool import OpenCall
from callctl.rating.basis import Basis, pack
from callctl.rating.rounding import Tax
from callctl.reason import Reason
from tests.unit.rating_calls import by_second, tariff
from tests.wire.recordings import changed, event, without

END = event("a_bridged", "CHANNEL_HANGUP_COMPLETE")  # answered for 2.160 s
STARTED, ANSWERED = (END.number(f"Caller-Channel-{name}-Time") for name in ("Created", "Answered"))
SECOND = 1_000_000


def payer(account, rate, **rules):
    return Basis(account, "UTC", tariff(rate, **rules).find("442079460000", STARTED))


SHOP = payer("shop", by_second("6", destination="United Kingdom"), name="gold", tax=Tax(False, (Decimal(10),)))
RESELLER = payer("reseller", by_second("3", prefix=""), name="base")
PACKED = pack([SHOP, RESELLER])


def ended(seconds, paid=60, limit="slice", basis=PACKED, **changes):
    """The end of a call that costs, after so many seconds of talk."""
    changes = {"Caller_Channel_Hangup_Time": ANSWERED + int(Decimal(str(seconds)) * SECOND)} | changes
    known = {"basis": basis, "paid": paid, "most": 3600, "limit": limit}
    return changed(END, **changes, **{f"variable_callctl_{name}": value for name, value in known.items()})


def amounts(charged):
    return [(each.account, each.amount, each.billed_seconds) for each in charged]


def test_an_answered_call_costs_each_account_what_was_agreed():
    assert amounts(charging.charges(ended("10.4"))) == [
        ("shop", Decimal("1.21"), 11), ("reseller", Decimal("0.55"), 11),
    ]  # fmt: skip


def test_an_ended_call_is_recorded_with_its_charges_and_the_first_in_its_columns():
    call, *_ = facts.ended(ended(10))
    names = ("tariff", "prefix", "destination", "billed_seconds", "price", "tax", "currency")
    assert [call.fields[name] for name in names] == [
        "gold", "44", "United Kingdom", 10, "1.000000", "0.100000", "USD",
    ]  # fmt: skip
    assert call.fields["charges"] == [
        {
            "account": "shop", "side": "sell", "tariff": "gold", "prefix": "44", "destination": "United Kingdom",
            "billed_seconds": 10, "amount": "1.100000", "tax": "0.100000", "currency": "USD",
        },
        {
            "account": "reseller", "side": "sell", "tariff": "base", "prefix": "", "destination": "",
            "billed_seconds": 10, "amount": "0.500000", "tax": "0.000000", "currency": "USD",
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("talked", "billed"), [("59.9", 60), (60, 60), ("60.9", 60), (62, 60), ("62.1", 63), (70, 70)]
)
def test_nobody_is_charged_for_what_the_switchs_timer_is_late(talked, billed):
    """A call that outlasts what is paid by more than that was let, and is charged for."""
    assert [each.billed_seconds for each in charging.charges(ended(talked))] == [billed, billed]


def test_a_call_that_nobody_answered_or_pays_for_has_no_charges():
    unanswered = ended(1, Caller_Channel_Answered_Time=0)
    for end in (unanswered, END, without(ended(1), "variable_callctl_basis")):
        assert charging.charges(end) == ()
        assert not facts.ended(end)[0].fields.keys() & {"charges", "price", "tax", "tariff", "billed_seconds"}


def test_an_answered_call_that_costs_nothing_is_charged_nothing():
    free = pack([payer("shop", by_second("0"))])
    (charge,) = facts.ended(ended(5, basis=free))[0].fields["charges"]
    assert (charge["amount"], charge["billed_seconds"]) == ("0.000000", 5)


def test_a_basis_that_cannot_be_read_is_told_and_the_call_recorded():
    with capture_logs() as logs:
        call, *_ = facts.ended(ended(5, basis="x" + PACKED))
    assert [(line["log_level"], line["call"]) for line in logs] == [("error", END.get("Unique-ID"))]
    assert call.fields["state"] == "final"
    assert "charges" not in call.fields


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("money", Reason.MONEY_UP), ("slice", Reason.NOT_EXTENDED), ("time", Reason.TIME_UP), ("", Reason.TIME_UP)],
)
def test_a_call_that_the_timer_ended_is_told_by_what_was_to_end_it(limit, reason):
    end = ended(60, limit=limit, Hangup_Cause="ALLOTTED_TIMEOUT", variable_sip_hangup_disposition="send_bye")
    call, *_ = facts.ended(end)
    assert (call.fields["reason"], call.fields["hangup_by"]) == (reason.machine_name, "switch")
    hung_up, *_ = facts.ended(ended(60, limit=limit))
    assert "reason" not in hung_up.fields


class TestUnheard:
    def call(self, state="answered", **fields):
        known = {"seen_us": ANSWERED + 30 * SECOND, "answered_us": ANSWERED, "basis": PACKED} | fields
        return OpenCall("c-1", "fs1", STARTED - 7 * SECOND, state, **known)

    def test_it_is_charged_until_it_was_last_known_to_be_up(self):
        record = facts.unheard(self.call(), ANSWERED + 500 * SECOND)
        assert (record.fields["duration_ms"], record.fields["billed_seconds"]) == (30_000, 30)
        assert [charge["amount"] for charge in record.fields["charges"]] == ["3.300000", "1.500000"]
        assert (record.fields["reason"], record.fields["ended_at"]) == ("end_unheard", ANSWERED + 500 * SECOND)

    @pytest.mark.parametrize(
        "fields", [{"state": "routed"}, {"state": "routed", "answered_us": 0}, {"basis": ""}]
    )
    def test_one_that_nobody_answered_or_pays_for_has_no_charges(self, fields):
        assert "charges" not in facts.unheard(self.call(**fields), ANSWERED + 500 * SECOND).fields

    @pytest.mark.parametrize("fields", [{"answered_us": 0}, {"seen_us": ANSWERED - 1}])
    def test_one_that_is_not_known_to_have_lasted_is_charged_nothing(self, fields):
        record = facts.unheard(self.call(**fields), ANSWERED + 500 * SECOND)
        assert [charge["amount"] for charge in record.fields["charges"]] == ["0.000000", "0.000000"]
