"""The one place that builds what is written to FreeSWITCH: commands, channel variables and dial strings.

There is no safe general escape for FreeSWITCH's many parsers (expansion, dial strings, variable lists), so nothing is
escaped: every text is checked against a closed alphabet and refused with UnsafeText, or reduced by `display_name`.
Only the text of a Route is percent-encoded, after it was checked (sofia_glue.c decodes `fs_path`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

from pydantic import SecretStr

from callctl.errors import UnsafeText
from callctl.plan import Bridge, EdgeTarget
from callctl.settings import split_address

CarrierDial = tuple[str, str, EdgeTarget | None, Mapping[str, str]]  # number, gateway, by which edge, leg's variables


class Credentials(NamedTuple):
    """What a gateway is told that asks who calls."""

    username: str
    password: SecretStr


LATER = 5  # seconds
CREDENTIALS = ("sip_auth_username", "sip_auth_password")  # variables of a leg
PASSWORDS = "1 to 128 letters, digits and ASCII signs, but none of ~ : | [ ] { } ' \\"
DONE = "tone_stream://%(150,50,440);%(150,50,554);%(300,50,659)"
TONES = "tone_stream://%(300,150,950);loops=3"

_UUID = re.compile(r"[A-Za-z0-9-]{1,64}")
_GROUP = re.compile(r"[A-Za-z0-9-]{1,96}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_USER = re.compile(r"[A-Za-z0-9_.+*-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_VALUE = re.compile(r"[A-Za-z0-9_.+*@:/ ,#=!-]{0,8192}")  # the rates of ten accounts need 6,000
# What was seen to come through as it is; mod_sofia has 255 characters for the realm, the name and it.
_PASSWORD = re.compile(r'[A-Za-z0-9!"#$%&()*+,./;<=>?@^_`-]{1,128}')
_CODEC = re.compile(r"[A-Za-z0-9_.-]{1,32}(?:@[0-9]{1,6}[hikbc])*")
# What parts lines, and what FreeSWITCH would expand: a variable or API call anywhere, scoped variables in front.
_NO_ARGUMENT = re.compile(r"[\0\r\n]|[$%]\\*\{|\A%.?\[")
_CONFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_PIN = re.compile(r"[0-9]{1,16}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ROUTE_BYTES = str.maketrans({"<": "%3C", ">": "%3E", ";": "%3B", "[": "%5B", "]": "%5D"})


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text) or ":_:" in text:
        raise UnsafeText(f"{text[:80]!r} is no {what} that may be given to FreeSWITCH.")
    return text


def user(text: str) -> str:
    """`text`, when it may stand as the user part of a dial string or a called number. Raises UnsafeText."""
    return _checked(_USER, text, "user or number")


def domain(text: str) -> str:
    """`text`, when it may stand as a domain. Raises UnsafeText."""
    return _checked(_DOMAIN, text, "domain")


def uuid(text: str) -> str:
    """`text`, when it may stand as a channel UUID. Raises UnsafeText."""
    return _checked(_UUID, text, "channel UUID")


def password(text: str) -> str:
    """`text`, when it may stand as a gateway's password. Raises UnsafeText, which does not show it."""
    if not _PASSWORD.fullmatch(text):
        raise UnsafeText(f"No password for FreeSWITCH: {PASSWORDS}.")
    return text


def display_name(text: str) -> str:
    """A caller's name reduced to letters, digits and single spaces, 64 characters at most; may be empty."""
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())[:64].rstrip()


def variables(values: Mapping[str, str], separator: str) -> str:
    """`name=value` pairs joined by `separator`. Raises UnsafeText."""
    pairs = []
    for name, value in values.items():
        if not value.isalnum() and not all(word.isalnum() for word in value.split(" ")):
            _checked(_VALUE, value, f"value of {name}")
        pairs.append(f"{_variable(name)}={value}")
    return separator.join(pairs)


@lru_cache(1024)  # there are few names
def _variable(name: str) -> str:
    return _checked(_NAME, name, "variable")


