"""Declarative files as text: their lists, their entries, and the line of every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callctl.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Entry(BaseModel):
    """One item of a list, or a part of one; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Misplaced(Exception):
    """What only an entry as a whole can tell to be wrong, and which of its parts it is (keys and positions)."""

    def __init__(self, location: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.location = location


class Placed(NamedTuple):
    """An entry and where it stands, for messages."""

    entry: Entry
    place: str  # FILE:LINE


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
