import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.routing.sdp import offered

RECORDINGS = Path(__file__).parents[1] / "data" / "esl"

BROWSER = """v=0
o=- 46117314 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
"""


def test_a_browsers_offer_in_its_order_without_what_is_not_speech():
    assert offered(BROWSER) == ("OPUS", "G722", "PCMU", "PCMA")
    assert offered(BROWSER.replace("\n", "\r\n")) == offered(BROWSER)


def test_static_payloads_need_no_rtpmap():
    assert offered("v=0\r\nm=audio 4000 RTP/AVP 18 8 0 3 9 4 15 101\r\n") == (
        "G729", "PCMA", "PCMU", "GSM", "G722", "G723", "G728",
    )  # fmt: skip


def test_an_rtpmap_wins_over_the_static_table():
    assert offered("m=audio 4000 RTP/AVP 3 96\na=rtpmap:3 iLBC/8000\na=rtpmap:96 AMR-WB/16000") == ("ILBC", "AMR-WB")


def test_a_dynamic_payload_without_rtpmap_is_nothing():
    assert offered("m=audio 4000 RTP/AVP 96 0") == ("PCMU",)


def test_a_name_at_two_clock_rates_counts_once_where_it_came_first():
    assert offered("m=audio 4000 RTP/AVP 97 0 98\na=rtpmap:97 speex/16000\na=rtpmap:98 SPEEX/8000") == ("SPEEX", "PCMU")


def test_the_first_audio_stream_with_a_port_is_the_one():
    rejected = "m=audio 0 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
    video = "m=video 5000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n"
    second = "m=audio 5002 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n"
    assert offered(rejected + video + second) == ("OPUS",)
    assert offered("m=audio 5004/2 RTP/AVP 8\n" + video + second) == ("PCMA",)


@pytest.mark.parametrize(
    "sdp",
    ["", "v=0", "m=audio", "m=audio 0 RTP/AVP 0", "m=audio x RTP/AVP 0", "m=audio 4000", "m=audio 4000 RTP/AVP", "m=",
     "m=image 4000 udptl t38", "m=audio 4000 RTP/AVP 13 101\na=rtpmap:101 telephone-event/8000",
     "m=audio 4000 RTP/AVP ٠ 1000", "a=rtpmap:0 PCMU/8000\nm=audio ٤ RTP/AVP 0"],
)  # fmt: skip
def test_no_speech_codec_is_no_codec(sdp):
    assert offered(sdp) == ()


@pytest.mark.parametrize("name", ["${system(id)}", "a,b", "a b", "a'b", "a\0b", "ſ", "x" * 33, "a@8000h", ""])
def test_a_name_outside_the_alphabet_is_not_offered(name):
    assert offered(f"m=audio 4000 RTP/AVP 96 0\na=rtpmap:96 {name}/8000") == ("PCMU",)


@pytest.mark.parametrize("recording", ["a_bridged", "i_codec_g729"])
def test_the_offer_of_a_recorded_call(recording):
    received = (RECORDINGS / f"{recording}.recv").read_bytes()
    sdp = re.search(rb"variable_switch_r_sdp: (\S+)", received)
    assert offered(unquote(sdp[1].decode())) == (("G729",) if "g729" in recording else ("PCMU",))


pieces = st.sampled_from(
    ["m=audio ", "4000 ", "0 ", "RTP/AVP ", "8 ", "96", "a=rtpmap:", " opus", "/48000", "\r\n", "\n", "\0"]
)


@given(st.lists(pieces | st.text(max_size=8)).map("".join) | st.text())
def test_any_text_gives_names_of_the_alphabet_each_once(sdp):
    names = offered(sdp)
    assert all(re.fullmatch(r"[A-Z0-9._-]{1,32}", name) for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "bulk",
    [
        "m=audio 4000 RTP/AVP 0" + " " * 10**6 + "x",
        "m=audio 1 x" + " 8" * 10**6,
        "a" * 10**7,
        "\n" * 10**6,
        "m=audio 1 x 0\n" + "a=rtpmap:0" + " " * 10**6,
    ],
    ids=["spaces", "payloads", "one line", "empty lines", "rtpmap"],
)
def test_a_huge_sdp_is_read_no_further_than_its_limit(bulk):
    assert set(offered(bulk)) <= {"PCMU", "PCMA"}
    assert offered(bulk + "\nm=audio 4000 RTP/AVP 3") == offered(bulk)