def line(text: str) -> bytes:
    """A command of one line. Raises UnsafeText where the text would be more than one."""
    if _CONTROL.search(text):
        raise UnsafeText(f"{text[:80]!r} is more than one line.")
    return _encoded(text) + b"\n\n"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UnsafeText(f"{text[:80]!r} has characters that cannot be written.") from error


def execute(app: str, argument: str = "", *, event_uuid: str = "", lock: bool = True) -> bytes:
    """Run an application after those already queued; its argument travels as a body, so no line can be forged.

    `event_uuid` comes back as the Application-UUID of the application's events. With `lock` what is told later waits
    for its end; without it, it is done meanwhile.
    """
    if _NO_ARGUMENT.search(argument):
        raise UnsafeText(f"{argument[:80]!r} cannot be an application's argument.")
    return _execute(app, argument, event_uuid, lock=lock)


def bridge(dialled: str, event_uuid: str, credentials: Credentials | None = None) -> bytes:
    """Dial. It is not locked: behind a lock no tone could be played to the caller (observed).

    Credentials are variables of the bridge alone, given on to its legs: in FreeSWITCH's log, where all that is executed
    stands, and in what it says of the application they are left out (switch_core_session_exec).
    """
    plain = execute("bridge", dialled, event_uuid=event_uuid, lock=False)
    if credentials is None:
        return plain
    name, secret = user(credentials.username), password(credentials.password.get_secret_value())
    scope = f"%~[export_vars={','.join(CREDENTIALS)}~{CREDENTIALS[0]}={name}~{CREDENTIALS[1]}={secret}]"
    return _execute("bridge", scope + dialled, event_uuid, lock=False)


def _execute(app: str, argument: str, event_uuid: str, *, lock: bool) -> bytes:
    head = f"sendmsg\ncall-command: execute\nexecute-app-name: {_checked(_NAME, app, 'application')}\n"
    head += "event-lock: true\n" if lock else ""
    if event_uuid:
        head += f"Event-UUID: {_checked(_UUID, event_uuid, 'event UUID')}\n"
    if not argument:
        return head.encode() + b"\n"
    body = _encoded(argument)
    return f"{head}content-type: text/plain\ncontent-length: {len(body)}\n\n".encode() + body


def set_variables(call: str, values: Mapping[str, str]) -> bytes:
    """Set channel variables at once, with no application and so no event (uuid_setvar_multi in mod_commands.c)."""
    return line(f"api {setting(call, values)}")


def setting(call: str, values: Mapping[str, str]) -> str:
    """The same, as an api command of any connection. Raises UnsafeText."""
    if len(values) > 60:
        raise UnsafeText("uuid_setvar_multi takes 64 variables at most.")
    return f"uuid_setvar_multi {uuid(call)} {variables(values, ';')}"


def end_later(call: str, seconds: int, group: str) -> str:
    """The api command that adds a timer which ends a call, to the scheduler's tasks of that name."""
    return f"sched_api +{seconds} {_checked(_GROUP, group, 'group of tasks')} uuid_kill {uuid(call)} ALLOTTED_TIMEOUT"


def end(call: str, cause: str) -> str:
    """The api command that ends a leg now, whatever it does."""
    return f"uuid_kill {uuid(call)} {_checked(_NAME, cause, 'cause')}"


def cancel(group: str) -> str:
    """The api command that takes the timers of that name back."""
    return f"sched_del {_checked(_GROUP, group, 'group of tasks')}"


def warning(call: str) -> str:
    """The api command that plays three tones to the caller; the callee does not hear them."""
    return f"uuid_broadcast {uuid(call)} {TONES} aleg"


def hangup(cause: str) -> bytes:
    """End the call with a FreeSWITCH cause, after what is queued."""
    return execute("hangup", _checked(_NAME, cause, "cause"))


def respond(status: str) -> bytes:
    """Refuse the call with a SIP status of its own, after what is queued."""
    return execute("respond", status)


