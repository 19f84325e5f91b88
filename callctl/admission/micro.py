"""Money as Redis counts it: whole micro-units, which Lua's numbers hold exactly. The only place that converts."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact

from callctl.errors import AmountError

MOST = 2**52  # micro-units; Lua's numbers are exact to twice as much, so that two amounts may be added

_MICRO = Decimal("0.000001")
_EXACT = Context(prec=32, traps=[Inexact])
_MOST = Decimal(MOST).scaleb(-6)


def units(amount: Decimal) -> int:
    """`amount` in micro-units. Raises AmountError where that is not a whole number, or beyond what Redis can count."""
    if not amount.is_finite() or abs(amount) > _MOST:
        raise AmountError(f"{amount} cannot be counted exactly in Redis: it is to be within {_MOST}.")
    try:
        return int(amount.quantize(_MICRO, context=_EXACT).scaleb(6, context=_EXACT))
    except Inexact as error:
        raise AmountError(f"{amount} has more than 6 decimals: round it before it is paid.") from error


def held(amount: Decimal) -> int:
    """As `units`, of what is to be held. Raises AmountError where it is less than nothing, too."""
    whole = units(amount)
    if whole < 0:
        raise AmountError(f"{amount} is less than nothing: it cannot be held.")
    return whole


def capped(amount: Decimal) -> int:
    """As `units`, but what is beyond counts as the most there is, which calls in progress cannot use up."""
    return units(max(-_MOST, min(amount, _MOST)))


def money(whole: int) -> Decimal:
    """The amount of so many micro-units."""
    return Decimal(whole).scaleb(-6, context=_EXACT)
