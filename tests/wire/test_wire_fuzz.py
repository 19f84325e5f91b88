"""The wire under attack: it gives frames or says that this is no event socket, and never holds more than it may."""

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callctl.errors import WireError
from callctl.esl import wire as wire_module
from callctl.esl.wire import MAX_BODY, MAX_HEADERS, Wire
from tests.wire.budget import fuzz
from tests.wire.recordings import NAMES, frame_of, messages

CHUNK = 65536


def frames_or_refusal(pieces):
    """What the wire makes of these pieces: the frames, and the refusal that ended them, if any."""
    wire, found = Wire(), []
    for piece in pieces:
        try:
            found += wire.feed(piece)
        except WireError as error:
            return found, str(error)
    return found, ""


def cut(data, places):
    places = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def read_everything(frames):
    """Ask for whatever can be asked for: no question may raise."""
    for message in frames:
        assert isinstance(message.reply, str)
        assert message.number("Event-Sequence") >= 0
        if message.is_event:
            event = message.event()
            assert isinstance(event.name, str)
            for name in event.names():
                assert isinstance(event.get(name), str)
                assert 0 <= event.number(name) < 2**63


pieces_of_protocol = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([
        b"\n", b"\n\n", b": ", b"Content-Length: ", b"Content-Type: text/event-plain\n",
        b"Content-Type: command/reply\n", b"Reply-Text: +OK\n",
        b"Event-Name: CHANNEL_ANSWER\n", b"0", b"5", b"-1", b"99999999", b"%0A", b"\x00", b"\xff",
    ]),
    st.integers(0, 400).map(lambda number: b"Content-Length: %d\n\n" % number),
)  # fmt: skip
streams = st.lists(pieces_of_protocol, max_size=30).map(b"".join)


@given(streams, st.lists(st.integers(0, 2000), max_size=8))
@example(b"\nContent-Length: 2\n\n\n\n\n", [1])
@fuzz(300)
def test_bytes_of_any_kind_give_the_same_however_they_come(data, places):
    whole, refused = frames_or_refusal([data])
    split, refused_too = frames_or_refusal(cut(data, places))
    as_pairs = [(message.raw, message.body) for message in split]
    assert refused == refused_too
    # Those of the piece that is refused are not given: what comes before a refusal may be fewer, never others.
    assert [(message.raw, message.body) for message in whole] == as_pairs[: len(whole)]
    assert refused or len(whole) == len(split)
    read_everything(split)


@st.composite
def mangled(draw):
    """A recording cut short, with frames repeated, dropped and put in another order, and bytes changed."""
    frames = [frame_of(message) for message in messages(draw(st.sampled_from(NAMES)))]
    order = draw(st.lists(st.integers(0, len(frames) - 1), min_size=1, max_size=12))
    data = bytearray(b"".join(frames[place] for place in order))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 2**24), st.integers(0, 255)), max_size=12)):
        data[place % len(data)] = byte
    for place in draw(st.lists(st.integers(0, 2**24), max_size=3)):
        del data[place % len(data) : place % len(data) + 50]
        data += b"\n"
    return bytes(data[: draw(st.integers(1, len(data)))])


@given(mangled(), st.lists(st.integers(0, 2**24), max_size=6))
@fuzz(200)
def test_a_mangled_recording_gives_frames_or_a_refusal(data, places):
    whole, refused = frames_or_refusal([data])
    split, refused_too = frames_or_refusal(cut(data, places))
    assert refused == refused_too
    assert refused or [message.raw for message in whole] == [message.raw for message in split]
    read_everything(split)


def most_held(pieces):
    """Bytes held at most while these pieces come, and the refusal."""
    wire = Wire()
    tracemalloc.start()
    try:
        for piece in pieces:
            wire.feed(piece)
    except WireError as error:
        return tracemalloc.get_traced_memory()[1], str(error)
    finally:
        tracemalloc.stop()
    return tracemalloc.get_traced_memory()[1], ""


@pytest.mark.parametrize("line", [b"X: y\n", b"x", b": ", b"\r\n", b"\x00", b"a\n\r"])
def test_headers_without_an_end_are_refused_before_they_fill_memory(line):
    piece = line * (CHUNK // len(line))
    held, refused = most_held(piece for _ in range(1000))
    assert refused == f"more than {MAX_HEADERS} bytes of headers without an end"
    assert held < 4 * MAX_HEADERS


def test_headers_with_an_end_may_not_be_longer_either():
    wire = Wire()
    assert wire.feed(b"X: " + b"y" * (MAX_HEADERS - 3) + b"\n\n")[0].get("X") == "y" * (MAX_HEADERS - 3)
    with pytest.raises(WireError, match="bytes of headers"):
        wire.feed(b"X: " + b"y" * (MAX_HEADERS - 2) + b"\n\n")


def test_empty_lines_for_ever_fill_no_memory():
    wire, piece = Wire(), b"\n" * CHUNK
    tracemalloc.start()
    for _ in range(100):
        assert wire.feed(piece) == []
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 8 * CHUNK
    assert [message.reply for message in wire.feed(b"\n\nContent-Type: command/reply\nReply-Text: +OK\n\n")] == ["+OK"]


def test_a_body_is_held_up_to_its_length_and_no_further():
    wire = Wire()
    wire.feed(b"Content-Type: api/response\nContent-Length: %d\n\n" % MAX_BODY)
    tracemalloc.start()
    found = [message for _ in range(MAX_BODY // CHUNK) for message in wire.feed(b"b" * CHUNK)]
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(message.body) for message in found] == [MAX_BODY]
    assert held < 4 * MAX_BODY
    assert len(wire.feed(b"Content-Type: auth/request\n\n")) == 1


def test_headers_are_not_read_again_for_every_piece_of_a_body(monkeypatch):
    read = []
    monkeypatch.setattr(wire_module, "_body_length", lambda raw: read.append(raw) or 100_000)
    wire = Wire()
    found = wire.feed(b"X: y\n\n")
    found += [message for _ in range(100_000) for message in wire.feed(b"b")]
    assert [len(message.body) for message in found] == [100_000]
    assert len(read) == 2
