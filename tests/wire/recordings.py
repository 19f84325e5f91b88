"""What a real FreeSWITCH sent, as bytes, as frames and as events; and the means to send it again with changes."""

from functools import cache
from pathlib import Path
from urllib.parse import quote

from callctl.esl.wire import Event, Wire

DATA = Path(__file__).parents[1] / "data" / "esl"
NAMES = sorted(file.stem for file in DATA.glob("*.recv") if file.stat().st_size)
OUTBOUND = [name for name in NAMES if not name.endswith(".inbound")]
INBOUND = [name for name in NAMES if name.endswith(".inbound")]


@cache
def received(name):
    """All that FreeSWITCH sent in a recorded case."""
    return (DATA / f"{name}.recv").read_bytes()


@cache
def messages(name):
    """The frames of a case."""
    return tuple(Wire().feed(received(name)))


@cache
def events(name):
    """The events of a case, in order."""
    return tuple(message.event() for message in messages(name) if message.is_event)


def event(name, event_name, leg="inbound", turn=0):
    """One event of a case, of the A-leg unless `leg` is outbound."""
    return [found for found in events(name) if found.name == event_name and found.get("Call-Direction") == leg][turn]


def changed(original, **headers):
    """An event with headers replaced or added, values encoded as FreeSWITCH does; `_` in a name stands for `-`.

    A name that begins with variable_ is left as it is.
    """
    lines = original.raw.split(b"\n")
    places = {}
    for place, line in enumerate(lines):
        places.setdefault(line.partition(b": ")[0], place)
    for key, value in headers.items():
        name = (key if key.startswith("variable_") else key.replace("_", "-")).encode()
        line = name + b": " + quote(str(value), safe="/:@;=,*+").encode()
        if name in places:
            lines[places[name]] = line
        else:
            lines.append(line)
    return Event(b"\n".join(lines), original.body)


def without(original, *names):
    """An event that lacks some headers."""
    starts = tuple(f"{name}: ".encode() for name in names)
    return Event(b"\n".join(line for line in original.raw.split(b"\n") if not line.startswith(starts)), original.body)


def framed(sent):
    """An event as FreeSWITCH puts it on the socket."""
    body = sent.raw + b"\n\n" + sent.body
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(body), body)


def frame_of(message):
    """A frame as it was received."""
    return message.raw + b"\n\n" + message.body


def fed(data, *cuts):
    """The frames of `data` when it comes in pieces, cut at these places, as pairs of headers and body."""
    wire = Wire()
    found = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += wire.feed(data[start:end])
    return [(message.raw, message.body) for message in found]
