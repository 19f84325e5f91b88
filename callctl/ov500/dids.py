"""OV500's DIDs and where their calls go."""

from __future__ import annotations

import re
from typing import Any

from callctl.ov500.carriers import reached_at
from callctl.ov500.made import Body, Made
from callctl.ov500.numbering import Numbering
from callctl.ov500.source import Row, Source, text, whole

_NUMBER = re.compile(r"[0-9]{2,20}")


def dids(source: Source, made: Made, numbering: Numbering, domain: str | None) -> None:
    """Put those in that somebody uses."""
    targets = {text(row, "did_number"): row for row in source.rows("did_dst")}
    for row in source.rows("did"):
        written = text(row, "did_number")
        number = written.removeprefix("+").removeprefix("00")
        account = text(row, "account_id")
        name = made.name("account", account) if account else ""
        status = text(row, "did_status")
        if status not in ("USED", "BLOCKED") or made.get("accounts", name) is None:
            made.notes.add("did.unused", f"{written} ({status})")
            continue
        to = _targets(made, number, targets.get(written, {}), domain)
        if not to:
            made.notes.add("did.none", written)
            continue
        body: Body = {"number": number, "account": name, "to": to}
        if status == "BLOCKED":
            body["status"] = "blocked"
            made.notes.add("did.blocked", written)
        carrier = text(row, "carrier_id")
        if carrier and made.get("carriers", made.name("carrier", carrier)) is not None:
            body["carrier"] = made.name("carrier", carrier)
        if (channels := whole(row, "channels") or 0) > 0:
            body["calls"] = channels
            made.notes.add("did.channels", f"{written}: {channels}")
        if numbers := numbering.of_account(account, "INBOUND"):
            body["numbers"] = numbers
        made.add("dids", body, text(row, "did_name"))


def _targets(made: Made, number: str, row: Row, domain: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind, value in (("dst_type", "dst_destination"), ("dst_type2", "dst_destination2")):
        where = text(row, value)
        if not where:
            continue
        target = _target(made, number, text(row, kind), where, domain)
        if target is None:
            made.notes.add("did.target", f"{number}: {where}")
        elif target not in found:
            found.append(target)
    return found


def _target(made: Made, number: str, kind: str, where: str, domain: str | None) -> dict[str, Any] | None:
    if kind == "CUSTOMER":
        endpoint = f"{where}@{(domain or '').lower()}"
        return {"endpoint": endpoint} if made.get("endpoints", endpoint) is not None else None
    if kind == "PSTN":
        digits = where.removeprefix("+")
        return {"number": digits} if _NUMBER.fullmatch(digits) else None
    host = reached_at(where)
    if host is None:
        return None
    made.notes.add("did.uri", host)
    return {"uri": f"sip:{number}@{host}"}
