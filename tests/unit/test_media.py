"""How media goes: what two sides come to, their codecs, and what FreeSWITCH is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.call.facts import variables
from callctl.directory import Snapshot
from callctl.language import say
from callctl.outside import NO_MEDIA, Media
from callctl.plan import Bridge, Reject
from callctl.policy.together import Together, together
from callctl.reason import Reason
from tests.unit.company import ACCOUNTS, ENDPOINTS, SDP, World, request, settings
from tests.unit.test_decide_outside import CHEAP, GOOD, TARIFFS, directory, entry
from tests.unit.test_decide_outside import decided as outside
from tests.wire.grammar import originate, packets, set_by

BYPASS, PROXY, SWITCH = Media(path="bypass"), Media(path="proxy"), Media(path="switch")
AUTO = st.sampled_from


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        (NO_MEDIA, NO_MEDIA, Together()),
        (BYPASS, NO_MEDIA, Together("bypass", transcoding=False)),
        (BYPASS, PROXY, Together("proxy", transcoding=False)),
        (BYPASS, SWITCH, Together("switch")),
        (PROXY, SWITCH, Together("switch")),
        (BYPASS, Media(srtp="offered"), Together("switch")),
        (BYPASS, Media(transcoding=True), Together("bypass", transcoding=False)),
        (Media(transcoding=True), NO_MEDIA, Together()),
        (Media(transcoding=True), Media(transcoding=False), Together(transcoding=False)),
        (Media(early_media="held"), Media(early_media="passed"), Together(early_media=False)),
        (Media(fax=True), NO_MEDIA, Together(fax=True)),
        (Media(fax=True), Media(fax=False), Together()),
    ],
)
def test_what_keeps_more_under_control_wins(near, far, expected):
    assert together(near, far, transcoding=True) == together(far, near, transcoding=True) == expected


MEDIA = st.builds(
    Media, path=AUTO([None, "switch", "proxy", "bypass"]), transcoding=AUTO([None, True, False]),
    srtp=AUTO([None, "off", "offered", "demanded"]), early_media=AUTO([None, "passed", "held"]),
    fax=AUTO([None, True, False]),
)  # fmt: skip


@given(MEDIA, MEDIA, st.booleans())
def test_it_is_the_same_from_either_side_and_never_impossible(near, far, default):
    found = together(near, far, transcoding=default)
    assert found == together(far, near, transcoding=default)
    assert not (found.path != "switch" and (found.transcoding or near.srtp or far.srtp))


def decided(near=NO_MEDIA, far=NO_MEDIA, account=NO_MEDIA, near_codecs=(), far_codecs=(), **asked):
    changed = {
        "1001@example.net": {"media": near, "codecs": near_codecs},
        "1002@example.net": {"media": far, "codecs": far_codecs},
    }  # fmt: skip
    endpoints = [replace(each, **changed.get(each.name, {})) for each in ENDPOINTS]
    accounts = [replace(each, media=account) if each.name == "acme" else each for each in ACCOUNTS]
    return decide(request(**asked), Snapshot(1, accounts, endpoints), World(), settings())


def told(decision, asked=None):
    """The A-leg's variables, and those of the B-leg."""
    asked = asked or request()
    setting, bridge = packets(b"".join(commands(decision, asked, settings(), variables(asked, decision, "host/0"))))
    common, groups = originate(bridge.body)
    return set_by(setting.command)[1], {**common, **groups[0][0][0]}


