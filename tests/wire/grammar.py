"""What FreeSWITCH makes of what it is told: its own parsers, told again from their C, for tests of what we write.

read_packet in mod_event_socket.c; switch_separate_string and switch_find_end_paren in switch_utils.c;
switch_event_create_brackets in switch_event.c; the dial string in switch_ivr_originate.c; expansion in
switch_channel.c and switch_core_session.c; uuid_setvar_multi in mod_commands.c.
"""

from typing import NamedTuple
from urllib.parse import unquote


class Packet(NamedTuple):
    """One command: its first line, its headers (names in lower case, as they are compared), its body."""

    command: str
    headers: dict
    body: str


def packets(data):
    """The commands in `data`; what is left over stands as the last one's command with None for headers."""
    found = []
    while data := data.lstrip(b"\r\n"):
        end = head_end(data)
        if end is None:
            found.append(Packet(data.decode("utf-8", "surrogateescape"), None, ""))
            break
        head, data = data[:end].decode("utf-8", "surrogateescape"), data[end:]
        # A NUL ends what C reads of a head.
        lines = [line for line in head.partition("\0")[0].replace("\r", "\n").split("\n") if line]
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers.setdefault(name.lower(), value.lstrip(" "))
        length = int(headers.get("content-length", 0))
        body, data = data[:length], data[length:]
        found.append(Packet(lines[0], headers, body.decode("utf-8", "surrogateescape").partition("\0")[0]))
    return found


def head_end(data):
    """Where two line feeds with nothing but carriage returns between them end."""
    feeds = 0
    for at, byte in enumerate(data):
        if byte == 10:
            feeds += 1
            if feeds == 2:
                return at + 1
        elif byte != 13:
            feeds = 0
    return None


def separate(text, delimiter, most=1024):
    """switch_separate_string with a delimiter that is no blank: quotes, backslashes, blanks around."""
    parts, quoted, at = [], False, 0
    start = 0 if text else None
    while at < len(text) and len(parts) < most - 1:
        if text[at] == "\\":
            at += 1
        elif text[at] == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
        elif text[at] == delimiter and not quoted and at > start:
            parts.append(text[start:at])
            start = at + 1
            at += 1
            continue
        at += 1
    if start is not None and start < len(text):
        parts.append(text[start:])
    return [cleaned(part, delimiter) for part in parts]


def cleaned(text, delimiter):
    """cleanup_separated_string: escapes undone, quotes and the blanks around taken away."""
    out, quoted, at, kept = [], False, 0, 0
    text = text.lstrip(" ")
    while at < len(text):
        char = text[at]
        following = text[at + 1] if at + 1 < len(text) else ""
        if char == "\\" and following and following in "'\"\\nrts" + delimiter:
            out.append({"n": "\n", "r": "\r", "t": "\t", "s": " "}.get(following, following))
            kept, at = len(out), at + 2
            continue
        if char == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
            kept = len(out) if quoted else kept
        else:
            out.append(char)
            if char != " " or quoted:
                kept = len(out)
        at += 1
    return "".join(out[:kept])


def closing(text, opening, closed):
    """switch_find_end_paren: where the bracket that `text` begins with is closed, None where it is not."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == opening) - (char == closed)
        if depth == 0:
            return at
    return None


def brackets(text, opening, closed, delimiter):
    """switch_event_create_brackets: the variables in the brackets that `text` begins with, and what follows."""
    variables = {}
    while text.startswith(opening):
        end = closing(text, opening, closed)
        assert end is not None, f"an open bracket in {text!r}"
        inside, text = text[1:end], text[end + 1 :]
        if inside.startswith("^^"):
            delimiter, inside = inside[2], inside[3:]
        for pair in separate(inside, delimiter):
            name_and_value = separate(pair, "=", 2)
            if len(name_and_value) == 2:
                variables[name_and_value[0]] = name_and_value[1]
    return variables, text


def originate(text):
    """A dial string: variables of all legs; then, group after group, legs as pairs of own variables and endpoint."""
    assert ":_:" not in text, "enterprise originate"
    assert not text.startswith("<"), "enterprise variables"
    variables, text = brackets(text, "{", "}", ",")
    groups = []
    for group in separate(text, "|", 128):
        legs = []
        for leg in separate(shielded(group), ",", 128):
            own, endpoint = brackets(leg.replace("\1", ",").lstrip(" "), "[", "]", ",")
            legs.append((own, endpoint))
        groups.append(legs)
    return variables, groups


def shielded(group):
    """Commas within square brackets part no legs."""
    out, at = [], 0
    while at < len(group):
        end = closing(group[at:], "[", "]") if group[at] == "[" else None
        if end is None:
            out.append(group[at])
            at += 1
        else:
            out.append(group[at : at + end].replace(",", "\1"))
            at += end
    return "".join(out)


class Sofia(NamedTuple):
    """A sofia endpoint of a dial string."""

    profile: str
    user: str
    host: str
    route: str  # the decoded fs_path


def sofia(endpoint):
    """`sofia/PROFILE/USER@HOST;fs_path=ROUTE`."""
    kind, profile, rest = endpoint.split("/", 2)
    assert kind == "sofia"
    address, *parameters = rest.split(";")
    known = dict(parameter.split("=", 1) for parameter in parameters)
    assert known.keys() <= {"fs_path"}, known
    user, host = address.split("@")
    return Sofia(profile, user, host, unquote(known.get("fs_path", "")))


def expands(argument):
    """Whether FreeSWITCH would read more in an application's argument than its text."""
    dollar = False
    for char in argument:
        if char == "$":
            dollar = True
        elif dollar and char == "{":
            return True
        elif char != "\\":
            dollar = False
    return argument[:1] == "%" and "[" in argument[1:3]


def set_by(command):
    """The UUID and the variables of an `api uuid_setvar_multi` command."""
    api, name, uuid, pairs = command.split(" ", 3)
    assert (api, name) == ("api", "uuid_setvar_multi")
    variables = {}
    for pair in separate(pairs, ";", 64):
        variable, _, value = pair.partition("=")
        variables[variable] = value
    return uuid, variables
