import pytest

from callctl.esl.wire import Block, Event, Message


def test_a_value_is_found_decoded_and_stripped_when_it_is_asked_for():
    block = Block(b"A: one\nVariable_b: no\nvariable_b:  two%20%2B%0A\nC: th%C3%A9")
    assert (block.get("A"), block.variable("b"), block.get("C")) == ("one", "two +", "thé")


def test_what_is_missing_or_undefined_reads_as_the_default():
    block = Block(b"A: _undef_\nB: \nvariable_c: _undef_")
    assert (block.get("A"), block.get("A", "x"), block.get("None", "x")) == ("", "x", "x")
    assert (block.get("B", "x"), block.variable("c"), block.variable("d", "y")) == ("", "", "y")


def test_a_header_is_one_by_its_whole_name_at_the_start_of_a_line():
    block = Block(b"XA: 1\nX: A: 2\nA : 3\nA:4\na: 5\nA: 6\nA: 7")
    assert block.get("A") == "6"
    assert list(block.names()) == ["XA", "X", "A ", "a", "A", "A"]
    assert "A" in block
    assert "B" not in block


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("17", 17), (" 17%0A", 17), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("9" * 5000, 0),
        ("-1", 0), ("+1", 0), ("1.5", 0), ("", 0), ("x", 0), ("%D9%A3", 0), ("%C2%B2", 0), ("1e3", 0), ("_undef_", 0),
    ],
)  # fmt: skip
def test_a_number_is_digits_and_nothing_else(text, number):
    assert Block(f"N: {text}".encode()).number("N") == number
    assert Block(b"").number("N") == 0


def test_a_reply_is_the_text_of_a_command_and_the_body_of_an_api_call():
    told = Message(b"Content-Type: command/reply\nReply-Text: +OK a%20b", b"ignored")
    printed = Message(b"Content-Type: api/response\nReply-Text: ignored", " +OK é%20\n".encode())
    assert (told.reply, printed.reply) == ("+OK a%20b".replace("%20", " "), "+OK é%20")
    assert told.is_reply
    assert printed.is_reply
    assert not told.is_event


def test_an_event_is_named_by_its_subclass_when_it_is_custom():
    assert Event(b"Event-Name: CUSTOM\nEvent-Subclass: conference%3A%3Amaintenance").name == "conference::maintenance"
    assert Event(b"Event-Name: HEARTBEAT\nEvent-Subclass: x").name == "HEARTBEAT"
    assert Event(b"").name == ""