class TestCodecs:
    """The caller offers PCMU, PCMA, OPUS."""

    def test_without_transcoding_both_sides_have_what_both_allow(self):
        decision = decided(far_codecs=("PCMA", "PCMU"))
        assert decision.codecs == decision.plan.codecs == ("PCMU", "PCMA")

    @pytest.mark.parametrize("side", ["near", "far"])
    def test_with_it_each_side_has_its_own(self, side):
        decision = decided(**{side: Media(transcoding=True)}, near_codecs=("PCMU",), far_codecs=("G722", "PCMA"))
        assert (decision.codecs, decision.plan.codecs) == (("PCMU",), ("G722", "PCMA"))
        near, far = told(decision)
        assert (near["absolute_codec_string"], far["absolute_codec_string"]) == ("PCMU", "G722,PCMA")
        step = next(step for step in decision.steps if step.check == "codecs")
        assert say(step.message, "en") == (
            "transcoding is allowed: caller offers PCMU, PCMA, OPUS; used PCMU towards him,"
            " G722, PCMA towards the callee"
        )

    def test_with_it_the_caller_still_needs_one(self):
        decision = decided(near=Media(transcoding=True), near_codecs=("G729",))
        assert decision.plan == Reject(Reason.NO_COMMON_CODEC)

    def test_one_side_that_forbids_it_is_enough(self):
        both = {"near_codecs": ("PCMU",), "far_codecs": ("G722",), "near": Media(transcoding=True)}
        assert isinstance(decided(**both).plan, Bridge)
        assert decided(**both, far=Media(transcoding=False)).plan == Reject(Reason.NO_COMMON_CODEC)

    def test_an_accounts_word_counts_where_its_endpoint_says_nothing(self):
        both = {"near_codecs": ("PCMU",), "far_codecs": ("G722",), "account": Media(transcoding=True)}
        assert isinstance(decided(**both).plan, Bridge)
        refused = decided(**both, near=Media(transcoding=False))
        assert refused.plan == Reject(Reason.NO_COMMON_CODEC)

    def test_the_order_is_the_callers_or_that_of_a_list(self):
        lists = {"near_codecs": ("PCMA", "PCMU"), "far_codecs": ("OPUS", "PCMA", "PCMU")}
        assert decided(**lists).codecs == ("PCMU", "PCMA")
        assert decided(**lists, near=Media(order="listed")).codecs == ("PCMA", "PCMU")
        assert decided(**lists | {"far_codecs": ("PCMU", "PCMA")}, far=Media(order="listed")).codecs == ("PCMU", "PCMA")
        each = {"near_codecs": ("PCMA", "PCMU"), "far_codecs": ("G722",)}
        assert decided(**each, near=Media(order="listed", transcoding=True)).codecs == ("PCMA", "PCMU")

    def test_where_both_sides_have_an_order_the_callees_holds(self):
        lists = {"near_codecs": ("PCMA", "PCMU"), "far_codecs": ("OPUS", "PCMU", "PCMA")}
        listed = Media(order="listed")
        assert decided(**lists, near=listed, far=listed).codecs == ("PCMU", "PCMA")

    def test_around_the_switch_the_phones_find_theirs(self):
        decision = decided(near=BYPASS, near_codecs=("G729",))
        assert (decision.codecs, decision.plan.codecs) == ((), ())
        assert decision.plan.media.path == "bypass"


class TestCommands:
    def test_the_path_is_said_each_time(self):
        for media, bypass, proxy in ((NO_MEDIA, "", ""), (BYPASS, "true", ""), (PROXY, "", "true")):
            near, _ = told(decided(near=media))
            assert (near["bypass_media"], near["proxy_media"]) == (bypass, proxy)

    @pytest.mark.parametrize("word", ["off", "offered", "demanded"])
    def test_encryption_towards_a_phone_is_its_edges(self, word):
        near, far = told(decided(near=Media(srtp="offered"), far=Media(srtp=word)))
        assert far["sip_h_X-Callctl-Srtp"] == word
        assert not {name for name in (*near, *far) if name.startswith("rtp_secure_media")}
        assert "sip_h_X-Callctl-Srtp" not in told(decided())[1]

    def test_encryption_of_who_calls_the_switch_itself_is_the_switchs(self):
        trunk = {"asserted": "", "source_ip": "203.0.113.7", "sdp": SDP.replace("RTP/AVP", "RTP/SAVP")}
        for word, said in (("off", "forbidden"), ("offered", "optional"), ("demanded", "mandatory")):
            near, _ = told(decided(account=Media(srtp=word), **trunk))
            assert near["rtp_secure_media_inbound"] == said

    def test_an_edge_is_told_to_leave_media_alone(self):
        assert told(decided(far=Media(relay=False)))[1]["sip_h_X-Callctl-Relay"] == "off"
        for media in (Media(relay=True), NO_MEDIA):
            assert "sip_h_X-Callctl-Relay" not in told(decided(far=media))[1]

    def test_early_media_is_held_where_one_side_says_so(self):
        assert told(decided())[1]["ignore_early_media"] == "false"
        assert told(decided(far=Media(early_media="held")))[1]["ignore_early_media"] == "true"

    def test_fax_passes_on_both_sides(self):
        for side in told(decided(far=Media(fax=True))):
            assert (side["fax_enable_t38"], side["t38_passthru"]) == ("true", "true")


class TestDemanded:
    """Encryption that is demanded of a caller."""

    def refused(self, **asked):
        decision = decided(near=Media(srtp="demanded"), **asked)
        return decision.plan == Reject(Reason.SRTP_MISSING)

    def test_a_caller_without_it_is_refused(self):
        assert self.refused()
        assert self.refused(called="conf_3001")

    def test_what_his_edge_says_counts_and_nobody_elses_word(self):
        assert not self.refused(srtp=True)
        trunk = {"asserted": "", "source_ip": "203.0.113.7", "srtp": True}
        assert decided(account=Media(srtp="demanded"), **trunk).plan == Reject(Reason.SRTP_MISSING)

    @pytest.mark.parametrize("profile", ["RTP/SAVP", "UDP/TLS/RTP/SAVPF", "RTP/SAVPF"])
    def test_what_he_offers_the_switch_counts(self, profile):
        assert not self.refused(sdp=SDP.replace("RTP/AVP", profile))

    def test_a_stream_that_is_not_used_says_nothing(self):
        assert self.refused(sdp=f"v=0\r\nm=audio 0 RTP/SAVP 0\r\nm=video 9 RTP/SAVP 31\r\n{SDP[5:]}")


