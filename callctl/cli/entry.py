"""One entry of what is configured, changed by a command: the keys, the checks and the act are those of the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import click

from callctl.cli.database import opened, provide_phones
from callctl.cli.output import Context
from callctl.declaration import Declaration, Written
from callctl.declaration.account import AccountEntry, EndpointEntry
from callctl.declaration.check import Bodies, Known, refuse_removal
from callctl.declaration.file import ItemEntry, Misplaced, Placed, validated
from callctl.declaration.outside import CarrierEntry, DidEntry, RouteEntry
from callctl.declaration.tariff import TariffEntry
from callctl.errors import CallctlError, ConfigError
from callctl.store import configuration
from callctl.store.configuration import Change

F = TypeVar("F", bound=Callable[..., Any])
Item = AccountEntry | EndpointEntry | TariffEntry | ItemEntry
KINDS: Mapping[str, type[Item]] = {
    "account": AccountEntry,
    "endpoint": EndpointEntry,
    "tariff": TariffEntry,
    "carrier": CarrierEntry,
    "route": RouteEntry,
    "did": DidEntry,
}

# Options are the keys of the files, whichever of _ and - is typed.
SETTINGS: dict[str, Any] = {"token_normalize_func": lambda token: token.replace("_", "-")}
SECRET = frozenset({"ha1", "pin"})
NAMED = frozenset({"name", "number", "user", "domain", "address", "prefix"})  # keys that NAME stands for


class Keys(NamedTuple):
    """The keys of a kind of entry that options give: `limits.calls` is --limits-calls."""

    what: str  # account, endpoint, tariff, carrier, route, did
    keys: Mapping[str, str]  # and their help
    lists: frozenset[str]  # those that are given as A,B

    def options(self, command: F) -> F:
        """Give a command an option for each."""
        for key, said in reversed(list(self.keys.items())):
            command = click.option(_option(key), key.replace(".", "_"), help=said)(command)
        return command

    def given(self, values: Mapping[str, str | None]) -> dict[str, Any]:
        """What options said, by key: None for one that is to have its default again."""
        found: dict[str, Any] = {}
        for key in self.keys:
            value = values[key.replace(".", "_")]
            if value is not None:
                parts = [part.strip() for part in value.split(",")] if key in self.lists else value.strip()
                found[key] = parts if value.strip() else None
        return found


def create(context: Context, keys: Keys, identity: Mapping[str, str], given: Mapping[str, Any]) -> list[Change]:
    """Add an entry that is not there. Raises CallctlError."""

    def declare(known: Known) -> Declaration:
        placed = _placed(keys, dict(identity), given)
        key = placed.entry.key
        if key in _bodies(keys.what, known):
            raise CallctlError(f"There is {_a(keys.what)} {key} already: see `callctl {keys.what} change`.")
        return _declared(keys.what, placed, known)

    return _applied(context, declare)


def change(context: Context, keys: Keys, key: str, given: Mapping[str, Any]) -> list[Change]:
    """Change an entry that is there. Raises CallctlError."""
    if not given:
        raise click.UsageError("name what shall change; see --help for the options")

    def declare(known: Known) -> Declaration:
        body = _present(keys.what, key, known)
        kept = {name: value for name, value in body.items() if (keys.what, name) != ("tariff", "rates")}
        return _declared(keys.what, _placed(keys, kept, given), known)

    return _applied(context, declare)


def delete(context: Context, what: str, key: str) -> list[Change]:
    """Remove an entry that nothing refers to. Raises CallctlError."""

    def declare(known: Known) -> Declaration:
        _present(what, key, known)
        refuse_removal(what, key, known)
        return Declaration({}, {}, {}, removed=frozenset({(what, key)}))

    return _applied(context, declare)


def _applied(context: Context, declare: Callable[[Known], Declaration]) -> list[Change]:
    with opened(context) as pool:
        changes = configuration.apply(pool, declare, prune=False, dry_run=False).changes
        provide_phones(context, pool, changes)
        return changes


def show(context: Context, changes: list[Change]) -> None:
    """What a command changed, as apply shows it."""
    if context.as_json:
        context.json({"changes": [shown(each)._asdict() for each in changes]})
        return
    for each in changes:
        click.echo(line(each))
    if not changes:
        click.echo(context.words("It is so already; nothing changed.", "已是如此，没有变化。"))


def line(change: Change) -> str:
    """A change as people read it."""
    if not change.was:
        return f"+ {change.what} {change.key}"
    if not change.now:
        return f"- {change.what} {change.key}"
    keys = sorted(key for key in {*change.was, *change.now} if change.was.get(key) != change.now.get(key))
    was, now = shown(change)[2:]
    parts = [f"{key}: {was.get(key, '-')} → {now.get(key, '-')}" for key in keys]
    return f"~ {change.what} {change.key}  {'; '.join(parts)}"


def shown(change: Change) -> Change:
    """A change without what opens a phone or a room."""
    return change._replace(was=_without_secrets(change.was), now=_without_secrets(change.now))


def _without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: "…" if key in SECRET else value for key, value in body.items()}


def _option(key: str) -> str:
    return f"--{key.replace('.', '-').replace('_', '-')}"


def _placed(keys: Keys, body: dict[str, Any], given: Mapping[str, Any]) -> Placed[Item]:
    """The entry with what options say, and for every key the option that gives it."""
    for key, value in given.items():
        *above, last = key.split(".")
        part = body
        for name in above:
            part[name] = part = dict(part.get(name, {}))
        part.pop(last, None)
        if value is not None:
            part[last] = value
    try:
        entry = validated(KINDS[keys.what], body)
    except Misplaced as error:
        parts = [part for part in error.location if isinstance(part, str)]
        path = ".".join(parts)
        # A part of what one option gives is that option's.
        option = next((key for key in (path, *parts[:1]) if key in keys.keys), "")
        place = _option(option) if option else "NAME" if path in NAMED else path
        raise ConfigError(f"{place}{place and ': '}{error}.") from error
    return Placed(entry, f"{keys.what} {entry.key}", {part: _options_of(part, keys, given) for part in body})


def _options_of(part: str, keys: Keys, given: Mapping[str, Any]) -> str:
    """The options that gave a part of the entry, else those that could."""
    whole = [key for key in keys.keys if key.partition(".")[0] == part]
    return ", ".join(map(_option, [key for key in whole if key in given] or whole)) or "NAME"


def _declared(what: str, placed: Placed[Item], known: Known) -> Declaration:
    written = Written({}, {}, {}, {})
    match placed.entry:
        case AccountEntry() as account:
            written.accounts[account.key] = placed.holding(account)
        case EndpointEntry() as endpoint:
            written.endpoints[endpoint.key] = placed.holding(endpoint)
        case TariffEntry() as tariff:
            written.tariffs[tariff.key] = placed.holding(tariff)
        case ItemEntry() as item:
            written.items[what] = {item.key: placed.holding(item)}
    return written.among(known)


def _bodies(what: str, known: Known) -> Bodies:
    own = {"account": known.accounts, "endpoint": known.endpoints, "tariff": known.tariffs}
    return own[what] if what in own else known.items.get(what, {})


def _present(what: str, key: str, known: Known) -> Mapping[str, Any]:
    body = _bodies(what, known).get(key)
    if body is None:
        raise CallctlError(f"There is no {what} {key}: `callctl {what} list` names those there are.")
    return body


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "ae" else f"a {what}"
