"""FreeSWITCH's dial strings, as `bridge` takes them apart: `:_:` first, then `{}`, `|`, `,` and `[]`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Target:
    """One leg. `edge` is where its INVITE goes: the Route of `fs_path`, else the host itself."""

    profile: str
    user: str
    host: str
    edge: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class Originate:
    """Groups dialled one after the other, the legs of a group at once."""

    variables: dict[str, str]
    groups: list[list[Target | None]]  # None: an endpoint that is not there


def parse(text: str) -> list[Originate]:
    """The originates of a dial string, which run beside each other."""
    return [_originate(part) for part in text.split(":_:")]


def pairs(text: str) -> dict[str, str]:
    """`a=1,b=2`, or with another separator `^^:a=1:b=2`. A comma without it ends a value, quoted or not."""
    separator = ","
    if text.startswith("^^"):
        separator, text = text[2:3], text[3:]
    found = {}
    for part in text.split(separator):
        name, equals, value = part.partition("=")
        if equals:
            found[name.strip()] = value.strip("'")
    return found


def scoped(text: str) -> tuple[dict[str, str], str]:
    """The variables before an application's argument, `%[…]` or with another separator `%~[…]`, and the argument."""
    separator = text[1:2]
    if not text.startswith("%") or "[" not in text[1:3]:
        return {}, text
    inner, _, rest = text.partition("[")[2].partition("]")
    return pairs(inner if separator == "[" else f"^^{separator}{inner}"), rest


def _originate(text: str) -> Originate:
    variables: dict[str, str] = {}
    while text.startswith("{"):
        inner, closed, rest = text[1:].partition("}")
        if not closed:
            return Originate(variables, [[None]])
        variables.update(pairs(inner))
        text = rest
    return Originate(variables, [[_target(leg) for leg in _legs(group)] for group in text.split("|")])


def _legs(group: str) -> list[str]:
    """Splits at commas outside brackets."""
    legs, depth, current = [], 0, ""
    for char in group:
        depth += (char == "[") - (char == "]")
        if char == "," and not depth:
            legs.append(current)
            current = ""
        else:
            current += char
    return [*legs, current]


def _target(text: str) -> Target | None:
    variables: dict[str, str] = {}
    while text.startswith("["):
        inner, _, text = text[1:].partition("]")
        variables.update(pairs(inner))
    kind, _, rest = text.partition("/")
    profile, _, address = rest.partition("/")
    user, at, host = address.partition("@")
    if kind != "sofia" or not at or not host:
        return None
    host, _, parameters = host.partition(";")
    edge = host if ":" in host else f"{host}:5060"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name == "fs_path":
            edge = _route(unquote(value))
    return Target(profile, user, host, edge, variables)


def _route(uri: str) -> str:
    """HOST:PORT of `<sip:HOST:PORT;lr>`."""
    address = uri.strip("<>").removeprefix("sip:").partition(";")[0]
    return address if address.rpartition("]")[2].count(":") else f"{address}:5060"
