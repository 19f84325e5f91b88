import pytest

from callctl.reason import BY_NAME, Reason

# SIP answer and Q.850 number that FreeSWITCH has for a cause (hangup_cause_to_sip in mod_sofia.c, switch_types.h; the
# causes above 127 have no number of their own and are sent as 16, observed).
SWITCH = {
    "NO_ROUTE_DESTINATION": (404, 3),
    "UNALLOCATED_NUMBER": (404, 1), "USER_BUSY": (486, 17), "NO_ANSWER": (480, 19), "SUBSCRIBER_ABSENT": (480, 20),
    "CALL_REJECTED": (603, 21), "INVALID_NUMBER_FORMAT": (484, 28), "NETWORK_OUT_OF_ORDER": (503, 38),
    "NORMAL_TEMPORARY_FAILURE": (503, 41), "SWITCH_CONGESTION": (503, 42), "OUTGOING_CALL_BARRED": (403, 52),
    "NORMAL_CIRCUIT_CONGESTION": (503, 34),
    "INCOMPATIBLE_DESTINATION": (488, 88), "ORIGINATOR_CANCEL": (487, 16), "ALLOTTED_TIMEOUT": (480, 16),
    "INCOMING_CALL_BARRED": (403, 54), "EXCHANGE_ROUTING_ERROR": (483, 25),
    "MANAGER_REQUEST": (480, 16), "NORMAL_UNSPECIFIED": (480, 31),
}  # fmt: skip


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_says_what_freeswitch_will_answer(reason):
    sip, q850 = SWITCH[reason.cause]
    assert (reason.sip, reason.q850) == (int(reason.response[:3]) if reason.response else sip, q850)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_a_sentence_in_each_language(reason):
    english, chinese = reason.sentence("en"), reason.sentence("zh")
    assert english.endswith(".")
    assert english.isascii()
    assert chinese.endswith("。")


def test_each_reason_has_a_name_of_its_own():
    assert len(BY_NAME) == len(Reason)
    assert all(BY_NAME[reason.machine_name] is reason for reason in Reason)
    assert all(reason.machine_name == reason.name.lower() for reason in Reason)


def test_no_two_reasons_tell_an_operator_the_same():
    assert len({reason.sentence("en") for reason in Reason}) == len(Reason)
    assert len({reason.sentence("zh") for reason in Reason}) == len(Reason)
