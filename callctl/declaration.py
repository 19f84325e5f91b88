"""The declarative files of `callctl apply`: read, checked, and every fault named by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from callctl.errors import ConfigError


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+*-]{1,64}$")]
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Codec = Annotated[str, Field(pattern=r"^[A-Z0-9_.-]{1,32}$")]


class Entry(BaseModel):
    """One item of a list, or a part of one; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Misplaced(Exception):
    """What only an entry as a whole can tell to be wrong, and which of its parts it is (keys and positions)."""

    def __init__(self, location: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.location = location


class LimitsEntry(Entry):
    """How much at once; what is not named has no limit."""

    calls: int | None = Field(None, ge=0, le=1_000_000)
    cps: int | None = Field(None, ge=0, le=100_000)


class AccountEntry(Entry):
    """An account. No codecs: the platform's; no max_duration (seconds): the platform's."""

    name: Name
    status: Literal["active", "closed"] = "active"
    codecs: tuple[Codec, ...] = ()
    codec_check: bool = True
    max_duration: int | None = Field(None, gt=0, le=86_400 * 7)
    parent: Name | None = None
    limits: LimitsEntry = LimitsEntry()

    @property
    def key(self) -> str:
        """What names it among accounts."""
        return self.name


class EndpointEntry(Entry):
    """A phone (user at domain) or a trunk (address or network)."""

    account: Name
    user: User | None = None
    domain: Domain | None = None
    address: Annotated[str, AfterValidator(_network)] | None = None
    extension: Annotated[str, Field(pattern=r"^[0-9*+]{1,32}$")] | None = None
    caller_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z+*_.-]{0,64}$")] = ""
    codecs: tuple[Codec, ...] = ()
    limits: LimitsEntry = LimitsEntry()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.user is None) == (self.address is None):
            raise ValueError("an endpoint has either a user or an address")
        if self.user is not None and self.domain is None:
            raise ValueError("an endpoint with a user has a domain")
        if self.address is not None and (self.domain or self.extension):
            raise ValueError("an endpoint with an address has neither domain nor extension")
        return self

    @property
    def key(self) -> str:
        """What names it among endpoints: user@domain, or the network."""
        return f"{self.user}@{self.domain.lower()}" if self.domain is not None else str(self.address)


KINDS: Mapping[str, type[Entry]] = {"accounts": AccountEntry, "endpoints": EndpointEntry}


class Placed(NamedTuple):
    """An entry and where it stands, for messages."""

    entry: Entry
    place: str  # FILE:LINE


class Declaration(NamedTuple):
    """What the files declare, by key."""

    accounts: dict[str, AccountEntry]
    endpoints: dict[str, EndpointEntry]


def read(files: Iterable[Path], known_accounts: Mapping[str, str | None]) -> Declaration:
    """The declaration of all files together; `known_accounts` exist without being in them, each with its parent.

    Raises ConfigError with file and line: bad YAML, unknown keys, a name twice, an unknown account or parent, parents
    in a circle, an extension twice.
    """
    accounts: dict[str, Placed] = {}
    endpoints: dict[str, Placed] = {}
    for file in files:
        for placed in entries(file, KINDS):
            assert isinstance(placed.entry, AccountEntry | EndpointEntry)
            group = accounts if isinstance(placed.entry, AccountEntry) else endpoints
            if other := group.get(placed.entry.key):
                raise ConfigError(f"{placed.place}: {placed.entry.key} stands at {other.place} already; keep one.")
            group[placed.entry.key] = placed
    _check_references(endpoints.values(), {*accounts, *known_accounts})
    _check_parents(accounts, known_accounts)
    return Declaration(
        {key: entry for key, (entry, _) in accounts.items() if isinstance(entry, AccountEntry)},
        {key: entry for key, (entry, _) in endpoints.items() if isinstance(entry, EndpointEntry)},
    )


def _check_references(endpoints: Iterable[Placed], accounts: set[str]) -> None:
    extensions: dict[tuple[str, str], str] = {}
    for entry, place in endpoints:
        assert isinstance(entry, EndpointEntry)
        if entry.account not in accounts:
            raise ConfigError(f"{place}: there is no account {entry.account}; declare it or correct the name.")
        if entry.extension:
            other = extensions.setdefault((entry.account, entry.extension), place)
            if other != place:
                raise ConfigError(
                    f"{place}: extension {entry.extension} of account {entry.account} is taken at {other}."
                )


def _check_parents(accounts: Mapping[str, Placed], known: Mapping[str, str | None]) -> None:
    parents = dict(known)
    for entry, _ in accounts.values():
        assert isinstance(entry, AccountEntry)
        parents[entry.name] = entry.parent
    for name, (_, place) in accounts.items():
        above = [name]
        while (parent := parents[above[-1]]) is not None:
            if parent not in parents:
                raise ConfigError(f"{place}: there is no account {parent} to be a parent; declare it or correct it.")
            if parent in above:
                raise ConfigError(f"{place}: the parents of {name} go in a circle: {' → '.join([*above, parent])}.")
            above.append(parent)


def entries(file: Path, kinds: Mapping[str, type[Entry]]) -> Iterator[Placed]:
    """All entries of a file whose lists are `kinds`. Raises ConfigError with file and line."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not YAML: {' '.join(str(error).split())}.") from error
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{file}:1: expected lists named {', '.join(kinds)}.")
    for name_node, list_node in root.value:
        name = name_node.value if isinstance(name_node, yaml.ScalarNode) else "?"
        kind = kinds.get(name)
        if kind is None:
            known = ", ".join(kinds)
            raise ConfigError(f"{_place(file, name_node)}: there is no list {name!r}; known: {known}.")
        if not isinstance(list_node, yaml.SequenceNode):
            raise ConfigError(f"{_place(file, name_node)}: {name} is a list.")
        for item in list_node.value:
            yield Placed(_entry(kind, file, item), _place(file, item))


def _entry(kind: type[Entry], file: Path, node: yaml.Node) -> Entry:
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{_place(file, node)}: {' '.join(str(error).split())}.") from error
    finally:
        loader.dispose()
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        location, said = first["loc"], _said(first)
    except Misplaced as error:
        location, said = error.location, str(error)
    key = ".".join(map(str, location))
    raise ConfigError(f"{_place(file, _node_at(node, location))}: {key + ': ' if key else ''}{said}.")


def _said(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key; remove it or correct its name"
    return str(error["msg"]).removeprefix("Value error, ")


def _node_at(node: yaml.Node, location: tuple[Any, ...]) -> yaml.Node:
    """The part that is wrong, as far as it stands there: a list or mapping by its key, which is a line above it."""
    place = node
    for step in location:
        if isinstance(node, yaml.MappingNode):
            key, value = next(((key, value) for key, value in node.value if key.value == step), (node, node))
            if value is node:
                break
            node, place = value, value if isinstance(value, yaml.ScalarNode) else key
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = place = node.value[step]
    return place


def _place(file: Path, node: yaml.Node) -> str:
    return f"{file}:{node.start_mark.line + 1}"
