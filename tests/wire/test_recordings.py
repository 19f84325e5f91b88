"""Every recording through the wire, in pieces: the same frames wherever the network cuts them."""

import random

import pytest

from tests.wire.recordings import NAMES, OUTBOUND, events, fed, frame_of, messages, received

SMALL = 10_000  # bytes up to which every place is tried


def edges(name):
    """Where frames, headers and bodies begin, and the places beside."""
    at, found = 0, set()
    data = received(name)
    for message in messages(name):
        at = data.index(message.raw, at)
        found.update((at, at + len(message.raw), at + len(message.raw) + 2))
        at += len(message.raw) + 2 + len(message.body)
        found.add(at)
    return {place + near for place in found for near in (-1, 0, 1, 2) if 0 <= place + near <= len(data)}


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_gives_the_same_frames_wherever_it_is_cut(name):
    data = received(name)
    whole = [(message.raw, message.body) for message in messages(name)]
    chance = random.Random(name)
    places = range(len(data))
    if len(data) > SMALL:
        places = chance.sample(sorted(edges(name)), 24) + chance.sample(places, 24)
    for cut in places:
        assert fed(data, cut) == whole
    for size in (1 if len(data) < 50_000 else 11, 1448, 65536):
        assert fed(data, *range(size, len(data), size)) == whole
    for _ in range(5):
        assert fed(data, *sorted(chance.choices(range(len(data)), k=50))) == whole


@pytest.mark.parametrize("name", NAMES)
def test_no_byte_of_a_recording_is_lost_or_held_back(name):
    rebuilt = b"".join(frame_of(message) for message in messages(name))
    assert received(name).replace(b"\n", b"") == rebuilt.replace(b"\n", b"")


@pytest.mark.parametrize("name", [name for name in OUTBOUND if name not in ("k5_silent_server", "p_hostile_getvar")])
def test_a_recording_is_replies_events_and_notices(name):
    assert {message.content_type for message in messages(name)} <= {
        "command/reply", "api/response", "text/event-plain", "text/disconnect-notice",
    }  # fmt: skip
    connect = messages(name)[0]
    assert connect.reply == "+OK"
    assert {event.get("Unique-ID") for event in events(name) if event.get("Call-Direction") == "inbound"} <= {
        connect.get("Unique-ID")
    }
