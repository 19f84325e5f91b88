"""What one account pays for a call: mostly by one basis; by one a leg where it pays for several legs."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from callctl.rating import basis as rating
from callctl.rating.basis import Basis


class Purse(NamedTuple):
    """An account, and all by which it pays for a call, in its one currency."""

    account: str
    zone: str
    bases: tuple[Basis, ...]

    @property
    def currency(self) -> str:
        """Of all it pays."""
        return self.bases[0].rates.tariff.currency


def purses(bases: Iterable[Basis]) -> tuple[Purse, ...]:
    """What each account pays by, in the order in which they come first."""
    found: dict[str, list[Basis]] = {}
    for basis in bases:
        found.setdefault(basis.account, []).append(basis)
    return tuple(Purse(account, group[0].zone, tuple(group)) for account, group in found.items())


def cost(purse: Purse, start_us: int, seconds: int, decided_us: int | None = None) -> Decimal:
    """What so many seconds from `start_us` cost, with tax. Raises NoRate, as `charge` does."""
    return sum((rating.cost(basis, start_us, seconds, decided_us) for basis in purse.bases), Decimal(0))


def affords(purse: Purse, start_us: int, money: Decimal, at_most: int, decided_us: int | None = None) -> int:
    """The most seconds from `start_us`, up to `at_most`, that `money` pays for. Raises NoRate, as `charge` does."""
    # No leg may cost more than all the money, and the price never falls: so the most lies between nothing and this.
    most = min(rating.affords(basis, start_us, money, at_most, decided_us) for basis in purse.bases)
    if len(purse.bases) == 1 or cost(purse, start_us, most, decided_us) <= money:
        return most
    least = 0
    while most - least > 1:
        middle = (least + most) // 2
        if cost(purse, start_us, middle, decided_us) <= money:
            least = middle
        else:
            most = middle
    return least


def lasts(purse: Purse, start_us: int, at_most: int, decided_us: int | None = None) -> int:
    """The most seconds, up to `at_most`, that its rates let a call last, whatever the money."""
    return min(rating.lasts(basis, start_us, at_most, decided_us) for basis in purse.bases)
