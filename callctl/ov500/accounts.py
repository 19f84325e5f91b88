"""OV500's customers and resellers as accounts, with their balances."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from callctl.ov500.made import Body, Made
from callctl.ov500.numbering import Numbering
from callctl.ov500.routes import Routes
from callctl.ov500.source import Row, Source, amount, plain, text, whole
from callctl.ov500.tariffs import Tariffs, terms

_CODEC = re.compile(r"[A-Z0-9_.-]{1,32}")
_MICRO = Decimal("0.000001")
_LONGEST_CALL = 7200  # seconds, in OV500


class Accounts:
    """Put in parents first, so that each may name its own."""

    def __init__(
        self, source: Source, made: Made, codes: dict[int, str], tariffs: Tariffs, numbering: Numbering, routes: Routes
    ) -> None:
        self._made = made
        self._codes = codes
        self._tariffs = tariffs
        self._numbering = numbering
        self._routes = routes
        self._rows = {text(row, "account_id"): row for row in source.rows("account") if text(row, "account_id")}
        people = [*source.rows("customers"), *source.rows("resellers")]
        self._people = {text(row, "account_id"): row for row in people}
        self._money = {text(row, "account_id"): row for row in source.rows("customer_balance")}
        self._tariff_of: dict[str, str] = {}
        for row in source.rows("customer_voipminuts"):
            account = text(row, "account_id")
            if text(row, "billingcode"):
                made.notes.add("account.billing_code", f"account {account}: {text(row, 'billingcode')}")
            if account not in self._tariff_of or not text(row, "billingcode"):
                self._tariff_of[account] = text(row, "tariff_id")
        self._owners = {text(row, "account_id") for row in source.rows("did")}

    def put(self, timezone: str) -> None:
        """All of them."""
        for account in self._rows:
            self._put(account, timezone, ())

    def lineage(self, account: str) -> list[str]:
        """The account and those above it, by their names in OV500."""
        above = [account]
        while (parent := text(self._rows[above[-1]], "parent_account_id")) in self._rows and parent not in above:
            above.append(parent)
        return above

    def _put(self, account: str, timezone: str, below: tuple[str, ...]) -> None:
        name = self._made.name("account", account)
        if self._made.get("accounts", name) is not None:
            return
        row = self._rows[account]
        parent = text(row, "parent_account_id")
        known = parent in self._rows and parent not in (*below, account)
        if known:
            self._put(parent, timezone, (*below, account))
        elif parent and parent != "SYSTEM":
            self._made.notes.add("account.parent", f"account {account}: {parent}")
        body: Body = {"name": name}
        if known:
            body["parent"] = self._made.name("account", parent)
        currency = self._codes.get(whole(row, "currency_id") or 0, "")
        charged = text(row, "account_type") == "RESELLER" or account in self._tariff_of
        if text(row, "status_id") != "1" or not charged or not currency:
            body["status"] = "closed"
            self._made.notes.add("account.closed", f"account {account}")
        if timezone != "UTC":
            body["timezone"] = timezone
        body |= self._calls(row)
        if currency:
            body |= self._charged(account, row, currency) | self._paid(account)
        if text(row, "account_type") != "RESELLER":
            body |= self._outside(account)
        else:
            self._numbering.of_reseller(account)
        if barred := sorted({*body.get("blocked", ()), *self._numbering.barred(account)}):
            body["blocked"] = barred
        if self._made.add("accounts", body, text(self._people.get(account, {}), "company_name")):
            debt = amount(self._money.get(account, {}), "balance").quantize(_MICRO)
            if debt and currency:
                self._made.balances.append((name, -debt))

    def _charged(self, account: str, row: Row, currency: str) -> Body:
        """By what it pays; its currency is that of its tariffs, and OV500 refuses calls where they differ."""
        its = terms(row, currency)
        tariff, barred = self._tariffs.outgoing(account, self._tariff_of.get(account, ""), its)
        body: Body = {"currency": currency, "tariff": tariff}
        incoming = self._tariffs.incoming(self._tariff_of.get(account, ""), its)
        if incoming:
            body["tariff_in"] = incoming
        elif account in self._owners:
            body["tariff_in"] = self._tariffs.none(currency)
            self._made.notes.add("account.incoming", f"account {account}")
        return body | ({"blocked": barred} if barred else {})

    def _calls(self, row: Row) -> Body:
        limits: dict[str, Any] = {}
        for key, column in (("calls", "account_cc"), ("cps", "account_cps")):
            value = whole(row, column)
            if value is not None:
                limits[key] = max(value, 0)
        body: Body = {"limits": limits} if limits else {}
        if codecs := codec_list(text(row, "account_codecs")):
            body["codecs"] = codecs
        body["codec_check"] = text(row, "codecs_force") == "1"
        minutes = whole(row, "max_callduration") or 0
        if not 0 < minutes * 60 <= _LONGEST_CALL:
            self._made.notes.add("account.duration", f"account {text(row, 'account_id')}: {minutes}")
        body["max_duration"] = min(minutes * 60, _LONGEST_CALL) if minutes > 0 else _LONGEST_CALL
        media: dict[str, Any] = {"path": "bypass"}
        if text(row, "media_transcoding") == "1":
            media = {"path": "switch", "transcoding": True}
        if text(row, "media_rtpproxy") == "1":
            media["relay"] = True
        return body | {"media": media}

    def _paid(self, account: str) -> Body:
        """OV500 lets every account spend its credit limit, whatever its billing type says."""
        limit = amount(self._money.get(account, {}), "credit_limit").quantize(_MICRO)
        kind = text(self._people.get(account, {}), "billing_type")
        if limit < 0:
            self._made.notes.add("money.credit", f"account {account}: {plain(limit)}")
            limit *= 0
        if not limit and kind not in ("postpaid", "netoff"):
            return {"mode": "prepaid"}
        if kind != "postpaid":
            self._made.notes.add("money.mode", f"account {account}: {kind or '-'}, {plain(limit)}")
        return {"mode": "postpaid", "credit_limit": plain(limit)}

    def _outside(self, account: str) -> Body:
        body: Body = {}
        if routes := self._routes.of(account, self.lineage(account)):
            body["routes"] = routes
        if numbers := self._numbering.of_account(account, "OUTBOUND"):
            body["numbers"] = numbers
        if shown := self._numbering.caller_ids(account, self._rows[account]):
            body["caller_ids"] = shown
        return body


def codec_list(written: str) -> list[str]:
    """OV500's `G729,PCMU`, each once and as FreeSWITCH names them."""
    return list(dict.fromkeys(codec for each in written.split(",") if _CODEC.fullmatch(codec := each.strip().upper())))
