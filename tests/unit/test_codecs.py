from hypothesis import given
from hypothesis import strategies as st

from callctl.policy.codecs import canonical, common


def test_the_callers_order_of_what_everybody_allows():
    assert common(("OPUS", "PCMU", "G722", "PCMA"), [("PCMA", "PCMU", "OPUS"), ("PCMU", "OPUS")]) == ("OPUS", "PCMU")


def test_an_empty_list_allows_everything():
    assert common(("OPUS", "PCMU"), [(), ("PCMU",), ()]) == ("PCMU",)
    assert common(("OPUS", "PCMU"), []) == ("OPUS", "PCMU")


def test_nothing_in_common_is_nothing():
    assert common(("G729",), [("OPUS", "PCMU")]) == ()
    assert common(("OPUS", "PCMU"), [("OPUS",), ("PCMU",)]) == ()


def test_other_names_and_other_case_are_the_same_codec():
    assert common(("G729A", "G729", "PCMU", "PCMA"), [("g729",), ("G729a", "g711u")]) == ("G729",)
    assert common(("PCMU", "PCMA"), [("g711a", "G711U")]) == ("PCMU", "PCMA")


codecs = st.lists(st.sampled_from(["PCMU", "pcmu", "G711U", "PCMA", "G729", "G729A", "OPUS", "G722"]), max_size=8)


@given(codecs, st.lists(codecs, max_size=4))
def test_common_is_the_offer_less_what_a_list_leaves_out(offer, lists):
    result = common(offer, lists)
    for name in map(canonical, offer):
        allowed = all(name in map(canonical, names) for names in lists if names)
        assert (name in result) == allowed
    firsts = list(dict.fromkeys(map(canonical, offer)))
    assert [firsts.index(name) for name in result] == sorted({firsts.index(name) for name in result})
