"""OV500's tariffs as ours: one for calls out and one for calls in, and one more where tax or rounding differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from callctl.ov500.decks import Charge, Deck, Price, deck
from callctl.ov500.made import CsvRow, Made, Rates
from callctl.ov500.source import Row, Source, amount, plain, text, whole

INLINE = 200  # rates; more of them are a CSV file, which is loaded faster
HEADER = ("prefix", "destination", "rate", "connect_fee", "minimum", "increment", "grace")


class Terms(NamedTuple):
    """What OV500 keeps with accounts and carriers, and tariffs have here."""

    currency: str
    decimals: int
    half_up: bool
    inclusive: bool
    tax: tuple[str, ...]


def terms(row: Row, currency: str) -> Terms:
    """Those of an account or a carrier."""
    decimals = whole(row, "dp")
    parts = tuple(plain(part) for key in ("tax1", "tax2", "tax3") if (part := amount(row, key)) > 0)
    return Terms(
        currency,
        min(max(4 if decimals is None else decimals, 0), 6),
        text(row, "round_logic") == "ROUND",
        bool(parts) and text(row, "tax_type") == "inclusive",
        parts,
    )


class Tariffs:
    """Made as accounts and carriers ask for them."""

    def __init__(self, source: Source, made: Made, codes: dict[int, str]) -> None:
        self._source = source
        self._made = made
        self._rows = {text(row, "tariff_id"): row for row in source.rows("tariff")}
        self._currencies = {
            tariff: codes.get(whole(row, "tariff_currency_id") or 0, "") for tariff, row in self._rows.items()
        }
        self._names: dict[tuple[str, bool, bool, Terms], str] = {}
        self._decks: dict[tuple[str, bool, bool], Deck] = {}
        self._files: dict[tuple[str, bool, bool], str] = {}
        for tariff, row in self._rows.items():
            if text(row, "bundle_option") == "1" or text(row, "package_option") == "1":
                made.notes.add("tariff.bundle", f"tariff {tariff}")
        for row in source.rows("bundle_account"):
            made.notes.add("tariff.bundle", f"account {text(row, 'account_id')}: {text(row, 'bundle_package_id')}")

    def of_carrier(self, carrier: str, tariff: str, its: Terms) -> str | None:
        """The cost tariff of a carrier, in its own currency as in OV500; None where it has no rates."""
        if tariff not in self._rows or not self._deck(tariff, True, False).rates:
            self._made.notes.add("tariff.unusable", f"carrier {carrier}")
            return None
        if self._deck(tariff, True, True).rates:
            self._made.notes.add("tariff.incoming_cost", f"carrier {carrier}")
        return self._named(tariff, True, False, its)

    def outgoing(self, account: str, tariff: str, its: Terms) -> tuple[str, list[str]]:
        """By what an account calls outside, and prefixes that it may not call for they are blocked there."""
        usable = tariff in self._rows and text(self._rows[tariff], "tariff_status") != "0"
        if not usable or self._currencies[tariff] != its.currency or not self._deck(tariff, False, False).rates:
            self._made.notes.add("tariff.unusable", f"account {account}: tariff {tariff or '-'}")
            return self.none(its.currency), []
        found = self._deck(tariff, False, False)
        return self._named(tariff, False, False, its), self._barred(account, tariff, found)

    def incoming(self, tariff: str, its: Terms) -> str | None:
        """What calls to an account's DIDs cost it; None where OV500 has no rates for them."""
        if tariff not in self._rows or self._currencies[tariff] != its.currency:
            return None
        return self._named(tariff, False, True, its) if self._deck(tariff, False, True).rates else None

    def none(self, currency: str) -> str:
        """One without rates, by which calls are refused."""
        name = f"no-rates-{currency}"
        if self._made.get("tariffs", name) is None:
            self._made.add("tariffs", {"name": name, "currency": currency})
        return name

    def rest(self) -> None:
        """Those that nobody asked for, so that no rates are lost."""
        used = {(tariff, incoming) for tariff, _, incoming, _ in self._names}
        for tariff, row in self._rows.items():
            carrier = text(row, "tariff_type") == "CARRIER"
            for incoming in (False, True):
                unused = (tariff, incoming) not in used and not (carrier and incoming)
                if unused and self._currencies[tariff] and self._deck(tariff, carrier, incoming).rates:
                    self._named(tariff, carrier, incoming, Terms(self._currencies[tariff], 4, False, False, ()))

    def _deck(self, tariff: str, carrier: bool, incoming: bool) -> Deck:
        key = (tariff, carrier, incoming)
        if key not in self._decks:
            self._decks[key] = deck(self._source, self._made, *key)
        return self._decks[key]

    def _barred(self, account: str, tariff: str, found: Deck) -> list[str]:
        """Blocked prefixes; not those under which others are allowed, for who may not call one may call none below."""
        allowed = [prefix for prefix, _ in found.rates]
        barred = []
        for prefix in found.blocked:
            if any(each.startswith(prefix) for each in allowed):
                self._made.notes.add("rate.blocked_partly", f"tariff {tariff}: {prefix}")
            else:
                barred.append(prefix)
                self._made.notes.add("rate.blocked", f"account {account}: {prefix}")
        return barred

    def _named(self, tariff: str, carrier: bool, incoming: bool, its: Terms) -> str:
        key = (tariff, carrier, incoming, its)
        if key not in self._names:
            first = not any(each[:3] == key[:3] for each in self._names)
            name = self._made.name("tariff", tariff + ("-in" if incoming else ""))
            if not first or name in self._made.keys("tariffs"):
                name = self._made.fresh("tariff", name)
                self._made.notes.add("tariff.variant", f"{tariff} → {name}")
            self._names[key] = name
            self._put(name, key[:3], its)
        return self._names[key]

    def _put(self, name: str, key: tuple[str, bool, bool], its: Terms) -> None:
        found = self._deck(*key)
        body = _body(name, its)
        simple = all(_is_simple(plan) for _, plan in found.rates)
        if len(found.rates) <= INLINE or not simple:
            body["rates"] = [_rate(prefix, when, charge) for prefix, plan in found.rates for when, charge in plan]
        elif key in self._files:
            self._made.rates[self._files[key]].tariffs.append(name)
        else:
            self._files[key] = f"{name}.csv"
            rows = [_row(prefix, plan[0][1]) for prefix, plan in found.rates]
            self._made.rates[self._files[key]] = Rates(rows, [name])
        self._made.add("tariffs", body, text(self._rows[key[0]], "tariff_name"))



