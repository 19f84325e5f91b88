"""What is made of an OV500 installation: entries of declarative files, each checked, and what goes beside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from callctl.declaration import KINDS
from callctl.declaration.file import Misplaced, validated
from callctl.ov500.notes import Notes

Body = dict[str, Any]
CsvRow = tuple[str, ...]
_LONGEST = 62


class Said(NamedTuple):
    """An entry, and what stands above it for people."""

    comment: str
    body: Body


class Rates(NamedTuple):
    """A file of rates, and the tariffs that they are imported as."""

    rows: list[CsvRow]
    tariffs: list[str]


class Made:
    """Filled list by list; what is put in later may name what is there."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.lists: dict[str, list[Said]] = {}
        self.rates: dict[str, Rates] = {}  # by the name of the file
        self.balances: list[tuple[str, Decimal]] = []
        self.passwords: dict[str, str] = {}  # of carriers
        self._names: dict[tuple[str, str], str] = {}
        self._taken: dict[str, set[str]] = {}
        self._there: dict[str, dict[str, Body]] = {}

    def name(self, what: str, text: str) -> str:
        """The name that something of OV500 has here: its own where that is allowed."""
        known = self._names.get((what, text))
        if known is None:
            known = self._names[what, text] = self.fresh(what, text)
            if known != text:
                self.notes.add("renamed", f"{what} {text} → {known}")
        return known

    def fresh(self, what: str, text: str) -> str:
        """A name like `text` that nothing of its kind has yet."""
        ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        base = re.sub(r"[^A-Za-z0-9_.-]+", "-", ascii_text).strip("-_.")[:_LONGEST] or what
        taken = self._taken.setdefault(what, set())
        name, number = base, 2
        while name in taken:
            name = f"{base[: _LONGEST - 4]}-{number}"
            number += 1
        taken.add(name)
        return name

    def add(self, kind: str, body: Body, comment: str = "") -> bool:
        """Put an entry into a list, unless it cannot be one; that is said."""
        try:
            key = validated(KINDS[kind], body).key  # type: ignore[attr-defined]
        except Misplaced as error:
            where = ".".join(map(str, error.location))
            name = body.get("name") or body.get("number") or body.get("user") or body.get("address") or body.get("code")
            self.notes.add("invalid", f"{kind} {name}: {where + ': ' if where else ''}{error}")
            return False
        there = self._there.setdefault(kind, {})
        if key in there:
            self.notes.add("invalid", f"{kind} {key}: it is there already")
            return False
        there[key] = body
        self.lists.setdefault(kind, []).append(Said(comment, body))
        return True

    def get(self, kind: str, key: str) -> Body | None:
        """An entry that is there."""
        return self._there.get(kind, {}).get(key)

    def keys(self, kind: str) -> Iterable[str]:
        """The keys of a list's entries."""
        return self._there.get(kind, {}).keys()
