"""Money out of exact arithmetic: rounded once, taxed, split so that the parts add up; and the way back from a balance.

A price per 60 seconds has no end in decimals, so what a tariff declares is added up in whole numbers of 1/`scale`; the
scale is a multiple of every divisor there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Literal, NamedTuple

Method = Literal["up", "down", "half-up"]


class Rounding(NamedTuple):
    """How an amount becomes money: the method, and how many decimals money has."""

    method: Method = "half-up"
    decimals: int = 6

    @property
    def units_of_one(self) -> int:
        """How many units of the last decimal one unit of the currency has."""
        return int(10**self.decimals)

    def units(self, amount: int, scale: int) -> int:
        """`amount` / `scale`, not negative, in units of the last decimal."""
        whole, rest = divmod(amount * self.units_of_one, scale)
        if self.method == "up":
            return whole + (rest > 0)
        if self.method == "down":
            return whole
        return whole + (2 * rest >= scale)

    def money(self, units: int) -> Decimal:
        """`units` of the last decimal, as money."""
        return Decimal(f"{units}E-{self.decimals}")

    def most(self, money: Decimal, scale: int) -> int:
        """The greatest amount, in 1/`scale`, that is rounded to `money` or less; `money` is not negative."""
        numerator, denominator = money.as_integer_ratio()
        units = numerator * self.units_of_one // denominator
        if self.method == "up":
            return units * scale // self.units_of_one
        beyond = 2 * units + (1 if self.method == "half-up" else 2)  # the first that is rounded to more, in half units
        return -(-beyond * scale // (2 * self.units_of_one)) - 1


@dataclass(frozen=True)
class Tax:
    """Percentages, at most three; added to what a tariff declares, or (`inclusive`) contained in it."""

    inclusive: bool = False
    parts: tuple[Decimal, ...] = ()

    @cached_property
    def factor(self) -> tuple[int, int]:
        """What an amount without tax is multiplied by to contain it: numerator, denominator."""
        return (1 + sum(map(Fraction, self.parts), Fraction()) / 100).as_integer_ratio()

    @cached_property
    def shares(self) -> tuple[int, ...]:
        """Whole numbers in proportion to the parts."""
        ratios = [part.as_integer_ratio() for part in self.parts]
        scale = lcm(*(denominator for _, denominator in ratios))
        return tuple(numerator * (scale // denominator) for numerator, denominator in ratios)


class Money(NamedTuple):
    """An amount of a tariff as it is charged: `price` + `tax` = `total`, and `taxes` add up to `tax`."""

    price: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[Decimal, ...]


def charged(amount: int, scale: int, rounding: Rounding, tax: Tax) -> Money:
    """What a declared amount comes to.

    With and without tax it is the exact amount rounded once; tax is the difference, so that the sum is exact.
    """
    if not tax.parts:
        whole = with_tax(amount, scale, rounding, tax)
        return Money(whole, rounding.money(0), whole, ())
    more, less = tax.factor
    if tax.inclusive:
        price, total = rounding.units(amount * less, scale * more), rounding.units(amount, scale)
    else:
        price, total = rounding.units(amount, scale), rounding.units(amount * more, scale * less)
    money = rounding.money
    taxes = tuple(money(units) for units in _shared(total - price, tax.shares))
    return Money(money(price), money(total - price), money(total), taxes)


def with_tax(amount: int, scale: int, rounding: Rounding, tax: Tax) -> Decimal:
    """`charged(...).total`."""
    more, less = (1, 1) if tax.inclusive or not tax.parts else tax.factor
    return rounding.money(rounding.units(amount * more, scale * less))


def shown(money: Decimal) -> str:
    """Money for people: without the zeros behind its last digit."""
    return f"{money.normalize():f}"


def _shared(units: int, shares: Sequence[int]) -> list[int]:
    """`units` in proportion to `shares`; what is left goes to the largest remainders, the first of equals first."""
    whole = sum(shares)
    if not whole:
        return [0] * len(shares)
    amounts = [units * share // whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda index: -(units * shares[index] % whole))
    for index in by_remainder[: units - sum(amounts)]:
        amounts[index] += 1
    return amounts


def most_declared(money: Decimal, scale: int, rounding: Rounding, tax: Tax) -> int:
    """The greatest declared amount whose total is at most `money`; a debt still allows what costs nothing."""
    more, less = (1, 1) if tax.inclusive else tax.factor
    return rounding.most(max(money, Decimal(0)), scale * less) // more
