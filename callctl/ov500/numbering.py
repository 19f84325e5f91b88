"""OV500's number rules of accounts and carriers as lists of `numbers`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callctl.declaration.numbers import NumbersEntry
from callctl.ov500.made import Made
from callctl.ov500.rules import Pattern, RuleBody, bodies, pattern
from callctl.ov500.source import Row, Source, text
from callctl.routing.numbers import rewrite

_ANY = {f"{digit}*": None for digit in range(10)}.keys()  # of all numbers, in order
_LONGEST_SHOWN = 20  # digits
_SIDES = (("called", "customer_dialpattern"), ("caller", "customer_callerid"))


class Numbering:
    """Made as accounts, carriers and DIDs ask for them."""

    def __init__(self, source: Source, made: Made) -> None:
        self._made = made
        self._extensions: dict[str, list[str]] = {}
        for row in source.rows("customer_sip_account"):
            if (extension := text(row, "extension_no")) and text(row, "status") == "1":
                self._extensions.setdefault(text(row, "account_id"), []).append(extension)
        self._rows = {
            table: _by(source.rows(table), owner)
            for table, owner in (
                ("customer_dialpattern", "account_id"), ("customer_callerid", "account_id"),
                ("carrier_prefix", "carrier_id"), ("carrier_callerid", "carrier_id"),
            )
        }  # fmt: skip

    def of_account(self, account: str, way: str) -> dict[str, str]:
        """The `numbers` of an account, or of its DIDs for calls that come in."""
        found: dict[str, str] = {}
        for side, table in _SIDES:
            patterns = self._patterns(table, account, way)
            kept = self._extensions.get(account, ()) if (side, way) == ("called", "OUTBOUND") else ()
            name = self._put(f"{account}-{'in-' if way == 'INBOUND' else ''}{side}", patterns, kept)
            if name:
                found[side] = name
            about = f"account {account}: {side}"
            if side == "called" or way == "OUTBOUND":
                self._said(about, patterns, "number.unmatched" if side == "called" else "")
            if any(each.barred for each in patterns) and (side == "caller" or way == "INBOUND"):
                self._made.notes.add("number.caller" if side == "caller" else "number.rule", about)
        return found

    def barred(self, account: str) -> list[str]:
        """Prefixes that an account may not call: where its rules keep numbers as they are, and allow none below."""
        patterns = self._patterns("customer_dialpattern", account, "OUTBOUND")
        allowed = [each for each in patterns if not each.barred]
        found = []
        for each in patterns:
            if not each.barred:
                continue
            alone = not any(other.match.startswith(each.match) for other in allowed)
            if alone and all(other.keeps for other in allowed) and not (each.exact or each.length) and _prefix(each):
                found.append(each.match)
                self._made.notes.add("number.barred", f"account {account}: {each.match}")
            else:
                self._made.notes.add("number.rule", f"account {account}: {each.match}% (0)")
        return found

    def caller_ids(self, account: str, row: Row) -> dict[str, Any]:
        """The numbers an account may show: those that its rules make; and those shown for a destination."""
        shown: dict[str, Any] = {}
        rules = [each for each in self._patterns("customer_callerid", account, "OUTBOUND") if not each.barred]
        every = any(not each.match for each in rules)
        if not every:
            self._made.notes.add("number.caller", f"account {account}")
        if text(row, "force_dst_src_cli_prefix") == "1" and (by_prefix := self._by_destination(account)):
            shown["for_prefix"] = by_prefix
        if shown or not every or not all(each.keeps for each in rules):
            made = list(dict.fromkeys(number for each in rules for number in _made_by(each)))
            if made:
                shown["allowed"] = list(_ANY) if {*made} >= _ANY else made
        return shown

    def of_carrier(self, carrier: str, way: str) -> dict[str, str]:
        """The `outgoing` or `incoming` rules of a carrier."""
        found: dict[str, str] = {}
        for side, table in (("called", "carrier_prefix"), ("caller", "carrier_callerid")):
            patterns = self._patterns(table, carrier, way)
            name = self._put(f"{carrier}-{'in-' if way == 'INBOUND' else ''}{side}", patterns)
            if name:
                found[side] = name
                if side == "called" and way == "INBOUND":
                    self._made.notes.add("carrier.incoming", f"carrier {carrier}")
            if side == "caller" and not any(not each.match and not each.barred for each in patterns):
                self._made.notes.add("carrier.unmatched", f"carrier {carrier} ({way})")
        return found

    def of_reseller(self, account: str) -> None:
        """Say what a reseller's rules would have done."""
        for side, table in _SIDES:
            if not all(each.keeps for each in self._patterns(table, account, "OUTBOUND")):
                self._made.notes.add("number.reseller", f"account {account}: {side}")

    def prepending(self, prefix: str) -> str:
        """Rules that put a trunk's prefix in front again: it is taken off here, and OV500 leaves it to the rules."""
        name = self._made.name("numbers", f"dialled-{prefix}")
        if self._made.get("numbers", name) is None:
            self._made.add("numbers", {"name": name, "rules": [f"%=>{prefix}%"]})
        return name

    def _by_destination(self, account: str) -> list[dict[str, str]]:
        found = []
        for row in self._rows["customer_callerid"].get(account, ()):
            if text(row, "route") != "DTSBASEDCLI":
                continue
            each = pattern(row)
            if each is not None and each.replaced and not each.exact and each.add.removeprefix("+").isdigit():
                found.append({"prefix": each.match, "number": each.add})
            elif each is None or not each.keeps:
                about = text(row, "display_string") or text(row, "maching_string")
                self._made.notes.add("number.by_destination", f"account {account}: {about}")
        return found

    def _patterns(self, table: str, owner: str, way: str) -> list[Pattern]:
        found = []
        for row in self._rows[table].get(owner, ()):
            if text(row, "route") != way:
                continue
            each = pattern(row)
            if each is None:
                about = text(row, "display_string") or text(row, "maching_string")
                self._made.notes.add("number.rule", f"{owner}: {about}")
            else:
                found.append(each)
        return found

    def _put(self, wanted: str, patterns: list[Pattern], extensions: Iterable[str] = ()) -> str | None:
        """The name of a list of rules; none where they change nothing.

        OV500 looks for an extension before it rewrites, so rules that would change one come behind one that keeps it.
        """
        rules = [each for each in patterns if not each.barred]
        if all(each.keeps for each in rules):
            return None
        name = self._made.name("numbers", wanted)
        if self._made.get("numbers", name) is None:
            body = {"name": name, "rules": _keeping(extensions, bodies(rules))}
            return name if self._made.add("numbers", body) else None
        return name

    def _said(self, about: str, patterns: list[Pattern], unmatched: str) -> None:
        if any(each.length and not each.barred for each in patterns):
            self._made.notes.add("number.length", about)
        if unmatched and not any(not each.match and not each.barred for each in patterns):
            self._made.notes.add(unmatched, about)


def _keeping(extensions: Iterable[str], rules: list[RuleBody]) -> list[RuleBody]:
    made = [NumbersEntry.model_validate({"name": "any", "rules": [each]}).rules[0].rule() for each in rules]
    changed = [each for each in extensions if each.isdigit() and rewrite(made, each).number != each]
    return [*(f"{each}{{{len(each)}}}%=>%" for each in changed), *rules]


def _by(rows: Iterable[Row], owner: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(text(row, owner), []).append(row)
    return found


def _prefix(each: Pattern) -> bool:
    return 0 < len(each.match) <= 20 and "+" not in each.match


def _made_by(each: Pattern) -> Iterable[str]:
    """The numbers that a rule makes, as `caller_ids` allow them."""
    front = each.add if each.replaced else each.add + each.match.removeprefix(each.remove)
    if not front:
        return _ANY
    if not front.removeprefix("+").isdigit() or len(front) > _LONGEST_SHOWN:
        return ()
    return (front if each.replaced or (each.exact and not each.add) else f"{front}*",)
