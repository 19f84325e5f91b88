"""Small hand-made frames, cut at every place: valid/NAME.esl gives what NAME.json says, invalid/NAME.esl is refused."""

import json
from pathlib import Path

import pytest

from callctl.errors import WireError
from callctl.esl.wire import Wire
from tests.wire.recordings import fed

HERE = Path(__file__).parent
VALID = sorted(file.stem for file in (HERE / "valid").glob("*.esl"))
INVALID = sorted(file.stem for file in (HERE / "invalid").glob("*.esl"))


def told(message, expected):
    """The parts of a message that an expectation names."""
    known = {
        "type": lambda: message.content_type,
        "reply": lambda: message.reply,
        "body": lambda: message.body.decode(),
        "headers": lambda: {name: message.get(name) for name in expected["headers"]},
        "event": lambda: {
            "name": message.event().name,
            "headers": {name: message.event().get(name) for name in expected["event"]["headers"]},
            "body": message.event().body.decode(),
        },
    }
    return {name: known[name]() for name in expected}


@pytest.mark.parametrize("name", VALID)
def test_a_valid_frame_gives_what_it_says_wherever_it_is_cut(name):
    data = (HERE / "valid" / f"{name}.esl").read_bytes()
    expected = json.loads((HERE / "valid" / f"{name}.json").read_text(encoding="utf-8"))
    found = Wire().feed(data)
    assert [told(*pair) for pair in zip(found, expected, strict=True)] == expected
    whole = [(message.raw, message.body) for message in found]
    for cut in range(len(data)):
        assert fed(data, cut) == whole
    assert fed(data, *range(1, len(data))) == whole


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_frame_is_refused_wherever_it_is_cut(name):
    data = (HERE / "invalid" / f"{name}.esl").read_bytes()
    said = (HERE / "invalid" / f"{name}.txt").read_text(encoding="utf-8").strip()
    for cut in range(len(data)):
        with pytest.raises(WireError) as caught:
            fed(data, cut)
        assert str(caught.value) == said
