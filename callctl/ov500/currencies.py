"""OV500's currencies: their codes, and what they are worth."""

from __future__ import annotations

import re
from decimal import Decimal

from callctl.ov500.made import Made
from callctl.ov500.source import Source, amount, plain, text, whole

_OTHER_NAMES = {
    "EURO": "EUR",
    "EUROS": "EUR",
    "US$": "USD",
    "DOLLAR": "USD",
    "RMB": "CNY",
    "YUAN": "CNY",
    "RUPEE": "INR",
}
_LAST = Decimal(1).scaleb(-10)


def currencies(source: Source, made: Made) -> dict[int, str]:
    """Put them in, and return the codes by their numbers."""
    codes: dict[int, str] = {}
    for row in source.rows("sys_currencies"):
        number = whole(row, "currency_id")
        if number is None:
            continue
        name = text(row, "name")
        codes[number] = _code(name)
        if codes[number] != name:
            made.notes.add("currency.code", f"{name} → {codes[number]}")
    ratios = {whole(row, "currency_id"): amount(row, "ratio") for row in source.rows("sys_currencies_conversions")}
    for number, code in codes.items():
        ratio = ratios.get(number, Decimal(0))
        worth = (1 / ratio).quantize(_LAST) if ratio > 0 else Decimal(0)
        if not worth:
            made.notes.add("currency.none", code)
        elif made.add("currencies", {"code": code, "rate": plain(worth)}) and ratio != 1:
            made.notes.add("currency.worth", f"{code}: 1/{plain(ratio)} = {plain(worth)}")
    return codes


def _code(name: str) -> str:
    upper = name.upper()
    letters = re.sub("[^A-Z]", "", upper)
    return _OTHER_NAMES.get(upper) or letters[:3].ljust(3, "X")
