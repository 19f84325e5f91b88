"""Header blocks taken from recordings of FreeSWITCH 1.11.3-dev, with places for what differs from call to call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files

_UNSAFE = re.compile(rb"%(?![0-9A-F]{2})|[^\x20-\x7e]|[ #&+:;<=>?@\[\\\]^`{|}\"]")  # SWITCH_URL_UNSAFE


@cache
def read(name: str) -> str:
    """The text of a data file."""
    return (files("callctl.sim") / "data" / name).read_text(encoding="utf-8")


@lru_cache(16384)
def encode(value: str) -> str:
    """`value` as it stands in an event: an existing `%0A` stays as it is (switch_url_encode in switch_utils.c)."""
    raw = value.encode("utf-8", "surrogateescape")
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")


def lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header lines of names and values that are yet to be encoded."""
    return "".join(f"{name}: {encode(value)}\n" for name, value in headers)


@cache
def _template(name: str) -> tuple[tuple[str, str], ...]:
    return tuple((head, rest) for head, _, rest in (line.partition(": ") for line in read(name).splitlines()))


def fill(name: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names and encoded values of a block. A line that comes out empty is left out."""
    filled = []
    for head, rest in _template(name):
        value = rest.format_map(values) if "{" in rest else rest
        if value:
            filled.append((head, value))
    return filled


@cache
def origins() -> dict[str, tuple[str, str, str]]:
    """Source file, function and line that FreeSWITCH names as each event's origin."""
    return {name: tuple(rest.split()) for name, rest in _template("origins.txt")}  # type: ignore[misc]


@cache
def _causes() -> dict[str, tuple[int, int]]:
    rows = (line.split() for line in read("causes.txt").splitlines())
    return {name: (int(q850), int(sip)) for name, q850, sip in rows}


def known_cause(name: str) -> str:
    """A cause FreeSWITCH knows; anything else is NORMAL_CLEARING (switch_channel_str2cause)."""
    return name if name in _causes() else "NORMAL_CLEARING"


def q850(cause: str) -> int:
    """The Q.850 number FreeSWITCH gives for a cause."""
    return _causes()[cause][0]


def sip_of(cause: str) -> int:
    """The SIP status FreeSWITCH refuses a caller with (hangup_cause_to_sip in mod_sofia.c)."""
    return _causes()[cause][1]


@cache
def _statuses() -> dict[int, tuple[str, str]]:
    rows = (line.split(" ", 2) for line in read("statuses.txt").splitlines())
    return {int(status): (cause, phrase) for status, cause, phrase in rows}


def cause_of(status: int) -> tuple[str, str]:
    """Cause and phrase of a SIP refusal that came from a B-leg (sofia_glue_sip_cause_to_freeswitch)."""
    return _statuses().get(status, ("NORMAL_UNSPECIFIED", "Unknown"))
