"""Money out of exact arithmetic: rounded once, taxed, split so that the parts add up; and the way back from a balance.

What a tariff declares is summed as Fraction, because a price per 60 seconds has no end in decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

Method = Literal["up", "down", "half-up"]


class Rounding(NamedTuple):
    """How an amount becomes money: the method, and how many decimals money has."""

    method: Method = "half-up"
    decimals: int = 6

    def units(self, amount: Fraction) -> int:
        """`amount`, not negative, in units of the last decimal."""
        scaled: Fraction = amount * 10**self.decimals
        below = scaled // 1
        beyond = scaled - below
        above = {"up": beyond > 0, "down": False, "half-up": beyond >= Fraction(1, 2)}[self.method]
        return below + above

    def money(self, units: int) -> Decimal:
        """`units` of the last decimal, as money."""
        return Decimal(f"{units}E-{self.decimals}")


class Tax(NamedTuple):
    """Percentages, at most three; added to what a tariff declares, or (`inclusive`) contained in it."""

    inclusive: bool = False
    parts: tuple[Decimal, ...] = ()

    @property
    def factor(self) -> Fraction:
        """What an amount without tax is multiplied by to contain it."""
        return 1 + sum(map(Fraction, self.parts), Fraction()) / 100


class Money(NamedTuple):
    """An amount of a tariff as it is charged: `price` + `tax` = `total`, and `taxes` add up to `tax`."""

    price: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[Decimal, ...]


def charged(amount: Fraction, rounding: Rounding, tax: Tax) -> Money:
    """What a declared amount comes to.

    With and without tax it is the exact amount rounded once; tax is the difference, so that the sum is exact.
    """
    net, gross = (amount / tax.factor, amount) if tax.inclusive else (amount, amount * tax.factor)
    price, total = rounding.units(net), rounding.units(gross)
    taxes = _shared(total - price, tax.parts)
    money = rounding.money
    return Money(money(price), money(total - price), money(total), tuple(map(money, taxes)))


def _shared(units: int, parts: Sequence[Decimal]) -> list[int]:
    """`units` in proportion to `parts`; what is left over goes to the largest remainders, the first of equals first."""
    whole = sum(map(Fraction, parts), Fraction())
    if not whole:
        return [0] * len(parts)
    exact = [units * Fraction(part) / whole for part in parts]
    shares = [share.numerator // share.denominator for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: shares[index] - exact[index])
    for index in by_remainder[: units - sum(shares)]:
        shares[index] += 1
    return shares


class Limit(NamedTuple):
    """How far a declared amount may go: less than `most`, or (`reached`) up to it."""

    most: Fraction
    reached: bool = True

    def allows(self, amount: Fraction) -> bool:
        """Whether `amount` is within."""
        return amount < self.most or (self.reached and amount == self.most)

    def times(self, each: Fraction, spent: Fraction) -> int:
        """How many times `each`, of which there is a number too many, can be added to `spent`."""
        if not self.allows(spent):
            return 0
        room = self.most - spent
        count = room // each
        return count - 1 if not self.reached and count * each == room else count


def limit(money: Decimal, rounding: Rounding, tax: Tax) -> Limit:
    """The declared amounts whose total is at most `money`; a debt still allows what costs nothing."""
    scale = 10**rounding.decimals
    units = Fraction(max(money, Decimal(0))) * scale // 1
    beyond = {"up": Fraction(0), "down": Fraction(1), "half-up": Fraction(1, 2)}[rounding.method]
    gross = (units + beyond) / scale
    return Limit(gross if tax.inclusive else gross / tax.factor, rounding.method == "up")
