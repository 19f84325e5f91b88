"""Declarative files as text: their lists, their entries, and the line of every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callctl.errors import ConfigError

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where PyYAML has it: four times as fast
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Entry(BaseModel):
    """One item of a list, or a part of one; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemEntry(Entry):
    """An entry that is kept as it is, by its key."""

    @property
    def key(self) -> str:
        """What names it among its kind."""
        raise NotImplementedError


class Misplaced(Exception):
    """What is wrong with an entry, and which of its parts it is (keys and positions)."""

    def __init__(self, location: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.location = location


E = TypeVar("E", bound=Entry)
F = TypeVar("F", bound=Entry)


class Placed(NamedTuple, Generic[E]):
    """An entry and where it stands, for messages."""

    entry: E
    place: str  # FILE:LINE, or the options of a command
    parts: Mapping[str, str] = MappingProxyType({})  # keys that stand at a place of their own

    def at(self, key: str) -> str:
        """Where a key of the entry stands."""
        return self.parts.get(key, self.place)

    def holding(self, entry: F) -> Placed[F]:
        """The same place with its entry's type known."""
        return Placed(entry, self.place, self.parts)


def entries(file: Path, kinds: Mapping[str, type[Entry]]) -> Iterator[Placed[Entry]]:
    """All entries of a file whose lists are `kinds`. Raises ConfigError with file and line."""
    try:
        root = _composed(file.read_text(encoding="utf-8"))
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
            yield Placed(_entry(kind, file, item), _place(file, item), _parts(file, item))


def _composed(text: str) -> yaml.Node | None:
    """The file's nodes. What is wrong with one PyYAML's own loader says better than libyaml's."""
    try:
        return yaml.compose(text, Loader=_FAST)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _entry(kind: type[Entry], file: Path, node: yaml.Node) -> Entry:
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{_place(file, node)}: {' '.join(str(error).split())}.") from error
    finally:
        loader.dispose()
    try:
        return validated(kind, value)
    except Misplaced as error:
        key = ".".join(map(str, error.location))
        place = _place(file, _node_at(node, error.location))
        raise ConfigError(f"{place}: {key + ': ' if key else ''}{error}.") from error


def validated(kind: type[E], value: Any) -> E:
    """The entry. Raises Misplaced for the first thing that is wrong."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misplaced(first["loc"], _said(first)) from error


def _parts(file: Path, node: yaml.Node) -> dict[str, str]:
    """Where the keys stand that do not stand in the entry's first line."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {
        key.value: _place(file, key)
        for key, _ in pairs
        if isinstance(key, yaml.ScalarNode) and key.start_mark.line != node.start_mark.line
    }


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