class TestCarriers:
    def to(self, carrier, **asked):
        known = directory([entry("cheap")], carriers=[carrier])
        return outside(known, World(tariffs=TARIFFS), **asked)

    def first(self, **carrier):
        return self.to(replace(CHEAP, **carrier)).plan.attempts[0][0]

    def test_a_carrier_without_a_word_has_what_freeswitch_negotiates(self):
        leg = self.first(codecs=("PCMA",))
        assert (leg.near_codecs, leg.codecs, leg.media.path) == ((), ("PCMA",), "switch")

    def test_one_that_forbids_transcoding_has_what_the_caller_offers_of_its_own(self):
        leg = self.first(codecs=("PCMA", "G729"), media=Media(transcoding=False))
        assert leg.near_codecs == leg.codecs == ("PCMA",)
        none = self.to(replace(CHEAP, codecs=("G729",), media=Media(transcoding=False)))
        assert none.plan == Reject(Reason.NO_CARRIER)

    def test_one_that_allows_it_has_its_own_and_the_caller_needs_his(self):
        mixed = Media(transcoding=True)
        leg = self.first(codecs=("G729",), media=mixed)
        assert (leg.near_codecs, leg.codecs) == (("PCMU", "PCMA", "OPUS"), ("G729",))
        assert self.to(replace(CHEAP, media=mixed), sdp=SDP.replace("0 8 96", "18")).plan == Reject(Reason.NO_CARRIER)

    def test_its_order_holds_where_it_says_so(self):
        leg = self.first(codecs=("PCMA", "PCMU"), media=Media(order="listed", transcoding=False))
        assert leg.codecs == ("PCMA", "PCMU")
        assert self.first(codecs=("PCMA", "PCMU"), media=Media(transcoding=False)).codecs == ("PCMU", "PCMA")

    def test_the_callers_own_order_holds_on_his_side(self):
        customer = {"media": Media(order="listed"), "codecs": ("PCMA", "PCMU")}
        carrier = replace(CHEAP, media=Media(transcoding=True))
        known = directory([entry("cheap")], customer=customer, carriers=[carrier])
        assert outside(known, World(tariffs=TARIFFS)).plan.attempts[0][0].near_codecs == ("PCMA", "PCMU")

    def test_nothing_is_chosen_where_there_is_nothing_to_choose(self):
        apart = replace(CHEAP, codecs=("G729",), media=Media(transcoding=False))
        assert self.to(apart, sdp="").plan.attempts[0][0].near_codecs == ()
        around = self.first(codecs=("G729",), media=BYPASS)
        assert (around.near_codecs, around.codecs, around.media.path) == ((), ("G729",), "bypass")

    def test_the_caller_is_through_the_switch_where_carriers_called_at_once_differ(self):
        known = directory([entry("cheap", "good", fork=2)], carriers=[replace(CHEAP, media=BYPASS), GOOD])
        decision = outside(known, World(tariffs=TARIFFS))
        assert len(decision.plan.attempts[0]) == 2
        asked = request(called="442079460000", asserted="8001@example.net")
        setting = packets(b"".join(commands(decision, asked, settings(), variables(asked, decision, "h/0"))))[0]
        assert set_by(setting.command)[1]["bypass_media"] == ""

    def test_its_media_is_said_with_its_attempt(self):
        decision = self.to(replace(CHEAP, media=Media(path="switch", srtp="demanded", early_media="held", fax=True)))
        near, far = told(decision, request(called="442079460000", asserted="8001@example.net"))
        assert (far["rtp_secure_media_outbound"], far["ignore_early_media"]) == ("mandatory", "true")
        by_edge = self.to(replace(CHEAP, direct=False, media=Media(srtp="demanded", relay=False)))
        _, behind = told(by_edge, request(called="442079460000", asserted="8001@example.net"))
        assert (behind["sip_h_X-Callctl-Srtp"], behind["sip_h_X-Callctl-Relay"]) == ("demanded", "off")
        assert "rtp_secure_media_outbound" not in behind
        assert near["t38_passthru"] == far["t38_passthru"] == "true"
        bypassed = self.to(replace(CHEAP, media=BYPASS))
        assert told(bypassed, request(called="442079460000"))[0]["bypass_media"] == "true"
