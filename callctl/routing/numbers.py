"""Rules that rewrite numbers: in order, the first that can be applied wins; a number that none fits stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LONGEST = 64  # characters; what a dial string's user part may have
_NUMBER = re.compile(r"[0-9A-Za-z+*#_.-]{1,64}")
_OV500 = re.compile(r"(?:([0-9*#+]*)(?:\{([0-9]{1,2})\})?\|)?([0-9*#+]*)(?:\{([0-9]{1,2})\})?%=>([0-9*#+]*)(%?)")


class Rule(NamedTuple):
    """A number that begins with `match` and has `least` to `most` characters loses its first `strip`, all of them where
    that is None, and gets `add` in front of what is left.
    """

    match: str = ""
    strip: int | None = 0
    add: str = ""
    least: int = 0
    most: int = LONGEST

    def apply(self, number: str) -> str | None:
        """The number it makes; None where it does not fit, or leaves nothing that could be dialled."""
        if not number.startswith(self.match) or not self.least <= len(number) <= self.most:
            return None
        if self.strip is not None and self.strip > len(number):
            return None
        made = self.add + ("" if self.strip is None else number[self.strip :])
        return made if _NUMBER.fullmatch(made) else None

    def covers(self, other: Rule) -> bool:
        """Whether no number is left for `other` behind this rule."""
        return (
            other.match.startswith(self.match)
            and self.least <= other.least
            and other.most <= self.most
            and (bool(self.add) if self.strip is None else self.strip < max(len(other.match), other.least, 1))
        )


class Rewritten(NamedTuple):
    """What rules made of a number, and which of them, counted from 1; 0 where none fitted."""

    number: str
    rule: int


def rewrite(rules: Sequence[Rule], number: str) -> Rewritten:
    """The number as the first rule that can be applied makes it."""
    for position, rule in enumerate(rules, 1):
        made = rule.apply(number)
        if made is not None:
            return Rewritten(made, position)
    return Rewritten(number, 0)


def hidden(rules: Sequence[Rule]) -> list[tuple[int, int]]:
    """Rules that no number reaches, each with the rule before it that takes them all, both counted from 1."""
    found = []
    for position, rule in enumerate(rules):
        first = next((before for before in range(position) if rules[before].covers(rule)), None)
        if first is not None:
            found.append((position + 1, first + 1))
    return found


def from_ov500(text: str) -> Rule:
    """The rule of OV500's notation `remove|match=>add`. Raises ValueError.

    `44|%=>0044%` takes 44 off and puts 0044 in front; `{10}%=>91%` is for numbers of 10 digits; an `add` without `%` is
    the whole new number.
    """
    found = _OV500.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no rule as 44|%=>0044%, {{10}}%=>91% or %=>442079460000")
    remove, length_before, match, length, add, prepended = found.groups(default="")
    exact = int(length_before or length or 0)
    replaced = bool(add) and not prepended
    return Rule(
        match=remove + match,
        strip=None if replaced else len(remove),
        add=add,
        least=exact,
        most=exact or LONGEST,
    )