def _body(name: str, its: Terms) -> dict[str, Any]:
    rounding = {"method": "half-up" if its.half_up else "up", "decimals": its.decimals}
    body: dict[str, Any] = {"name": name, "currency": its.currency, "rounding": rounding}
    if its.tax:
        body["tax"] = {"mode": "inclusive" if its.inclusive else "exclusive", "parts": list(its.tax)}
    return body


def _is_simple(plan: Sequence[tuple[dict[str, Any], Charge]]) -> bool:
    """Whether a row of a CSV file can say it."""
    return len(plan) == 1 and not plan[0][0] and len(_steps(plan[0][1].price)) < 3


def _row(prefix: str, charge: Charge) -> CsvRow:
    price = charge.price
    times = (price.minimum, price.increment, price.grace)
    return (prefix, charge.destination, plain(price.minute), plain(price.connect_fee), *map(str, times))


def _rate(prefix: str, when: dict[str, Any], charge: Charge) -> dict[str, Any]:
    price = charge.price
    body: dict[str, Any] = {"prefix": prefix, "destination": charge.destination}
    if when:
        body["when"] = when
    if price.connect_fee:
        body["connect_fee"] = plain(price.connect_fee)
    if price.grace:
        body["grace_seconds"] = price.grace
    body["steps"] = _steps(price)
    return body


def _steps(price: Price) -> list[dict[str, Any]]:
    """OV500 counts increments from the call's beginning, so one may end a little behind the minimum."""
    minute = plain(price.minute)
    steps: list[dict[str, Any]] = [{"price": minute, "increment": price.minimum}]
    if price.minimum == price.increment:
        return steps
    behind = -price.minimum % price.increment
    if behind:
        steps.append({"after": price.minimum, "price": minute, "increment": behind})
    steps.append({"after": price.minimum + behind, "price": minute, "increment": price.increment})
    return steps
