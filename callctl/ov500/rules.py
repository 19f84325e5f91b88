"""OV500's rows of number rules, made into rules of ours: the longest pattern first, as OV500 takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from callctl.declaration.numbers import RuleEntry
from callctl.ov500.source import Row, text, whole
from callctl.routing.numbers import Rule, from_ov500

_DIGITS = re.compile(r"[0-9*#+]{0,30}")
RuleBody = str | dict[str, Any]


class Pattern(NamedTuple):
    """A row: numbers that begin with `match`, or are it; `remove` goes where it is in front, `add` comes."""

    match: str
    exact: bool
    length: int  # of the number; 0: any
    remove: str
    add: str
    replaced: bool  # `add` is the whole new number
    barred: bool

    @property
    def keeps(self) -> bool:
        """Whether numbers stay as they are."""
        return not (self.remove or self.add)


def pattern(row: Row) -> Pattern | None:
    """The pattern of a row; None where a rule of ours cannot say it."""
    matching, remove, add = text(row, "maching_string"), text(row, "remove_string"), text(row, "add_string")
    match = matching.removesuffix("%")
    remove = "" if remove == "%" else remove
    replaced = bool(add) and not add.endswith("%")
    made = add.replace("%", "")
    length = whole(row, "match_length") or 0
    if not all(_DIGITS.fullmatch(part) for part in (match, remove, made)) or not 0 <= length <= 64:
        return None
    exact = not matching.endswith("%")
    if exact and (not match or length not in (0, len(match))):
        return None
    return Pattern(match, exact, length, remove, made, replaced, text(row, "action_type") == "0")


def ordered(patterns: Iterable[Pattern]) -> list[Pattern]:
    """The order in which OV500 prefers them."""
    return sorted(patterns, key=lambda each: (-len(each.match) - (not each.exact), not each.exact, each.match))


def bodies(patterns: Iterable[Pattern]) -> list[RuleBody]:
    """The rules of a `numbers` list, in OV500's notation where that says the same."""
    return [_noted(body) for each in ordered(patterns) if not each.barred for body in _bodies(each)]


def _bodies(each: Pattern) -> list[dict[str, Any]]:
    length = each.length or (len(each.match) if each.exact else 0)
    more = {"length": length} if length else {}
    if each.replaced:
        return [{"match": each.match, "strip": "all", "add": each.add, **more}]
    kept = {"match": each.match, "strip": 0, "add": each.add, **more}
    if not each.remove:
        return [kept]
    stripped = {"strip": len(each.remove), "add": each.add, **more}
    if each.match.startswith(each.remove):
        return [{"match": each.match, **stripped}]
    if each.remove.startswith(each.match):  # taken away only where it is there
        return [{"match": each.remove, **stripped}, kept]
    return [kept]


def _noted(body: dict[str, Any]) -> RuleBody:
    rule = RuleEntry.model_validate(body).rule()
    exact = f"{{{rule.most}}}" if "length" in body else ""
    stripped = rule.strip or 0
    front = f"{rule.match[:stripped]}|" if stripped else ""
    note = f"{front}{rule.match[stripped:]}{exact}%=>{rule.add}{'' if rule.strip is None else '%'}"
    return note if _says(note, rule) else body


def _says(note: str, rule: Rule) -> bool:
    try:
        return from_ov500(note) == rule
    except ValueError:
        return False