@lru_cache(1024)
def route(address: str) -> str:
    """`fs_path` towards HOST:PORT in the one form that gives a correct Route header (kamailio.md, observed)."""
    return f"<sip:{_host_and_port(address)};lr>".translate(_ROUTE_BYTES)


@lru_cache(1024)
def _host_and_port(address: str) -> str:
    """HOST:PORT, checked. Raises UnsafeText."""
    host, port = split_address(address)
    try:
        known = IPv6Address(host)
    except ValueError:
        return f"{domain(host)}:{port}"
    if known.scope_id:  # which Python lets be any text
        raise UnsafeText(f"{address!r} has a zone, which no SIP address may have.")
    return f"[{known}]:{port}"


def dial_string(bridge: Bridge, profile: str, values: Mapping[str, str]) -> str:
    """The argument of `bridge`: edges of a group ring together (`,`), groups follow each other (`|`).

    `values` are set on every B-leg. `^^~` makes `~` the separator, which no value may contain.
    """
    legs = dict(values)
    legs["sip_invite_domain"] = domain(bridge.domain)
    several = any(len(group) > 1 for group in bridge.groups)
    legs["ignore_early_media"] = "true" if several or not bridge.media.early_media else "false"
    if bridge.codecs:
        legs["absolute_codec_string"] = codec_list(bridge.codecs)
    legs["outbound_redirect_fatal"] = "true"  # or a phone's 302 has FreeSWITCH dial what the phone names
    hunting = len(bridge.groups) > 1
    # When this one fires the groups that follow are not tried, so it comes after leg_timeout (observed); 60 if not set.
    legs["originate_timeout"] = str(bridge.ring_timeout + (LATER if hunting else 0))
    target = f"sofia/{_checked(_NAME, profile, 'profile')}/{user(bridge.user)}@{domain(bridge.domain)}"

    def leg(edge: EdgeTarget) -> str:
        own = {"callctl_edge": edge.edge} | ({"leg_timeout": str(bridge.ring_timeout)} if hunting else {})
        return f"[^^~{variables(own, '~')}]{target};fs_path={route(edge.address)}"

    dialled = "|".join(",".join(leg(edge) for edge in group) for group in bridge.groups)
    return f"{{^^~{variables(legs, '~')}}}{dialled}"


def codec_list(codecs: Sequence[str]) -> str:
    """Codec names as FreeSWITCH's codec variables take them. Raises UnsafeText."""
    return ",".join(_checked(_CODEC, codec, "codec") for codec in codecs)


def conference(name: str, profile: str, pin: str = "") -> str:
    """The argument of `conference`, which parts it at `+` and `@`, and dials where it begins `bridge:`."""
    room = f"{_checked(_CONFERENCE, name, 'conference')}@{_checked(_NAME, profile, 'profile')}"
    return f"{room}+{_checked(_PIN, pin, 'PIN')}" if pin else room


def direct_dial_string(
    called: str, address: str, profile: str, codecs: Sequence[str], values: Mapping[str, str]
) -> str:
    """The argument of `bridge` towards another FreeSWITCH of the core, or a host outside."""
    legs = dict(values)
    if codecs:
        legs["absolute_codec_string"] = codec_list(codecs)
    return f"{{^^~{variables(legs, '~')}}}{_target(called, address, profile)}"


def carrier_dial_string(legs: Sequence[CarrierDial], profile: str, values: Mapping[str, str]) -> str:
    """The argument of `bridge` towards gateways of carriers, all at once; `values` are set on every leg."""

    def leg(called: str, address: str, edge: EdgeTarget | None, own: Mapping[str, str]) -> str:
        by = f";fs_path={route(edge.address)}" if edge else ""
        return f"[^^~{variables(own, '~')}]{_target(called, address, profile)}{by}"

    return f"{{^^~{variables(values, '~')}}}{','.join(leg(*each) for each in legs)}"


def _target(called: str, address: str, profile: str) -> str:
    return f"sofia/{_checked(_NAME, profile, 'profile')}/{user(called)}@{_host_and_port(address)}"
